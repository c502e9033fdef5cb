"""S4: WEPPcloud. Jobs are submitted with webhook_url, a worker reports with the proposal's own code, a client verifies."""

import json
import secrets
import time

import pytest
from ground import System, contains, covers, fixture_of
from servers import redis_server
from theirs import wepp

import redis
from support.process import wait_until
from support.receiver import Hook


class Wepp(System):
    def prepare(self) -> None:
        self.server = None
        self.worker = secrets.token_hex(32)
        source = {"profile": "wepp", "secrets": [self.worker], "application": "default"}
        self.relay.call("PUT", "/v1/sources/wepp", source)

    def finish(self) -> None:
        if self.server is not None:
            self.server.end()

    def submit(self, job: str, hook: Hook | None, **more) -> dict:
        """What the route does before it enqueues: the job's id is known, so nothing can be faster than its webhook."""
        body = {"source": "wepp", "external_id": job, "run_id": "test-run-2024", **more}
        if hook is not None:
            body |= {"webhook_url": hook.url}
        return self.relay.call("POST", "/v1/jobs", body)

    def report(self, job: str, event: str, **more) -> None:
        """What the worker's callback posts."""
        payload = {"event": event, "job_id": job, "runid": "test-run-2024", "timestamp": time.time(), **more}
        answer = wepp.deliver_webhook(f"{self.relay.url}/in/wepp", payload, self.worker)
        assert answer.status_code // 100 == 2


cloud = fixture_of(Wepp)


@covers("R4.1", "R4.2", "R4.3", "R4.12", "R4.11", "S4.6")
def test_success_reaches_the_client_whose_verifier_accepts_it(cloud):
    hook, secret = cloud.receiver.hook("/success"), "your-signing-key-of-24-bytes-and-more"
    submitted = cloud.submit("rq-success", hook, webhook_secret=secret, webhook_headers={"X-Custom-Header": "value"})
    assert submitted["id"], submitted
    cloud.report("rq-success", "job.success", result={"status": "complete", "details": "0.50 ha"})
    request = hook.wait_for(1)[0]
    assert wepp.verify_webhook_signature(request.body, request.headers["x-webhook-signature"], secret)
    contains(
        request.headers,
        {"content-type": "application/json", "user-agent": "WEPPcloud-Webhook/1.0", "x-custom-header": "value"},
    )
    payload = request.json
    assert set(payload) == {"event", "job_id", "runid", "timestamp", "result"}
    contains(payload, {"event": "job.success", "job_id": "rq-success", "runid": "test-run-2024"})
    assert (payload["result"], type(payload["timestamp"])) == ({"status": "complete", "details": "0.50 ha"}, float)
    # Standard Webhooks' headers too, whose timestamp is signed: their own payload's never was looked at.
    contains(
        {name: name in request.headers for name in ("webhook-id", "webhook-timestamp")},
        {"webhook-id": True, "webhook-timestamp": True},
    )
    assert not wepp.verify_webhook_signature(request.body + b" ", request.headers["x-webhook-signature"], secret)
    print(request.body.decode())


