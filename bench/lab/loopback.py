"""HTTP over loopback at a given rate: a client with kept connections, and requests on a schedule."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable


class Client:
    """Posts to one port of 127.0.0.1. Each request has a connection of its own while it lasts; connections are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """The status of the answer. Raises OSError if there is none."""
        kept = self._free.pop() if self._free else await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = kept
        lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{self._port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
            await writer.drain()
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next((line for line in head.split("\r\n") if line.startswith("content-length:")), ":0")
            await reader.readexactly(int(length.partition(":")[2]))
        except (asyncio.IncompleteReadError, OSError) as error:
            writer.close()
            raise OSError(f"no answer to {path}") from error
        if "connection: close" in head:
            writer.close()
        else:
            self._free.append(kept)
        return int(head.split()[1])

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()
        self._free.clear()


async def at_rate(
    per_second: float, count: int | None, seed: int, until: asyncio.Event, ask: Callable[[int], Awaitable[None]]
) -> None:
    """Asks `count` times, or without end, at this rate, whether or not earlier requests have been answered.

    Each moment is spread by half an interval, so that the requests do not keep step with a timer of the relay. Ends when
    `until` is set. Waits for the answers.
    """
    dice, begun, asked, number = random.Random(seed), time.monotonic(), set(), 0
    while not until.is_set() and (count is None or number < count):
        moment = begun + (number + dice.random() / 2) / per_second
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        task = asyncio.create_task(ask(number))
        asked.add(task)
        task.add_done_callback(asked.discard)
        number += 1
    await asyncio.gather(*asked)
