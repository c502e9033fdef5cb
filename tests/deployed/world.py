"""The deployed relay: its API as a client sees it, its queues, and a sender."""

import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from sam import STACK
from stack import Emulator

from support.live import JsonClient
from support.process import say, wait_until
from support.receiver import Hook, Receiver


@dataclass
class ApiAnswer:
    status: int
    text: str

    @property
    def json(self):
        return json.loads(self.text)


class World:
    """The deployed stack, and the receiver of its webhooks."""

    def __init__(self, emulator: Emulator, receiver: Receiver, stack: str = STACK):
        self.emulator = emulator
        self.receiver = receiver
        self.stack = stack
        self.outputs = emulator.outputs(stack)
        # Outputs name the address on AWS. The emulator serves the same API by path.
        self.base = f"{emulator.url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default"
        self.live = f"{emulator.url}/_aws/execute-api/{self.outputs['WebSocketApiId']}/live"
        secret = emulator.client("secretsmanager").get_secret_value(SecretId=self.outputs["AdminKeySecretArn"])
        self.admin_key = f"rk_admin_{secret['SecretString']}"

    def say_how_to_call(self) -> None:
        say(f"\nrunning until Ctrl-C\n  base URL   {self.base}\n  admin key  {self.admin_key}\n  AWS        {self.emulator.url}")

    def call(self, method: str, path: str, body=None, headers=None) -> ApiAnswer:
        """A request by nobody in particular."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | (headers or {})
        request = urllib.request.Request(self.base + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return ApiAnswer(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return ApiAnswer(error.code, error.read().decode(errors="replace"))

    def manage(self, method: str, path: str, body=None) -> ApiAnswer:
        """A request with the admin key, which must succeed."""
        answer = self.call(method, path, body, {"authorization": f"Bearer {self.admin_key}"})
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer

    def source(self, name: str, application: str) -> "Sender":
        """Sets up a source of the profile modal-omtx, and answers with the one who may speak for it."""
        secret = secrets.token_urlsafe(36)
        wanted = {"profile": "modal-omtx", "secrets": [secret], "application": application}
        self.manage("PUT", f"/v1/sources/{name}", wanted)
        return Sender(self, name, secret)

    def application(self, uid: str) -> None:
        self.manage("POST", "/api/v1/app", {"name": uid, "uid": uid})

    def endpoint(self, application: str, hook: Hook, **more) -> tuple[str, str]:
        """An endpoint's id and its secret."""
        created = self.manage("POST", f"/api/v1/app/{application}/endpoint", {"url": hook.url, **more}).json
        secret = self.manage("GET", f"/api/v1/app/{application}/endpoint/{created['id']}/secret").json["key"]
        return created["id"], secret

    def job(self, source: str, external_id: str, **more: object) -> dict:
        """Registers a job."""
        return self.manage("POST", "/v1/jobs", {"source": source, "external_id": external_id, **more}).json

    def log(self, job: str, first: int, lines: list[str]) -> None:
        """Posts lines to the log of a job, numbered from `first`."""
        self.manage("POST", f"/v1/jobs/{job}/logs", {"stream": "stdout", "first_seq": first, "lines": lines})

    def invoke(self, function: str, event: object) -> object:
        """The answer of a function to an event, which it must not fail."""
        name = f"{self.stack}-{function}"
        answer = self.emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        said = answer["Payload"].read().decode()
        assert "FunctionError" not in answer and "Mock response" not in said, said
        return json.loads(said)

    def live_token(self, **about: object) -> str:
        """A token for one job, project or batch."""
        made = self.manage("POST", "/v1/live/tokens", about).json
        assert made["url"] == f"{self.outputs['LiveUrl']}?token={made['token']}", made["url"]
        return made["token"]

    def live_client(self, **query: str) -> JsonClient:
        """A connection in the JSON protocol. Raises `websocket.WebSocketBadStatusException` if it is refused."""
        url = self.live.replace("http:", "ws:", 1)
        return JsonClient(f"{url}?{urllib.parse.urlencode(query)}")

    def live_items(self) -> set[str]:
        """The partitions of the table that live connections and their subscriptions occupy."""
        pages = self.emulator.client("dynamodb").get_paginator("scan").paginate(
            TableName=self.outputs["TableName"], ProjectionExpression="pk, sk", ConsistentRead=True
        )
        keys = [(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]]
        return {f"{pk} {sk}" for pk, sk in keys if pk == "AWAKE" or pk.startswith("CONN#") or sk.startswith("CONN#")}

    def dead_letters(self) -> dict[object, dict]:
        listed = self.manage("GET", "/v1/webhooks/dead-letter").json
        assert listed["object"] == "list", listed
        return {letter["id"]: letter for letter in listed["data"]}

    def wait_for_dead_letter(self, known: dict, seconds: float = 90) -> dict:
        """The first dead letter that was not known."""

        def new():
            return [letter for key, letter in self.dead_letters().items() if key not in known]

        return wait_until("a new dead letter is listed", new, seconds)[0]

    def waiting(self, queue: str) -> int:
        """The messages in a queue: waiting, being worked on, or delayed."""
        sqs = self.emulator.client("sqs")
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in counts.items() if name.startswith("ApproximateNumberOf"))

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Every queue is empty."""
        queues = [self.outputs[name] for name in ("InboxUrl", "OutboxUrl", "DeadLettersUrl")]
        idle = lambda: all(self.waiting(queue) == 0 for queue in queues)  # noqa: E731
        # Twice: a function deletes what it received after it has sent what follows from it.
        wait_until("the queues are empty", lambda: idle() and idle(), seconds)


@dataclass
class Sender:
    """One who signs as OMTX-Hub's functions on Modal do (R0.9 to R0.12)."""

    world: World
    source: str
    secret: str

    def completion(self, call_id: str, **result) -> bytes:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        whole = {"affinity": -8.1, "confidence": 0.9, "structure_file_base64": "QVRPTQ==", "execution_time": 12.5} | result
        metadata = {"job_id": f"job-{call_id}", "batch_id": f"batch-{call_id}", "timestamp": stamp}
        return json.dumps({"call_id": call_id, "status": "success", "result": whole, "metadata": metadata}).encode()

    def post(self, body: bytes, signature: str | None = None) -> ApiAnswer:
        right = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "User-Agent": "Modal-Webhook/1.0",
            "X-Modal-Signature": right if signature is None else signature,
            "X-Modal-Timestamp": str(int(time.time())),
        }
        return self.world.call("POST", f"/in/{self.source}", body, headers)
