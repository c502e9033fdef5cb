"""S3: the batch server. Batches are submitted as its document shows, and its receivers verify in both of their ways."""

import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path

import pytest
from ground import System, contains, covers, fixture_of
from theirs import batch

from support.process import wait_until
from support.receiver import Hook
from support.server import Request

SECRET = "your_hmac_secret_key"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "migrating" / "batch.md"


class Batch(System):
    def prepare(self) -> None:
        # What the jobs of a batch call it, by its id.
        self.external: dict[str, str] = {}
        # What runs the batches' requests reports on each, signed as Modal's functions sign.
        self.worker = secrets.token_hex(32)
        source = {"profile": "modal-omtx", "secrets": [self.worker], "application": "default"}
        self.relay.call("PUT", "/v1/sources/worker", source)

    def body(self, **more) -> dict:
        return {
            "input_file_id": "file-abc123",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "metadata": {"customer": "Zoë & 東京", "weight": 1.0},
            **more,
        }

    def submit(self, hook: Hook, size: int | None = 1, steps: int | None = None, **webhook) -> str:
        """The batch's id."""
        body = self.body(webhook={"url": hook.url, "secret": SECRET, **webhook})
        body |= {} if size is None else {"size": size}
        body |= {} if steps is None else {"progress_every": steps}
        return self.made(body)

    def made(self, body: dict) -> str:
        answer = batch.submit(self.relay.url, body, self.relay.authorization)
        assert answer.status_code in (200, 201), f"{answer.status_code}: {answer.text}"
        made = answer.json()
        assert made["object"] == "batch"
        self.external[made["id"]] = made["external_id"]
        return made["id"]

    def run(self, identity: str, good: int = 1, bad: int = 0) -> None:
        """Its requests end."""
        for number in range(good + bad):
            status = "success" if number < good else "failure"
            metadata = {"job_id": f"{identity}-{number}", "batch_id": self.external[identity]}
            body = json.dumps({"call_id": f"call-{identity}-{number}", "status": status, "metadata": metadata}).encode()
            headers = {
                "Content-Type": "application/json",
                "X-Modal-Signature": "sha256=" + hmac.new(self.worker.encode(), body, hashlib.sha256).hexdigest(),
                "X-Modal-Timestamp": str(int(time.time())),
            }
            status, answer = self.relay.send("POST", "/in/worker", body, headers)
            assert status == 202, f"{status}: {answer}"

    def refused(self, **changed) -> dict:
        answer = batch.submit(self.relay.url, self.body(**changed), self.relay.authorization)
        assert answer.status_code == 422, f"{changed}: {answer.status_code} {answer.text}"
        return answer.json()

    def letters(self, hook: Hook) -> list[dict]:
        listed = self.curl("/v1/webhooks/dead-letter").json
        return [letter for letter in listed["data"] if letter["webhook_url"] == hook.url]

    def wait_for_letter(self, hook: Hook) -> dict:
        return wait_until("a dead letter", lambda: self.letters(hook), 40)[0]


server = fixture_of(Batch)


@covers("R3.1", "R3.4", "R3.11", "S3.1", "S3.2")
def test_a_completed_batch_is_verified_in_both_of_their_ways(server):
    hook = server.receiver.hook("/batch-complete")
    identity = server.submit(hook, size=3)
    contains(server.relay.call("GET", f"/v1/batches/{identity}")["webhooks"][0], {"profile": "batch", "timeout": 30})
    server.run(identity, good=2, bad=1)
    request: Request = hook.wait_for(1)[0]
    signature = request.headers["x-webhook-signature"]
    assert batch.verify_by_dumping_again(request.body, signature, SECRET)
    assert batch.verify_the_raw_body(request.body, signature, SECRET)
    assert not batch.verify_the_raw_body(request.body + b" ", signature, SECRET)
    assert batch.fresh(request.headers["x-webhook-timestamp"])
    payload = request.json
    contains(
        payload,
        {
            "id": identity,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "status": "completed",
            "request_counts": {"total": 3, "completed": 2, "failed": 1},
            "metadata": {"customer": "Zoë & 東京", "weight": 1.0},
            "output_file_url": f"/v1/batches/{identity}/results",
            "error_file_url": f"/v1/batches/{identity}/errors",
        },
    )
    assert [type(payload[name]) for name in ("created_at", "completed_at")] == [int, int]
    assert (
        set(payload)
        - {
            "id",
            "object",
            "endpoint",
            "status",
            "created_at",
            "completed_at",
            "request_counts",
            "metadata",
            "output_file_url",
            "error_file_url",
        }
        == set()
    )
    hook.stays_at(1)
    print(request.body.decode())


