"""What the examples' tests share: a source, an application and an endpoint of each test's own, and a line to the relay that
breaks when it is told to."""

import base64
import contextlib
import http.client
import json
import logging
import secrets
import uuid
from typing import Iterator
from urllib.parse import urlsplit

import pytest

from support.process import ROOT, wait_until
from support.relay import Relay
from support.server import Answer, Request, Server

EXAMPLES = ROOT / "examples"


def new_secret() -> str:
    """A secret of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Line(Server):
    """Passes requests on to the relay, but for the troubles that it was told of, one a request.

    "503", "401" …: an answer of its own. "503 after 2": the same with Retry-After. "lost": the relay hears the request, and
    its answer is lost. "cut": the relay does not hear it either.
    """

    def __init__(self, relay: Relay, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.lines: list[Request] = []
        self.troubles: list[str] = []
        self._relay = relay
        super().__init__(self._pass_on, port)

    def _pass_on(self, request: Request) -> Answer | None:
        # Lines of logs come beside the messages, at times of their own.
        if request.path.endswith("/logs"):
            self.lines.append(request)
            trouble = ""
        else:
            self.requests.append(request)
            trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "cut":
            return None
        if trouble and trouble != "lost":
            status, _, after = trouble.partition(" after ")
            headers = {"Retry-After": after} if after else {}
            if status.startswith("3"):
                headers["Location"] = self._relay.url + request.path
            return Answer(int(status), headers=headers)
        target = urlsplit(self._relay.url)
        onward = http.client.HTTPConnection(target.hostname, target.port, timeout=15)
        onward.request("POST", request.path, request.body, request.headers)
        answer = onward.getresponse()
        body = answer.read()
        onward.close()
        return None if trouble == "lost" else Answer(answer.status, body)


class Case:
    """A source, an application and an endpoint of its own, a line to the relay, and the environment that names them."""

    profile = "standard"

    @pytest.fixture(autouse=True)
    def set_up(self, relay, receiver, monkeypatch, caplog) -> Iterator[None]:
        # The level that a worker would have.
        caplog.set_level(logging.INFO)
        self.relay, self.receiver, self.monkeypatch, self._caplog = relay, receiver, monkeypatch, caplog
        self.name = f"{type(self).__name__.lower()}-{uuid.uuid4().hex[:8]}"
        self.secret = new_secret()
        self.hook = receiver.hook(f"/{self.name}")
        relay.call("POST", "/api/v1/app", {"name": self.name, "uid": self.name})
        relay.call("POST", f"/api/v1/app/{self.name}/endpoint", {"url": self.hook.url})
        self.put_source(self.name, self.profile)
        with contextlib.ExitStack() as self.cleanup, Line(relay) as self.line:
            self.env = {
                "RELAY_URL": f"{self.line.url}/in/{self.name}",
                "RELAY_SECRET": self.secret,
                "RELAY_API": relay.url,
                "RELAY_KEY": relay.admin,
            }
            for name, value in self.env.items():
                monkeypatch.setenv(name, value)
            self.prepare()
            yield

    def prepare(self) -> None:
        """Sets up what the tests of one class need beside."""

    def put_source(self, name: str, profile: str, **more: object) -> dict:
        body = {"profile": profile, "secrets": [self.secret], "application": self.name} | more
        return self.relay.call("PUT", f"/v1/sources/{name}", body)

    @contextlib.contextmanager
    def logged(self, level: str) -> "Iterator[list[str]]":
        """The messages of this level or above that the examples log meanwhile; fails if there are none."""
        messages: list[str] = []
        self._caplog.clear()
        with self._caplog.at_level(level, "relay"):
            yield messages
        least = logging.getLevelName(level)
        messages += [r.getMessage() for r in self._caplog.records if r.name.split(".")[0] == "relay" and least <= r.levelno]
        assert messages, f"no message of level {level}"

    def sent(self) -> list[dict]:
        """What was sent over the line, each message once."""
        by_id = {request.headers.get("webhook-id", index): request for index, request in enumerate(self.line.requests)}
        return [request.json for request in by_id.values()]

    def statuses(self) -> list[str]:
        return [message["status"] for message in self.sent()]

    def job(self, job_id: str) -> "dict | None":
        status, job = self.relay.send("GET", f"/v1/jobs/{job_id}", None, self.relay.authorization)
        return job if status == 200 else None

    def job_in(self, job_id: str, state: str) -> dict:
        """The job once it is in this state."""
        found = lambda: (job := self.job(job_id)) and job["status"] == state and job  # noqa: E731
        return wait_until(f"{job_id} is {state}; it is {(self.job(job_id) or {}).get('status')}", found, 20)

    def log(self, job_id: str) -> "list[str]":
        """The lines of a job's log."""
        log = self.relay.call("GET", f"/v1/jobs/{job_id}/logs?source={self.name}", None)
        return [line["message"] for line in log["data"]]

    def heard(self, event_type: str, job_id: str, count: int = 1) -> list[dict]:
        """The webhooks of this type about a job, each once, as soon as there are so many."""

        def find() -> "list[dict] | None":
            told = {request.headers["webhook-id"]: json.loads(request.body) for request in list(self.hook.requests)}
            is_about = lambda it: it["type"] == event_type and it["data"].get("job", {}).get("external_id") == job_id  # noqa: E731
            right = [event for event in told.values() if is_about(event)]
            return right if len(right) >= count else None

        return wait_until(f"{event_type} of {job_id}, {count} times", find, 20)
