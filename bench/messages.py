#!/usr/bin/env python3
"""Measures what one machine does with messages: rates, times, CPU, memory and disk of `relay dev`, alone or by turns with
another server that speaks the Svix contract. See README.md."""

import argparse
import asyncio
import datetime
import json
import os
import platform
import secrets
import signal
import statistics
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from lab import loopback, places
from lab.figures import quantile
from lab.process import Helper, busy, cpu_ns, memory_bytes, peak_bytes, settle
from lab.relay import Relay

SEED = 15
WARM = 50  # Messages before those that count.
IN_FLIGHT = 32  # Requests under way while a case runs flat out.
PATIENCE = 60.0  # Seconds for which nothing may arrive before a case is given up.
TEXT = "x" * 300


@dataclass(frozen=True)
class Case:
    """What is sent. Without a rate, as fast as it is accepted."""

    name: str
    endpoints: int
    per_second: float | None


CASES = [
    Case("flat out, 1 endpoint", 1, None),
    Case("flat out, 5 endpoints", 5, None),
    Case("50/s, 1 endpoint", 1, 50.0),
    Case("200/s, 1 endpoint", 1, 200.0),
]


@dataclass
class Outcome:
    """One run of a case."""

    sent: int
    copies: int
    lost: int
    doubled: int
    copies_per_second: float
    post_ms: list[float]
    arrival_ms: list[float]
    cpu_ms: float | None
    """CPU time of the server for a message; None if its processes are not known."""


class Server:
    """A server that speaks the Svix contract on this machine."""

    def __init__(self, name: str, url: str, token: str, pids: list[int]) -> None:
        self.name, self.token, self.pids = name, token, pids
        self.port = urlsplit(url).port or 80

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "content-type": "application/json"}

    def call(self, path: str, body: dict) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(), self.headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(request, timeout=60).close()

    def cpu_ms(self) -> float | None:
        if not self.pids:
            return None
        for pid in self.pids:
            settle(pid)
        return sum(map(cpu_ns, self.pids)) / 1e6


async def send(server: Server, application: str, numbers: range, per_second: float | None) -> tuple[dict[int, int], list[float]]:
    """Sends messages; when each was sent, and the milliseconds that each request took."""
    client, begun, took = loopback.Client(server.port), {}, []
    path = f"/api/v1/app/{application}/msg"

    async def ask(index: int) -> None:
        number = numbers[index]
        body = json.dumps({"eventType": "bench.message", "payload": {"number": number, "text": TEXT}}).encode()
        begun[number] = time.monotonic_ns()
        status = await client.post(path, server.headers, body)
        if status != 202:
            raise SystemExit(f"{server.name} answered {status} to a message")
        took.append((time.monotonic_ns() - begun[number]) / 1e6)

    if per_second:
        await loopback.at_rate(per_second, len(numbers), SEED, asyncio.Event(), ask)
    else:
        left = iter(range(len(numbers)))

        async def sender() -> None:
            for index in left:
                await ask(index)

        await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    client.close()
    return begun, took


def all_arrived(mailbox: Helper, wanted: int) -> None:
    """Waits until so many copies have arrived, or none has for a while."""
    seen, since = -1, time.monotonic()
    while (now := mailbox.ask({})["copies"]) < wanted:
        if now != seen:
            seen, since = now, time.monotonic()
        if PATIENCE < time.monotonic() - since:
            return
        time.sleep(0.02)


def measure(server: Server, case: Case, count: int) -> Outcome:
    """One run of a case, with an application and endpoints of its own."""
    application = f"bench-{secrets.token_hex(4)}"
    with ExitStack() as stack:
        mailbox = Helper("mailbox.py")
        stack.callback(mailbox.stop)
        port = mailbox.read()["port"]
        server.call("/api/v1/app", {"name": application, "uid": application})
        for number in range(case.endpoints):
            server.call(f"/api/v1/app/{application}/endpoint", {"url": f"http://127.0.0.1:{port}/{number}", "version": 1})
        asyncio.run(send(server, application, range(WARM), case.per_second))
        all_arrived(mailbox, WARM * case.endpoints)
        before = server.cpu_ms()
        begun, post_ms = asyncio.run(send(server, application, range(WARM, WARM + count), case.per_second))
        all_arrived(mailbox, (WARM + count) * case.endpoints)
        after = server.cpu_ms()
        answer = mailbox.ask({"whole": True})
    arrived: dict[int, list[int]] = {}
    for copy, at in answer["arrived"].items():
        arrived.setdefault(int(copy.split()[1]), []).append(at)
    ours = [(number, at) for number in begun for at in arrived.get(number, [])]
    took = max((at for _, at in ours), default=0) - min(begun.values())
    return Outcome(
        sent=count,
        copies=len(ours),
        lost=count * case.endpoints - len(ours),
        doubled=answer["again"],
        copies_per_second=len(ours) * 1e9 / took,
        post_ms=post_ms,
        arrival_ms=[(at - begun[number]) / 1e6 for number, at in ours],
        cpu_ms=None if before is None or after is None else (after - before) / count,
    )


