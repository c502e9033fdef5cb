"""S2: Hokusai. A registration is published to the relay; its guide's consumers in Python and in Node hear of it."""

import hashlib
import hmac
import json
import secrets
import sys
import time
from pathlib import Path

import pytest
from ground import System, contains, covers, fixture_of
from servers import ForeignServer, redis_server
from theirs.hokusai_publisher import registration, send_test_webhook

import redis
from support import packages
from support.process import wait_until
from support.receiver import Hook

THEIRS = Path(__file__).resolve().parent / "theirs"
CHANNEL = "model_ready"

pytestmark = pytest.mark.relay(RUST_LOG="info,metrics=debug")


class Hokusai(System):
    def prepare(self) -> None:
        self.servers: list[ForeignServer] = []
        self.secret = secrets.token_hex(16)
        self.relay.call("POST", "/api/v1/app", {"name": "hokusai", "uid": "hokusai"})
        consumers = {
            "python": (lambda port: [sys.executable, str(THEIRS / "hokusai_consumer.py"), port], THEIRS),
            "node": (
                lambda port: ["node", "hokusai_consumer.js", port],
                packages.node(THEIRS.parent, "theirs/hokusai_consumer.js"),
            ),
        }
        self.endpoints: dict[str, str] = {}
        for name, (command, cwd) in consumers.items():
            server = self.serve(f"the consumer in {name}", command, cwd, WEBHOOK_SECRET=self.secret)
            url = f"http://127.0.0.1:{server.port}/api/models/ready"
            self.endpoints[name] = self.subscriber(url, secret=self.secret)
        # These two take their time; they are looked at last.
        self.broken, self.hung = self.receiver.hook("/broken", answer=500), self.receiver.hook("/hung", hold=40)
        self.slow = {
            # The fifth failure would stop calls for a minute, and the ladder is what is looked at.
            hook.url: self.subscriber(hook.url, eventTypes=["model.ladder"], breaker={"threshold": 10, "recoverySeconds": 60})
            for hook in (self.broken, self.hung)
        }
        self.ladder = self.publish(registration("model_ladder"), "model.ladder")

    def finish(self) -> None:
        for server in self.servers:
            server.end()

    def serve(self, what: str, command, cwd: Path, **environment: str) -> ForeignServer:
        server = ForeignServer(what, command, cwd, **environment)
        self.servers.append(server)
        return server

    def subscriber(self, url: str, **more) -> str:
        wanted = {"url": url, "profile": "hokusai", "eventTypes": ["model.registered"], **more}
        return self.relay.call("POST", "/api/v1/app/hokusai/endpoint", wanted)["id"]

    def publish(self, payload: dict | str, kind: str = "model.registered") -> str:
        """The event's id. Text goes as it is."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        message = f'{{"eventType":{json.dumps(kind)},"payload":{text}}}'.encode()
        return self.relay.call("POST", "/api/v1/app/hokusai/msg", message)["id"]

    def attempts(self, event: str, endpoint: str) -> list[dict]:
        """Oldest first."""
        listed = self.relay.call("GET", f"/api/v1/app/hokusai/attempt/msg/{event}")["data"]
        mine = [attempt for attempt in listed if attempt["endpointId"] == endpoint]
        return sorted(mine, key=lambda attempt: attempt["timestamp"])

    def answered(self, event: str, name: str, count: int = 1) -> list[tuple[int, dict]]:
        """What the consumer answered to each attempt."""
        found = lambda: len(self.attempts(event, self.endpoints[name])) >= count  # noqa: E731
        wait_until(f"{name} has answered {count} times", found, 20)
        made = self.attempts(event, self.endpoints[name])
        return [(attempt["responseStatusCode"], json.loads(attempt["response"])) for attempt in made]

    def hear(self, hook: Hook, payload: dict | str) -> tuple[str, Hook]:
        self.subscriber(hook.url, secret=self.secret)
        return self.publish(payload), hook


hokusai = fixture_of(Hokusai)


@covers("R2.2", "R2.3", "R2.4", "S2.1")
def test_the_guides_python_consumer_accepts_a_registration(hokusai):
    event = hokusai.publish(registration("model_python"))
    assert hokusai.answered(event, "python") == [(200, {"status": "success"})]


@covers("R2.4", "S2.6")
def test_the_guides_node_consumer_that_serialises_again_accepts_it(hokusai):
    event = hokusai.publish(registration("model_node"))
    assert hokusai.answered(event, "node") == [(200, {"status": "success"})]


@covers("R2.4", "S2.6")
def test_both_accept_numbers_and_letters_that_json_may_write_in_two_ways(hokusai):
    odd = (
        '{ "model_id": "m\\u00e9", "idempotency_key": "odd", "baseline_metrics": {"accuracy": 1.0, "f1": 1e-7,'
        ' "loss": 100000000000000000000000, "auc": 0.50}, "metadata": {"name": "\\u2028 \\/ \\ud83e\\uddec β"}, "2": 1, "1": 2 }'
    )
    event = hokusai.publish(odd)
    for name in hokusai.endpoints:
        assert hokusai.answered(event, name) == [(200, {"status": "success"})]


@covers("R2.3", "R2.4", "S2.1", "S2.2")
def test_the_payload_is_the_guides_and_the_signature_bare_hex(hokusai):
    payload = registration("model_seen")
    _, hook = hokusai.hear(hokusai.receiver.hook("/seen"), payload)
    request = hook.wait_for(1)[0]
    assert request.json == payload
    signature = request.headers["x-hokusai-signature"]
    assert (len(signature), set(signature) <= set("0123456789abcdef")) == (64, True)
    assert request.headers["content-type"] == "application/json"


@covers("S2.1")
def test_the_spellings_that_their_code_drifted_to_are_profiles_of_their_own(hokusai):
    told = []
    for profile in ("hokusai-prefixed", "hokusai-deltaone"):
        hook = hokusai.receiver.hook(f"/{profile}")
        hokusai.subscriber(hook.url, profile=profile, eventTypes=[f"model.{profile}"])
        hokusai.publish(registration("model_drift"), f"model.{profile}")
        headers = hook.wait_for(1)[0].headers
        assert headers["x-hokusai-signature"].startswith("sha256=")
        told.append(headers)
    contains(
        {name: name in told[1] for name in ("x-hokusai-timestamp", "x-hokusai-nonce")},
        {"x-hokusai-timestamp": True, "x-hokusai-nonce": True},
    )
    assert told[1]["user-agent"] == "Hokusai-DeltaOne/1.0"


@covers("R2.5", "S2.6")
def test_the_same_again_is_already_processed(hokusai):
    event = hokusai.publish(registration("model_again"))
    hokusai.answered(event, "python")
    hokusai.relay.call("POST", f"/api/v1/app/hokusai/msg/{event}/endpoint/{hokusai.endpoints['python']}/resend")
    assert hokusai.answered(event, "python", 2)[1] == (200, {"status": "already_processed"})


@pytest.mark.parametrize("name", ["python", "node"])
@covers("R2.4", "R2.11")
def test_with_another_secret_both_consumers_refuse(hokusai, name: str):
    url = hokusai.relay.call("GET", f"/api/v1/app/hokusai/endpoint/{hokusai.endpoints[name]}")["url"]
    wrong = hokusai.subscriber(url, secret=secrets.token_hex(16), eventTypes=[f"model.wrong.{name}"])
    event = hokusai.publish(registration("model_wrong"), f"model.wrong.{name}")
    wait_until("it is refused", lambda: hokusai.attempts(event, wrong), 20)
    assert hokusai.attempts(event, wrong)[0]["responseStatusCode"] == 401


@covers("R2.1", "R2.9", "S2.3")
def test_their_own_variables_set_it_up_and_dual_publishing_follows_its_flag(hokusai):
    server = redis_server()
    hokusai.servers.append(server)
    channel = redis.Redis(port=server.port).pubsub(ignore_subscribe_messages=True)
    channel.subscribe(CHANNEL)
    channel.get_message(timeout=5)
    hook = hokusai.receiver.hook("/connected", first=[503])
    variables = {
        "WEBHOOK_URL": hook.url,
        "WEBHOOK_SECRET": hokusai.secret,
        "WEBHOOK_TIMEOUT": "9",
        "WEBHOOK_MAX_RETRIES": "3",
        "WEBHOOK_RETRY_DELAY": "1",
        "WEBHOOK_CIRCUIT_BREAKER_FAILURE_THRESHOLD": "7",
        "WEBHOOK_CIRCUIT_BREAKER_RECOVERY_TIME": "90",
        "REDIS_URL": f"redis://127.0.0.1:{server.port}",
        "REDIS_CHANNEL": CHANNEL,
    }
    application = "connected"

    def connect(flag: str) -> str:
        return hokusai.command("connect", "hokusai", "--application", application, ENABLE_REDIS_FALLBACK=flag, **variables)

    def publish(model: str) -> dict:
        payload = registration(model)
        message = {"eventType": "model.registered", "payload": payload}
        hokusai.relay.call("POST", f"/api/v1/app/{application}/msg", message)
        return payload

    def next_message(seconds: float) -> dict | None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = channel.get_message(timeout=0.2)
            if message is not None:
                return json.loads(message["data"])
        return None

    said = connect("true")
    shown = hokusai.relay.call("GET", f"/api/v1/app/{application}/endpoint/hokusai")
    contains(shown, {"timeoutSeconds": 9, "maxRetries": 3, "delays": [1, 2, 4]})
    assert shown["breaker"] == {"threshold": 7, "recoverySeconds": 90}
    payload = publish("model_dual")
    assert (next_message(20), hook.wait_for(2)[1].json) == (payload, payload)
    off = connect("false")
    payload = publish("model_single")
    assert hook.wait_for(3)[2].json == payload
    assert next_message(3) is None
    print(" / ".join((said + off).split("\n")).strip(" /"))


@covers("R2.10")
def test_the_guides_health_call_is_answered(hokusai):
    kind = ("-X", "POST", "-H", "Content-Type: application/json", "-d", '{"test": true}')
    answer = hokusai.curl("/health", *kind, key=False)
    assert answer.status == 200
    print(answer.text)


@covers("R2.11", "S2.1")
def test_why_a_signature_does_not_hold_is_told_in_a_sentence(hokusai):
    body = json.dumps(registration("model_verified"))
    bare = hmac.new(hokusai.secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    arguments = ("verify", "--profile", "hokusai", "--secret", hokusai.secret, "--body", body, "-H")
    hokusai.command(*arguments, f"X-Hokusai-Signature: {bare}")
    with pytest.raises(AssertionError, match=r"expects `\{hex\}`"):
        hokusai.command(*arguments, f"X-Hokusai-Signature: sha256={bare}")


@covers("R2.10", "R2.4")
def test_the_guides_test_script_is_accepted_by_a_source_and_passed_on(hokusai):
    source = {"profile": "hokusai", "secrets": [hokusai.secret], "application": "hokusai"}
    hokusai.relay.call("PUT", "/v1/sources/hokusai", source)
    hook = hokusai.receiver.hook("/test-script")
    hokusai.subscriber(hook.url)
    answer = send_test_webhook(f"{hokusai.relay.url}/in/hokusai", hokusai.secret, {})
    assert answer.status_code // 100 == 2
    assert send_test_webhook(f"{hokusai.relay.url}/in/hokusai", hokusai.secret[1:], {}).status_code == 401
    mine = lambda: [r for r in hook.requests if r.json.get("model_id") == "test_model_001"]  # noqa: E731
    wait_until("it is passed on", mine, 20)
    print(answer.text)


@covers("R2.1", "S2.3")
def test_timeouts_and_retries_are_what_is_configured(hokusai):
    hook = hokusai.receiver.hook("/configured", answer=503)
    wanted = {"maxRetries": 2, "delays": [1, 1], "timeoutSeconds": 7, "eventTypes": ["model.configured"]}
    wanted["breaker"] = {"threshold": 3, "recoverySeconds": 60}
    endpoint = hokusai.subscriber(hook.url, **wanted)
    shown = hokusai.relay.call("GET", f"/api/v1/app/hokusai/endpoint/{endpoint}")
    contains(shown, wanted)
    hokusai.publish(registration("model_configured"), "model.configured")
    hook.wait_for(3)
    hook.stays_at(3, seconds=3)


@covers("S2.5", "S2.4")
def test_publishing_does_not_wait_for_subscribers(hokusai):
    began = time.monotonic()
    hokusai.publish(registration("model_quick"), "model.ladder.none")
    took = time.monotonic() - began
    assert took < 2, f"{took:.1f} s, while one subscriber hangs and another is being retried"
    print(f"{took * 1000:.0f} ms")


@covers("R2.12", "S2.4")
def test_the_metrics_have_the_guides_names(hokusai):
    # The last because a consumer failed three times in a row, where three are configured to be too many.
    names = (
        "webhook_publish_success",
        "webhook_publish_failure",
        "webhook_retry_count",
        "webhook_circuit_breaker_state",
    )
    log = hokusai.relay.log()
    contains({name: name in log for name in names}, dict.fromkeys(names, True))


@covers("R2.6")
def test_a_failing_consumer_is_tried_six_times_on_the_guides_ladder(hokusai):
    times = [request.at for request in hokusai.broken.wait_for(6, seconds=150)]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    for gap, wanted in zip(gaps, (2, 4, 8, 16, 32)):
        # Its jitter is a fifth, and a sweep may be a second late.
        assert 0.78 * wanted <= gap <= 1.22 * wanted + 2, f"{gap:.1f} s where {wanted} s are due: {gaps}"
    hokusai.broken.stays_at(6, seconds=3)
    ids = {request.headers["webhook-id"] for request in hokusai.broken.requests}
    bodies = {request.body for request in hokusai.broken.requests}
    assert (len(ids), len(bodies)) == (1, 1)
    print("after " + ", ".join(f"{gap:.1f}" for gap in gaps) + " s")


@covers("R2.8")
def test_a_consumer_that_hangs_is_given_up_after_thirty_seconds(hokusai):
    attempt = hokusai.attempts(hokusai.ladder, hokusai.slow[hokusai.hung.url])[0]
    took = attempt["responseDurationMs"] / 1000
    assert 29 <= took <= 32, attempt
    print(f"{took:.1f} s")
