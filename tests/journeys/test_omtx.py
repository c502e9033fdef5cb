"""S0: OMTX-Hub. Its guide's curl calls, and completions signed as it signs them, under its own routes."""

import base64
import json
import secrets
import subprocess
import time

import pytest
from ground import CurlAnswer, System, contains, covers, fixture_of, notifications
from theirs import omtx

from support.process import wait_until

COMPLETION = "/api/v3/webhooks/modal/completion"
JSON = ("-H", "Content-Type: application/json")


class Omtx(System):
    def prepare(self) -> None:
        # The guide's `openssl rand -base64 32`.
        done = subprocess.run(["openssl", "rand", "-base64", "32"], capture_output=True, check=True)
        self.secret = done.stdout.decode().strip()
        # What `relay dev` sets up for its own example is none of the hub's.
        self.relay.call("DELETE", "/v1/sources/demo")
        self.results = self.receiver.hook("/results")
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

    def post(self, payload: dict | bytes, secret: str | None = None, **changed: str | None) -> CurlAnswer:
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
        return notifications(hook or self.results, external)

    def wait_to_hear(self, external: str, count: int = 1, seconds: float = 20) -> list[dict]:
        wait_until(f"{count} notifications of {external}", lambda: len(self.heard(external)) >= count, seconds)
        return self.heard(external)


hub = fixture_of(Omtx)


@covers("R0.3", "R0.6")
def test_the_guides_configure_call_sets_the_secret(hub):
    body = {"webhook_base_url": hub.relay.url, "webhook_secret": hub.secret, "auto_configure": True}
    answer = hub.curl("/api/v3/webhooks/configure", "-X", "POST", *JSON, "-d", json.dumps(body))
    assert answer.status == 200
    assert hub.secret not in answer.text, "the answer shows the secret"
    print(answer.text)


@covers("R0.13")
def test_health_answers_as_the_guide_expects(hub):
    answer = hub.curl("/api/v3/webhooks/modal/health", key=False)
    assert answer.status == 200
    features = ("hmac_verification", "timestamp_verification", "background_processing", "batch_intelligence")
    contains(
        answer.json,
        {"status": "healthy", "service": "modal_webhook_handler", "features": dict.fromkeys(features, True)},
    )


@covers("R0.13", "R0.20")
def test_health_answers_curl_dash_i(hub):
    answer = hub.curl("/api/v3/webhooks/modal/health", "-I", key=False)
    assert (answer.status, answer.text.split("\r\n\r\n", 1)[-1]) == (200, "")


@covers("R0.9", "R0.10", "R0.11", "R0.12", "R0.2", "S0.6")
def test_a_completion_signed_as_the_guide_says_reaches_the_subscriber(hub):
    began = time.monotonic()
    answer = hub.post(hub.payload("call-123456789"))
    assert answer.status // 100 == 2
    contains(answer.json, {"status": "accepted", "call_id": "call-123456789"})
    event = hub.wait_to_hear("job-call-123456789")[0]
    took = time.monotonic() - began
    assert event["type"] == "job.succeeded"
    assert event["data"]["result"] == hub.payload("x")["result"]
    assert hub.job("call-123456789")["status"] == "succeeded"
    assert hub.job("job-call-123456789")["status"] == "succeeded"
    print(f"{answer.status} {answer.text}, heard after {took:.2f} s")


@covers("R0.1")
def test_it_is_heard_within_five_seconds(hub):
    began = time.monotonic()
    hub.post(hub.payload("call-quick"))
    hub.wait_to_hear("job-call-quick")
    took = time.monotonic() - began
    assert took < 5, f"{took:.1f} s"
    print(f"{took:.2f} s")


# Headers that the hub's document asks for, changed; from the right signature.
CHANGED_HEADERS = {
    "no signature": lambda right: {"X_Modal_Signature": None},
    "no prefix": lambda right: {"X_Modal_Signature": right.removeprefix("sha256=")},
    "other digits": lambda right: {"X_Modal_Signature": "sha256=" + "0" * 64},
    "truncated": lambda right: {"X_Modal_Signature": right[:-2]},
    "garbage": lambda right: {"X_Modal_Signature": "garbage"},
    "no timestamp": lambda right: {"X_Modal_Timestamp": None},
    "too old": lambda right: {"X_Modal_Timestamp": str(int(time.time()) - 310)},
    "too new": lambda right: {"X_Modal_Timestamp": str(int(time.time()) + 330)},
    "no number": lambda right: {"X_Modal_Timestamp": "yesterday"},
}


