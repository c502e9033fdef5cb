"""The data of both functions: one source with a Standard Webhooks secret, and requests signed with that secret."""

import base64
import hashlib
import hmac
import json
import os
import time

TABLE = "bench"
BUCKET = "bench-bodies"
SOURCE = "bench"
SOURCE_ID = "src_" + "5" * 32
APPLICATION_ID = "app_" + "5" * 32
MASTER_SECRET = "bench-master-key"
SIGNING_SECRET = "bench-signing-secret"
MASTER = "0123456789abcdef0123456789abcdef"
KEY = b"a key of thirty-two bytes, so be it"[:32]
WHSEC = "whsec_" + base64.b64encode(KEY).decode()
BODY_BYTES = 1024


def sealed(secret: str, owner: str) -> str:
    """Encrypts a secret as `adapters::vault` does."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = hashlib.sha256(b"webhook relay sealing key v1:" + MASTER.encode()).digest()
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, secret.encode(), owner.encode())).decode()


def item() -> dict:
    """The table item of the source."""
    now = int(time.time() * 1000)
    document = {
        "id": SOURCE_ID,
        "name": SOURCE,
        "profile": "standard",
        "secrets": [sealed(WHSEC, f"source:{SOURCE_ID}")],
        "application": APPLICATION_ID,
        "options": {},
        "created_at": now,
        "updated_at": now,
        "version": 0,
    }
    return {"pk": {"S": "SOURCES"}, "sk": {"S": SOURCE}, "doc": {"S": json.dumps(document)}}


def event(number: int) -> bytes:
    """The event that API Gateway sends for a request of 1 KiB, signed now."""
    body = {"type": "job.completed", "id": f"job-{number}", "status": "succeeded", "output": ""}
    body["output"] = "x" * (BODY_BYTES - len(json.dumps(body)))
    text = json.dumps(body)
    now = int(time.time())
    message = f"msg_{os.urandom(12).hex()}"
    mac = hmac.digest(KEY, f"{message}.{now}.{text}".encode(), "sha256")
    host = "abc123.execute-api.us-east-1.amazonaws.com"
    path = f"/in/{SOURCE}"
    request = {
        "version": "2.0",
        "routeKey": "POST /in/{source}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "content-length": str(len(text)),
            "host": host,
            "user-agent": "bench/1",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            "webhook-id": message,
            "webhook-timestamp": str(now),
            "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        },
        "pathParameters": {"source": SOURCE},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": host,
            "domainPrefix": "abc123",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "bench/1",
            },
            "requestId": "Jl2bSgQbliAEJ2g=",
            "routeKey": "POST /in/{source}",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": now * 1000,
        },
        "body": text,
        "isBase64Encoded": False,
    }
    return json.dumps(request).encode()
