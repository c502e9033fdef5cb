"""The consumer of Hokusai's guide: its Python verifier and its idempotency, in one FastAPI handler.

    WEBHOOK_SECRET=… python hokusai_consumer.py <port>
"""

import hashlib
import hmac
import os
import sys

import uvicorn
from fastapi import FastAPI, HTTPException, Request

WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]
app = FastAPI()
processed_keys = set()


def verify_webhook_signature(payload: bytes, signature: str, secret: str) -> bool:
    expected_signature = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, expected_signature)


@app.post("/api/models/ready")
async def handle_webhook(request: Request):
    payload = await request.body()
    signature = request.headers.get("X-Hokusai-Signature")

    if not verify_webhook_signature(payload, signature, WEBHOOK_SECRET):
        raise HTTPException(status_code=401, detail="Invalid signature")

    data = await request.json()
    idempotency_key = data.get("idempotency_key")

    if idempotency_key in processed_keys:
        return {"status": "already_processed"}

    processed_keys.add(idempotency_key)
    return {"status": "success"}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
