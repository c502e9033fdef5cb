"""A relay with something of everything, its screens, and every dialog of the page with the steps that open it."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect
from support.process import ROOT, wait_until

# Every trouble with its sentence, as `domain` has them: "    Self::InboxStuck => { "…" }".
_SOURCE = (ROOT / "shared" / "domain" / "src" / "trouble.rs").read_text()
_SENTENCES = re.findall(r'Self::(\w+) => \{\s+"([^"]+)"', _SOURCE)
TROUBLES = [
    {"kind": re.sub(r"\B(?=[A-Z])", "_", name).lower(), "since": "2026-11-28T02:50:00Z", "text": sentence} for name, sentence in _SENTENCES
]
assert len(TROUBLES) == 10, TROUBLES

# What `GET /v1/status` says of a relay that needs a look, as strangers may have written it.
STATUS = {
    "version": "0.1.0",
    "now": "2026-11-28T03:10:00Z",
    "sweep": {"last_round_at": "2026-11-28T03:09:30Z", "took_ms": 84},
    "queues": [],
    "pending": {"count": 1, "complete": True},
    "oldest_waiting": {"delivery_id": "dlv_1", "event_id": "evt_1", "endpoint_id": "ep_1", "application": "app_1", "since": "2026-11-28T00:00:00Z"},
    "letters": {"waiting": 37, "complete": True},
    "silent_sources": [{"name": "<img src=x onerror=alert(1)>", "application": "app_1", "last_accepted_at": "2026-11-27T22:00:00Z", "usual_gap_s": 120}],
    "alarms": [{"name": "InboxStuckAlarm", "state": "alarm", "since": "2026-11-28T02:00:00Z", "reason": "\u202ereason <script>alert(1)</script>"}],
}

LETTERS = "/v1/webhooks/dead-letter"
SECRET = "0123456789abcdef0123456789abcdef"


def post(relay, source: str, body: dict) -> int:
    """Sends as Modal does through the OMTX hub: HMAC over the body, and the time beside it."""
    data = json.dumps(body).encode()
    signed = "sha256=" + hmac.new(SECRET.encode(), data, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Modal-Signature": signed, "X-Modal-Timestamp": str(int(time.time()))}
    return relay.send("POST", f"/in/{source}", data, headers)[0]


@dataclass
class Furnished:
    """The ids of what is there."""

    relay: object
    application: str = ""
    ok: str = ""
    fails: str = ""
    event: str = ""
    received: str = ""
    letters: list[int] = field(default_factory=list)
    task: str = ""
    key: str = ""
    off: str = ""
    waiting: str = ""

    @property
    def letter(self) -> int:
        return self.letters[0]


def furnish(relay, receiver) -> Furnished:
    """Makes an application, endpoints, a source with refusals and a conflict, jobs, a batch, dead letters, a task, an event type and a key."""
    call = relay.call
    have = Furnished(relay)
    have.application = call("POST", "/api/v1/app", {"name": "Shop", "uid": "shop"})["id"]
    ok = receiver.hook("/furnished-ok")
    fails = receiver.hook("/furnished-fails", answer=500)
    have.ok = call("POST", "/api/v1/app/shop/endpoint", {"url": ok.url, "description": "Warehouse", "eventTypes": ["invoice.*", "job.*"], "headers": {"x-team": "core"}})["id"]
    have.fails = call("POST", "/api/v1/app/shop/endpoint", {"url": fails.url, "giveUpOn": [500], "eventTypes": ["invoice.failed"], "breaker": {"threshold": 100, "recoverySeconds": 60}})["id"]
    example = {"1": {"title": "Invoice", "examples": [{"amount": 7}]}}
    call("POST", "/api/v1/event-type", {"name": "invoice.paid", "description": "An invoice was paid", "groupName": "invoice", "schemas": example})
    call("PUT", "/v1/sources/modal", {"profile": "modal-omtx", "secrets": [SECRET], "application": "shop"})
    for job in ("job-1", "job-2", "job-3"):
        call("PUT", f"/v1/jobs/{job}", {"source": "modal", "deadline_seconds": 3600, "metadata": {"note": "night run"}})
    call("POST", "/v1/jobs/job-2/logs", {"stream": "main", "first_seq": 1, "lines": ["[INFO] reading geometry", "✓ mesh written"]})
    call("POST", "/v1/batches", {"id": "batch-1", "source": "modal", "progress_percent": 25})
    for n in range(3):
        call("PUT", f"/v1/jobs/batch-1-{n}", {"source": "modal", "batch_id": "batch-1"})
    done = {"call_id": "fc-1", "status": "success", "result": {"n": 1}, "metadata": {"job_id": "job-1"}}
    assert post(relay, "modal", done) < 300
    assert post(relay, "modal", done | {"result": {"n": 2}}) < 300
    failed = {"call_id": "fc-b0", "status": "failed", "error": "no elements in volume 1", "metadata": {"job_id": "batch-1-0", "batch_id": "batch-1"}}
    assert post(relay, "modal", failed) < 300
    relay.send("POST", "/in/modal", b"{}", {"X-Modal-Signature": "sha256=00"})
    for n in range(2):
        call("POST", "/api/v1/app/shop/msg", {"eventType": "invoice.failed", "payload": {"n": n}})
    have.event = call("POST", "/api/v1/app/shop/msg", {"eventType": "invoice.paid", "payload": {"id": "in_1", "amount": 7}})["id"].replace("msg_", "evt_")
    wait_until("two letters are parked", lambda: len(call("GET", f"{LETTERS}?limit=10")["data"]) == 2, 60)
    have.letters = [one["id"] for one in call("GET", f"{LETTERS}?limit=10")["data"]]

    def received() -> str | None:
        for one in call("GET", "/v1/events?source=modal")["data"]:
            if one["type"] == "job.succeeded" or one.get("conflicts"):
                return one["id"]
        return None

    have.received = wait_until("the sender's request is an event", received, 60)
    have.task = call("POST", f"{LETTERS}/redrive", {"filter": {"event_type": "none.such"}, "rate": 7})["task_id"]
    have.key = call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["id"]
    return have


SCREENS: dict[str, Callable[[Furnished], str]] = {
    "overview": lambda have: "/",
    "events": lambda have: "/events",
    "event": lambda have: f"/events/{have.event}",
    "event-request": lambda have: f"/events/{have.received}?tab=request",
    "event-conflicts": lambda have: f"/events/{have.received}?tab=conflicts",
    "event-raw": lambda have: f"/events/{have.event}?view=raw",
    "endpoints": lambda have: "/endpoints",
    "endpoint": lambda have: f"/endpoints/{have.fails}",
    "endpoint-waiting": lambda have: f"/endpoints/{have.fails}?tab=waiting",
    "endpoint-letters": lambda have: f"/endpoints/{have.fails}?tab=letters",
    "endpoint-settings": lambda have: f"/endpoints/{have.ok}?tab=settings",
    "endpoint-edit": lambda have: f"/endpoints/{have.ok}?edit=1",
    "endpoint-new": lambda have: "/endpoints/~new",
    "sources": lambda have: "/sources",
    "source": lambda have: "/sources/modal",
    "source-new": lambda have: "/sources/~new",
    "source-new-modal": lambda have: "/sources/~new?profile=modal-omtx",
    "jobs": lambda have: "/jobs",
    "job": lambda have: "/jobs/job-2",
    "console": lambda have: "/jobs/job-2/console",
    "batches": lambda have: "/batches",
    "batch": lambda have: "/batches/batch-1",
    "letters": lambda have: "/letters",
    "letters-groups": lambda have: "/letters?view=groups",
    "letter": lambda have: f"/letters/{have.letter}",
    "tasks": lambda have: "/tasks",
    "task": lambda have: f"/tasks/{have.task}",
    "event-types": lambda have: "/event-types",
    "event-type": lambda have: "/event-types/invoice.paid",
    "keys": lambda have: "/keys",
    "status": lambda have: "/status",
}


def is_there(page: Page) -> None:
    """Waits until a screen shows what it has."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0, timeout=20_000)
