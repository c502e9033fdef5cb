#!/usr/bin/env python3
"""Measures how much a tenant's messages are delayed by endpoints of another tenant that do not answer, and by a flood at the
front door. See README.md."""

import argparse
import asyncio
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab import loopback, places
from lab.figures import quantile
from lab.process import Helper, busy
from lab.relay import Relay, signed

SEED = 44
PER_SECOND = 20.0  # Messages to the endpoint that answers.
FLOOD = 200.0  # Forged requests and requests to unknown sources, per second.
TIMEOUT = 300  # Seconds for which the relay waits for an endpoint that does not answer; the most that an endpoint may have.
WARM = 20  # Messages before those that count.
HEALTHY, SICK = "healthy", "sick"  # The two tenants: applications and sources.
# The most that the 99th percentile may be, as a multiple of that of the messages alone.
PROMISES = {"beside one endpoint": 1.2, "beside many endpoints": 1.2, "under a flood": 1.5}
ALONE, AGAIN = "alone", "alone again"
CASES = (ALONE, *PROMISES, AGAIN)


@dataclass
class Outcome:
    """The messages of one case: the milliseconds from POST to arrival, and what else was seen."""

    sent: int
    took_ms: list[float]
    refused: int
    notes: dict[str, object] = field(default_factory=dict)

    def quantile(self, share: float) -> float:
        return quantile(self.took_ms, share)


async def send(port: int, numbers: range, patience: float) -> tuple[dict[int, int], int]:
    """Sends completions at the rate; when each was sent first, and how many requests were not accepted.

    A request that is not accepted is repeated, as a sender would.
    """
    client, begun, refused = loopback.Client(port), {}, 0

    async def ask(index: int) -> None:
        nonlocal refused
        number = numbers[index]
        body = {"call_id": f"fc-bench-{number}", "status": "success", "metadata": {"job_id": f"job-bench-{number}"}}
        body = json.dumps(body | {"result": {"n": number}}).encode()
        begun[number] = time.monotonic_ns()
        while time.monotonic_ns() < begun[number] + patience * 1e9:
            try:
                if 200 <= await client.post(f"/in/{HEALTHY}", signed(body), body) < 300:
                    return
            except OSError:
                pass
            refused += 1
            await asyncio.sleep(0.5)

    await loopback.at_rate(PER_SECOND, len(numbers), SEED, asyncio.Event(), ask)
    client.close()
    return begun, refused


def arrivals(receiver: Helper, wanted: int, patience: float) -> dict[int, int]:
    """When each message arrived, once all have or patience ends."""
    deadline = time.monotonic() + patience
    while True:
        arrived = {int(number): at for number, at in receiver.ask({})["arrived"].items()}
        if wanted <= len(arrived) or deadline < time.monotonic():
            return arrived
        time.sleep(0.2)


def measure(case: str, binary: Path, count: int, patience: float) -> Outcome:
    """Sends the messages of one case over a relay of its own."""
    with ExitStack() as stack:

        def helper(*arguments: str) -> Helper:
            started = Helper("neighbourhood.py", *arguments)
            stack.callback(started.stop)
            return started

        relay = stack.enter_context(Relay(binary))
        receiver = helper("receiver")
        relay.tenant(HEALTHY, [f"http://127.0.0.1:{receiver.read()['port']}/"])
        asyncio.run(send(relay.port, range(WARM), patience))
        if len(arrivals(receiver, WARM, patience)) < WARM:
            raise SystemExit(f"{case}: the relay does not deliver\n{relay.last_lines()}")
        notes = {}
        if case.startswith("beside"):
            endpoints, messages = (1, 200) if case == "beside one endpoint" else (80, 3)
            hung = helper("hung")
            port = hung.read()["port"]
            urls = [f"http://127.0.0.1:{port}/{number}" for number in range(endpoints)]
            relay.tenant(SICK, urls, timeoutSeconds=TIMEOUT)
            for number in range(messages):
                message = {"eventType": "a.b", "payload": {"n": number}}
                relay.call("POST", f"/api/v1/app/{SICK}/msg", message)
            while not hung.ask({})["accepted"]:
                time.sleep(0.05)
        if case == "under a flood":
            flood = helper("flood", str(relay.port), HEALTHY, str(FLOOD), str(SEED))
            flood.read()
            time.sleep(1)
        begun, refused = asyncio.run(send(relay.port, range(WARM, WARM + count), patience))
        arrived = arrivals(receiver, WARM + count, patience)
        if case.startswith("beside"):
            notes["calls to those that do not answer"] = hung.ask({})["accepted"]
        if case == "under a flood":
            notes["the flood was answered"] = flood.ask({})["answers"]
        took = [(arrived[number] - begun[number]) / 1e6 for number in begun if number in arrived]
        return Outcome(count, took, refused, notes)


