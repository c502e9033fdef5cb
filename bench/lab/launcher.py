"""Starts processes and does nothing else, so that a start costs what the process costs: a small parent, no threads. It may
itself be put into a control group, which its children are then born in. Talks JSON lines with the laboratory."""

import json
import os
import signal
import sys
import time


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        log = (os.POSIX_SPAWN_OPEN, 1, asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        actions = [log, (os.POSIX_SPAWN_DUP2, 1, 2)]
        started = time.monotonic_ns()
        pid = os.posix_spawn(asked["argv"][0], asked["argv"], asked["env"], file_actions=actions)
        print(json.dumps({"pid": pid, "started_ns": started}), flush=True)
        sys.stdin.readline()  # Told to end it.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        print("{}", flush=True)


if __name__ == "__main__":
    main()
