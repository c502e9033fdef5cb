#!/usr/bin/env python3
"""Measures live updates of `relay dev`: what many who watch one job cost those who send, whether each hears every line, and how
soon a line and an end are heard. See README.md."""

import argparse
import asyncio
import datetime
import json
import os
import platform
import random
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from lab import loopback, places
from lab.figures import quantile
from lab.process import Helper, busy
from lab.relay import Relay, signed
from lab.websocket import WebSocket

SEED = 11
PER_SECOND = 20.0  # Completions at the front door.
LINES_PER_SECOND = 100  # Lines into the log that everybody watches.
BATCH = 25  # Lines of one request.
SOURCE = "watched"
# The most that the 99th percentile of requests may be beside those who watch, as a multiple of that without them.
PROMISE = 1.2


@dataclass
class Outcome:
    """The figures of one run."""

    alone_ms: list[float] = field(default_factory=list)
    watched_ms: list[float] = field(default_factory=list)
    line_ms: list[float] = field(default_factory=list)
    end_ms: list[float] = field(default_factory=list)
    polled_ms: list[float] = field(default_factory=list)
    watchers: dict = field(default_factory=dict)


async def senders(relay: Relay, first: int, count: int) -> list[float]:
    """The milliseconds that each of so many requests at the front door takes, at the rate."""
    client, took = loopback.Client(relay.port), []

    async def ask(index: int) -> None:
        body = json.dumps({"call_id": f"fc-{first + index}", "status": "success", "result": index}).encode()
        begun = time.monotonic()
        status = await client.post(f"/in/{SOURCE}", signed(body), body)
        took.append((time.monotonic() - begun) * 1000)
        if not 200 <= status < 300:
            raise SystemExit(f"a completion was answered {status}")

    await loopback.at_rate(PER_SECOND, count, SEED, asyncio.Event(), ask)
    client.close()
    return took


