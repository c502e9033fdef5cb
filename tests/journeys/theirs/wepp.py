"""WEPPcloud's proposal: how a worker's callback posts what a job came to, and how a client verifies it."""

import hashlib
import hmac
import json
from typing import Any

import requests


def _sign_payload(payload: bytes, secret: str) -> str:
    return hmac.new(secret.encode("utf-8"), payload, hashlib.sha256).hexdigest()


def deliver_webhook(url: str, payload: dict[str, Any], secret: str) -> requests.Response:
    """One attempt of the proposal's `_deliver_webhook`, pointed at the relay."""
    payload_bytes = json.dumps(payload).encode("utf-8")
    request_headers = {
        "Content-Type": "application/json",
        "User-Agent": "WEPPcloud-Webhook/1.0",
        "X-Webhook-Signature": f"sha256={_sign_payload(payload_bytes, secret)}",
    }
    return requests.post(url, data=payload_bytes, headers=request_headers, timeout=30, allow_redirects=False)


def verify_webhook_signature(payload: bytes, signature: str, secret: str) -> bool:
    """Verify webhook signature on client side."""
    if not signature.startswith("sha256="):
        return False

    expected = hmac.new(secret.encode("utf-8"), payload, hashlib.sha256).hexdigest()

    received = signature.replace("sha256=", "")
    return hmac.compare_digest(expected, received)