def show(outcomes: dict[str, Outcome]) -> str:
    """The table. The ratio is that of the 99th percentile to the mean of those of the two runs alone."""
    rows = [["", "arrived", "p50, ms", "p99, ms", "ratio of p99", "promise"]]
    for case, outcome in outcomes.items():
        arrived = f"{len(outcome.took_ms)} of {outcome.sent}"
        promise = f"≤ {PROMISES[case]}" if case in PROMISES else ""
        figures = [f"{outcome.quantile(0.5):.1f}", f"{outcome.quantile(0.99):.1f}", f"{ratio(case, outcomes):.2f}"]
        rows.append([case, arrived, *figures, promise])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if index else "-") for index, width in enumerate(widths)) + "|"
    return "\n".join([line(rows[0]), rule, *map(line, rows[1:])])


def ratio(case: str, outcomes: dict[str, Outcome]) -> float:
    alone = statistics.fmean(outcomes[name].quantile(0.99) for name in (ALONE, AGAIN))
    return outcomes[case].quantile(0.99) / alone


def judge(outcomes: dict[str, Outcome], counts_only: bool) -> list[str]:
    """The promises that this run broke."""
    faults = []
    for case, outcome in outcomes.items():
        if len(outcome.took_ms) != outcome.sent:
            faults.append(f"{case}: {len(outcome.took_ms)} of {outcome.sent} messages arrived")
        if not counts_only and case in PROMISES and PROMISES[case] < ratio(case, outcomes):
            faults.append(f"{case}: the p99 is {ratio(case, outcomes):.2f} times that of the messages alone")
    return faults


def burn(processes: int, stack: ExitStack) -> None:
    """Starts processes that burn CPU until this one ends."""
    program = f"import os\nwhile os.getppid() == {os.getpid()}:\n    for _ in range(1_000_000): pass"
    for _ in range(processes):
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", program])
        stack.callback(child.wait)
        stack.callback(child.kill)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", help="binary to measure (default: a release build)")
    parser.add_argument("--messages", type=int, help="messages per case (default: 600, or 100 with --quick)")
    parser.add_argument("--quick", action="store_true", help="send fewer messages; takes about a minute and judges the counts only")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="burn CPU in N processes; judges the counts only")
    arguments = parser.parse_args()

    count = arguments.messages or (100 if arguments.quick else 600)
    binary = places.relay(arguments.relay)
    patience = 600.0 if arguments.busy else 60.0
    # The processes of this benchmark are ended with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy_before = busy()
    outcomes = {}
    with ExitStack() as stack:
        burn(arguments.busy, stack)
        for case in CASES:
            outcomes[case] = measure(case, binary, count, patience)
            print(f"{case}: {len(outcomes[case].took_ms)} of {count} arrived", file=sys.stderr)
    busy_after = busy()

    print(show(outcomes))
    print(f"\n{places.relative(binary)}; {count} messages per case at {PER_SECOND:.0f}/s, seed {SEED}.")
    for case, outcome in outcomes.items():
        for what, seen in outcome.notes.items():
            print(f"{case}, {what}: {seen}")
        if outcome.refused:
            print(f"{case}: {outcome.refused} requests were not accepted at once")
    loops = f", beside {arguments.busy} busy processes" if arguments.busy else ""
    print(f"The machine ({os.cpu_count()} CPUs) was {busy_before:.0%} busy before and {busy_after:.0%} after{loops}.")
    if not arguments.busy and 0.1 < max(busy_before, busy_after):
        print("Another process used the CPU: take the ratios again when the machine is idle.")

    result = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "binary": places.relative(binary),
        "machine": {"system": platform.platform(), "cpus": os.cpu_count(), "busy": [busy_before, busy_after]},
        "busy_processes": arguments.busy,
        "cases": {case: asdict(outcome) for case, outcome in outcomes.items()},
    }
    places.OUT.mkdir(parents=True, exist_ok=True)
    out = places.OUT / "neighbours.json"
    out.write_text(json.dumps(result, indent=1))
    print(f"All figures are in {places.relative(out)}.")

    faults = judge(outcomes, counts_only=bool(arguments.quick or arguments.busy))
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
