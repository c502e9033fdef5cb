"""What `relay dev` sends to a subscriber, judged by every library of Standard Webhooks; and the example that it prints."""

import hashlib
import hmac
import json
import secrets
import subprocess
import time
from dataclasses import replace

import pytest
from judged import ACCEPTED, REFUSED
from libraries import STANDARD_JUDGES, Judge
from senders import whsec
from variants import OLD, digit_changed

from support.process import clean_environment, wait_until
from support.relay import Refused, Relay
from support.server import Request
from support.table import cell

# Text, and not Python's dictionaries: a float that ends in .0 and letters beyond ASCII must come through to the byte.
RESULT = (
    '{"affinity":-7.0,"confidence":1.0,"ptm_score":0.91,"iptm_score":0.880,"plddt_score":1e2,'
    '"structure_file_base64":"ZGF0YV9tb2RlbAo=","execution_time":184.0,"ligand":"β-D-Glucose – 葡萄糖 🧬 \\u00e9"}'
)
COMPLETION = (
    '{"call_id":"fc-verify-1","status":"success","result":' + RESULT + ","
    '"metadata":{"job_id":"job-verify-1","batch_id":"batch-verify-1","timestamp":"2026-11-22T00:00:00Z"}}'
)
INVOICE = '{"amount":1.0,"tax":0.190,"customer":"Zoë Łukasiewicz & 東京 🧾","lines":[1.0,2e1,-0.5]}'


@pytest.fixture(scope="module")
def endpoint_secret(relay, receiver) -> str:
    """The secret of an endpoint of `acme`, to which the source `modal` belongs."""
    relay.call("POST", "/api/v1/app", {"name": "acme", "uid": "acme"})
    endpoint = relay.call("POST", "/api/v1/app/acme/endpoint", {"url": receiver.hook("/hook").url})
    return relay.call("GET", f"/api/v1/app/acme/endpoint/{endpoint['id']}/secret")["key"]


def complete(relay: Relay, secret: str) -> str:
    """Sends the signed completion; the id of its event."""
    body = COMPLETION.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Modal-Webhook/1.0",
        "X-Modal-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "X-Modal-Timestamp": str(int(time.time())),
    }
    status, answer = relay.send("POST", "/in/modal", body, headers)
    assert status == 202, answer
    return answer["id"]


@pytest.fixture(scope="module")
def deliveries(relay, receiver, endpoint_secret) -> dict[str, Request]:
    secret = secrets.token_hex(32)
    source = {"profile": "modal-omtx", "secrets": [secret], "application": "acme"}
    relay.call("PUT", "/v1/sources/modal", source)
    completion = complete(relay, secret)
    message = f'{{"eventType":"invoice.paid","payload":{INVOICE}}}'.encode()
    invoice = relay.call("POST", "/api/v1/app/acme/msg", message)["id"]
    return {"completion": receiver.wait_for(completion), "published message": receiver.wait_for(invoice)}


def test_a_completions_result_arrives_to_the_byte(deliveries):
    body = deliveries["completion"].body
    assert json.loads(body)["type"] == "job.succeeded"
    assert b'"result":' + RESULT.encode() in body


def test_a_published_payload_arrives_to_the_byte(deliveries):
    assert deliveries["published message"].body == INVOICE.encode()


def with_header(delivery: Request, name: str, change) -> Request:
    return replace(delivery, headers=delivery.headers | {name: change(delivery.headers[name])})


# Each by its name: the secret and the delivery that are judged.
CHANGES = {
    "a byte of the body changed": lambda secret, it: (secret, replace(it, body=digit_changed(it.body))),
    "another secret": lambda secret, it: (whsec(), it),
    "a stale timestamp": lambda secret, it: (secret, with_header(it, "webhook-timestamp", lambda at: str(int(at) - OLD))),
    "another id": lambda secret, it: (secret, with_header(it, "webhook-id", lambda name: name + "x")),
    # Cut by three bytes: still base64, so that the length is judged.
    "a truncated signature": lambda secret, it: (secret, with_header(it, "webhook-signature", lambda text: text[:-4])),
}
KINDS = ("completion", "published message")


@pytest.mark.parametrize(
    ("judge", "kind"),
    [
        pytest.param(judge, kind, id=f"{judge.library}: {kind}", marks=cell(f"standard: {judge.library}", ACCEPTED))
        for judge in STANDARD_JUDGES
        for kind in KINDS
    ],
)
def test_a_delivery_is_accepted_as_sent(deliveries, endpoint_secret, judge: Judge, kind: str):
    delivery = deliveries[kind]
    verdict = judge.verify(endpoint_secret, delivery.headers, delivery.body)
    assert verdict.accepted, f"refused with {verdict.kind}: {verdict.reason}"


@pytest.mark.parametrize(
    ("judge", "kind", "change"),
    [
        pytest.param(
            judge,
            kind,
            change,
            id=f"{judge.library}: {kind} with {change}",
            marks=cell(f"standard: {judge.library}", REFUSED),
        )
        for judge in STANDARD_JUDGES
        for kind in KINDS
        for change in CHANGES
    ],
)
def test_a_changed_delivery_is_refused(deliveries, endpoint_secret, judge: Judge, kind: str, change: str):
    secret, delivery = CHANGES[change](endpoint_secret, deliveries[kind])
    verdict = judge.verify(secret, delivery.headers, delivery.body)
    assert not verdict.accepted and verdict.kind in judge.refusals, verdict


def run_demo(relay: Relay) -> str:
    """Runs the printed example; the id of its event."""
    command = ["bash", "-c", relay.demo_command()]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    answer = json.loads(done.stdout)
    assert answer["status"] == "accepted"
    return answer["id"]


@pytest.fixture(scope="module")
def demo_id(relay) -> str:
    return run_demo(relay)


def test_the_printed_example_is_accepted(demo_id):
    assert demo_id


def test_the_printed_example_again_is_accepted_under_the_same_id(relay, demo_id):
    assert run_demo(relay) == demo_id


def test_the_event_of_the_printed_example_has_one_duplicate(relay, demo_id):
    def duplicates() -> int | None:
        try:
            return relay.call("GET", f"/v1/events/{demo_id}")["duplicates"]
        except Refused:
            return None  # Accepted, but not an event yet.

    wait_until(f"{demo_id} has a duplicate", duplicates, 20)
    assert duplicates() == 1
