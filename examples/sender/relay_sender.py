"""Signs a message and posts it until the relay accepts it. Copy this file; it needs Python 3.9 and nothing else.

    sender = Sender()   # RELAY_URL=https://relay.example.com/in/modal  RELAY_SECRET=whsec_…
    outcome = sender.send("msg_1", {"status": "success", "metadata": {"job_id": "job-1"}})

A message that could not be sent is logged (logger `relay`) and returned, never raised: a webhook must not fail the work
that it reports on. All tries of one message have the same id and the same bytes, so the relay accepts it once.
"""

import base64
import collections
import email.utils
import hashlib
import hmac
import http.client
import json
import logging
import os
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Optional

log = logging.getLogger("relay")

STANDARD = "standard"
OMTX = "omtx"
# Bytes. The relay reads at most 6 MB of a body.
LIMIT = 6_000_000
# The statuses that are worth a retry; after any other refusal a retry would be refused again.
RETRIED = {408, 425, 429, 500, 502, 503, 504}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Outcome:
    """The result of a message. `status` is that of the last answer; `reason` says why the message was not delivered."""

    delivered: bool
    tries: int
    status: Optional[int] = None
    reason: str = ""


class Sender:
    """A destination with its secret and the limits on retries.

    `signature` is "standard" (Standard Webhooks; sources of the profiles `modal` and `standard`) or "omtx"
    (`X-Modal-Signature` and `X-Modal-Timestamp`; sources of the profile `modal-omtx`). `tries` and `budget` (seconds for
    all tries including the waits) limit a message; `timeout` limits each wait for the network, in seconds. Without `url` and
    `secret`, RELAY_URL and RELAY_SECRET are read when a message is sent, so they are needed only where the work runs.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        secret: Optional[str] = None,
        *,
        signature: str = STANDARD,
        tries: int = 6,
        budget: float = 30.0,
        timeout: float = 10.0,
        delay: float = 0.5,
    ) -> None:
        if signature not in (STANDARD, OMTX):
            raise ValueError(f"signature must be {STANDARD!r} or {OMTX!r}, not {signature!r}")
        self._url = url
        self._secret = secret
        self.signature = signature
        self.tries = tries
        self.budget = budget
        self.timeout = timeout
        self.delay = delay
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, message_id: str, message: Any, *, tries: Optional[int] = None, budget: Optional[float] = None) -> Outcome:
        """Posts until the relay accepts, refuses without hope, or tries or time are used up. Logs a failure; never raises."""
        try:
            outcome = self._send(message_id, message, tries or self.tries, self.budget if budget is None else budget)
        except Exception as error:  # No error of the webhook may stop the work.
            outcome = Outcome(False, 0, reason=f"{type(error).__name__}: {error}")
        if outcome.delivered:
            log.info("%s delivered, tries: %d", message_id, outcome.tries)
        else:
            log.error("%s was NOT delivered, tries: %d: %s", message_id, outcome.tries, outcome.reason)
        return outcome

    def _send(self, message_id: str, message: Any, tries: int, budget: float) -> Outcome:
        deadline = time.monotonic() + budget
        url, key = self._settings()
        body = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode()
        if len(body) > LIMIT:
            return Outcome(False, 0, reason=f"{len(body)} bytes are more than the relay's {LIMIT}")
        made = 0
        while True:
            made += 1
            left = deadline - time.monotonic()
            outcome, wait = self._post(url, key, message_id, body, made, min(self.timeout, max(left, 0.1)))
            if outcome.delivered or wait is None:
                return outcome
            if made >= tries:
                return outcome
            # With jitter, so that many workers do not retry together. Retry-After can only lengthen the wait.
            wait = max(wait, min(self.delay * 2 ** (made - 1), 8.0) * random.uniform(0.75, 1.25))
            if time.monotonic() + wait >= deadline:
                reason = f"{outcome.reason}; the next try would come {wait:.1f} s later, after the {budget:.0f} s there are"
                return Outcome(False, made, outcome.status, reason)
            log.warning("%s: %s; next try in %.1f s", message_id, outcome.reason, wait)
            time.sleep(wait)

    def send_lines(self, job_id: str, body: bytes, *, timeout: float) -> "tuple[Optional[int], Optional[float]]":
        """Makes one try to append lines to the log of a job. Returns the status of the answer, None without one, and the
        seconds to wait before another try, None if another is useless. Never raises."""
        try:
            url, key = self._settings()
            url = f"{url.rstrip('/')}/jobs/{urllib.parse.quote(job_id, safe='')}/logs"
            outcome, wait = self._post(url, key, f"msg_{uuid.uuid4().hex}", body, 1, timeout)
        except Exception as error:  # Missing settings, or an error of the library: later lines may do better.
            log.debug("lines of job %s were not sent: %s", job_id, error)
            return None, 0.0
        if not outcome.delivered:
            log.debug("lines of job %s were not sent: %s", job_id, outcome.reason)
        return outcome.status, wait

    def _settings(self) -> "tuple[str, bytes]":
        url = self._url or os.environ.get("RELAY_URL", "")
        secret = (self._secret or os.environ.get("RELAY_SECRET", "")).strip()
        if not url or not secret:
            raise ValueError("RELAY_URL and RELAY_SECRET are not both set")
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("RELAY_URL must begin with https://")
        return url, key_of(secret, self.signature)

    def _post(
        self, url: str, key: bytes, message_id: str, body: bytes, made: int, timeout: float
    ) -> "tuple[Outcome, Optional[float]]":
        """Makes one try. Also returns the seconds to wait before the next; None if a retry is useless."""
        # Each try is signed anew, because the relay accepts a timestamp for 300 seconds.
        headers = sign(key, message_id, int(time.time()), body, self.signature)
        headers["Content-Type"] = "application/json"
        headers["User-Agent"] = "relay-sender/1"
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=timeout) as response:
                return Outcome(True, made, response.status), None
        except urllib.error.HTTPError as error:
            with error:
                return Outcome(False, made, error.code, _why(error)), _wait(error)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            return Outcome(False, made, None, f"no answer ({type(reason).__name__}: {reason})"), 0.0


class Courier:
    """Posts start, progress and printed lines from a thread of its own. These messages may be lost.

    `report(status, **more)` sends one message. Of several progress reports within `interval` seconds the last is sent,
    with all lines since the report before. While the relay does not answer, the interval grows to at most 60 s and the
    oldest lines are dropped.
    """

    LINES = 1000
    WIDTH = 2000

    def __init__(self, report: Callable[..., Outcome], interval: float = 1.0) -> None:
        self._report = report
        self._interval = interval
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._started = False
        self._progress: Dict[str, Any] = {}
        self._lines: "collections.deque[str]" = collections.deque(maxlen=self.LINES)
        self._dropped = 0

    def started(self) -> None:
        with self._changed:
            self._started = True
            self._wake()

    def progress(self, percent: Optional[float], message: Optional[str]) -> None:
        said = {"progress": percent, "message": message}
        with self._changed:
            self._progress = {name: value for name, value in said.items() if value is not None}
            self._wake()

    def lines(self, lines: Iterable[str]) -> None:
        with self._changed:
            for line in lines:
                self._dropped += len(self._lines) == self.LINES
                self._lines.append(str(line)[: self.WIDTH])
            self._wake()

    def close(self, seconds: float = 6.0) -> None:
        """Sends the pending messages, for at most `seconds`."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
        if self._thread:
            self._thread.join(seconds)

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="relay-courier", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        gap = self._interval
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._something() or self._closing.is_set())
                if not self._something():
                    return
                started, said = self._started, self._take()
            arrived = not started or self._report("running").delivered
            if said:
                arrived = self._report("progress", result=said).delivered and arrived
            gap = self._interval if arrived else min(max(gap, 1.0) * 2, 60.0)
            self._closing.wait(gap)

    def _something(self) -> bool:
        return bool(self._started or self._progress or self._lines)

    def _take(self) -> Dict[str, Any]:
        said = dict(self._progress)
        if self._lines:
            said["lines"] = list(self._lines)
        if self._dropped:
            said["lines_dropped"] = self._dropped
        self._started, self._progress, self._dropped = False, {}, 0
        self._lines.clear()
        return said