def row(name: str, case: Case, runs: list[Outcome]) -> str:
    """A line of the table: rates and CPU are means of the runs, times are of all messages of all runs."""
    posts = [ms for run in runs for ms in run.post_ms]
    arrivals = [ms for run in runs for ms in run.arrival_ms]
    cpu = [run.cpu_ms for run in runs if run.cpu_ms is not None]
    cells = [
        case.name,
        name,
        f"{statistics.fmean(run.copies_per_second for run in runs):.0f}",
        *(f"{quantile(values, share):.1f}" for values in (posts, arrivals) for share in (0.5, 0.99)),
        f"{statistics.fmean(cpu):.2f}" if cpu else "–",
        str(sum(run.lost for run in runs)),
        str(sum(run.doubled for run in runs)),
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", help="binary to measure (default: a release build)")
    parser.add_argument("--beside", metavar="URL", help="a server on this machine that speaks the Svix contract")
    parser.add_argument("--beside-token", default="", help="its bearer token")
    parser.add_argument("--beside-pid", type=int, action="append", default=[], help="a process whose CPU time counts as the server's; several times")
    parser.add_argument("--rounds", type=int, default=2, help="how often each case is run with each server (default: 2)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a case with a rate (default: 10)")
    parser.add_argument("--messages", type=int, default=3000, help="messages of a case that runs flat out (default: 3000)")
    parser.add_argument("--quick", action="store_true", help="one round of fewer messages; takes half a minute")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.messages = 1, 3.0, 500

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    binary = places.relay(arguments.relay)
    busy_before = busy()
    with ExitStack() as stack:
        started = time.monotonic()
        relay = stack.enter_context(Relay(binary))
        ready = time.monotonic() - started
        time.sleep(3)
        at_rest = memory_bytes(relay.pid, "VmRSS")
        idle_from = cpu_ns(relay.pid)
        time.sleep(5)
        idle = (cpu_ns(relay.pid) - idle_from) / 1e6 / 5
        servers = [Server("relay", f"http://127.0.0.1:{relay.port}", relay.key, [relay.pid])]
        if arguments.beside:
            servers.append(Server("beside", arguments.beside, arguments.beside_token, arguments.beside_pid))
        disk_before = relay.disk()
        runs: dict[tuple[str, str], list[Outcome]] = {}
        for _ in range(arguments.rounds):
            for case in CASES:
                count = int(case.per_second * arguments.seconds) if case.per_second else arguments.messages // case.endpoints
                for server in servers:
                    outcome = measure(server, case, count)
                    runs.setdefault((case.name, server.name), []).append(outcome)
                    print(f"{case.name}, {server.name}: {outcome.copies_per_second:.0f} copies/s", file=sys.stderr)
        copies = sum(run.copies for (_, server), all_runs in runs.items() if server == "relay" for run in all_runs)
        disk, peak = relay.disk() - disk_before, peak_bytes(relay.pid)
    busy_after = busy()

    print("| case | server | copies/s | POST p50, ms | p99 | arrival p50, ms | p99 | CPU a message, ms | lost | doubled |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for case in CASES:
        for server in servers:
            print(row(server.name, case, runs[case.name, server.name]))
    print(f"\n{places.relative(binary)}; {arguments.rounds} rounds, {IN_FLIGHT} requests at once flat out, seed {SEED}.")
    print(f"relay: ready after {ready:.2f} s, {at_rest / 1e6:.0f} MB at rest and {peak / 1e6:.0f} MB at the peak, {idle:.1f} ms of CPU a second when idle,")
    print(f"{disk / max(1, copies) * 10_000 / 1e6:.0f} MB of disk for 10,000 copies.")
    print(f"The machine ({os.cpu_count()} CPUs) was {busy_before:.0%} busy before and {busy_after:.0%} after.")
    result = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "binary": places.relative(binary),
        "machine": {"system": platform.platform(), "cpus": os.cpu_count(), "busy": [busy_before, busy_after]},
        "relay": {"ready_s": ready, "at_rest": at_rest, "peak": peak, "idle_ms_per_s": idle, "disk": disk, "copies": copies},
        "cases": [{"case": case, "server": server, "runs": [asdict(run) for run in all_runs]} for (case, server), all_runs in runs.items()],
    }
    places.OUT.mkdir(parents=True, exist_ok=True)
    out = places.OUT / "messages.json"
    out.write_text(json.dumps(result, indent=1))
    print(f"All figures are in {places.relative(out)}.")
    faults = [f"{case}, {server}: {run.lost} lost, {run.doubled} doubled" for (case, server), some in runs.items() for run in some if run.lost or run.doubled]
    for fault in faults:
        print(f"FAULT: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
