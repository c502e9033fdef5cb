"""What `relay dev` sends to a subscriber, and the example that it prints."""

import hashlib
import hmac
import json
import secrets
import subprocess
import time
from dataclasses import replace

import tools
from libraries import STANDARD_JUDGES, Judge
from relay import Delivery, Receiver, Relay
from report import OURS_ACCEPTED, OURS_REFUSED, Report, equal
from senders import whsec
from variants import OLD, digit_changed

# As text and not as Python's dictionaries: a float that ends in .0 and letters beyond ASCII must come through to the byte.
RESULT = (
    '{"affinity":-7.0,"confidence":1.0,"ptm_score":0.91,"iptm_score":0.880,"plddt_score":1e2,'
    '"structure_file_base64":"ZGF0YV9tb2RlbAo=","execution_time":184.0,"ligand":"β-D-Glucose – 葡萄糖 🧬 \\u00e9"}'
)
COMPLETION = (
    '{"call_id":"fc-verify-1","status":"success","result":' + RESULT + ','
    '"metadata":{"job_id":"job-verify-1","batch_id":"batch-verify-1","timestamp":"2026-11-22T00:00:00Z"}}'
)
INVOICE = '{"amount":1.0,"tax":0.190,"customer":"Zoë Łukasiewicz & 東京 🧾","lines":[1.0,2e1,-0.5]}'


def outbound(report: Report, relay: Relay, receiver: Receiver) -> None:
    """What subscribers receive is accepted as it is by every library, and not if anything is changed."""
    source_secret = secrets.token_hex(32)
    source = {"profile": "modal-omtx", "secrets": [source_secret], "application": "acme"}
    relay.call("PUT", "/v1/sources/modal", source)
    relay.call("POST", "/api/v1/app", {"name": "acme", "uid": "acme"})
    endpoint = relay.call("POST", "/api/v1/app/acme/endpoint", {"url": receiver.url})
    secret = relay.call("GET", f"/api/v1/app/acme/endpoint/{endpoint['id']}/secret")["key"]

    completion = complete(relay, source_secret)
    message = f'{{"eventType":"invoice.paid","payload":{INVOICE}}}'.encode()
    invoice = relay.call("POST", "/api/v1/app/acme/msg", message)["id"]
    deliveries = {
        "the completion": receiver.wait_for(completion),
        "the published message": receiver.wait_for(invoice),
    }
    report.check("the completion's result arrives to the byte", lambda: announces(deliveries["the completion"].body))
    report.check(
        "the published payload arrives to the byte",
        lambda: equal(deliveries["the published message"].body, INVOICE.encode()),
    )
    for what, delivery in deliveries.items():
        for judge in STANDARD_JUDGES:
            judge_delivery(report, judge, what, secret, delivery)


def complete(relay: Relay, secret: str) -> str:
    """Sends the signed completion; its event's id."""
    body = COMPLETION.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Modal-Webhook/1.0",
        "X-Modal-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        "X-Modal-Timestamp": str(int(time.time())),
    }
    status, answer = relay.send("POST", "/in/modal", body, headers)
    if status != 202:
        raise tools.Failed(f"the completion was answered {status}: {answer}")
    return answer["id"]


def announces(body: bytes) -> None:
    equal(json.loads(body)["type"], "job.succeeded")
    if b'"result":' + RESULT.encode() not in body:
        raise AssertionError(f"the result is not in {body!r}")


def judge_delivery(report: Report, judge: Judge, what: str, secret: str, delivery: Delivery) -> None:
    """Accepted as it was sent; refused, in the library's own words, when something is changed."""
    row, title = ("standard", judge.library), f"{judge.library}: {what}"

    def header(name: str, value: str) -> Delivery:
        return replace(delivery, headers=delivery.headers | {name: value})

    def refused(secret: str, delivery: Delivery) -> None:
        verdict = judge.verify(secret, delivery.headers, delivery.body)
        equal((verdict.accepted, verdict.kind in judge.refusals), (False, True))

    def accepted() -> None:
        verdict = judge.verify(secret, delivery.headers, delivery.body)
        if not verdict.accepted:
            raise AssertionError(f"refused with {verdict.kind}: {verdict.reason}")

    old = str(int(delivery.headers["webhook-timestamp"]) - OLD)
    # Cut by three bytes: still base64, so that it is its length that is judged.
    short = delivery.headers["webhook-signature"][:-4]
    report.check(f"{title} is accepted as sent", accepted, row, OURS_ACCEPTED)
    for how, changes in {
        "with a byte of the body changed": (secret, replace(delivery, body=digit_changed(delivery.body))),
        "with another secret": (whsec(), delivery),
        "with a stale timestamp": (secret, header("webhook-timestamp", old)),
        "with another id": (secret, header("webhook-id", delivery.headers["webhook-id"] + "x")),
        "with a truncated signature": (secret, header("webhook-signature", short)),
    }.items():
        report.check(f"{title} is refused {how}", lambda: refused(*changes), row, OURS_REFUSED)


def demo(report: Report, relay: Relay) -> None:
    """The printed example works as it stands, and again it is a duplicate."""
    ids: list[str] = []

    def run() -> None:
        command = ["bash", "-c", relay.demo_command()]
        done = subprocess.run(command, env=tools.clean_environment(), capture_output=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"exit code {done.returncode}: {done.stderr.decode(errors='replace')}")
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"no JSON: {done.stdout!r}") from None
        equal(answer.get("status"), "accepted")
        ids.append(answer["id"])

    def same() -> None:
        run()
        equal(ids[-1], ids[0])

    def duplicates() -> int | None:
        try:
            return relay.call("GET", f"/v1/events/{ids[0]}")["duplicates"]
        except tools.Failed:
            return None  # It is accepted, but not an event yet.

    def counted() -> None:
        tools.wait_until(f"{ids[0]} has a duplicate", duplicates, 20)
        equal(duplicates(), 1)

    report.check("the printed curl is accepted", run)
    report.check("the printed curl is accepted again, under the same id", same)
    report.check("its event has 1 duplicate", counted)
