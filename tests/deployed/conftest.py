"""What the deployed stack needs: SAM, an emulated AWS, and whom the functions talk to.

    python3 -m pytest tests/deployed                # the first time builds for minutes
    python3 -m pytest tests/deployed --skip-build   # the last build once more, with the template as it was then
    python3 -m pytest tests/deployed --keep         # leaves the stack running, and says how to call it

MiniStack (https://ministack.org) is the AWS. It runs the bootstraps as processes over a real Runtime API. With AUTH=true it holds
every call against the function's own role, so that a permission that the template forgets fails here. Nothing reaches beyond
127.0.0.1 but the package registries, and nobody's AWS credentials are needed or read.
"""

import signal

import pytest
from sam import Sam
from stack import Emulator
from world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skip-build", action="store_true", help="deploy the last `sam build`")
    parser.addoption("--keep", action="store_true", help="leave the stack running until Ctrl-C")


@pytest.fixture(scope="session")
def sam() -> Sam:
    return Sam()


@pytest.fixture(scope="session")
def built(sam, request) -> None:
    """The functions, built."""
    if not request.config.getoption("--skip-build"):
        sam.build()


@pytest.fixture(scope="module")
def world(sam, built, receiver, request):
    """The stack, deployed into an AWS that knows nothing yet."""
    with Emulator() as emulator:
        sam.deploy(emulator.url)
        emulator.mend()
        world = World(emulator, receiver)
        yield world
        if request.config.getoption("--keep"):
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                world.say_how_to_call()
                signal.pause()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    given = getattr(item, "funcargs", {})
    world = given.get("world") or next(iter(given.get("worlds", [])), None)
    if report.failed and isinstance(world, World):
        report.sections.append(("complaints", world.emulator.complaints()))
    return report
