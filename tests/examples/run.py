#!/usr/bin/env python3
"""The examples, run as a user runs them, against a running relay.

    python3 tests/examples/run.py [name of a test …]

Modal's own package runs the functions with `.local()`, RQ's own worker works on Debian's `redis-server`, and Replicate,
RunPod and fal are played by a stub on loopback. What the examples run with is pinned in requirements.txt and installed into
cargo's target folder. Needs cargo, node and redis-server; nothing reaches beyond 127.0.0.1 but the package registry.
"""

import os
import shutil
import signal
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(HERE.parent / "verifiers"))
sys.path[:0] = [str(EXAMPLES / name) for name in ("sender", "modal", "rq")]

import tools  # noqa: E402

PARTS = ("check_sender", "check_modal", "check_rq", "check_platforms", "check_receivers")


def main() -> int:
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tools.begin_in_venv(HERE, __file__)
    for program in ("node", "redis-server"):
        if shutil.which(program) is None:
            raise tools.Failed(f"{program} is needed and is not here")
    tools.install_node(HERE, "judge.mjs", *(f"../../examples/receivers/{name}.mjs" for name in ("legacy", "standard")))
    tools.build()
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]  # Loopback is nobody's proxy's business.

    import world

    wanted = sys.argv[1:]
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in wanted] or None
    suite = unittest.TestSuite(loader.loadTestsFromName(part) for part in PARTS)
    with world.running():
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, buffer=True).run(suite)
        if not result.wasSuccessful():
            world.relay().show_last_lines()
    failed = len(result.failures) + len(result.errors)
    print(f"\n{result.testsRun - failed} passed, {failed} failed")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except tools.Failed as error:
        print(f"{error}\n\n0 passed, 1 failed", flush=True)
        sys.exit(1)