@covers("R3.11")
def test_what_has_no_errors_has_no_file_of_them(server):
    hook = server.receiver.hook("/all-good")
    identity = server.submit(hook)
    server.run(identity)
    contains(hook.wait_for(1)[0].json, {"error_file_url": None, "output_file_url": f"/v1/batches/{identity}/results"})


@covers("R3.2", "S3.3", "R3.12")
def test_the_older_form_in_the_metadata_still_works(server):
    hook = server.receiver.hook("/legacy")
    identity = server.made(server.body(size=1, metadata={"webhook_url": hook.url, "mine": "kept"}))
    server.run(identity)
    contains(hook.wait_for(1)[0].json, {"id": identity, "status": "completed", "metadata": {"mine": "kept"}})


@pytest.mark.parametrize(
    "changed",
    [
        {"max_retries": 0},
        {"max_retries": 11},
        {"timeout": 4},
        {"timeout": 301},
        {"events": ["finished"]},
        {"secret": "x" * 129},
        {"url": "https://myapp.com/" + "x" * 3000},
    ],
    ids=lambda changed: str(changed)[:30],
)
@covers("R3.3", "R3.5", "R3.6")
def test_what_is_out_of_range_is_422(server, changed: dict):
    hook = server.receiver.hook("/never")
    server.refused(webhook={"url": hook.url} | changed)
    assert hook.requests == []


@covers("R3.3", "R3.5", "R3.6")
def test_the_edges_of_each_range_are_taken(server):
    server.submit(server.receiver.hook("/edges"), max_retries=1, timeout=5, secret="x" * 128, events=["progress"])
    server.submit(server.receiver.hook("/edges"), max_retries=10, timeout=300, events=["completed", "failed"])


@covers("R3.6", "S3.6")
def test_events_are_filtered_as_asked(server):
    wanted = {
        "/completed": ["completed"],
        "/failed": ["failed"],
        "/progress": ["progress"],
        "/everything": None,
    }
    for path, events in wanted.items():
        hook = server.receiver.hook(path)
        more = {} if events is None else {"events": events}
        good = server.submit(hook, size=2, steps=1, **more)
        server.run(good, good=2)
        bad = server.submit(hook, size=1, **more)
        server.run(bad, good=0, bad=1)
    heard = {}
    wait_until("all is heard", lambda: len(server.receiver.hook("/everything").requests) >= 3, 20)
    time.sleep(2)
    for path in wanted:
        heard[path] = sorted({request.json["status"] for request in server.receiver.hook(path).requests})
    assert heard["/completed"] == ["completed"]
    assert heard["/failed"] == ["failed"]
    assert "in_progress" in heard["/progress"]
    assert {"completed", "failed"} <= set(heard["/everything"])
    print(json.dumps(heard))


@covers("R3.1")
def test_a_batch_of_unknown_size_is_closed_later(server):
    hook = server.receiver.hook("/closed")
    identity = server.submit(hook, size=None)
    server.run(identity, good=2)
    hook.stays_at(0)
    server.relay.call("POST", f"/v1/batches/{identity}/close", {})
    contains(hook.wait_for(1)[0].json, {"request_counts": {"total": 2, "completed": 2, "failed": 0}})


@covers("R3.3", "R3.11")
def test_retries_and_their_backoff_are_the_webhooks_own(server):
    hook = server.receiver.hook("/broken", answer=500)
    server.run(server.submit(hook, max_retries=3, timeout=5))
    times = [request.at for request in hook.wait_for(3)]
    hook.stays_at(3, seconds=6)
    for gap, wanted in zip([later - earlier for earlier, later in zip(times, times[1:])], (1, 2)):
        assert 0.75 * wanted <= gap <= 1.2 * wanted + 1.5, f"{gap:.1f} s where {wanted} s are due"
    assert server.wait_for_letter(hook)["attempts"] == 3