def key_of(secret: str, signature: str = STANDARD) -> bytes:
    """The bytes of the key: the decoded base64 after `whsec_` (Standard Webhooks), or the text of the secret (OMTX)."""
    if signature == OMTX:
        return secret.encode()
    encoded = secret[len("whsec_") :] if secret.startswith("whsec_") else secret
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        # Without the error of base64 as its cause, so that a traceback cannot quote the secret.
        raise ValueError("RELAY_SECRET is not base64; a Standard Webhooks secret is whsec_ and base64") from None


def sign(key: bytes, message_id: str, timestamp: int, body: bytes, signature: str = STANDARD) -> Dict[str, str]:
    """The headers that sign the body."""
    if signature == OMTX:
        digest = hmac.new(key, body, hashlib.sha256).hexdigest()
        return {"X-Modal-Signature": "sha256=" + digest, "X-Modal-Timestamp": str(timestamp)}
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": "v1," + digest}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Treats a redirect as an answer, so that a signed message goes only to the configured URL."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _wait(answer: urllib.error.HTTPError) -> Optional[float]:
    if answer.code not in RETRIED:
        return None
    asked = (answer.headers.get("Retry-After") or "").strip()
    if asked.isdigit():
        return float(asked)
    try:
        return max(email.utils.parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return 0.0


def _why(answer: urllib.error.HTTPError) -> str:
    if answer.code == 401:
        return (
            "401: the signature was refused. Is RELAY_SECRET the secret of the source in RELAY_URL, does the source's "
            f"profile belong to this signature, and is the clock right?{_skew(answer)}"
        )
    if 300 <= answer.code < 400:
        return f"{answer.code}: redirects are not followed; set RELAY_URL to the target of the redirect"
    said = answer.read(500).decode(errors="replace").strip()
    return f"{answer.code}: {said}" if said else str(answer.code)


def _skew(answer: urllib.error.HTTPError) -> str:
    try:
        skew = time.time() - email.utils.parsedate_to_datetime(answer.headers.get("Date") or "").timestamp()
    except (TypeError, ValueError):
        return ""
    return f" It is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the relay's." if abs(skew) > 60 else ""
