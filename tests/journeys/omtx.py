"""S0: OMTX-Hub. Its guide's curl calls, and completions signed as it signs them, under its own routes."""

import base64
import json
import secrets
import subprocess
import time

import tools
from ground import Answer, Journey, check, contains, equal
from theirs import omtx

COMPLETION = "/api/v3/webhooks/modal/completion"
JSON = ("-H", "Content-Type: application/json")


class Omtx(Journey):
    system = "S0"
    name = "OMTX-Hub"
    page = "omtx.md"

    def prepare(self) -> None:
        # The guide's `openssl rand -base64 32`.
        done = subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, check=True)
        self.secret = done.stdout.decode().strip()
        # What `relay dev` sets up for its own example is none of the hub's.
        self.relay.call("DELETE", "/v1/sources/demo")
        self.results = self.hooks.at("/results")
        self.endpoint("default", self.results)

    def payload(self, call: str, status: str = "success", batch: str | None = None, **more) -> dict:
        """The guide's payload."""
        metadata = {"job_id": f"job-{call}", "timestamp": "2024-01-15T10:30:00Z"}
        result = {
            "affinity": 0.6385,
            "confidence": 0.5071,
            "ptm_score": 0.5423,
            "iptm_score": 0.8717,
            "plddt_score": 0.4159,
            "structure_file_base64": "QVRPTQ==",
            "execution_time": 205.3,
        }
        outcome = {"result": result} if status == "success" else {"error": {"message": "CUDA out of memory"}}
        body = {"call_id": call, "status": status, **outcome, "metadata": metadata, **more}
        if batch is not None:
            metadata["batch_id"] = batch
        return body

    def post(self, payload: dict | bytes, secret: str | None = None, **changed: str | None) -> Answer:
        """One signed completion, with curl; `changed` names headers with underscores, None takes one away."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = omtx.headers(self.secret if secret is None else secret, body)
        for name, value in changed.items():
            headers.pop(name.replace("_", "-"), None)
            if value is not None:
                headers[name.replace("_", "-")] = value
        arguments = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        return self.curl(COMPLETION, "-X", "POST", *arguments, "--data-binary", "@-", key=False, stdin=body)

    def heard(self, external: str, hook=None) -> list[dict]:
        """What the subscriber was told of this job."""
        told = [request.json for request in (hook or self.results).requests]
        return [event for event in told if event.get("data", {}).get("job", {}).get("external_id") == external]

    def wait_to_hear(self, external: str, count: int = 1, seconds: float = 20) -> list[dict]:
        tools.wait_until(f"{count} notifications of {external}", lambda: len(self.heard(external)) >= count, seconds)
        return self.heard(external)

    @check("R0.3", "R0.6")
    def the_guides_configure_call_sets_the_secret(self):
        body = {"webhook_base_url": self.relay.url, "webhook_secret": self.secret, "auto_configure": True}
        answer = self.curl("/api/v3/webhooks/configure", "-X", "POST", *JSON, "-d", json.dumps(body))
        equal(answer.status, 200)
        if self.secret in answer.text:
            raise AssertionError("the answer shows the secret")
        return answer.text

    @check("R0.13")
    def health_answers_as_the_guide_expects(self):
        answer = self.curl("/api/v3/webhooks/modal/health", key=False)
        equal(answer.status, 200)
        features = ("hmac_verification", "timestamp_verification", "background_processing", "batch_intelligence")
        contains(
            answer.json,
            {"status": "healthy", "service": "modal_webhook_handler", "features": dict.fromkeys(features, True)},
        )

    @check("R0.13", "R0.20")
    def health_answers_curl_dash_i(self):
        answer = self.curl("/api/v3/webhooks/modal/health", "-I", key=False)
        equal((answer.status, answer.text.split("\r\n\r\n", 1)[-1]), (200, ""))

    @check("R0.9", "R0.10", "R0.11", "R0.12", "R0.2", "S0.6")
    def a_completion_signed_as_the_guide_says_reaches_the_subscriber(self):
        began = time.monotonic()
        answer = self.post(self.payload("call-123456789"))
        equal(answer.status // 100, 2)
        contains(answer.json, {"status": "accepted", "call_id": "call-123456789"})
        event = self.wait_to_hear("job-call-123456789")[0]
        took = time.monotonic() - began
        equal(event["type"], "job.succeeded")
        equal(event["data"]["result"], self.payload("x")["result"])
        equal(self.job("call-123456789")["status"], "succeeded")
        equal(self.job("job-call-123456789")["status"], "succeeded")
        return f"{answer.status} {answer.text}, heard after {took:.2f} s"

    @check("R0.1")
    def it_is_heard_within_five_seconds(self):
        began = time.monotonic()
        self.post(self.payload("call-quick"))
        self.wait_to_hear("job-call-quick")
        took = time.monotonic() - began
        if took >= 5:
            raise AssertionError(f"{took:.1f} s")
        return f"{took:.2f} s"

    @check("R0.9", "R0.10", "R0.11")
    def what_is_not_signed_so_is_refused_with_a_detail(self):
        body = json.dumps(self.payload("call-forged")).encode()
        right = omtx.headers(self.secret, body)["X-Modal-Signature"]
        now = int(time.time())
        refused = {
            "no signature": {"X_Modal_Signature": None},
            "no prefix": {"X_Modal_Signature": right.removeprefix("sha256=")},
            "other digits": {"X_Modal_Signature": "sha256=" + "0" * 64},
            "truncated": {"X_Modal_Signature": right[:-2]},
            "garbage": {"X_Modal_Signature": "garbage"},
            "no timestamp": {"X_Modal_Timestamp": None},
            "too old": {"X_Modal_Timestamp": str(now - 310)},
            "too new": {"X_Modal_Timestamp": str(now + 330)},
            "no number": {"X_Modal_Timestamp": "yesterday"},
        }
        for how, changed in refused.items():
            answer = self.post(body, **changed)
            if answer.status != 401 or not isinstance(answer.json.get("detail"), str):
                raise AssertionError(f"{how}: {answer}")
        equal(self.job("call-forged"), None)
        return f"{len(refused)} of {len(refused)}: {answer.text}"

    @check("R0.9")
    def unreadable_bodies_get_the_codes_400(self):
        invalid, missing = self.post(b'{"call_id":'), self.post({"status": "success"})
        equal((invalid.status, missing.status), (400, 400))
        equal([type(answer.json.get("detail")) for answer in (invalid, missing)], [str, str])
        return f"{invalid.text} {missing.text}"

    @check("S0.2")
    def the_default_secrets_of_their_code_open_nothing(self):
        for secret in ("default-dev-secret", "omtx-hub-webhook-secret", ""):
            equal(self.post(self.payload("call-default"), secret=secret).status, 401)
        # Nor can they be set: a secret has 24 bytes at least.
        body = {"webhook_base_url": self.relay.url, "webhook_secret": "default-dev-secret", "auto_configure": True}
        answer = self.curl("/api/v3/webhooks/configure", "-X", "POST", *JSON, "-d", json.dumps(body))
        if not 400 <= answer.status < 500:
            raise AssertionError(answer)
        equal(self.post(self.payload("call-default"), secret="default-dev-secret").status, 401)

    @check("S0.3", "S0.8")
    def a_captured_request_replayed_with_fresh_timestamps_has_one_effect(self):
        body = json.dumps(self.payload("call-replayed")).encode()
        for age in range(20):
            answer = self.post(body, X_Modal_Timestamp=str(int(time.time()) - age))
            equal(answer.status // 100, 2)
        self.wait_to_hear("job-call-replayed")
        time.sleep(1)
        equal(len(self.heard("job-call-replayed")), 1)
        return "20 requests, 1 notification"

    @check("R0.14", "R0.19", "S0.11")
    def the_test_calls_take_both_spellings_on_both_paths(self):
        spellings = (
            {"modal_call_id": "test_123", "status": "success", "test_data": {"test": True}},
            {"call_id": "test_123", "status": "success", "result": {"test": True}},
        )
        for path in ("/api/v3/webhooks/modal/test", "/api/v3/webhooks/test"):
            for spelling in spellings:
                answer = self.curl(path, "-X", "POST", *JSON, "-d", json.dumps(spelling))
                if answer.status != 200:
                    raise AssertionError(f"{path} {spelling}: {answer}")
        return answer.text

    @check("S0.4")
    def a_test_call_changes_no_job(self):
        self.post(self.payload("call-tested", status="running"))
        self.wait_for_job("call-tested", "running")
        body = json.dumps({"call_id": "call-tested", "status": "success", "result": {"affinity": 1}})
        for path in ("/api/v3/webhooks/modal/test", "/api/v3/webhooks/test"):
            self.curl(path, "-X", "POST", *JSON, "-d", body)
        time.sleep(1)
        equal(self.job("call-tested")["status"], "running")

    @check("S0.4")
    def every_call_but_health_and_the_signed_one_needs_a_key(self):
        calls = (
            ("POST", "configure"),
            ("POST", "modal/test"),
            ("POST", "test"),
            ("GET", "status"),
            ("GET", "active-executions"),
            ("GET", "metrics"),
            ("GET", "logs"),
            ("POST", "executions/call-tested/cancel"),
        )
        for method, path in calls:
            answer = self.curl(f"/api/v3/webhooks/{path}", "-X", method, *JSON, "-d", "{}", key=False)
            if answer.status != 401:
                raise AssertionError(f"{method} {path}: {answer}")
        return f"{len(calls)} of {len(calls)}: {answer.text}"

    @check("R0.15", "S0.12")
    def status_says_what_is(self):
        answer = self.curl("/api/v3/webhooks/status").json
        equal((answer["configured"], answer["health_status"]), (True, "healthy"))
        if not 1 <= answer["apps_configured"] <= answer["total_apps"]:
            raise AssertionError(answer)
        equal(answer["base_url"], self.relay.url)
        return json.dumps(answer)

    @check("S0.5")
    def a_failure_stays_a_failure(self):
        self.post(self.payload("call-failed", status="failure"))
        event = self.wait_to_hear("job-call-failed")[0]
        equal((event["type"], event["data"]["job"]["status"]), ("job.failed", "failed"))
        equal(event["data"]["error"], {"message": "CUDA out of memory"})
        # What says otherwise later changes nothing.
        self.post(self.payload("call-failed"))
        time.sleep(1)
        equal(self.job("call-failed")["status"], "failed")
        equal(len(self.heard("job-call-failed")), 1)

    @check("R0.8")
    def a_time_out_is_told_as_one(self):
        self.post(self.payload("call-slow", status="timeout"))
        equal(self.wait_to_hear("job-call-slow")[0]["type"], "job.timed_out")

    @check("S0.9")
    def a_result_of_megabytes_without_the_file_they_expect_arrives_whole(self):
        structure = base64.b64encode(secrets.token_bytes(2_100_000)).decode()
        result = {"affinity": 0.5, "all_structures": [{"rank": 1, "base64": structure}]}
        answer = self.post(self.payload("call-large", result=result))
        equal(answer.status // 100, 2)
        event = self.wait_to_hear("job-call-large")[0]
        if event["data"].get("result") != result:
            equal(event["data"]["result_url"].startswith("http"), True)
            equal(self.relay.call("GET", "/v1/jobs/call-large/result"), result)
        return f"{len(structure)} bytes of base64"

    @check("R0.16", "R0.21")
    def active_executions_lists_what_runs(self):
        answer = self.curl("/api/v3/webhooks/active-executions").json
        mine = [one for one in answer["executions"] if one["modal_call_id"] == "call-tested"]
        equal(answer["total_active"], len(answer["executions"]))
        contains(mine[0], {"modal_call_id": "call-tested", "job_id": "job-call-tested"})
        if not mine[0]["duration"] >= 0:
            raise AssertionError(mine)
        finished = [one for one in answer["executions"] if one["modal_call_id"] == "call-123456789"]
        equal(finished, [])
        return f"Job {mine[0]['job_id']}: {mine[0]['modal_call_id']}"

    @check("R0.18")
    def cancel_marks_the_job_and_tells_the_subscriber(self):
        answer = self.curl("/api/v3/webhooks/executions/call-tested/cancel", "-X", "POST")
        equal((answer.status, answer.json["status"]), (200, "cancelled"))
        equal(isinstance(answer.json["message"], str), True)
        tools.wait_until("it is told", lambda: self.heard("job-call-tested")[-1]["type"] == "job.cancelled", 20)
        equal(self.curl("/api/v3/webhooks/executions/call-nobody/cancel", "-X", "POST").status, 404)
        return answer.text

    @check("R0.17", "S0.12")
    def metrics_count_what_happened(self):
        answer = self.curl("/api/v3/webhooks/metrics").json
        counted, health = answer["completion_checker"], answer["webhook_health"]
        for name in ("total_webhooks_received", "successful_completions", "failed_completions", "duplicate_webhooks"):
            if not counted[name] >= 1:
                raise AssertionError(f"{name}: {counted}")
        if counted["last_webhook_time"] is None or health["last_webhook_received"] is None:
            raise AssertionError(answer)
        equal(health["endpoint_available"], True)
        return json.dumps(counted)

    @check("R0.19", "S0.12")
    def logs_hold_what_came(self):
        answer = self.curl("/api/v3/webhooks/logs?limit=100")
        equal(answer.status, 200)
        if "call-123456789" not in answer.text:
            raise AssertionError(answer.text[:400])

    @check("R0.23", "R0.2")
    def the_last_child_of_a_batch_completes_it_once(self):
        batch = {"external_id": "batch-xyz789", "source": "modal-omtx", "size": 3}
        self.relay.call("POST", "/v1/batches", batch)
        for number in range(3):
            status = "failure" if number == 2 else "success"
            self.post(self.payload(f"call-child-{number}", status=status, batch="batch-xyz789"))

        def completed():
            told = [request.json for request in self.results.requests]
            return [event for event in told if event.get("type", "").startswith("batch.c")]

        tools.wait_until("the batch is completed", completed, 20)
        time.sleep(1)
        event = completed()[0]
        equal((len(completed()), event["type"]), (1, "batch.completed"))
        contains(event["data"]["batch"], {"total": 3, "completed": 2, "failed": 1})
        return json.dumps(event["data"]["batch"])

    @check("R0.22", "S0.10")
    def a_completion_that_never_came_is_asked_for_and_a_late_one_is_a_duplicate(self):
        self.hooks.said["/calls/call-lost"] = json.dumps({"status": "success", "result": {"affinity": 0.25}}).encode()
        platform = {"kind": "http", "status_url": self.hooks.address + "/calls/{call_id}"}
        source = {"profile": "modal-omtx", "application": "default", "mode": "primary", "platform": platform}
        self.relay.call("PUT", "/v1/sources/modal-omtx", source | {"poll": {"interval_seconds": 1}})
        missed = self.hooks.at("/missed")
        self.endpoint("default", missed, eventTypes=["completion.missed"])
        lost = {"source": "modal-omtx", "external_id": "job-call-lost", "call_id": "call-lost", "deadline_seconds": 1}
        self.relay.call("POST", "/v1/jobs", lost)
        event = self.wait_to_hear("job-call-lost")[0]
        equal((event["type"], event["data"]["result"]), ("job.succeeded", {"affinity": 0.25}))
        contains(missed.wait_for(1)[0].json["data"]["job"], {"external_id": "job-call-lost", "call_id": "call-lost"})
        self.post(self.payload("call-lost"))
        time.sleep(1)
        equal(len(self.heard("job-call-lost")), 1)
        self.relay.call("PUT", "/v1/sources/modal-omtx", source | {"mode": "only"})

    @check("S0.14")
    def an_endpoint_of_their_outbound_kind_gets_their_headers(self):
        hook = self.hooks.at("/omtx-out", first=[201])
        _, secret = self.endpoint("default", hook, profile="omtx-out", eventTypes=["job.succeeded"], delays=[1])
        self.post(self.payload("call-out"))
        # Only 200 is success to them.
        request = hook.wait_for(2)[1]
        if not omtx.verify_webhook_signature(secret, request.body, request.headers["x-omtx-signature"]):
            raise AssertionError("their verifier refuses")
        equal(request.headers["x-omtx-signature"].startswith("sha256="), True)
        equal(request.headers["x-omtx-event"], "job.completed")
        time.strptime(request.headers["x-omtx-timestamp"][:19], "%Y-%m-%dT%H:%M:%S")
        return request.body.decode()

    @check("S0.13")
    def the_user_agents_of_their_script_make_no_difference(self):
        for number, agent in enumerate(("Modal-Webhook/1.0 (OMTX-Hub)", "Modal-Webhook-Test/1.0", "curl/8")):
            equal(self.post(self.payload(f"call-agent-{number}"), User_Agent=agent).status // 100, 2)

    @check("S0.6", "S0.7")
    def what_was_accepted_outlives_the_process(self):
        calls = [f"call-killed-{number}" for number in range(10)]
        for call in calls:
            equal(self.post(self.payload(call)).status // 100, 2)
        self.relay.kill()
        self.relay.start()
        for call in calls:
            # What the process held when it died is let go of when its claim ends: an attempt may take 30 s.
            self.wait_to_hear(f"job-{call}", seconds=120)
        return "10 accepted, killed, started again, 10 heard"
