"""S1's client of live updates in Python: python-socketio with the service's own options. See mesh_client.mjs.

It is the asynchronous client: the other one handles each message in a thread of its own, so that messages which come close to each
other may be handled in another order than they came in.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

import socketio

url, token, *_ = sys.argv[1:]
client = socketio.AsyncClient(reconnection_attempts=5, reconnection_delay=1, reconnection_delay_max=5, handle_sigint=False)
wanted: dict[str, list] = {}


def write(*event: object) -> None:
    print(json.dumps([int(time.time() * 1000), *event]), flush=True)


@client.event
async def connect() -> None:
    write("connect", client.sid)
    for name, data in list(wanted.values()):
        await client.emit(name, data)


@client.event
async def disconnect(reason: str) -> None:
    write("disconnect", reason)


@client.event
async def connect_error(error: object) -> None:
    write("connect_error", str(error))


@client.on("*")
async def heard(name: str, data: object) -> None:
    write(name, data)


async def main() -> None:
    at = urlsplit(url)
    try:
        await client.connect(f"{at.scheme}://{at.netloc}?token={token}", socketio_path=at.path, transports=["websocket"], wait_timeout=10)
    except socketio.exceptions.ConnectionError:
        sys.exit(1)
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, data = json.loads(line)
        if name == "close":
            break
        if name.startswith("subscribe_") or name == "join_batch":
            wanted[json.dumps([name, data])] = [name, data]
        if name == "unsubscribe_logs":
            wanted.pop(json.dumps(["subscribe_logs", data]), None)
        if client.connected:
            await client.emit(name, data)
    await client.disconnect()


asyncio.run(main())
