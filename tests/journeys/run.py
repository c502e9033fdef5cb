#!/usr/bin/env python3
"""Five systems move over: each one's client, with the code of its own document, against a running relay.

    python3 tests/journeys/run.py [S0 S1 S2 S3 S4]

What changed for them is the URL, the secret and, where a route had no authentication, an Authorization header. Each check
names the requirements (R…) and the bugs of their own code (S…, see docs/bugs.md) that it is about. The libraries that the
documents' samples import are pinned in requirements.txt and package-lock.json. Needs cargo, node, npm, bash, curl, openssl
and redis-server; nothing reaches beyond 127.0.0.1 but the package registries.
"""

import shutil
import signal
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The relay in a process, and how packages are installed.
sys.path.append(str(HERE.parent / "verifiers"))

import tools  # noqa: E402


def page(report, kind) -> None:
    """The commands of the system's own page, over a relay that knows nothing yet."""
    from ground import Hooks
    from pages import PAGES, run
    from relay import Relay

    with Hooks() as hooks, Relay() as relay:
        report.page(kind, lambda: run(PAGES / kind.page, relay, hooks))


def main() -> int:
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools.begin_in_venv(HERE, __file__)
    tools.install_node(HERE, "theirs/hokusai_consumer.js")
    for needed in ("bash", "curl", "openssl", "redis-server", "redis-cli"):
        if shutil.which(needed) is None:
            raise tools.Failed(f"{needed} is needed and is not here (Debian: apt-get install {needed.replace('-cli', '-server')})")
    tools.build()

    from batch import Batch
    from ground import Hooks, Report
    from hokusai import Hokusai
    from mesh import Mesh
    from omtx import Omtx
    from relay import Relay
    from wepp import Wepp

    asked = sys.argv[1:] or ["S0", "S1", "S2", "S3", "S4"]
    journeys = [journey for journey in (Omtx, Mesh, Hokusai, Batch, Wepp) if journey.system in asked]
    report = Report()
    for kind in journeys:
        tools.say(f"\n{kind.system}: {kind.name}")
        with Hooks() as hooks, Relay(**kind.environment) as relay:
            journey = kind(relay, hooks)
            before = report.failed
            try:
                journey.prepare()
                for method in kind.checks():
                    report.run(journey, method)
            except Exception as error:  # One journey that cannot go on must not hide another.
                traceback.print_exc(file=sys.stdout)
                report.broken(kind, error)
            finally:
                journey.finish()
            if before < report.failed:
                relay.show_last_lines()
        page(report, kind)
    report.table(journeys)
    return 1 if report.failed or not report.outcomes else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except tools.Failed as error:
        print(f"{error}\n\nFAILED", flush=True)
        sys.exit(1)