@covers("R4.2", "S4.6")
def test_failure_is_told_without_the_traceback(cloud):
    hook = cloud.receiver.hook("/failure")
    cloud.submit("rq-failure", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
    error = {"type": "ValueError", "message": "Invalid landuse mode", "traceback": "File /workdir/wepppy/rq.py, line 7"}
    cloud.report("rq-failure", "job.failure", error=error)
    request = hook.wait_for(1)[0]
    payload = request.json
    contains(payload, {"event": "job.failure", "job_id": "rq-failure", "runid": "test-run-2024"})
    contains(payload["error"], {"type": "ValueError", "message": "Invalid landuse mode"})
    assert b"/workdir" not in request.body, payload
    print(request.body.decode())


@covers("R4.2")
def test_stopped_is_told(cloud):
    hook = cloud.receiver.hook("/stopped")
    cloud.submit("rq-stopped", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
    cloud.report("rq-stopped", "job.stopped")
    payload = hook.wait_for(1)[0].json
    assert set(payload) == {"event", "job_id", "runid", "timestamp"}
    contains(payload, {"event": "job.stopped", "job_id": "rq-stopped", "runid": "test-run-2024"})


@covers("R4.3")
def test_without_a_secret_there_is_no_signature_of_theirs(cloud):
    hook = cloud.receiver.hook("/unsigned")
    cloud.submit("rq-unsigned", hook)
    cloud.report("rq-unsigned", "job.success", result=None)
    assert not ("x-webhook-signature" in hook.wait_for(1)[0].headers)


@covers("R4.1")
def test_headers_may_be_a_json_string(cloud):
    hook = cloud.receiver.hook("/string")
    cloud.submit("rq-string", hook, webhook_headers=json.dumps({"X-Custom-Header": "text"}))
    cloud.report("rq-string", "job.success", result=1)
    assert hook.wait_for(1)[0].headers["x-custom-header"] == "text"


@pytest.mark.parametrize(
    "name", ["X-Webhook-Signature", "Content-Type", "User-Agent", "webhook-signature", "Host", "Content-Length"]
)
@covers("S4.5", "R4.9")
def test_headers_that_are_the_relays_cannot_be_set(cloud, name: str):
    hook = cloud.receiver.hook("/denied")
    body = {"source": "wepp", "external_id": "rq-denied", "webhook_url": hook.url, "webhook_headers": {name: "mine"}}
    headers = cloud.relay.authorization | {"Content-Type": "application/json"}
    status, answer = cloud.relay.send("POST", "/v1/jobs", json.dumps(body).encode(), headers)
    assert status in (400, 422), answer


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.5/x",
        "https://192.168.1.1/x",
        "https://172.16.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/x",
        "http://1.1.1.1/x",
        "https://user:password@example.com/x",
        "ftp://example.com/x",
    ],
)
@covers("S4.1", "R4.9")
def test_addresses_inside_are_refused(cloud, url: str):
    body = {"source": "wepp", "external_id": "rq-inside", "webhook_url": url}
    headers = cloud.relay.authorization | {"Content-Type": "application/json"}
    status, answer = cloud.relay.send("POST", "/v1/jobs", json.dumps(body).encode(), headers)
    assert status in (400, 422), answer


