#!/usr/bin/env python3
"""The senders' and the receivers' own libraries, in Python and in Node, against a running relay: profile × library.

    python3 tests/verifiers/run.py

What each library signs, `relay dev` must accept as it comes, refuse when anything is spoilt, and give one effect however
often it comes; what we sign for each profile, and what `relay dev` sends, each library must accept as it is and refuse
when anything is changed. Bodies for receivers that sign what they make of the parsed JSON are held against a real python3
and a real node. The table at the end counts all of it, n of n. The libraries are pinned in requirements.txt and
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
    tools.install_node(HERE, "libraries.mjs")
    tools.build()

    import asymmetric
    import checks
    import json_forms
    import judged
    import matrix
    import ours
    import senders
    from relay import Receiver, Relay
    from report import Report

    ours.build()
    report = Report()
    fal = senders.Fal()
    servers = Receiver(), Receiver(fal.document()), Receiver({"status": "IN_PROGRESS"})
    with servers[0] as receiver, servers[1] as keys, servers[2] as platform, Relay() as relay:
        for part in (
            lambda: checks.outbound(report, relay, receiver),
            lambda: matrix.inbound(report, relay, receiver, keys.url, fal),
            lambda: matrix.tokens(report, relay, platform.url),
            lambda: judged.signed_by_us(report),
            lambda: judged.delivered_by_us(report, relay, receiver),
            lambda: asymmetric.check(report, relay, receiver),
            lambda: matrix.every_profile(report),
            lambda: json_forms.check(report),
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
    tools.say(f"\n{report.table()}")
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