@covers("R3.11", "S3.6")
def test_only_their_four_codes_are_success(server):
    for code in (200, 201, 202, 204):
        hook = server.receiver.hook(f"/code-{code}", answer=code)
        server.run(server.submit(hook))
        hook.wait_for(1)
    other = server.receiver.hook("/code-206", first=[206])
    server.run(server.submit(other))
    first, second = other.wait_for(2)
    for code in (200, 201, 202, 204):
        assert len(server.receiver.hook(f"/code-{code}").requests) == 1
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


@covers("S3.2")
def test_each_attempt_is_signed_with_its_own_time(server):
    hook = server.receiver.hook("/twice", first=[500])
    server.run(server.submit(hook))
    first, second = hook.wait_for(2)
    assert first.body == second.body
    stamps = [int(request.headers["x-webhook-timestamp"]) for request in (first, second)]
    assert [abs(stamp - request.at) < 2 for stamp, request in zip(stamps, (first, second))] == [True, True]


@covers("R3.7", "R3.8", "R3.9", "R3.10", "S3.4")
def test_dead_letters_are_listed_retried_forced_and_deleted(server):
    hook = server.receiver.hook("/dead", answer=500)
    identity = server.submit(hook, max_retries=1)
    server.run(identity)
    letter = server.wait_for_letter(hook)
    sent = hook.requests[0].body
    number = letter["id"]
    assert type(number) == int
    contains(letter, {"batch_id": identity, "webhook_url": hook.url, "retried_at": None, "retry_success": None})
    listed = server.curl("/v1/webhooks/dead-letter?limit=1&offset=0").json
    assert (listed["object"], len(listed["data"]), listed["total"] >= 1) == ("list", 1, True)
    assert len(letter["error_message"]) <= 200, letter
    # A retry that fails is the same letter.
    answer = server.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
    contains(answer.json, {"id": number, "batch_id": identity, "retry_success": False, "forced": False})
    assert len(server.letters(hook)) == 1
    hook.answer = 200
    answer = server.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
    contains(answer.json, {"id": number, "retry_success": True})
    again = server.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
    assert again.status == 400
    forced = server.curl(f"/v1/webhooks/dead-letter/{number}/retry?force=true", "-X", "POST")
    contains(forced.json, {"retry_success": True, "forced": True})
    assert {request.body for request in hook.requests} == {sent}
    assert server.curl("/v1/webhooks/dead-letter/999999/retry", "-X", "POST").status == 404
    deleted = server.curl(f"/v1/webhooks/dead-letter/{number}", "-X", "DELETE")
    assert deleted.json == {"deleted": True, "id": number}
    assert server.curl(f"/v1/webhooks/dead-letter/{number}", "-X", "DELETE").status == 404
    print(json.dumps(letter))


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/1/retry"), ("DELETE", "/1")])
@covers("S3.4")
def test_dead_letters_need_a_key(server, method: str, path: str):
    assert server.curl(f"/v1/webhooks/dead-letter{path}", "-X", method, key=False).status == 401


@covers("S3.5")
def test_a_notification_outlives_the_process(server):
    hook = server.receiver.hook("/killed", answer=500)
    server.run(server.submit(hook, max_retries=5, timeout=5))
    hook.wait_for(1)
    server.relay.kill()
    hook.answer = 200
    count = len(hook.requests)
    server.relay.start()
    # What the process held is let go of when its claim ends.
    hook.wait_for(count + 1, seconds=120)


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://10.0.0.5/x", "http://1.1.1.1/x"])
@covers("S3.5")
def test_a_webhook_inside_the_network_is_refused(server, url: str):
    server.refused(webhook={"url": url})


@covers("S3.7")
def test_no_receiver_is_open_to_everybody(server):
    answer = server.curl("/v1/webhooks/label-studio", "-X", "POST", "-d", "{}", key=False)
    assert answer.status in (401, 404)
    print(f"{answer.status} {answer.text}")


@covers("R3.12")
def test_the_guide_has_the_parts_that_their_test_looks_for(server):
    text = GUIDE.read_text()
    for part in ("Quick start", "HMAC", "verify", "dead-letter", "events", "max_retries"):
        assert part in text, part
