"""The real binaries, deployed: `sam build` and `sam deploy` of the template as it is into an emulated AWS, and journeys
through what stands there then.

    python3 tests/deployed/run.py               # everything; the first time builds for a quarter of an hour
    python3 tests/deployed/run.py --skip-build  # the last build once more, with the template as it was then
    python3 tests/deployed/run.py --keep        # leave it running, and say how to call it
    python3 tests/deployed/run.py --lint        # only see whether SAM and CloudFormation understand the template

MiniStack (https://ministack.org) is the AWS: it runs the bootstraps as processes over a real Runtime API, and with
AUTH=true it holds every call against the function's own role, so a permission that the template forgets fails here and
not in production. Everything is kept in cargo's target folder, below deployed; nothing reaches beyond 127.0.0.1 but the
package registries, and the AWS credentials of whoever runs this are neither needed nor read.
"""

import argparse
import os
import signal
import sys
import traceback

import tools
from sam import Sam


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Deploys the stack into MiniStack and tries it.")
    parser.add_argument("--skip-build", action="store_true", help="deploy what the last `sam build` left")
    parser.add_argument("--lint", action="store_true", help="only lint the template")
    parser.add_argument("--debug", action="store_true", help="build without optimisation: minutes sooner")
    parser.add_argument("--keep", action="store_true", help="leave the stack running until Ctrl-C")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sam = Sam(tools.venv("sam", "requirements-sam.txt"))
    if options.lint:
        sam.lint()
        tools.say("\n1 passed, 0 failed")
        return 0
    emulator_venv = tools.venv("emulator", "requirements.txt")
    if os.path.realpath(sys.prefix) != os.path.realpath(emulator_venv):
        # boto3 and the verifying libraries are there and not in the Python that was asked.
        python = str(emulator_venv / "bin" / "python")
        os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])

    import journeys
    from receiver import Receiver
    from stack import Emulator
    from world import Report, World

    if not options.skip_build:
        sam.build(debug=options.debug)
    with Emulator(emulator_venv) as emulator, Receiver() as receiver:
        sam.deploy(emulator.url)
        emulator.mend()
        world = World(emulator, receiver)
        report = Report()
        for journey in journeys.ALL:
            report.run(journey, world)
        if options.keep:
            world.say_how_to_call()
            signal.pause()
        if report.failed:
            emulator.show_complaints()
    print(f"\n{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # Of a journey it would have been counted.
        if not isinstance(error, tools.Failed):
            traceback.print_exc()
        print(f"{error}\n\n0 passed, 1 failed", flush=True)
        sys.exit(1)