@covers("R4.4", "R4.11", "S4.3")
def test_a_500_is_tried_three_times_with_one_and_two_seconds_between(cloud):
    hook = cloud.receiver.hook("/broken", answer=500)
    cloud.submit("rq-broken", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
    cloud.report("rq-broken", "job.success", result=1)
    first, second, third = (request.at for request in hook.wait_for(3))
    hook.stays_at(3, seconds=4)
    for gap, wanted in ((second - first, 1), (third - second, 2)):
        # Its jitter is a fifth, and a sweep may be a second late.
        assert 0.75 * wanted <= gap <= 1.2 * wanted + 1.5, f"{gap:.1f} s where {wanted} s are due"
    letters = cloud.relay.call("GET", "/v1/webhooks/dead-letter")["data"]
    assert [letter["attempts"] for letter in letters if letter["webhook_url"] == hook.url] == [3]
    print(f"after {second - first:.1f} s and {third - second:.1f} s, then a dead letter")


@covers("R4.3")
def test_a_redirect_is_not_followed(cloud):
    hook, elsewhere = cloud.receiver.hook("/moved", answer=302), cloud.receiver.hook("/elsewhere")
    cloud.submit("rq-moved", hook)
    cloud.report("rq-moved", "job.success", result=1)
    hook.wait_for(3)
    assert len(elsewhere.requests) == 0


@covers("S4.2", "S4.4")
def test_a_job_that_ends_before_it_is_submitted_is_still_told(cloud):
    hook = cloud.receiver.hook("/early")
    cloud.report("rq-early", "job.success", result=1)
    cloud.wait_for_job("rq-early", "succeeded")
    cloud.submit("rq-early", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
    contains(hook.wait_for(1)[0].json, {"event": "job.success", "job_id": "rq-early"})
    hook.stays_at(1)


@covers("R4.6")
def test_without_a_webhook_nothing_is_sent(cloud):
    cloud.submit("rq-plain", None)
    cloud.report("rq-plain", "job.success", result=1)
    cloud.wait_for_job("rq-plain", "succeeded")
    assert cloud.curl("/job/rq-plain/webhook").json == {"webhook_configured": False}


@covers("R4.6", "R4.11")
def test_with_the_flag_off_a_webhook_is_taken_and_not_attached(cloud):
    source = {"profile": "wepp", "application": "default"}
    hook = cloud.receiver.hook("/flag")
    cloud.relay.call("PUT", "/v1/sources/wepp", source | {"job_webhooks": False})
    cloud.submit("rq-flag-off", hook)
    cloud.report("rq-flag-off", "job.success", result=1)
    cloud.wait_for_job("rq-flag-off", "succeeded")
    assert cloud.curl("/job/rq-flag-off/webhook").json == {"webhook_configured": False}
    cloud.relay.call("PUT", "/v1/sources/wepp", source | {"job_webhooks": True})
    cloud.submit("rq-flag-on", hook)
    cloud.report("rq-flag-on", "job.success", result=1)
    assert hook.stays_at(1)[0].json["job_id"] == "rq-flag-on"


@covers("R4.7")
def test_a_dashboard_over_redis_hears_how_deliveries_end(cloud):
    cloud.server = redis_server()
    channels = redis.Redis(port=cloud.server.port).pubsub(ignore_subscribe_messages=True)
    channels.subscribe("test-run-2024:webhook", "webhooks:telemetry")
    source = {"profile": "wepp", "application": "default", "status_redis": f"redis://127.0.0.1:{cloud.server.port}"}
    cloud.relay.call("PUT", "/v1/sources/wepp", source)
    hook = cloud.receiver.hook("/dashboard", first=[500])
    cloud.submit("rq-dashboard", hook)
    cloud.report("rq-dashboard", "job.success", result=1)
    heard: dict[str, bytes] = {}

    def both() -> bool:
        message = channels.get_message(timeout=0.2)
        if message is not None:
            heard[message["channel"].decode()] = message["data"]
        return len(heard) == 2

    wait_until("both channels are told", both, 20)
    assert heard["test-run-2024:webhook"] == b"Webhook delivered for job rq-dashboard"
    telemetry = json.loads(heard["webhooks:telemetry"])
    wanted = {"job_id": "rq-dashboard", "runid": "test-run-2024", "url": hook.url, "status": "success", "attempts": 2}
    contains(telemetry, wanted)
    assert type(telemetry["timestamp"]) == float
    print(json.dumps(telemetry))


@covers("R4.8", "S4.6")
def test_the_status_route_tells_how_the_delivery_went_and_needs_a_key(cloud):
    assert cloud.curl("/job/rq-success/webhook", key=False).status == 401
    answer = cloud.curl("/job/rq-success/webhook").json
    assert (answer["webhook_configured"], answer["delivery_status"] == "delivered") == (True, True)
    failed = cloud.curl("/job/rq-broken/webhook").json
    assert failed["delivery_status"] == "failed"
    unknown = cloud.curl("/job/rq-nobody/webhook")
    assert (unknown.status, unknown.json) == (200, {"webhook_configured": False})
    print(f"{json.dumps(answer)} {json.dumps(failed)}")


@covers("R4.9", "S4.4", "S4.6")
def test_no_answer_and_no_log_shows_a_secret(cloud):
    secret = "your-signing-key-of-24-bytes-and-more"
    for path in ("/v1/jobs", "/v1/jobs/rq-success", "/job/rq-success/webhook", "/v1/webhooks/dead-letter", "/v1/events"):
        assert secret not in cloud.curl(path).text, path
    assert secret not in cloud.relay.log(), "the log"
    for stored in cloud.relay.files():
        assert secret.encode() not in stored.read_bytes(), str(stored)
