"""What the tests share: one relay, one subscriber, and a line between a sender and the relay that breaks when it is told."""

import base64
import contextlib
import http.client
import json
import logging
import os
import secrets
import threading
import unittest
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator
from urllib.parse import urlsplit

import tools
from relay import Receiver, Relay

EXAMPLES = tools.ROOT / "examples"

_relay: "Relay | None" = None
_receiver: "Receiver | None" = None


def relay() -> Relay:
    assert _relay is not None
    return _relay


@contextlib.contextmanager
def running() -> Iterator[None]:
    global _relay, _receiver
    with Receiver() as _receiver, Relay() as _relay:
        yield


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass
class Request:
    """What went over the line."""

    headers: dict[str, str]
    body: bytes


class Line:
    """Passes on what it is sent, but for the troubles it was told of, one a request.

    "503", "401" …: an answer of its own. "503 after 2": the same with Retry-After. "lost": the relay hears it, the sender
    does not hear the relay. "cut": nobody hears anything.
    """

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.troubles: list[str] = []
        line = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                line.requests.append(Request({name.lower(): value for name, value in self.headers.items()}, body))
                trouble = line.troubles.pop(0) if line.troubles else ""
                if trouble == "cut":
                    return self.connection.close()
                if trouble and trouble != "lost":
                    status, _, after = trouble.partition(" after ")
                    self.send_response(int(status))
                    if after:
                        self.send_header("Retry-After", after)
                    if status.startswith("3"):
                        self.send_header("Location", relay().url + self.path)
                    self.end_headers()
                    return None
                target = urlsplit(relay().url)
                onward = http.client.HTTPConnection(target.hostname, target.port, timeout=15)
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                said = answer.read()
                onward.close()
                if trouble == "lost":
                    return self.connection.close()
                self.send_response(answer.status)
                self.end_headers()
                self.wfile.write(said)
                return None

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Case(unittest.TestCase):
    """A source, an application and an endpoint of its own, a line to the relay, and the environment that names them."""

    profile = "standard"

    def setUp(self) -> None:
        # On stderr, which unittest shows if the test fails; at the level that a worker would have.
        logging.basicConfig(level=logging.INFO, force=True)
        self.name = f"{type(self).__name__.lower()}-{uuid.uuid4().hex[:8]}"
        self.secret = new_secret()
        relay().call("POST", "/api/v1/app", {"name": self.name, "uid": self.name})
        relay().call("POST", f"/api/v1/app/{self.name}/endpoint", {"url": _receiver.url})
        self.put_source(self.name, self.profile)
        self.line = Line()
        self.addCleanup(self.line.close)
        self.env = {
            "RELAY_URL": f"{self.line.url}/in/{self.name}",
            "RELAY_SECRET": self.secret,
            "RELAY_API": relay().url,
            "RELAY_KEY": relay().admin,
        }
        before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        self.addCleanup(self._restore, before)

    @staticmethod
    def _restore(before: "dict[str, str | None]") -> None:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def put_source(self, name: str, profile: str, **more: object) -> dict:
        body = {"profile": profile, "secrets": [self.secret], "application": self.name} | more
        return relay().call("PUT", f"/v1/sources/{name}", body)

    def sent(self) -> list[dict]:
        """What was sent over the line, each message once."""
        by_id = {request.headers.get("webhook-id", index): request for index, request in enumerate(self.line.requests)}
        return [json.loads(request.body) for request in by_id.values()]

    def statuses(self) -> list[str]:
        return [message["status"] for message in self.sent()]

    def job(self, job_id: str) -> "dict | None":
        status, job = relay().send("GET", f"/v1/jobs/{job_id}", None, {"Authorization": f"Bearer {relay().admin}"})
        return job if status == 200 else None

    def job_in(self, job_id: str, state: str) -> dict:
        """The job once it is in this state."""
        found = lambda: (job := self.job(job_id)) and job["status"] == state and job  # noqa: E731
        return tools.wait_until(f"{job_id} is {state}; it is {(self.job(job_id) or {}).get('status')}", found, 20)

    def heard(self, event_type: str, job_id: str, count: int = 1) -> list[dict]:
        """What the subscriber was told about a job under this type, once it is that much."""

        def find() -> "list[dict] | None":
            told = {d.headers["webhook-id"]: json.loads(d.body) for d in list(_receiver._deliveries)}
            right = [
                told for told in told.values()
                if told["type"] == event_type and told["data"].get("job", {}).get("external_id") == job_id
            ]
            return right if len(right) >= count else None

        return tools.wait_until(f"{event_type} of {job_id}, {count} times", find, 20)
