"""S1: the mesh service. What its test_webhook.sh sends, and the completions of its Modal functions, under its own route."""

import hashlib
import hmac
import json
import secrets
import subprocess
import time
from pathlib import Path

import pytest
from ground import CurlAnswer, System, contains, covers, fixture_of, notifications

from support.process import clean_environment, wait_until

ROUTE = "/api/webhooks/modal"
SCRIPT = Path(__file__).resolve().parent / "theirs" / "mesh_test_webhook.sh"


class Mesh(System):
    def prepare(self) -> None:
        self.secret = secrets.token_hex(32)
        self.source()
        self.results = self.receiver.hook("/results")
        self.endpoint("default", self.results)

    def source(self, **options) -> None:
        wanted = {"profile": "modal-mesh", "secrets": [self.secret], "application": "default", **options}
        self.relay.call("PUT", "/v1/sources/modal-mesh", wanted)

    def changed_source(self, **options) -> None:
        """Known at once and not within a minute, as the relay remembers no source when it starts."""
        self.source(**options)
        self.relay.restart()

    def payload(self, job: str, status: str = "completed", **more) -> dict:
        result = {
            "success": True,
            "s3_output_path": f"s3://meshes/{job}.msh",
            "strategy": "tetrahedral_hxt",
            "quality_metrics": {"min_quality": 0.21, "avg_quality": 0.8},
            "total_nodes": 1200,
            "total_elements": 5400,
            "metrics": {"total_time_seconds": 41.0},
        }
        outcome = {"result": result} if status == "completed" else {"error": "Gmsh: no elements in volume 1"}
        return {"job_id": job, "status": status, **outcome, **more}

    def post(self, payload: dict | bytes, signature: str | None = "") -> CurlAnswer:
        """Signed as `sha256=<hex>`, or as said; None leaves the header away."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        if signature == "":
            signature = "sha256=" + self.sign(body)
        header = [] if signature is None else ["-H", f"X-Modal-Signature: {signature}"]
        kind = ("-H", "Content-Type: application/json")
        return self.curl(ROUTE, "-X", "POST", *kind, *header, "--data-binary", "@-", key=False, stdin=body)

    def sign(self, body: bytes) -> str:
        return hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()

    def heard(self, external: str) -> list[dict]:
        return notifications(self.results, external)

    def wait_to_hear(self, external: str) -> dict:
        return wait_until(f"a notification of {external}", lambda: self.heard(external), 20)[0]


mesh = fixture_of(Mesh)


@covers("R1.17", "R1.1", "R1.3", "R1.4", "R1.5", "S1.1")
def test_their_test_script_is_answered_as_their_documents_say(mesh):
    done = subprocess.run(
        ["bash", str(SCRIPT), mesh.relay.url, mesh.secret, "modal-script"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    wanted = {"unsigned": 401, "garbage": 401, "wrong": 401, "prefixed": 200, "bare": 200, "without_job_id": 400}
    assert {name: int(status) for name, status in map(str.split, done.stdout.splitlines())} == wanted
    print(" ".join(done.stdout.split()))


@covers("R1.1", "R1.2")
def test_a_completion_is_answered_and_told(mesh):
    answer = mesh.post(mesh.payload("modal-done"))
    assert (answer.status, answer.json) == (200, answer.json | {"status": "ok", "job_id": "modal-done"})
    event = mesh.wait_to_hear("modal-done")
    assert (event["type"], event["data"]["result"]) == (
        "job.succeeded",
        mesh.payload("x")["result"] | {"s3_output_path": "s3://meshes/modal-done.msh"},
    )
    print(answer.text)


@covers("R1.1", "R1.2")
def test_a_failure_is_told_with_its_error(mesh):
    mesh.post(mesh.payload("modal-failed", status="failed"))
    event = mesh.wait_to_hear("modal-failed")
    assert (event["type"], event["data"]["error"]) == ("job.failed", "Gmsh: no elements in volume 1")


@covers("R1.4")
def test_both_spellings_of_one_body_are_one_event(mesh):
    body = json.dumps(mesh.payload("modal-twice")).encode()
    for signature in (mesh.sign(body), "sha256=" + mesh.sign(body)):
        assert mesh.post(body, signature).status == 200
    mesh.wait_to_hear("modal-twice")
    time.sleep(1)
    assert len(mesh.heard("modal-twice")) == 1


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda right: None, id="none"),
        pytest.param(lambda right: "garbage", id="garbage"),
        pytest.param(lambda right: "0" * 64, id="zeros"),
        pytest.param(lambda right: "sha256=" + "0" * 64, id="zeros with a prefix"),
        pytest.param(lambda right: "sha1=" + right, id="another prefix"),
        pytest.param(lambda right: right[:-2], id="a byte less"),
        pytest.param(lambda right: right + "00", id="a byte more"),
        pytest.param(lambda right: "sha256=", id="a prefix alone"),
    ],
)
@covers("R1.3", "R1.4", "S1.1", "S1.2")
def test_unsigned_and_forged_requests_are_refused_with_an_error(mesh, forge):
    body = json.dumps(mesh.payload("modal-forged")).encode()
    answer = mesh.post(body, forge(mesh.sign(body)))
    assert answer.status == 401 and isinstance(answer.json.get("error"), str), answer
    assert mesh.job("modal-forged") is None


@covers("R1.5", "S1.1")
def test_without_a_secret_nothing_is_accepted(mesh):
    status, answer = mesh.relay.send(
        "PUT",
        "/v1/sources/modal-unset",
        json.dumps({"profile": "modal-mesh", "secrets": [], "application": "default"}).encode(),
        mesh.relay.authorization | {"Content-Type": "application/json"},
    )
    body = json.dumps(mesh.payload("modal-unset")).encode()
    # Whether such a source can be made or not: nobody gets in.
    for signature in ("garbage", hmac.new(b"", body, hashlib.sha256).hexdigest()):
        sent, _ = mesh.relay.send("POST", "/in/modal-unset", body, {"X-Modal-Signature": signature})
        assert sent in (401, 404), sent
    print(f"the source: {status}")


@pytest.mark.parametrize("body", [b'{"job_id":', b'{"status":"completed"}', b"[]"])
@covers("R1.3")
def test_unreadable_bodies_are_400_with_an_error(mesh, body: bytes):
    answer = mesh.post(body)
    assert answer.status == 400 and isinstance(answer.json.get("error"), str), answer


@covers("S1.3", "S1.4", "R1.12")
def test_a_completion_that_comes_before_its_job_is_kept_and_attached(mesh):
    assert mesh.post(mesh.payload("modal-early")).status == 200
    mesh.wait_for_job("modal-early", "succeeded")
    registered = mesh.relay.call("POST", "/v1/jobs", {"external_id": "modal-early", "source": "modal-mesh", "project_id": "42"})
    assert mesh.job(registered["id"])["status"] == "succeeded"
    mesh.wait_to_hear("modal-early")
    time.sleep(1)
    assert len(mesh.heard("modal-early")) == 1
    print(f"the job's id came at once: {registered['id']}")


@covers("R1.3", "S1.4")
def test_the_strict_option_answers_404_for_a_job_that_nobody_registered(mesh):
    mesh.changed_source(strict=True)
    try:
        answer = mesh.post(mesh.payload("modal-nobody"))
        assert (answer.status, list(answer.json)) == (404, ["error"])
        mesh.relay.call("POST", "/v1/jobs", {"external_id": "modal-known", "source": "modal-mesh"})
        assert mesh.post(mesh.payload("modal-known")).status == 200
    finally:
        mesh.changed_source()
    print(answer.text)


@covers("S1.4")
def test_completed_without_a_result_and_words_they_do_not_know_are_states_too(mesh):
    mesh.post({"job_id": "modal-bare", "status": "completed"})
    assert mesh.wait_to_hear("modal-bare")["type"] == "job.succeeded"
    mesh.post({"job_id": "modal-started", "status": "running"})
    mesh.wait_for_job("modal-started", "running")
    mesh.post({"job_id": "modal-stopped", "status": "cancelled"})
    mesh.wait_for_job("modal-stopped", "cancelled")


@covers("S1.9")
def test_a_duplicate_is_answered_as_before_and_told_once(mesh):
    body = mesh.payload("modal-again")
    answers = {mesh.post(body).status for _ in range(10)}
    assert answers == {200}
    mesh.wait_to_hear("modal-again")
    time.sleep(1)
    assert len(mesh.heard("modal-again")) == 1


@covers("R1.15")
def test_a_source_may_be_limited_to_addresses_and_to_a_rate(mesh):
    mesh.changed_source(allowed_networks=["192.0.2.0/24"])
    refused = mesh.post(mesh.payload("modal-elsewhere"))
    mesh.changed_source(allowed_networks=["127.0.0.0/8"])
    accepted = mesh.post(mesh.payload("modal-here"))
    assert (refused.status, accepted.status) == (401, 200)
    mesh.changed_source(rate_limit={"requests": 2, "per": "minute"})
    answers = [mesh.post(mesh.payload(f"modal-rate-{number}")) for number in range(6)]
    mesh.changed_source()
    late = [answer for answer in answers if answer.status == 429]
    assert late and int(late[0].headers["retry-after"]) >= 1, [answer.status for answer in answers]
    print(f"{len(late)} of 6 were 429, Retry-After {late[0].headers['retry-after']}")


@covers("R1.16")
def test_the_routes_are_described(mesh):
    described = mesh.curl("/openapi.json", key=False).json["paths"]
    contains({path: path in described for path in (ROUTE, "/v1/jobs")}, {ROUTE: True, "/v1/jobs": True})
