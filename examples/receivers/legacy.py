"""Verifies what the relay sends in the five systems' own formats. Copy the function you need; the standard library is enough.

Each takes the raw body, before anything parses it, the headers (any mapping whose `get` ignores case, as web frameworks have
it, or names in small letters) and the secret; and says whether the request is genuine. None raises, whatever came in.

Whoever can choose takes Standard Webhooks instead (`standard.py`): it signs the id and the time as well, so that a captured
request cannot be sent again later. Every request of the relay carries those headers too.
"""

import hashlib
import hmac
import time
from typing import Mapping, Optional

Headers = Mapping[str, str]


def _holds(secret: str, signed: bytes, received: Optional[str], prefix: str) -> bool:
    if not received or not received.startswith(prefix):
        return False
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # As bytes: compare_digest raises TypeError for text that is not ASCII, and a header may hold any text.
    return hmac.compare_digest(received[len(prefix) :].encode(), expected.encode())


def _recent(timestamp: Optional[str], past: int, future: int) -> bool:
    if not timestamp or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    return -future <= time.time() - int(timestamp) <= past


def hokusai(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `hokusai` (R2.4): hex without a prefix."""
    return _holds(secret, body, headers.get("x-hokusai-signature"), "")


def hokusai_prefixed(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `hokusai-prefixed` (S2.1): hex behind `sha256=`."""
    return _holds(secret, body, headers.get("x-hokusai-signature"), "sha256=")


def hokusai_deltaone(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `hokusai-deltaone` (S2.1): the signature covers time and nonce."""
    timestamp, nonce = headers.get("x-hokusai-timestamp"), headers.get("x-hokusai-nonce")
    if not nonce or not _recent(timestamp, 300, 300):
        return False
    return _holds(secret, f"{timestamp}.{nonce}.".encode() + body, headers.get("x-hokusai-signature"), "sha256=")


def batch(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `batch` (R3.4). The signature does not cover the time: store the ids of handled requests."""
    if not _recent(headers.get("x-webhook-timestamp"), 300, 60):
        return False
    return _holds(secret, body, headers.get("x-webhook-signature"), "sha256=")


def wepp(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `wepp` (R4.12)."""
    return _holds(secret, body, headers.get("x-webhook-signature"), "sha256=")


def omtx(body: bytes, headers: Headers, secret: str) -> bool:
    """Verifies the profile `omtx-out` (S0.14). The signature does not cover X-OMTX-Timestamp: do not rely on it."""
    return _holds(secret, body, headers.get("x-omtx-signature"), "sha256=")
