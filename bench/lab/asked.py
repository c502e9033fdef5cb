"""JSON lines between a process of the laboratory and the benchmark that started it."""

import asyncio
import json
import sys


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def say(what: dict) -> None:
    print(json.dumps(what), flush=True)
