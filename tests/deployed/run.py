"""The real binaries, deployed: `sam build` and `sam deploy` of the template as it is into an emulated AWS, and journeys
through what stands there then.

    python3 tests/deployed/run.py               # everything; the first time builds for a quarter of an hour
    python3 tests/deployed/run.py --skip-build  # the last build once more
    python3 tests/deployed/run.py --keep        # leave it running, and say how to call it

MiniStack (https://ministack.org) is the AWS: it runs the bootstraps as processes over a real Runtime API, and with
AUTH=true it holds every call against the function's own role, so a permission that the template forgets fails here and
not in production. Everything is kept below target/deployed; nothing reaches beyond 127.0.0.1 but the package
registries, and the AWS credentials of whoever runs this are neither needed nor read.
"""

import argparse
import os
import signal
import sys

import tools


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Deploys the stack into MiniStack and tries it.")
    parser.add_argument("--skip-build", action="store_true", help="deploy what the last `sam build` left")
    parser.add_argument("--debug", action="store_true", help="build without optimisation: minutes sooner")
    parser.add_argument("--keep", action="store_true", help="leave the stack running until Ctrl-C")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    emulator_venv = tools.venv("emulator", "requirements.txt")
    sam_venv = tools.venv("sam", "requirements-sam.txt")
    if os.path.realpath(sys.prefix) != os.path.realpath(emulator_venv):
        # boto3 and the verifying libraries are there and not in the Python that was asked.
        python = str(emulator_venv / "bin" / "python")
        os.execv(python, [python, os.path.abspath(__file__), *sys.argv[1:]])

    import journeys
    from receiver import Receiver
    from stack import Emulator, Sam
    from world import Report, World

    sam = Sam(sam_venv)
    if not options.skip_build:
        sam.build(debug=options.debug)
    with Emulator(emulator_venv) as emulator, Receiver() as receiver:
        sam.deploy(emulator)
        world = World(emulator, receiver)
        report = Report()
        for journey in journeys.ALL:
            report.run(journey, world)
        if options.keep:
            world.say_how_to_call()
            signal.pause()
        if report.failed:
            emulator.show_last_lines()
    print(f"\n{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