@pytest.mark.parametrize("how", CHANGED_HEADERS)
@covers("R0.9", "R0.10", "R0.11")
def test_what_is_not_signed_so_is_refused_with_a_detail(hub, how: str):
    body = json.dumps(hub.payload("call-forged")).encode()
    right = omtx.headers(hub.secret, body)["X-Modal-Signature"]
    answer = hub.post(body, **CHANGED_HEADERS[how](right))
    assert answer.status == 401 and isinstance(answer.json.get("detail"), str), answer
    assert hub.job("call-forged") is None


@covers("R0.9")
def test_unreadable_bodies_get_the_codes_400(hub):
    invalid, missing = hub.post(b'{"call_id":'), hub.post({"status": "success"})
    assert (invalid.status, missing.status) == (400, 400)
    assert [type(answer.json.get("detail")) for answer in (invalid, missing)] == [str, str]
    print(f"{invalid.text} {missing.text}")


@covers("S0.2")
def test_the_default_secrets_of_their_code_open_nothing(hub):
    for secret in ("default-dev-secret", "omtx-hub-webhook-secret", ""):
        assert hub.post(hub.payload("call-default"), secret=secret).status == 401
    # Nor can they be set: a secret has 24 bytes at least.
    body = {"webhook_base_url": hub.relay.url, "webhook_secret": "default-dev-secret", "auto_configure": True}
    answer = hub.curl("/api/v3/webhooks/configure", "-X", "POST", *JSON, "-d", json.dumps(body))
    assert 400 <= answer.status < 500, answer
    assert hub.post(hub.payload("call-default"), secret="default-dev-secret").status == 401


@covers("S0.3", "S0.8")
def test_a_captured_request_replayed_with_fresh_timestamps_has_one_effect(hub):
    body = json.dumps(hub.payload("call-replayed")).encode()
    for age in range(20):
        answer = hub.post(body, X_Modal_Timestamp=str(int(time.time()) - age))
        assert answer.status // 100 == 2
    hub.wait_to_hear("job-call-replayed")
    time.sleep(1)
    assert len(hub.heard("job-call-replayed")) == 1
    print("20 requests, 1 notification")


TEST_PATHS = ("/api/v3/webhooks/modal/test", "/api/v3/webhooks/test")


@pytest.mark.parametrize("path", TEST_PATHS)
@pytest.mark.parametrize(
    "spelling",
    [
        {"modal_call_id": "test_123", "status": "success", "test_data": {"test": True}},
        {"call_id": "test_123", "status": "success", "result": {"test": True}},
    ],
    ids=["modal_call_id", "call_id"],
)
@covers("R0.14", "R0.19", "S0.11")
def test_the_test_calls_take_both_spellings_on_both_paths(hub, path: str, spelling: dict):
    answer = hub.curl(path, "-X", "POST", *JSON, "-d", json.dumps(spelling))
    assert answer.status == 200, answer


@covers("S0.4")
def test_a_test_call_changes_no_job(hub):
    hub.post(hub.payload("call-tested", status="running"))
    hub.wait_for_job("call-tested", "running")
    body = json.dumps({"call_id": "call-tested", "status": "success", "result": {"affinity": 1}})
    for path in TEST_PATHS:
        hub.curl(path, "-X", "POST", *JSON, "-d", body)
    time.sleep(1)
    assert hub.job("call-tested")["status"] == "running"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "configure"),
        ("POST", "modal/test"),
        ("POST", "test"),
        ("GET", "status"),
        ("GET", "active-executions"),
        ("GET", "metrics"),
        ("GET", "logs"),
        ("POST", "executions/call-tested/cancel"),
    ],
)
@covers("S0.4")
def test_every_call_but_health_and_the_signed_one_needs_a_key(hub, method: str, path: str):
    answer = hub.curl(f"/api/v3/webhooks/{path}", "-X", method, *JSON, "-d", "{}", key=False)
    assert answer.status == 401, answer


