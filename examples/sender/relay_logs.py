"""Sends the lines of a job to its log at the relay. Copy this file and `relay_sender.py`; they need Python 3.9 and nothing else.

    log = JobLog("job-1")   # RELAY_URL=https://relay.example.com/in/modal  RELAY_SECRET=whsec_…
    log("[INFO] model loaded")
    log.close()

A line is printed at once and sent from a thread of its own. Nothing that happens there fails the job, and only `close` waits
for it, 2 s at most. While the relay cannot be reached, the newest 10,000 lines are kept; the log shows how many are missing.
"""

import collections
import json
import logging
import threading
import time
import uuid
from typing import Any, Deque, Dict, List, Optional, Tuple

from relay_sender import Sender

log = logging.getLogger("relay")

# Lines that wait for the relay; then the oldest go.
RING = 10_000
# A batch is sent when it has this many lines, or this many seconds after its first line.
BATCH = 50
INTERVAL = 0.2
# Bounds of the relay for one batch: lines, bytes of one line, bytes of all.
MOST = 500
WIDTH = 16_000
SIZE = 200_000
# Seconds that `close` waits, and between two tries while the relay does not answer.
AT_EXIT = 2.0
LONGEST_PAUSE = 10.0


class JobLog:
    """The log of one job. Each process has a stream of its own, so that the numbers of a second try do not meet those of the first."""

    def __init__(self, job_id: str, sender: Optional[Sender] = None, *, stream: Optional[str] = None) -> None:
        self.job_id = job_id
        self.stream = stream or f"main-{uuid.uuid4().hex[:8]}"
        self.dropped = 0
        self._sender = sender or Sender()
        self._changed = threading.Condition()
        self._lines: "Deque[Tuple[int, Dict[str, Any]]]" = collections.deque()
        self._next = 1
        self._closed_at: Optional[float] = None
        self._thread: Optional[threading.Thread] = None

    def __call__(self, *lines: Any, level: Optional[str] = None) -> None:
        """Prints lines, and sends them later. Never raises, and does not wait."""
        try:
            self._say(lines, level)
        except Exception:  # A closed standard output, no thread to be had, a text that cannot be made.
            log.exception("a line of job %s is not sent", self.job_id)

    def _say(self, lines: "tuple[Any, ...]", level: Optional[str]) -> None:
        texts = [str(line) for line in lines]
        try:
            for text in texts:
                print(text, flush=True)
        except Exception:  # The lines are sent although nobody reads the output.
            log.exception("lines of job %s are not printed", self.job_id)
        now = round(time.time() * 1000)
        with self._changed:
            for text in texts:
                line = {"message": text[:WIDTH], "timestamp": now}
                if level:
                    line["level"] = level
                self._lines.append((self._next, line))
                self._next += 1
                if len(self._lines) > RING:
                    self._drop(1)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="relay-log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _drop(self, count: int) -> None:
        """Drops the oldest lines. Their numbers stay unused, so the log shows that they are missing."""
        for _ in range(count):
            self._lines.popleft()
        if not self.dropped:
            log.warning("job %s: lines are dropped, because the relay does not take them", self.job_id)
        self.dropped += count

    def begin_close(self) -> None:
        """Lets the thread send what is left, without waiting."""
        with self._changed:
            self._closed_at = self._closed_at or time.monotonic()
            self._changed.notify()

    def close(self) -> None:
        """Sends what is left, and waits for it until 2 s after closing began."""
        self.begin_close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(self._left(), 0.0))
        if self._lines:
            log.warning("job %s: %d lines were not sent", self.job_id, len(self._lines))

    def _left(self) -> float:
        """The seconds that are left for sending."""
        with self._changed:
            return LONGEST_PAUSE if self._closed_at is None else self._closed_at + AT_EXIT - time.monotonic()

    def _run(self) -> None:
        try:
            while self._wait():
                self._send(*self._take())
        except Exception:  # Of a thread that nobody watches.
            log.exception("job %s: its lines are no longer sent", self.job_id)

    def _wait(self) -> bool:
        """Waits for a batch. Returns whether there is one to be sent."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed_at)
            if not self._closed_at:
                self._changed.wait_for(lambda: len(self._lines) >= BATCH or self._closed_at, INTERVAL)
        return bool(self._lines) and self._left() > 0

    def _take(self) -> "Tuple[int, List[Dict[str, Any]]]":
        """The first lines that wait, whose numbers follow on each other, as many as fit into a batch."""
        lines: "List[Dict[str, Any]]" = []
        size = 0
        with self._changed:
            first = self._lines[0][0] if self._lines else 0
            for number, line in self._lines:
                size += len(json.dumps(line)) + 1
                if len(lines) == MOST or number != first + len(lines) or (lines and size > SIZE):
                    break
                lines.append(line)
        return first, lines

    def _send(self, first: int, lines: "List[Dict[str, Any]]") -> None:
        """Sends a batch until the relay takes it or refuses it for good, or closing ends. A try that is repeated has the
        same numbers, so that the relay keeps the lines once."""
        if not lines:
            return
        body = {"job_id": self.job_id, "stream": self.stream, "first_seq": first, "lines": lines}
        text = json.dumps(body, separators=(",", ":")).encode()
        pause = INTERVAL
        # If the ring drops the first of the lines meanwhile, those that are left go in another batch.
        while self._left() > 0 and self._holds(first):
            status, wait = self._sender.send_lines(self.job_id, text, timeout=max(min(10.0, self._left()), 0.1))
            if status is not None and wait is None:
                return self._done(first, len(lines), refused=status >= 300)
            self._pause(max(wait or 0.0, pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _done(self, first: int, count: int, refused: bool) -> None:
        with self._changed:
            while self._lines and self._lines[0][0] < first + count:
                if refused:
                    self._drop(1)
                else:
                    self._lines.popleft()

    def _holds(self, first: int) -> bool:
        with self._changed:
            return bool(self._lines) and self._lines[0][0] <= first

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            if self._closed_at is None:
                # Closing ends a long pause, for a last try.
                self._changed.wait_for(lambda: self._closed_at, seconds)
                return
            end = min(end, self._closed_at + AT_EXIT)
        time.sleep(max(end - time.monotonic(), 0.0))
