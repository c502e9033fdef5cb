"""Many who watch one job, in a process of their own: `crowd.py PORT TOKEN COUNT LINES`.

Three of ten leave without a word when half of the lines have come. Prints a line when all have subscribed, and the answer to
each line of its input when those who stayed have every line, or nothing has come for 20 s.
"""

import asyncio
import json
import re
import sys
import time

from websocket import WebSocket

NUMBER = re.compile(rb'"seq":(\d+),')
IDLE = 20.0


class Watcher:
    def __init__(self, leaves_at: int | None) -> None:
        self.leaves_at = leaves_at
        self.last = 0
        self.in_order = True
        self.subscribed = asyncio.Event()

    async def watch(self, port: int, token: str) -> None:
        socket = await WebSocket.connect(port, f"/live?token={token}")
        await socket.send(json.dumps({"action": "subscribe_logs", "job_id": "watched-job", "source": "watched"}))
        while (text := await socket.receive()) is not None:
            if b'"event":"subscribed"' in text:
                self.subscribed.set()
            for number in map(int, NUMBER.findall(text)):
                self.in_order &= number == self.last + 1
                self.last = number
            if self.leaves_at is not None and self.leaves_at <= self.last:
                socket.close()
                return


async def main(port: int, token: str, count: int, lines: int) -> None:
    watchers = [Watcher(lines // 2 if number % 10 < 3 else None) for number in range(count)]
    tasks = []
    for start in range(0, count, 50):
        some = watchers[start : start + 50]
        tasks += [asyncio.create_task(watcher.watch(port, token)) for watcher in some]
        await asyncio.gather(*(asyncio.wait_for(watcher.subscribed.wait(), 60) for watcher in some))
    print(json.dumps({"subscribed": count}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    stayed = [watcher for watcher in watchers if watcher.leaves_at is None]
    heard, since = -1, time.monotonic()
    while (now := sum(watcher.last for watcher in stayed)) < lines * len(stayed):
        if now != heard:
            heard, since = now, time.monotonic()
        if IDLE < time.monotonic() - since:
            break
        await asyncio.sleep(0.5)
    left = [watcher for watcher in watchers if watcher.leaves_at is not None]
    answer = {
        "stayed": len(stayed),
        "whole": sum(watcher.in_order and watcher.last == lines for watcher in stayed),
        "left": len(left),
        "left in order": sum(watcher.in_order for watcher in left),
    }
    print(json.dumps(answer), flush=True)
    await asyncio.sleep(3600)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
