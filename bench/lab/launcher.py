"""Starts processes for the laboratory, which sends JSON lines. A small parent without threads, so that forking adds little
to a start. The laboratory may move the launcher into a control group, in which its children then start."""

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
        sys.stdin.readline()  # The laboratory asks to end the process.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        print("{}", flush=True)


if __name__ == "__main__":
    main()
