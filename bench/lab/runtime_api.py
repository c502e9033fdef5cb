"""The part of Lambda's runtime API that one function needs, with the times at which each event is sent and answered."""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .wire import Server, response

PREFIX = b"/2018-06-01/runtime/"
FUNCTION = b"arn:aws:lambda:us-east-1:123456789012:function:bench-ingest"
PATIENCE = 60.0


class Failed(Exception):
    """The function ended or did not answer."""


@dataclass
class Answer:
    """The answer to one event."""

    handed_ns: int
    answered_ns: int
    body: bytes


class RuntimeApi:
    """Serves events and accepts the answers. Times are read in the thread of the connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._handed: dict[bytes, int] = {}
        self._alive: Callable[[], bool] = lambda: True
        self._fresh()
        self._server = Server(self._handle)
        self.address = f"localhost:{self._server.port}"

    def _fresh(self) -> None:
        self._events: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._polls: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | Failed] = queue.SimpleQueue()

    def begin(self, alive: Callable[[], bool]) -> None:
        """Notes that a function was started. `alive` tells whether the function still runs."""
        self._alive = alive

    def end(self) -> None:
        """Notes that the function has ended and closes its waiting connections, so that the next function gets none."""
        self._events.put(None)
        self._fresh()

    def hand(self, event: bytes) -> None:
        """Serves this event to the next poll."""
        self._events.put(event)

    def poll(self) -> int:
        """Waits for the next poll of the function. Returns its time."""
        return self._wait(self._polls)

    def answer(self) -> Answer:
        """Waits for the next answer."""
        answer = self._wait(self._answers)
        if isinstance(answer, Failed):
            raise answer
        return answer

    def _wait(self, source):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                return source.get(timeout=0.5)
            except queue.Empty:
                if not self._alive():
                    raise Failed("the function ended") from None
        raise Failed(f"the function did not answer within {PATIENCE:.0f} s")

    def _handle(self, method: bytes, path: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        now = time.monotonic_ns()
        what = path.removeprefix(PREFIX)
        if method == b"GET" and what == b"invocation/next":
            self._polls.put(now)
            event = self._events.get()
            if event is None:
                raise ConnectionResetError
            return self._next(event)
        if method == b"POST" and what.endswith(b"/response"):
            self._answers.put(Answer(self._handed.pop(what.split(b"/")[1]), now, body))
        else:
            said = f"{method.decode()} {path.decode()}: {body[:500].decode(errors='replace')}"
            self._answers.put(Failed(said))
            self._polls.put(now)
        return response(b"202 Accepted", b"", b"application/json")

    def _next(self, event: bytes) -> bytes:
        with self._lock:
            self._count += 1
            request = b"00000000-0000-4000-8000-%012d" % self._count
        deadline = int(time.time() * 1000) + 10_000
        headers = (
            b"Lambda-Runtime-Aws-Request-Id: %b\r\n"
            b"Lambda-Runtime-Deadline-Ms: %d\r\n"
            b"Lambda-Runtime-Invoked-Function-Arn: %b\r\n"
            b"Lambda-Runtime-Trace-Id: Root=1-00000000-000000000000000000000000;Sampled=0\r\n"
        ) % (request, deadline, FUNCTION)
        ready = response(b"200 OK", event, b"application/json", headers)
        self._handed[request] = time.monotonic_ns()
        return ready
