"""Signs a message and posts it until the relay has taken it. Copy this file; it needs Python 3.9 and nothing else.

    sender = Sender()   # RELAY_URL=https://relay.example.com/in/modal  RELAY_SECRET=whsec_…
    outcome = sender.send("msg_1", {"status": "success", "metadata": {"job_id": "job-1"}})

A message that could not be sent is logged (logger `relay`) and returned, never raised: a webhook is no reason for the work
that it reports on to fail. All tries of one message have the same id and the same bytes, so the relay takes it once.
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
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Optional

log = logging.getLogger("relay")

STANDARD = "standard"
OMTX = "omtx"
# The relay reads at most 6 MB of a body.
LIMIT = 6_000_000
# What may go better the next time; any other refusal would be the same again.
RETRIED = {408, 425, 429, 500, 502, 503, 504}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Outcome:
    """How it went. `status` is the last answer's, `reason` says why a message was not delivered."""

    delivered: bool
    tries: int
    status: Optional[int] = None
    reason: str = ""


class Sender:
    """Where to send, with which secret, and how long to try.

    `signature` is "standard" (Standard Webhooks; sources of the profiles `modal` and `standard`) or "omtx"
    (`X-Modal-Signature` and `X-Modal-Timestamp`; sources of the profile `modal-omtx`). `tries` and `budget` (seconds over
    all tries, waits included) bound a message, `timeout` each wait for the network. Where `url` and `secret` are left out,
    RELAY_URL and RELAY_SECRET are read when the first message is sent: on the machine that does the work.
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
            raise ValueError(f"signature is {STANDARD!r} or {OMTX!r}, not {signature!r}")
        self._url = url
        self._secret = secret
        self.signature = signature
        self.tries = tries
        self.budget = budget
        self.timeout = timeout
        self.delay = delay
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, message_id: str, message: Any, *, tries: Optional[int] = None, budget: Optional[float] = None) -> Outcome:
        """Posts until it is taken, refused for good, or the tries or the time are used up. Logs what went wrong."""
        try:
            outcome = self._send(message_id, message, tries or self.tries, self.budget if budget is None else budget)
        except Exception as error:  # Whatever it is, the work goes on.
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
            # Jitter, so that a thousand workers do not come back together; what the relay asks for only lengthens it.
            wait = max(wait, min(self.delay * 2 ** (made - 1), 8.0) * random.uniform(0.75, 1.25))
            if time.monotonic() + wait >= deadline:
                reason = f"{outcome.reason}; the next try would come {wait:.1f} s later, after the {budget:.0f} s there are"
                return Outcome(False, made, outcome.status, reason)
            log.warning("%s: %s; once more in %.1f s", message_id, outcome.reason, wait)
            time.sleep(wait)

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
        """One try, and how long the relay asks to wait before the next; None if there should be none."""
        # Signed anew each time: the relay takes a timestamp for 300 seconds.
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
    """Posts beside the work what may be lost: that it has started, how far it is, what it printed.

    `report(status, **more)` sends one message. Of several progress reports within `interval` seconds the last is sent, with
    all lines since the one before; while the relay cannot be reached the gaps grow and the oldest lines are dropped.
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
        """Sends what is left, within this time."""
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
    """The bytes of the key: a Standard Webhooks secret is base64 behind `whsec_`, the other one is taken as it is."""
    if signature == OMTX:
        return secret.encode()
    encoded = secret[len("whsec_") :] if secret.startswith("whsec_") else secret
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        # The error of base64 would say nothing of the secret, and must not quote it.
        raise ValueError("RELAY_SECRET is not base64; a Standard Webhooks secret is whsec_ and base64") from None


def sign(key: bytes, message_id: str, timestamp: int, body: bytes, signature: str = STANDARD) -> Dict[str, str]:
    """The headers that prove where this comes from."""
    if signature == OMTX:
        digest = hmac.new(key, body, hashlib.sha256).hexdigest()
        return {"X-Modal-Signature": "sha256=" + digest, "X-Modal-Timestamp": str(timestamp)}
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": "v1," + digest}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: what is signed goes where it was meant to go or nowhere."""

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
        return f"{answer.code}: redirects are not followed; set RELAY_URL to where it points"
    said = answer.read(500).decode(errors="replace").strip()
    return f"{answer.code}: {said}" if said else str(answer.code)


def _skew(answer: urllib.error.HTTPError) -> str:
    try:
        skew = time.time() - email.utils.parsedate_to_datetime(answer.headers.get("Date") or "").timestamp()
    except (TypeError, ValueError):
        return ""
    return f" It is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the relay's." if abs(skew) > 60 else ""
