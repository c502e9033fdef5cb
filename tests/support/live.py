"""Clients of live updates: those of Socket.IO in processes of their own, as S1's service runs them, and one of JSON."""

import json
import sys
import threading
from functools import cache
from pathlib import Path
from subprocess import PIPE

import websocket

from . import packages
from .process import ROOT, Process, clean_environment, wait_until

JOURNEYS = ROOT / "tests" / "journeys"
SECONDS = 20


@cache
def _folder() -> Path:
    return packages.node(JOURNEYS, "theirs/mesh_client.mjs")


class _Hearing:
    """What a client heard: events with their data, oldest first."""

    def __init__(self):
        self.events: list[tuple[str, object]] = []

    def heard(self, name: str) -> list:
        return [data for heard, data in list(self.events) if heard == name]

    def wait_for(self, name: str, count: int = 1, seconds: float = SECONDS) -> list:
        wait_until(f"{count} × {name} (heard: {self.events[-5:]})", lambda: count <= len(self.heard(name)), seconds)
        return self.heard(name)

    def lines(self) -> list[str]:
        """The lines of logs, one by one."""
        raise NotImplementedError

    def wait_for_lines(self, lines: list[str], seconds: float = SECONDS) -> None:
        wait_until(f"{len(lines)} lines (heard: {len(self.lines())})", lambda: len(lines) <= len(self.lines()), seconds)
        heard = self.lines()
        differ = [pair for pair in zip(heard, lines) if pair[0] != pair[1]][:3]
        others = [name for name, _ in self.events if not name.startswith("log_line")]
        assert heard == lines, f"{len(heard)} lines, of which differ first {differ}; beside them: {others}"

    def end(self) -> None:
        """Closes the connection."""
        raise NotImplementedError

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


class SocketIoClient(_Hearing):
    """A client of Socket.IO at `url`, such as `http://127.0.0.1:8788/live`. `kind` is `node` or `python`."""

    def __init__(self, kind: str, url: str, token: str, *transports: str):
        super().__init__()
        script = {"node": ["node", "mesh_client.mjs"], "python": [sys.executable, str(JOURNEYS / "theirs" / "mesh_client.py")]}
        command = [*script[kind], url, token, *transports]
        self._process = Process(command, cwd=_folder(), env=clean_environment(), stdin=PIPE, stdout=PIPE)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            _, name, *data = json.loads(line)
            self.events.append((name, data[0] if data else None))

    def emit(self, name: str, **data: object) -> None:
        self._process.stdin.write((json.dumps([name, data]) + "\n").encode())
        self._process.stdin.flush()

    def lines(self) -> list[str]:
        return [line for event in self.heard("log_line") for line in event["message"].split("\n")]

    def end(self) -> None:
        self._process.end()


class JsonClient(_Hearing):
    """A client of the JSON protocol at `url`, which holds a ticket or token. As a program, it has no `Origin`.

    Raises `websocket.WebSocketBadStatusException` if the connection is refused.
    """

    def __init__(self, url: str):
        super().__init__()
        self._socket = websocket.create_connection(url, timeout=SECONDS, suppress_origin=True)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while text := self._socket.recv():
                message = json.loads(text)
                self.events.append((message.pop("event"), message))
        except (websocket.WebSocketException, OSError):
            pass

    def emit(self, name: str, **data: object) -> None:
        self._socket.send(json.dumps({"action": name, **data}))

    def lines(self) -> list[str]:
        return [line["message"] for event in self.heard("log_lines") for line in event["lines"]]

    def ended(self) -> bool:
        """Whether the relay closed the connection."""
        return not self._reader.is_alive()

    def end(self) -> None:
        self._socket.close()
