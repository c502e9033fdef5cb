"""The set-up that the suites in Python share. See CONTRIBUTING.md for how to run them."""

import os
import signal

import pytest

from support import packages, table
from support.process import Failed
from support.receiver import Receiver
from support.relay import Relay

# No proxy for loopback.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1,localhost"


def pytest_configure(config: pytest.Config) -> None:
    # A terminated run ends its processes as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line("markers", "relay(*arguments, **environment): what the module's relay is started with")
    config.addinivalue_line("markers", "cell(row, column): where the test counts in the table of results")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        table.keep(item)


@pytest.fixture(scope="session")
def relay_program() -> None:
    """Builds `relay`."""
    packages.build("--package", "relay")


@pytest.fixture(scope="module")
def relay(relay_program, request: pytest.FixtureRequest):
    """A relay of the module's own. `pytestmark = pytest.mark.relay(…)` gives it arguments and variables."""
    mark = request.node.get_closest_marker("relay")
    with Relay(*(mark.args if mark else ()), **(mark.kwargs if mark else {})) as relay:
        yield relay


@pytest.fixture(scope="module")
def receiver():
    """A subscriber of the module's own. It answers 404 where it has no hook."""
    with Receiver() as receiver:
        yield receiver


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    relay = getattr(item, "funcargs", {}).get("relay")
    if report.failed and isinstance(relay, Relay) and relay.last_lines():
        report.sections.append(("the relay's standard error", relay.last_lines()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup():
    try:
        return (yield)
    except Failed as error:
        pytest.fail(str(error), pytrace=False)


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [
        report
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call" or outcome != "passed"
    ]
    lines = table.lines(reports)
    if lines:
        terminalreporter.section("results")
        for line in lines:
            terminalreporter.line(line)
