#!/usr/bin/env python3
"""Measures the budgets of the command line: the time and memory of `--version` and `--help`, and the time from publishing an
event to its line of `relay tail`. See README.md."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from lab.relay import Relay

ROOT = Path(__file__).resolve().parent.parent
# The most that a command without a relay may take: milliseconds at the median, and MB of memory at its peak.
MOST_MS, MOST_MB = 20.0, 10.0
# The most milliseconds from publishing to the line of `relay tail`, at the median.
MOST_TAIL_MS = 100.0
COMMANDS = (["--version"], ["--help"], ["events", "list", "--help"], ["completion", "bash"])


# Starts a command and prints its peak memory in KB. The kernel counts to a process what its parent had when it was
# forked, so that the parent must be smaller than the budget: a Python without modules has about 8 MB.
SMALL_PARENT = """
import posix, sys
nothing = (posix.POSIX_SPAWN_OPEN, 1, "/dev/null", posix.O_WRONLY, 0)
_, status, usage = posix.wait4(posix.posix_spawn(sys.argv[1], sys.argv[1:], {}, file_actions=[nothing]), 0)
print(status, usage.ru_maxrss)
"""


def once(binary: Path, arguments: list[str]) -> float:
    """Milliseconds of one run."""
    began = time.perf_counter()
    done = subprocess.run([binary, *arguments], stdout=subprocess.DEVNULL)
    took = (time.perf_counter() - began) * 1000
    if done.returncode:
        sys.exit(f"{arguments} ended with {done.returncode}")
    return took


def memory(binary: Path, arguments: list[str]) -> float:
    """Peak MB of one run."""
    asked = [sys.executable, "-S", "-I", "-c", SMALL_PARENT, str(binary), *arguments]
    status, kilobytes = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    if int(status):
        sys.exit(f"{arguments} ended with {status}")
    return int(kilobytes) / 1024


def starts(binary: Path, runs: int) -> dict:
    """The median time and the peak memory of each command."""
    found = {}
    for arguments in COMMANDS:
        once(binary, arguments)
        median = statistics.median(once(binary, arguments) for _ in range(runs))
        peak = max(memory(binary, arguments) for _ in range(5))
        found[" ".join(arguments)] = {"ms": round(median, 1), "mb": round(peak, 1)}
    return found


def tail(binary: Path, events: int) -> dict:
    """Milliseconds from the begin of a publishing request to the line of `relay tail`."""
    with Relay(binary) as relay:
        relay.call("POST", "/api/v1/app", {"name": "bench", "uid": "bench"})
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "RELAY_URL": f"http://127.0.0.1:{relay.port}",
            "RELAY_KEY": relay.key,
        }
        command = [binary, "tail", "--application", "bench", "--events-only", "--json"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            for line in process.stderr:
                if "listening" in line:
                    break
            time.sleep(3)  # Until every part of the relay knows that somebody watches.
            took = []
            for number in range(events):
                began = time.perf_counter()
                body = {"eventType": "bench.event", "payload": {"number": number}}
                made = relay.call("POST", "/api/v1/app/bench/msg", body)
                heard = json.loads(process.stdout.readline())
                took.append((time.perf_counter() - began) * 1000)
                assert heard["id"].removeprefix("evt_") == made["id"].removeprefix("msg_"), (heard, made)
                time.sleep(0.25)  # An instance tells of a topic five times a second.
            process.kill()
    took.sort()
    return {"events": events, "p50_ms": round(took[len(took) // 2], 1), "p99_ms": round(took[int(0.99 * (len(took) - 1))], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", type=Path, default=ROOT / "target/release/relay", help="binary to measure")
    parser.add_argument("--runs", type=int, default=50, help="runs of each command")
    parser.add_argument("--events", type=int, default=60, help="events for `relay tail`")
    given = parser.parse_args()
    found = {"starts": starts(given.relay, given.runs), "tail": tail(given.relay, given.events)}
    for command, figures in found["starts"].items():
        print(f"relay {command}: {figures['ms']} ms, {figures['mb']} MB")
    print(f"publish to line of relay tail: p50 {found['tail']['p50_ms']} ms, p99 {found['tail']['p99_ms']} ms")
    target = ROOT / "target/bench"
    target.mkdir(parents=True, exist_ok=True)
    (target / "command_line.json").write_text(json.dumps(found, indent=1))
    kept = all(found["starts"][name]["ms"] <= MOST_MS and found["starts"][name]["mb"] <= MOST_MB for name in ("--version", "--help"))
    if not kept or MOST_TAIL_MS < found["tail"]["p50_ms"]:
        sys.exit("a budget is passed")


if __name__ == "__main__":
    main()
