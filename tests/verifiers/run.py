#!/usr/bin/env python3
"""The official Standard Webhooks and Svix libraries, in Python and in Node, against a running relay.

    python3 tests/verifiers/run.py

What `relay dev` sends to a subscriber must be accepted by each library as it comes and refused when anything is changed;
what the libraries sign, a source of the profile `standard` must accept. The libraries are pinned in requirements.txt and
package-lock.json, and installed into cargo's target folder, below verifiers. Needs cargo, node, npm, bash and curl;
nothing reaches beyond 127.0.0.1 but the package registries.
"""

import signal
import sys
import traceback
from pathlib import Path

import tools

HERE = Path(__file__).resolve().parent


def main() -> int:
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools.begin_in_venv(HERE, __file__)
    tools.install_node(HERE, "verify.mjs")
    tools.build()

    import checks
    from relay import Receiver, Relay

    report = checks.Report()
    with Receiver() as receiver, Relay() as relay:
        for part in (
            lambda: checks.outbound(report, relay, receiver),
            lambda: checks.inbound(report, relay),
            lambda: checks.demo(report, relay),
        ):
            try:
                part()
            except Exception as error:  # One part that cannot go on must not hide what the others find.
                report.failed += 1
                if not isinstance(error, tools.Failed):
                    traceback.print_exc(file=sys.stdout)
                tools.say(f"FAILED  {error}")
        if report.failed:
            relay.show_last_lines()
    tools.say(f"\n{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # Of a check it would have been counted.
        if not isinstance(error, tools.Failed):
            traceback.print_exc()
        print(f"{error}\n\n0 passed, 1 failed", flush=True)
        sys.exit(1)
