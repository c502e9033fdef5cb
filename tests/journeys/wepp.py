"""S4: WEPPcloud. Jobs are submitted with webhook_url, a worker reports with the proposal's own code, a client verifies."""

import json
import secrets
import time

import redis

import tools
from ground import Hook, Journey, check, contains, equal
from servers import redis_server
from theirs import wepp


class Wepp(Journey):
    system = "S4"
    name = "WEPPcloud"
    page = "wepp.md"

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
        equal(answer.status_code // 100, 2)

    @check("R4.1", "R4.2", "R4.3", "R4.12", "R4.11", "S4.6")
    def success_reaches_the_client_whose_verifier_accepts_it(self):
        hook, secret = self.hooks.at("/success"), "your-signing-key-of-24-bytes-and-more"
        submitted = self.submit("rq-success", hook, webhook_secret=secret, webhook_headers={"X-Custom-Header": "value"})
        if not submitted["id"]:
            raise AssertionError(submitted)
        self.report("rq-success", "job.success", result={"status": "complete", "details": "0.50 ha"})
        request = hook.wait_for(1)[0]
        equal(wepp.verify_webhook_signature(request.body, request.headers["x-webhook-signature"], secret), True)
        contains(
            request.headers,
            {"content-type": "application/json", "user-agent": "WEPPcloud-Webhook/1.0", "x-custom-header": "value"},
        )
        payload = request.json
        equal(set(payload), {"event", "job_id", "runid", "timestamp", "result"})
        contains(payload, {"event": "job.success", "job_id": "rq-success", "runid": "test-run-2024"})
        equal((payload["result"], type(payload["timestamp"])), ({"status": "complete", "details": "0.50 ha"}, float))
        # Standard Webhooks' headers too, whose timestamp is signed: their own payload's never was looked at.
        contains({name: name in request.headers for name in ("webhook-id", "webhook-timestamp")},
                 {"webhook-id": True, "webhook-timestamp": True})
        equal(wepp.verify_webhook_signature(request.body + b" ", request.headers["x-webhook-signature"], secret), False)
        return request.body.decode()

    @check("R4.2", "S4.6")
    def failure_is_told_without_the_traceback(self):
        hook = self.hooks.at("/failure")
        self.submit("rq-failure", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
        error = {"type": "ValueError", "message": "Invalid landuse mode", "traceback": "File /workdir/wepppy/rq.py, line 7"}
        self.report("rq-failure", "job.failure", error=error)
        request = hook.wait_for(1)[0]
        payload = request.json
        contains(payload, {"event": "job.failure", "job_id": "rq-failure", "runid": "test-run-2024"})
        contains(payload["error"], {"type": "ValueError", "message": "Invalid landuse mode"})
        if b"/workdir" in request.body:
            raise AssertionError(payload)
        return request.body.decode()

    @check("R4.2")
    def stopped_is_told(self):
        hook = self.hooks.at("/stopped")
        self.submit("rq-stopped", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
        self.report("rq-stopped", "job.stopped")
        payload = hook.wait_for(1)[0].json
        equal(set(payload), {"event", "job_id", "runid", "timestamp"})
        contains(payload, {"event": "job.stopped", "job_id": "rq-stopped", "runid": "test-run-2024"})

    @check("R4.3")
    def without_a_secret_there_is_no_signature_of_theirs(self):
        hook = self.hooks.at("/unsigned")
        self.submit("rq-unsigned", hook)
        self.report("rq-unsigned", "job.success", result=None)
        equal("x-webhook-signature" in hook.wait_for(1)[0].headers, False)

    @check("R4.1")
    def headers_may_be_a_json_string(self):
        hook = self.hooks.at("/string")
        self.submit("rq-string", hook, webhook_headers=json.dumps({"X-Custom-Header": "text"}))
        self.report("rq-string", "job.success", result=1)
        equal(hook.wait_for(1)[0].headers["x-custom-header"], "text")

    @check("S4.5", "R4.9")
    def headers_that_are_the_relays_cannot_be_set(self):
        hook = self.hooks.at("/denied")
        for name in ("X-Webhook-Signature", "Content-Type", "User-Agent", "webhook-signature", "Host", "Content-Length"):
            body = {"source": "wepp", "external_id": "rq-denied", "webhook_url": hook.url, "webhook_headers": {name: "mine"}}
            status, answer = self.relay.send(
                "POST", "/v1/jobs", json.dumps(body).encode(), self.authorization | {"Content-Type": "application/json"}
            )
            if status not in (400, 422):
                raise AssertionError(f"{name}: {status} {answer}")
        return json.dumps(answer)

    @check("S4.1", "R4.9")
    def addresses_inside_are_refused(self):
        inside = (
            "https://10.0.0.5/x",
            "https://192.168.1.1/x",
            "https://172.16.0.1/x",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00:ec2::254]/x",
            "http://1.1.1.1/x",
            "https://user:password@example.com/x",
            "ftp://example.com/x",
        )
        for url in inside:
            body = {"source": "wepp", "external_id": "rq-inside", "webhook_url": url}
            status, answer = self.relay.send(
                "POST", "/v1/jobs", json.dumps(body).encode(), self.authorization | {"Content-Type": "application/json"}
            )
            if status not in (400, 422):
                raise AssertionError(f"{url}: {status} {answer}")
        return f"{len(inside)} of {len(inside)}"

    @check("R4.4", "R4.11", "S4.3")
    def a_500_is_tried_three_times_with_one_and_two_seconds_between(self):
        hook = self.hooks.at("/broken", answer=500)
        self.submit("rq-broken", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
        self.report("rq-broken", "job.success", result=1)
        first, second, third = (request.at for request in hook.wait_for(3))
        hook.stays_at(3, seconds=4)
        for gap, wanted in ((second - first, 1), (third - second, 2)):
            # Its jitter is a fifth, and a sweep may be a second late.
            if not 0.75 * wanted <= gap <= 1.2 * wanted + 1.5:
                raise AssertionError(f"{gap:.1f} s where {wanted} s are due")
        letters = self.relay.call("GET", "/v1/webhooks/dead-letter")["data"]
        equal([letter["attempts"] for letter in letters if letter["webhook_url"] == hook.url], [3])
        return f"after {second - first:.1f} s and {third - second:.1f} s, then a dead letter"

    @check("R4.3")
    def a_redirect_is_not_followed(self):
        hook, elsewhere = self.hooks.at("/moved", answer=302), self.hooks.at("/elsewhere")
        self.submit("rq-moved", hook)
        self.report("rq-moved", "job.success", result=1)
        hook.wait_for(3)
        equal(len(elsewhere.requests), 0)

    @check("S4.2", "S4.4")
    def a_job_that_ends_before_it_is_submitted_is_still_told(self):
        hook = self.hooks.at("/early")
        self.report("rq-early", "job.success", result=1)
        self.wait_for_job("rq-early", "succeeded")
        self.submit("rq-early", hook, webhook_secret="your-signing-key-of-24-bytes-and-more")
        contains(hook.wait_for(1)[0].json, {"event": "job.success", "job_id": "rq-early"})
        hook.stays_at(1)

    @check("R4.6")
    def without_a_webhook_nothing_is_sent(self):
        self.submit("rq-plain", None)
        self.report("rq-plain", "job.success", result=1)
        self.wait_for_job("rq-plain", "succeeded")
        equal(self.curl("/job/rq-plain/webhook").json, {"webhook_configured": False})

    @check("R4.6", "R4.11")
    def with_the_flag_off_a_webhook_is_taken_and_not_attached(self):
        source = {"profile": "wepp", "application": "default"}
        hook = self.hooks.at("/flag")
        self.relay.call("PUT", "/v1/sources/wepp", source | {"job_webhooks": False})
        self.submit("rq-flag-off", hook)
        self.report("rq-flag-off", "job.success", result=1)
        self.wait_for_job("rq-flag-off", "succeeded")
        equal(self.curl("/job/rq-flag-off/webhook").json, {"webhook_configured": False})
        self.relay.call("PUT", "/v1/sources/wepp", source | {"job_webhooks": True})
        self.submit("rq-flag-on", hook)
        self.report("rq-flag-on", "job.success", result=1)
        equal(hook.stays_at(1)[0].json["job_id"], "rq-flag-on")

    @check("R4.7")
    def a_dashboard_over_redis_hears_how_deliveries_end(self):
        self.server = redis_server()
        channels = redis.Redis(port=self.server.port).pubsub(ignore_subscribe_messages=True)
        channels.subscribe("test-run-2024:webhook", "webhooks:telemetry")
        source = {"profile": "wepp", "application": "default", "status_redis": f"redis://127.0.0.1:{self.server.port}"}
        self.relay.call("PUT", "/v1/sources/wepp", source)
        hook = self.hooks.at("/dashboard", first=[500])
        self.submit("rq-dashboard", hook)
        self.report("rq-dashboard", "job.success", result=1)
        heard: dict[str, bytes] = {}

        def both() -> bool:
            message = channels.get_message(timeout=0.2)
            if message is not None:
                heard[message["channel"].decode()] = message["data"]
            return len(heard) == 2

        tools.wait_until("both channels are told", both, 20)
        equal(heard["test-run-2024:webhook"], b"Webhook delivered for job rq-dashboard")
        telemetry = json.loads(heard["webhooks:telemetry"])
        wanted = {"job_id": "rq-dashboard", "runid": "test-run-2024", "url": hook.url, "status": "success", "attempts": 2}
        contains(telemetry, wanted)
        equal(type(telemetry["timestamp"]), float)
        return json.dumps(telemetry)

    @check("R4.8", "S4.6")
    def the_status_route_tells_how_the_delivery_went_and_needs_a_key(self):
        equal(self.curl("/job/rq-success/webhook", key=False).status, 401)
        answer = self.curl("/job/rq-success/webhook").json
        equal((answer["webhook_configured"], answer["delivery_status"] == "delivered"), (True, True))
        failed = self.curl("/job/rq-broken/webhook").json
        equal(failed["delivery_status"], "failed")
        unknown = self.curl("/job/rq-nobody/webhook")
        equal((unknown.status, unknown.json), (200, {"webhook_configured": False}))
        return f"{json.dumps(answer)} {json.dumps(failed)}"

    @check("R4.9", "S4.4", "S4.6")
    def no_answer_and_no_log_shows_a_secret(self):
        secret = "your-signing-key-of-24-bytes-and-more"
        for path in ("/v1/jobs", "/v1/jobs/rq-success", "/job/rq-success/webhook", "/v1/webhooks/dead-letter", "/v1/events"):
            if secret in self.curl(path).text:
                raise AssertionError(path)
        if secret in self.relay.log():
            raise AssertionError("the log")
        for stored in self.relay.files():
            if secret.encode() in stored.read_bytes():
                raise AssertionError(str(stored))
