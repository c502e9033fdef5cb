"""S1: the mesh service. What its test_webhook.sh sends, and the completions of its Modal functions, under its own route."""

import hashlib
import hmac
import json
import secrets
import subprocess
import time
from pathlib import Path

import tools
from ground import Answer, Journey, check, contains, equal

ROUTE = "/api/webhooks/modal"
SCRIPT = Path(__file__).resolve().parent / "theirs" / "mesh_test_webhook.sh"


class Mesh(Journey):
    system = "S1"
    name = "mesh generation"
    page = "mesh.md"

    def prepare(self) -> None:
        self.secret = secrets.token_hex(32)
        self.source()
        self.results = self.hooks.at("/results")
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

    def post(self, payload: dict | bytes, signature: str | None = "") -> Answer:
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
        told = [request.json for request in self.results.requests]
        return [event for event in told if event.get("data", {}).get("job", {}).get("external_id") == external]

    def wait_to_hear(self, external: str) -> dict:
        tools.wait_until(f"a notification of {external}", lambda: self.heard(external), 20)
        return self.heard(external)[0]

    @check("R1.17", "R1.1", "R1.3", "R1.4", "R1.5", "S1.1")
    def their_test_script_is_answered_as_their_documents_say(self):
        done = subprocess.run(
            ["bash", str(SCRIPT), self.relay.url, self.secret, "modal-script"],
            env=tools.clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        equal(done.returncode, 0)
        wanted = {"unsigned": 401, "garbage": 401, "wrong": 401, "prefixed": 200, "bare": 200, "without_job_id": 400}
        equal({name: int(status) for name, status in map(str.split, done.stdout.splitlines())}, wanted)
        return " ".join(done.stdout.split())

    @check("R1.1", "R1.2")
    def a_completion_is_answered_and_told(self):
        answer = self.post(self.payload("modal-done"))
        equal((answer.status, answer.json), (200, answer.json | {"status": "ok", "job_id": "modal-done"}))
        event = self.wait_to_hear("modal-done")
        equal((event["type"], event["data"]["result"]), ("job.succeeded", self.payload("x")["result"] | {
            "s3_output_path": "s3://meshes/modal-done.msh"}))
        return answer.text

    @check("R1.1", "R1.2")
    def a_failure_is_told_with_its_error(self):
        self.post(self.payload("modal-failed", status="failed"))
        event = self.wait_to_hear("modal-failed")
        equal((event["type"], event["data"]["error"]), ("job.failed", "Gmsh: no elements in volume 1"))

    @check("R1.4")
    def both_spellings_of_one_body_are_one_event(self):
        body = json.dumps(self.payload("modal-twice")).encode()
        for signature in (self.sign(body), "sha256=" + self.sign(body)):
            equal(self.post(body, signature).status, 200)
        self.wait_to_hear("modal-twice")
        time.sleep(1)
        equal(len(self.heard("modal-twice")), 1)

    @check("R1.3", "R1.4", "S1.1", "S1.2")
    def unsigned_and_forged_requests_are_refused_with_an_error(self):
        body = json.dumps(self.payload("modal-forged")).encode()
        right = self.sign(body)
        forged = (None, "garbage", "0" * 64, "sha256=" + "0" * 64, "sha1=" + right, right[:-2], right + "00", "sha256=")
        for signature in forged:
            answer = self.post(body, signature)
            if answer.status != 401 or not isinstance(answer.json.get("error"), str):
                raise AssertionError(f"{signature}: {answer}")
        equal(self.job("modal-forged"), None)
        return f"{len(forged)} of {len(forged)}: {answer.text}"

    @check("R1.5", "S1.1")
    def without_a_secret_nothing_is_accepted(self):
        status, answer = self.relay.send(
            "PUT",
            "/v1/sources/modal-unset",
            json.dumps({"profile": "modal-mesh", "secrets": [], "application": "default"}).encode(),
            self.authorization | {"Content-Type": "application/json"},
        )
        body = json.dumps(self.payload("modal-unset")).encode()
        # Whether such a source can be made or not: nobody gets in.
        for signature in ("garbage", hmac.new(b"", body, hashlib.sha256).hexdigest()):
            sent, _ = self.relay.send("POST", "/in/modal-unset", body, {"X-Modal-Signature": signature})
            if sent not in (401, 404):
                raise AssertionError(sent)
        return f"the source: {status}"

    @check("R1.3")
    def unreadable_bodies_are_400_with_an_error(self):
        for body in (b'{"job_id":', b'{"status":"completed"}', b"[]"):
            answer = self.post(body)
            if answer.status != 400 or not isinstance(answer.json.get("error"), str):
                raise AssertionError(f"{body}: {answer}")
        return answer.text

    @check("S1.3", "S1.4", "R1.12")
    def a_completion_that_comes_before_its_job_is_kept_and_attached(self):
        equal(self.post(self.payload("modal-early")).status, 200)
        self.wait_for_job("modal-early", "succeeded")
        registered = self.relay.call(
            "POST", "/v1/jobs", {"external_id": "modal-early", "source": "modal-mesh", "project_id": "42"}
        )
        equal(self.job(registered["id"])["status"], "succeeded")
        equal(len(self.heard("modal-early")), 1)
        return f"the job's id came at once: {registered['id']}"

    @check("R1.3", "S1.4")
    def the_strict_option_answers_404_for_a_job_that_nobody_registered(self):
        self.changed_source(strict=True)
        try:
            answer = self.post(self.payload("modal-nobody"))
            equal((answer.status, list(answer.json)), (404, ["error"]))
            self.relay.call("POST", "/v1/jobs", {"external_id": "modal-known", "source": "modal-mesh"})
            equal(self.post(self.payload("modal-known")).status, 200)
        finally:
            self.changed_source()
        return answer.text

    @check("S1.4")
    def completed_without_a_result_and_words_they_do_not_know_are_states_too(self):
        self.post({"job_id": "modal-bare", "status": "completed"})
        equal(self.wait_to_hear("modal-bare")["type"], "job.succeeded")
        self.post({"job_id": "modal-started", "status": "running"})
        self.wait_for_job("modal-started", "running")
        self.post({"job_id": "modal-stopped", "status": "cancelled"})
        self.wait_for_job("modal-stopped", "cancelled")

    @check("S1.9")
    def a_duplicate_is_answered_as_before_and_told_once(self):
        body = self.payload("modal-again")
        answers = {self.post(body).status for _ in range(10)}
        equal(answers, {200})
        self.wait_to_hear("modal-again")
        time.sleep(1)
        equal(len(self.heard("modal-again")), 1)

    @check("R1.15")
    def a_source_may_be_limited_to_addresses_and_to_a_rate(self):
        self.changed_source(allowed_networks=["192.0.2.0/24"])
        refused = self.post(self.payload("modal-elsewhere"))
        self.changed_source(allowed_networks=["127.0.0.0/8"])
        accepted = self.post(self.payload("modal-here"))
        equal((refused.status, accepted.status), (401, 200))
        self.changed_source(rate_limit={"requests": 2, "per": "minute"})
        answers = [self.post(self.payload(f"modal-rate-{number}")) for number in range(6)]
        self.changed_source()
        late = [answer for answer in answers if answer.status == 429]
        if not late or int(late[0].headers["retry-after"]) < 1:
            raise AssertionError([answer.status for answer in answers])
        return f"{len(late)} of 6 were 429, Retry-After {late[0].headers['retry-after']}"

    @check("R1.16")
    def the_routes_are_described(self):
        described = self.curl("/openapi.json", key=False).json["paths"]
        contains({path: path in described for path in (ROUTE, "/v1/jobs")}, {ROUTE: True, "/v1/jobs": True})
