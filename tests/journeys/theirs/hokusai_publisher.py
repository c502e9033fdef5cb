"""Hokusai's model registration, as its guide describes the payload, and the guide's script that sends a test one."""

import hashlib
import hmac
import json
import uuid
from datetime import datetime, timezone

import requests


def registration(model_id: str, **more) -> dict:
    """The guide's payload, with floats that end in .0 and letters beyond ASCII where a user may put them."""
    return {
        "model_id": model_id,
        "idempotency_key": str(uuid.uuid4()),
        "registered_version": "1",
        "timestamp": "2024-01-15T10:30:00Z",
        "token_symbol": "TOKEN_ABC",
        "baseline_metrics": {"accuracy": 0.85, "f1_score": 0.82},
        "metadata": {
            "model_name": "sentiment-analyzer",
            "mlflow_run_id": "run_xyz789",
            "contributor_address": "0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb",
            "experiment_name": "production-models",
            "tags": {"environment": "production", "model_type": "classification"},
        },
    } | more


def send_test_webhook(url: str, secret: str, extra_headers: dict[str, str]) -> requests.Response:
    """As in the guide, but for the header that the relay's route asks for."""
    payload = {
        "model_id": "test_model_001",
        "idempotency_key": str(uuid.uuid4()),
        "registered_version": "1",
        "timestamp": datetime.now(timezone.utc).replace(tzinfo=None).isoformat() + "Z",
        "token_symbol": "TEST_TOKEN",
        "baseline_metrics": {"accuracy": 0.95},
        "metadata": {"model_name": "test-model", "test": True},
    }
    payload_bytes = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), payload_bytes, hashlib.sha256).hexdigest()
    return requests.post(
        url,
        data=payload_bytes,
        headers={"Content-Type": "application/json", "X-Hokusai-Signature": signature} | extra_headers,
        timeout=30,
    )
