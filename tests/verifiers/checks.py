"""What is checked: what we send, what we accept, and the example that `relay dev` prints."""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import time
from dataclasses import replace
from datetime import datetime, timezone

import tools
from libraries import SIGNERS, VERIFIERS
from relay import Delivery, Receiver, Relay

REFUSED = "WebhookVerificationError"
MISMATCH = "No matching signature found"
TOO_OLD = "Message timestamp too old"

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


class Report:
    """Counts, and prints each check as it is made."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, check) -> None:
        try:
            check()
        except Exception as error:  # Whatever it is, the next check may hold.
            self.failed += 1
            tools.say(f"FAILED  {name}: {type(error).__name__}: {error}")
        else:
            self.passed += 1
            tools.say(f"ok      {name}")


def equal(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def changed(body: bytes) -> bytes:
    """The same with another digit in one place: still the same length, UTF-8 and JSON."""
    at = max(at for at, byte in enumerate(body) if chr(byte).isdigit() and byte < 128)
    other = b"1" if body[at : at + 1] != b"1" else b"2"
    return body[:at] + other + body[at + 1 :]


def shortened(signature: str) -> str:
    """The same without its last three bytes: still base64, so that it is its length that is judged."""
    return signature[:-4]


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
        for library, verify in VERIFIERS.items():
            judge_delivery(report, f"{library}: {what}", verify, secret, delivery)


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


def judge_delivery(report: Report, name: str, verify, secret: str, delivery: Delivery) -> None:
    """Accepted as it was sent; refused, and for that reason, when something is changed."""

    def header(name: str, value: str) -> Delivery:
        return replace(delivery, headers=delivery.headers | {name: value})

    def refused(secret: str, delivery: Delivery, reason: str) -> None:
        verdict = verify(secret, delivery)
        equal((verdict.accepted, verdict.kind, verdict.reason), (False, REFUSED, reason))

    def accepted() -> None:
        verdict = verify(secret, delivery)
        if not verdict.accepted:
            raise AssertionError(f"refused with {verdict.kind}: {verdict.reason}")

    old = str(int(delivery.headers["webhook-timestamp"]) - 10 * tools.MINUTE)
    short = shortened(delivery.headers["webhook-signature"])
    report.check(f"{name} is accepted as sent", accepted)
    for how, changes in {
        "with a byte of the body changed": (secret, replace(delivery, body=changed(delivery.body)), MISMATCH),
        "with another secret": (new_secret(), delivery, MISMATCH),
        "with a stale timestamp": (secret, header("webhook-timestamp", old), TOO_OLD),
        "with a truncated signature": (secret, header("webhook-signature", short), MISMATCH),
    }.items():
        report.check(f"{name} is refused {how}", lambda: refused(*changes))


def inbound(report: Report, relay: Relay) -> None:
    """What the libraries sign is accepted by a source of the profile `standard`, and not if anything is changed."""
    secret = new_secret()
    relay.call("PUT", "/v1/sources/std", {"profile": "standard", "secrets": [secret], "application": "acme"})
    for library, webhook in SIGNERS.items():
        for prefix in ("webhook", "svix"):
            judge_source(report, relay, f"{library}, {prefix}- headers", webhook, secret, prefix)


def judge_source(report: Report, relay: Relay, name: str, webhook, secret: str, prefix: str) -> None:
    message, now = f"msg_{secrets.token_hex(12)}", datetime.now(timezone.utc)
    body = f'{{"type":"invoice.paid","data":{INVOICE}}}'
    signature = webhook(secret).sign(message, now, body)
    signed = {
        f"{prefix}-id": message,
        f"{prefix}-timestamp": str(int(now.timestamp())),
        f"{prefix}-signature": signature,
    }

    def send(body: str, headers: dict[str, str]) -> tuple[int, dict]:
        return relay.send("POST", "/in/std", body.encode(), headers | {"Content-Type": "application/json"})

    def accepted() -> None:
        status, answer = send(body, signed)
        equal((status, answer.get("status")), (202, "accepted"))

    def refused(body: str, headers: dict[str, str]) -> None:
        status, answer = send(body, headers)
        if status != 401:
            raise AssertionError(f"answered {status}: {answer}")

    report.check(f"what {name}, signs is accepted", accepted)
    forged = webhook(new_secret()).sign(message, now, body)
    for how, (changed_body, changes) in {
        "with a byte of the body changed": (changed(body.encode()).decode(), {}),
        "under another id": (body, {f"{prefix}-id": message[:-1] + "x"}),
        "with another timestamp": (body, {f"{prefix}-timestamp": str(int(now.timestamp()) + 1)}),
        "with another secret": (body, {f"{prefix}-signature": forged}),
        "with a truncated signature": (body, {f"{prefix}-signature": shortened(signature)}),
    }.items():
        report.check(f"what {name}, signs is refused {how}", lambda: refused(changed_body, signed | changes))


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
