"""S1's client of live updates in Python: python-socketio with the service's own options. See mesh_client.mjs."""

import json
import sys
import threading
import time
from urllib.parse import urlsplit

import socketio

url, token, *_ = sys.argv[1:]
client = socketio.Client(reconnection_attempts=5, reconnection_delay=1, reconnection_delay_max=5, handle_sigint=False)
wanted: dict[str, list] = {}
lock = threading.Lock()


def write(*event: object) -> None:
    with lock:
        print(json.dumps([int(time.time() * 1000), *event]), flush=True)


@client.event
def connect() -> None:
    write("connect", client.sid)
    for name, data in list(wanted.values()):
        client.emit(name, data)


@client.event
def disconnect(reason: str) -> None:
    write("disconnect", reason)


@client.event
def connect_error(error: object) -> None:
    write("connect_error", str(error))


@client.on("*")
def heard(name: str, data: object) -> None:
    write(name, data)


try:
    at = urlsplit(url)
    client.connect(f"{at.scheme}://{at.netloc}?token={token}", socketio_path=at.path, transports=["websocket"], wait_timeout=10)
except socketio.exceptions.ConnectionError:
    sys.exit(1)
for line in sys.stdin:
    name, data = json.loads(line)
    if name == "close":
        break
    if name.startswith("subscribe_") or name == "join_batch":
        wanted[json.dumps([name, data])] = [name, data]
    if name == "unsubscribe_logs":
        wanted.pop(json.dumps(["subscribe_logs", data]), None)
    if client.connected:
        client.emit(name, data)
client.disconnect()
