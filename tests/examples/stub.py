"""Replicate, RunPod and fal on loopback: they take a job and post its end when they are told to."""

import base64
import hashlib
import json
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks.webhooks import Webhook

from support.server import Answer, Request, Server


class Platform(Server):
    """Keeps each request for a job in `asked`, as (method, path, headers, body), and each other path in `questions`."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.key = Ed25519PrivateKey.generate()
        self.asked: "list[tuple[str, str, dict, dict]]" = []
        self.questions: "list[str]" = []
        self.ended: "dict[str, dict]" = {}
        super().__init__(self._respond)

    def _respond(self, request: Request) -> Answer:
        if request.method == "GET":
            document = self.get(request.path)
        else:
            self.asked.append(("POST", request.path, request.headers, request.json))
            document = self.post(request.path)
        return Answer.of(document or {}, 404 if document is None else 200)

    def get(self, path: str) -> "dict | None":
        self.questions.append(path)
        if path == "/v1/webhooks/default/secret":
            return {"key": self.secret}
        if path == "/.well-known/jwks.json":
            public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            x = base64.urlsafe_b64encode(public).decode().rstrip("=")
            return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}
        return self.ended.get(path.rsplit("/", 1)[1])

    def post(self, path: str) -> "dict | None":
        job_id = uuid.uuid4().hex
        if path == "/v1/predictions":
            return {"id": job_id, "status": "starting"}
        if path.endswith("/run"):
            return {"id": job_id, "status": "IN_QUEUE"}
        return {"request_id": job_id, "gateway_request_id": job_id}

    # How a job ends.

    def replicate_ends(self, job_id: str) -> int:
        (asked,) = [body for _, path, _, body in self.asked if path == "/v1/predictions"]
        body = json.dumps({"id": job_id, "status": "succeeded", "output": ["https://replicate.delivery/x.png"], "error": None})
        now = datetime.now(timezone.utc)
        signature = Webhook(self.secret).sign("msg_r1", now, body)
        headers = {"webhook-id": "msg_r1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        return send(asked["webhook"], headers, body.encode())

    def runpod_ends(self, job_id: str, status: str = "COMPLETED") -> int:
        (asked,) = [body for _, path, _, body in self.asked if path.endswith("/run")]
        self.ended[job_id] = {"id": job_id, "status": status, "output": {"text": "a cat"}, "executionTime": 1437}
        return send(asked["webhook"], {}, json.dumps(self.ended[job_id]).encode())

    def fal_ends(self, job_id: str) -> int:
        ((_, path, _, _),) = [asked for asked in self.asked if "fal_webhook=" in asked[1]]
        (url,) = parse_qs(urlsplit(path).query)["fal_webhook"]
        said = {"request_id": job_id, "gateway_request_id": job_id, "status": "OK", "error": None, "payload": {"seed": 7}}
        body, now = json.dumps(said).encode(), str(int(time.time()))
        signed = "\n".join((job_id, "user-1", now, hashlib.sha256(body).hexdigest())).encode()
        headers = {
            "X-Fal-Webhook-Request-Id": job_id,
            "X-Fal-Webhook-User-Id": "user-1",
            "X-Fal-Webhook-Timestamp": now,
            "X-Fal-Webhook-Signature": self.key.sign(signed).hex(),
        }
        return send(url, headers, body)


def send(url: str, headers: "dict[str, str]", body: bytes) -> int:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
