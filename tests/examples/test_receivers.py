"""The receivers and verifiers that users copy, in both languages."""

import base64
import hashlib
import hmac
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from subprocess import PIPE

import pytest
import relay_modal
from case import EXAMPLES, Case, new_secret
from standardwebhooks.webhooks import Webhook

from support import packages
from support.process import Process, clean_environment, wait_until

HERE = Path(__file__).resolve().parent
RECEIVERS = EXAMPLES / "receivers"
SECRET = "5f2b8f0c4d9e1a7b3c6d8e0f1a2b3c4d"
BODY = '{"score":1.0,"name":"Zoë – 葡萄糖","tags":[]}'.encode()


def node_folder() -> Path:
    """The receivers for Node and our judge of them, beside the packages that they import."""
    receivers = [f"../../examples/receivers/{name}.mjs" for name in ("legacy", "standard")]
    return packages.node(HERE, "judge.mjs", *receivers)


def legacy_python():
    spec = importlib.util.spec_from_file_location("legacy", RECEIVERS / "legacy.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def judge(requests: "list[tuple[str, dict, bytes]]", secret: str = SECRET) -> "list[bool]":
    """What both languages say, which must be the same."""
    legacy = legacy_python()
    in_python = [getattr(legacy, kind)(body, headers, secret) for kind, headers, body in requests]
    lines = [
        json.dumps({"kind": kind, "secret": secret, "headers": headers, "body_base64": base64.b64encode(body).decode()})
        for kind, headers, body in requests
    ]
    done = subprocess.run(
        ["node", "judge.mjs"], cwd=node_folder(), input="\n".join(lines), text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    in_node = [json.loads(line) for line in done.stdout.splitlines()]
    assert in_python == in_node, list(zip(requests, in_python, in_node))
    return in_python


def mac(text: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def genuine(now: int) -> "dict[str, dict[str, str]]":
    """The headers of BODY, for each kind, written down by hand."""
    return {
        "hokusai": {"x-hokusai-signature": mac(BODY)},
        "hokusai_prefixed": {"x-hokusai-signature": "sha256=" + mac(BODY)},
        "hokusai_deltaone": {
            "x-hokusai-signature": "sha256=" + mac(f"{now}.n-1.".encode() + BODY),
            "x-hokusai-timestamp": str(now),
            "x-hokusai-nonce": "n-1",
        },
        "batch": {"x-webhook-signature": "sha256=" + mac(BODY), "x-webhook-timestamp": str(now)},
        "wepp": {"x-webhook-signature": "sha256=" + mac(BODY)},
        "omtx": {"x-omtx-signature": "sha256=" + mac(BODY), "x-omtx-timestamp": "2026-01-01T00:00:00"},
    }


class TestLegacy(Case):
    def test_what_is_genuine_is_accepted(self) -> None:
        requests = [(kind, headers, BODY) for kind, headers in genuine(int(time.time())).items()]
        assert judge(requests) == [True] * 6

    def test_whatever_else_comes_is_refused_and_nothing_raises(self) -> None:
        now, requests = int(time.time()), []
        for kind, headers in genuine(now).items():
            name = next(name for name in headers if name.endswith("signature"))
            right = headers[name]
            bare = right.removeprefix("sha256=")
            other = right if right == bare else bare
            signatures = [
                right[:-1], right + "0", right[:-1] + ("0" if right[-1] != "0" else "1"), right.upper(), "", "sha256=",
                "sha1=" + bare, " " + right, "é" * 64, "sha256=" + "é" * 32, "sha256=" + "\x00" * 64, "x" * 100_000,
                mac(BODY, SECRET + " "), f"{other}é",
            ]  # fmt: skip
            requests += [(kind, headers | {name: signature}, BODY) for signature in signatures]
            requests.append((kind, {n: v for n, v in headers.items() if n != name}, BODY))
            requests += [(kind, headers, body) for body in (b"", BODY[:-1], BODY + b"\n", BODY.replace(b"1.0", b"1"))]
        for kind in ("hokusai_deltaone", "batch"):
            future = 301 if kind == "hokusai_deltaone" else 61
            for at in (now - 302, now + future + 2, "", "soon", "-1", "1e9", "9" * 400, "١٢٣"):
                headers = genuine(at)[kind]
                requests.append((kind, headers, BODY))
        requests += [
            ("hokusai_deltaone", genuine(now)["hokusai_deltaone"] | {"x-hokusai-nonce": nonce}, BODY) for nonce in ("", "n-2")
        ]
        assert len(requests) > 120
        accepted = [request for request, said in zip(requests, judge(requests)) if said]
        assert accepted == []


class TestStandard(Case):
    def start(self, command: "list[str]", cwd: Path) -> "tuple[str, list[str]]":
        """Its address, and the lines that it prints; an endpoint of the relay posts to it."""
        key = new_secret()
        env = clean_environment(WEBHOOK_SECRET=key)
        child = self.cleanup.enter_context(Process([*command, "0"], cwd=cwd, env=env, stdout=PIPE))
        os.set_blocking(child.stdout.fileno(), False)
        lines: "list[str]" = []

        def read() -> "list[str]":
            lines.extend(line.decode() for line in child.stdout.readlines())
            return lines

        self.read = read
        port = wait_until("it listens", lambda: re.search(r"listening on (\d+)", "".join(read())), 20).group(1)
        url = f"http://127.0.0.1:{port}/"
        self.relay.call("POST", f"/api/v1/app/{self.name}/endpoint", {"url": url, "secret": key})
        return url, lines

    def post(self, url: str, headers: "dict[str, str]", body: bytes) -> int:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def check(self, command: "list[str]", cwd: Path) -> None:
        url, lines = self.start(command, cwd)
        marker = uuid.uuid4().hex
        message = {"eventType": "invoice.paid", "payload": {"type": "invoice.paid", "data": {"marker": marker, "amount": 1.0}}}
        sent = self.relay.call("POST", f"/api/v1/app/{self.name}/msg", message)
        printed = lambda: [line for line in self.read() if marker in line]  # noqa: E731
        wait_until("it is printed", printed, 20)
        endpoints = self.relay.call("GET", f"/api/v1/app/{self.name}/endpoint")["data"]
        (endpoint,) = [endpoint["id"] for endpoint in endpoints if endpoint["url"] == url]
        self.relay.call("POST", f"/api/v1/app/{self.name}/msg/{sent['id']}/endpoint/{endpoint}/resend", {})
        attempts = f"/api/v1/app/{self.name}/attempt/endpoint/{endpoint}"
        wait_until("it came again", lambda: len(self.relay.call("GET", attempts)["data"]) == 2, 20)
        statuses = [attempt["responseStatusCode"] for attempt in self.relay.call("GET", attempts)["data"]]
        assert statuses == [204, 204]
        assert len(printed()) == 1
        forged = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
        assert self.post(url, forged, b"{}") == 401
        assert self.post(url, {}, b"\xff") in (400, 401)

    def test_the_receiver_in_python_handles_an_event_once_and_refuses_forgeries(self) -> None:
        self.check([sys.executable, str(RECEIVERS / "standard.py")], RECEIVERS)

    def test_the_receiver_in_node_handles_an_event_once_and_refuses_forgeries(self) -> None:
        self.check(["node", "standard.mjs"], node_folder())


# The function of legacy.py and legacy.mjs for each profile.
KINDS = {
    "hokusai": "hokusai",
    "hokusai-prefixed": "hokusai_prefixed",
    "hokusai-deltaone": "hokusai_deltaone",
    "batch": "batch",
    "wepp": "wepp",
    "omtx-out": "omtx",
}


class TestProfiles(Case):
    """What the relay really sends to an endpoint of a profile, judged by what its receiver was given to copy."""

    @pytest.mark.parametrize(("profile", "kind"), KINDS.items())
    def test_the_relays_own_deliveries_are_accepted_in_both_languages(self, profile: str, kind: str) -> None:
        job = f"job-{uuid.uuid4().hex}"
        own = self.receiver.hook(f"/{job}")
        body = {"url": own.url, "profile": profile, "secret": SECRET}
        self.relay.call("POST", f"/api/v1/app/{self.name}/endpoint", body)
        with relay_modal.reported(job_id=job) as reporter:
            reporter.result = {"score": 1.0, "name": "Zoë – 葡萄糖"}
        self.heard("job.succeeded", job)
        delivery = own.wait_for(1)[0]
        assert judge([(kind, delivery.headers, delivery.body)]) == [True]
        assert judge([(kind, delivery.headers, delivery.body + b" ")]) == [False]
        assert judge([(kind, delivery.headers, delivery.body)], SECRET[::-1]) == [False]
        # And the official library, with the same secret as it is written there.
        whsec = "whsec_" + base64.b64encode(SECRET.encode()).decode()
        Webhook(whsec).verify(delivery.body, delivery.headers)