@covers("R0.15", "S0.12")
def test_status_says_what_is(hub):
    answer = hub.curl("/api/v3/webhooks/status").json
    assert (answer["configured"], answer["health_status"]) == (True, "healthy")
    assert 1 <= answer["apps_configured"] <= answer["total_apps"], answer
    assert answer["base_url"] == hub.relay.url
    print(json.dumps(answer))


@covers("S0.5")
def test_a_failure_is_told_as_one_and_no_failure_undoes_a_success(hub):
    hub.post(hub.payload("call-failed", status="failure"))
    event = hub.wait_to_hear("job-call-failed")[0]
    assert (event["type"], event["data"]["job"]["status"]) == ("job.failed", "failed")
    assert event["data"]["error"] == {"message": "CUDA out of memory"}
    # Modal has tried again: the success is told once, as late, and what says otherwise afterwards changes nothing.
    hub.post(hub.payload("call-failed"))
    event = hub.wait_to_hear("job-call-failed", 2)[1]
    assert (event["type"], event["data"]["job"]["status"]) == ("job.succeeded", "succeeded")
    assert hub.job("call-failed")["late"] is True
    hub.post(hub.payload("call-failed", status="failure"))
    time.sleep(1)
    assert hub.job("call-failed")["status"] == "succeeded"
    assert len(hub.heard("job-call-failed")) == 2


@covers("R0.8")
def test_a_time_out_is_told_as_one(hub):
    hub.post(hub.payload("call-slow", status="timeout"))
    assert hub.wait_to_hear("job-call-slow")[0]["type"] == "job.timed_out"


@covers("S0.9")
def test_a_result_of_megabytes_without_the_file_they_expect_arrives_whole(hub):
    structure = base64.b64encode(secrets.token_bytes(2_100_000)).decode()
    result = {"affinity": 0.5, "all_structures": [{"rank": 1, "base64": structure}]}
    answer = hub.post(hub.payload("call-large", result=result))
    assert answer.status // 100 == 2
    event = hub.wait_to_hear("job-call-large")[0]
    if event["data"].get("result") != result:
        assert event["data"]["result_url"].startswith("http")
        assert hub.relay.call("GET", "/v1/jobs/call-large/result") == result
    print(f"{len(structure)} bytes of base64")


@covers("R0.16", "R0.21")
def test_active_executions_lists_what_runs(hub):
    answer = hub.curl("/api/v3/webhooks/active-executions").json
    mine = [one for one in answer["executions"] if one["modal_call_id"] == "call-tested"]
    assert answer["total_active"] == len(answer["executions"])
    contains(mine[0], {"modal_call_id": "call-tested", "job_id": "job-call-tested"})
    assert mine[0]["duration"] >= 0, mine
    finished = [one for one in answer["executions"] if one["modal_call_id"] == "call-123456789"]
    assert finished == []
    print(f"Job {mine[0]['job_id']}: {mine[0]['modal_call_id']}")


@covers("R0.18")
def test_cancel_marks_the_job_and_tells_the_subscriber(hub):
    answer = hub.curl("/api/v3/webhooks/executions/call-tested/cancel", "-X", "POST")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert isinstance(answer.json["message"], str)
    wait_until("it is told", lambda: hub.heard("job-call-tested")[-1]["type"] == "job.cancelled", 20)
    assert hub.curl("/api/v3/webhooks/executions/call-nobody/cancel", "-X", "POST").status == 404
    print(answer.text)


@covers("R0.17", "S0.12")
def test_metrics_count_what_happened(hub):
    answer = hub.curl("/api/v3/webhooks/metrics").json
    counted, health = answer["completion_checker"], answer["webhook_health"]
    for name in ("total_webhooks_received", "successful_completions", "failed_completions", "duplicate_webhooks"):
        assert counted[name] >= 1, f"{name}: {counted}"
    assert counted["last_webhook_time"] is not None and health["last_webhook_received"] is not None, answer
    assert health["endpoint_available"]
    print(json.dumps(counted))


