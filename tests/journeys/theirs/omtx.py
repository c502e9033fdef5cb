"""OMTX-Hub's side of Modal, as its guide has it: how a completion is signed, and how its handler used to verify one."""

import hashlib
import hmac
import time


def headers(secret: str, raw_body: bytes) -> dict[str, str]:
    """The four headers that the guide requires."""
    mac = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    return {
        "X-Modal-Signature": f"sha256={mac}",
        "X-Modal-Timestamp": str(int(time.time())),
        "Content-Type": "application/json",
        "User-Agent": "Modal-Webhook/1.0",
    }


def verify_webhook_signature(secret: str, raw_body: bytes, signature_header: str) -> bool:
    expected_mac = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    signature = signature_header.split("=", 1)[1]
    return hmac.compare_digest(expected_mac, signature)


def verify_timestamp(timestamp_header: str) -> bool:
    webhook_time = int(timestamp_header)
    current_time = int(time.time())
    return abs(current_time - webhook_time) <= 300
