"""The batch server's client: how it submits, and how a receiver verifies, by the raw body and by dumping it again."""

import hashlib
import hmac
import json
import time

import requests


def submit(base: str, body: dict, headers: dict[str, str]) -> requests.Response:
    """The guide's `requests.post(…/v1/batches, json=…)`."""
    return requests.post(f"{base}/v1/batches", json=body, headers=headers, timeout=30)


def generate_webhook_signature(payload: dict, secret: str) -> str:
    payload_bytes = json.dumps(payload, sort_keys=True).encode("utf-8")
    return hmac.new(secret.encode("utf-8"), payload_bytes, hashlib.sha256).hexdigest()


def verify_by_dumping_again(raw_body: bytes, signature_header: str, secret: str) -> bool:
    """What the server's own verify_webhook_signature does with the parsed payload."""
    if not signature_header.startswith("sha256="):
        return False
    expected = "sha256=" + generate_webhook_signature(json.loads(raw_body), secret)
    return hmac.compare_digest(signature_header, expected)


def verify_the_raw_body(raw_body: bytes, signature_header: str, secret: str) -> bool:
    if not signature_header.startswith("sha256="):
        return False
    expected = "sha256=" + hmac.new(secret.encode("utf-8"), raw_body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature_header, expected)


def fresh(timestamp_header: str) -> bool:
    """Five minutes back, one minute ahead."""
    age = int(time.time()) - int(timestamp_header)
    return -60 <= age <= 300
