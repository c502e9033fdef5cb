"""The surroundings of `neighbours.py`, each a process of its own: the endpoint that answers, the endpoints that do not, and
the flood. Speaks JSON lines."""

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter

import loopback
from asked import lines, say

NUMBER = re.compile(rb"job-bench-(\d+)")


async def receiver() -> None:
    """Answers each request at once. Asked, it says when each message arrived first, by CLOCK_MONOTONIC in ns."""
    arrived: dict[int, int] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                now = time.monotonic_ns()
                length = re.search(rb"content-length: *(\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                found = NUMBER.search(body)
                if found:
                    arrived.setdefault(int(found[1]), now)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    say({"port": server.sockets[0].getsockname()[1]})
    asked = await lines()
    while await asked.readline():
        say({"arrived": arrived})


async def hung() -> None:
    """Accepts connections and never answers. Asked, it says how many it accepted."""
    accepted = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        while await reader.read(65536):
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    say({"port": server.sockets[0].getsockname()[1]})
    asked = await lines()
    while await asked.readline():
        say({"accepted": len(accepted)})


async def flood(port: int, source: str, per_second: float, seed: int) -> None:
    """Forged requests to a source and requests to sources that do not exist, in turns. Asked, it ends and says how they were
    answered."""
    client, dice, answers, over = loopback.Client(port), random.Random(seed), Counter(), asyncio.Event()

    async def ask(number: int) -> None:
        unknown = number % 2
        path = f"/in/{dice.getrandbits(64):016x}" if unknown else f"/in/{source}"
        body = json.dumps({"call_id": f"forged-{number}", "status": "success", "result": dice.getrandbits(64)}).encode()
        headers = {
            "content-type": "application/json",
            "x-modal-signature": f"sha256={dice.getrandbits(256):064x}",
            "x-modal-timestamp": str(int(time.time())),
        }
        try:
            status = str(await client.post(path, headers, body))
        except OSError:
            status = "none"
        answers[f"{'unknown' if unknown else 'forged'} {status}"] += 1

    say({})
    asked = await lines()
    flooding = asyncio.create_task(loopback.at_rate(per_second, None, seed, over, ask))
    await asked.readline()
    over.set()
    await flooding
    say({"answers": answers})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["receiver"]:
            asyncio.run(receiver())
        case ["hung"]:
            asyncio.run(hung())
        case ["flood", port, source, per_second, seed]:
            asyncio.run(flood(int(port), source, float(per_second), int(seed)))