async def log(relay: Relay, job: str, lines: int, per_second: float) -> None:
    """Posts lines to a job's log at this rate. Each line says its number and the time."""
    client = loopback.Client(relay.port)
    headers = {"authorization": f"Bearer {relay.key}", "content-type": "application/json"}

    async def ask(index: int) -> None:
        numbers = range(index * BATCH + 1, min(lines, (index + 1) * BATCH) + 1)
        texts = [f"{number} {time.time_ns()} {'x' * 60}" for number in numbers]
        body = json.dumps({"stream": "out", "first_seq": numbers[0], "lines": texts}).encode()
        if await client.post(f"/v1/jobs/{job}/logs?source={SOURCE}", headers, body) != 202:
            raise SystemExit("lines were refused")

    # One after the other: lines of one stream come in order.
    begun = time.monotonic()
    for index in range(-(-lines // BATCH)):
        await asyncio.sleep(max(0.0, begun + index * BATCH / per_second - time.monotonic()))
        await ask(index)
    client.close()


async def soon(relay: Relay, outcome: Outcome, count: int) -> None:
    """How soon one who watches hears of a line and of an end, beside one who asks every two seconds."""
    project, job = "soon", "line-1"
    relay.call("POST", "/v1/jobs", {"source": SOURCE, "external_id": job, "project_id": project})
    token = relay.call("POST", "/v1/live/tokens", {"job": job})["token"]
    socket = await WebSocket.connect(relay.port, f"/live?token={token}")
    await socket.send(json.dumps({"action": "subscribe_logs", "job_id": job}))
    client = loopback.Client(relay.port)
    headers = {"authorization": f"Bearer {relay.key}", "content-type": "application/json"}
    await asyncio.sleep(3)
    for number in range(1, count + 1):
        body = json.dumps({"stream": "out", "first_seq": number, "lines": [f"line {number}"]}).encode()
        begun = time.monotonic()
        sending = asyncio.create_task(client.post(f"/v1/jobs/{job}/logs?source={SOURCE}", headers, body))
        while f'"seq":{number},'.encode() not in (await socket.receive() or b""):
            pass
        outcome.line_ms.append((time.monotonic() - begun) * 1000)
        await sending
        await asyncio.sleep(0.3)
    socket.close()
    token = relay.call("POST", "/v1/live/tokens", {"project": project, "application": SOURCE})["token"]
    socket = await WebSocket.connect(relay.port, f"/live?token={token}")
    await socket.send(json.dumps({"action": "subscribe_project", "project_id": project}))
    await asyncio.sleep(3)
    dice = random.Random(SEED)
    for number in range(count):
        call = f"end-{number}"
        relay.call("POST", "/v1/jobs", {"source": SOURCE, "external_id": call, "project_id": project, "call_id": call})
        body = json.dumps({"call_id": call, "status": "success", "result": number}).encode()
        begun = time.monotonic()
        sending = asyncio.create_task(client.post(f"/in/{SOURCE}", signed(body), body))
        while call.encode() not in (heard := await socket.receive() or b"") or b"job_completed" not in heard:
            pass
        took = (time.monotonic() - begun) * 1000
        outcome.end_ms.append(took)
        # Who asks every two seconds, and began to at any moment, finds the same at its next question.
        outcome.polled_ms.append(took + dice.random() * 2000)
        await sending
        # A topic gets five bulletins a second; what is quicker waits for its turn.
        await asyncio.sleep(0.3)
    socket.close()
    client.close()


def measure(binary: Path, watchers: int, lines: int, requests: int) -> Outcome:
    outcome = Outcome()
    with Relay(binary) as relay:
        relay.tenant(SOURCE, [])
        relay.call("POST", "/v1/jobs", {"source": SOURCE, "external_id": "watched-job"})
        asyncio.run(senders(relay, 0, 40))
        outcome.alone_ms = asyncio.run(senders(relay, 1000, requests))
        asyncio.run(soon(relay, outcome, requests // 6))
        token = relay.call("POST", "/v1/live/tokens", {"job": "watched-job", "source": SOURCE})["token"]
        crowd = Helper("crowd.py", str(relay.port), token, str(watchers), str(lines))
        try:
            crowd.read()
            time.sleep(3)

            async def both() -> None:
                writing = asyncio.create_task(log(relay, "watched-job", lines, LINES_PER_SECOND))
                outcome.watched_ms = await senders(relay, 100_000, requests)
                await writing

            asyncio.run(both())
            outcome.watchers = crowd.ask({})
        finally:
            crowd.stop()
        # The end of so many connections is work of its own, which nobody is to be compared with.
        time.sleep(10)
        outcome.alone_ms += asyncio.run(senders(relay, 200_000, requests))
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--relay", help="binary to measure (default: a release build)")
    parser.add_argument("--watchers", type=int, default=1000, help="connections that hear one job (default: 1000)")
    parser.add_argument("--lines", type=int, default=10_000, help="lines of its log (default: 10000)")
    parser.add_argument("--requests", type=int, default=600, help="requests at the front door (default: 600)")
    arguments = parser.parse_args()
    binary = places.relay(arguments.relay)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    busy_before = busy()
    outcome = measure(binary, arguments.watchers, arguments.lines, arguments.requests)
    busy_after = busy()
    for what, values in [
        ("request at the front door, alone", outcome.alone_ms),
        ("the same beside those who watch", outcome.watched_ms),
        ("line sent to line heard", outcome.line_ms),
        ("completion sent to end heard", outcome.end_ms),
        ("the same, asking every 2 s", outcome.polled_ms),
    ]:
        print(f"{what}: p50 {quantile(values, 0.5):.1f} ms, p99 {quantile(values, 0.99):.1f} ms, {len(values)} times")
    ratio = quantile(outcome.watched_ms, 0.99) / quantile(outcome.alone_ms, 0.99)
    print(f"{arguments.watchers} who watch {arguments.lines} lines: {outcome.watchers}; ratio of p99 {ratio:.2f}, promise ≤ {PROMISE}")
    print(f"{places.relative(binary)}; {os.cpu_count()} CPUs, {busy_before:.0%} busy before and {busy_after:.0%} after.")
    places.OUT.mkdir(parents=True, exist_ok=True)
    result = {"at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "system": platform.platform()}
    (places.OUT / "watchers.json").write_text(json.dumps(result | vars(outcome), indent=1))
    seen = outcome.watchers
    faults = [] if seen["whole"] == seen["stayed"] else [f"{seen['stayed'] - seen['whole']} did not hear every line once and in order"]
    faults += [] if seen["left in order"] == seen["left"] else ["some who left had heard lines twice or out of order"]
    faults += [] if ratio <= PROMISE else [f"the p99 at the front door is {ratio:.2f} times that without those who watch"]
    for fault in faults:
        print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