@covers("R0.19", "S0.12")
def test_logs_hold_what_came(hub):
    answer = hub.curl("/api/v3/webhooks/logs?limit=100")
    assert answer.status == 200
    assert "call-123456789" in answer.text, answer.text[:400]


@covers("R0.23", "R0.2")
def test_the_last_child_of_a_batch_completes_it_once(hub):
    batch = {"external_id": "batch-xyz789", "source": "modal-omtx", "size": 3}
    hub.relay.call("POST", "/v1/batches", batch)
    for number in range(3):
        status = "failure" if number == 2 else "success"
        hub.post(hub.payload(f"call-child-{number}", status=status, batch="batch-xyz789"))

    def completed():
        told = [request.json for request in hub.results.requests]
        return [event for event in told if event.get("type", "").startswith("batch.c")]

    wait_until("the batch is completed", completed, 20)
    time.sleep(1)
    event = completed()[0]
    assert (len(completed()), event["type"]) == (1, "batch.completed")
    contains(event["data"]["batch"], {"total": 3, "completed": 2, "failed": 1})
    print(json.dumps(event["data"]["batch"]))


@covers("R0.22", "S0.10")
def test_a_completion_that_never_came_is_asked_for_and_a_late_one_is_a_duplicate(hub):
    hub.receiver.documents["/calls/call-lost"] = {"status": "success", "result": {"affinity": 0.25}}
    platform = {"kind": "http", "status_url": hub.receiver.url + "/calls/{call_id}"}
    source = {"profile": "modal-omtx", "application": "default", "mode": "primary", "platform": platform}
    hub.relay.call("PUT", "/v1/sources/modal-omtx", source | {"poll": {"interval_seconds": 1}})
    missed = hub.receiver.hook("/missed")
    hub.endpoint("default", missed, eventTypes=["completion.missed"])
    lost = {"source": "modal-omtx", "external_id": "job-call-lost", "call_id": "call-lost", "deadline_seconds": 1}
    hub.relay.call("POST", "/v1/jobs", lost)
    event = hub.wait_to_hear("job-call-lost")[0]
    assert (event["type"], event["data"]["result"]) == ("job.succeeded", {"affinity": 0.25})
    contains(missed.wait_for(1)[0].json["data"]["job"], {"external_id": "job-call-lost", "call_id": "call-lost"})
    hub.post(hub.payload("call-lost"))
    time.sleep(1)
    assert len(hub.heard("job-call-lost")) == 1
    hub.relay.call("PUT", "/v1/sources/modal-omtx", source | {"mode": "only"})


@covers("S0.14")
def test_an_endpoint_of_their_outbound_kind_gets_their_headers(hub):
    hook = hub.receiver.hook("/omtx-out", first=[201])
    _, secret = hub.endpoint("default", hook, profile="omtx-out", eventTypes=["job.succeeded"], delays=[1])
    hub.post(hub.payload("call-out"))
    # Only 200 is success to them.
    request = hook.wait_for(2)[1]
    assert omtx.verify_webhook_signature(secret, request.body, request.headers["x-omtx-signature"]), "their verifier refuses"
    assert request.headers["x-omtx-signature"].startswith("sha256=")
    assert request.headers["x-omtx-event"] == "job.completed"
    time.strptime(request.headers["x-omtx-timestamp"][:19], "%Y-%m-%dT%H:%M:%S")
    print(request.body.decode())


@covers("S0.13")
def test_the_user_agents_of_their_script_make_no_difference(hub):
    for number, agent in enumerate(("Modal-Webhook/1.0 (OMTX-Hub)", "Modal-Webhook-Test/1.0", "curl/8")):
        assert hub.post(hub.payload(f"call-agent-{number}"), User_Agent=agent).status // 100 == 2


@covers("S0.6", "S0.7")
def test_what_was_accepted_outlives_the_process(hub):
    calls = [f"call-killed-{number}" for number in range(10)]
    for call in calls:
        assert hub.post(hub.payload(call)).status // 100 == 2
    hub.relay.kill()
    hub.relay.start()
    for call in calls:
        # What the process held when it died is let go of when its claim ends: an attempt may take 30 s.
        hub.wait_to_hear(f"job-{call}", seconds=120)
    print("10 accepted, killed, started again, 10 heard")
