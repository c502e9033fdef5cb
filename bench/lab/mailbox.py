"""Endpoints that answer at once, in a process of their own: every path is one. Speaks JSON lines.

Asked, it says when each copy of a message arrived first, by CLOCK_MONOTONIC in ns, how many calls there were, and how many of
them brought a copy that was there already.
"""

import asyncio
import json
import re
import time

from asked import lines, say

NUMBER = re.compile(rb'"number": ?(\d+)')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Mailbox(asyncio.Protocol):
    """One connection."""

    arrived: dict[str, int] = {}
    calls = 0
    again = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            self.take(head, self._read[end + 4 : whole])
            self._read = self._read[whole:]
            self._transport.write(ANSWER)

    def take(self, head: bytes, body: bytes) -> None:
        Mailbox.calls += 1
        if found := NUMBER.search(body):
            copy = f"{head.split(b' ', 2)[1].decode()} {int(found[1])}"
            Mailbox.again += copy in self.arrived
            self.arrived.setdefault(copy, time.monotonic_ns())


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Mailbox, "127.0.0.1", 0, backlog=1024)
    say({"port": server.sockets[0].getsockname()[1]})
    questions = await lines()
    while asked := await questions.readline():
        # The copies themselves are asked for once, at the end of a case.
        whole = json.loads(asked).get("whole", False)
        counts = {"copies": len(Mailbox.arrived), "calls": Mailbox.calls, "again": Mailbox.again}
        say(counts | ({"arrived": Mailbox.arrived} if whole else {}))


if __name__ == "__main__":
    asyncio.run(main())
