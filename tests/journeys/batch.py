"""S3: the batch server. Batches are submitted as its document shows, and its receivers verify in both of their ways."""

import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path

import tools
from ground import Hook, Journey, Request, check, contains, equal
from theirs import batch

SECRET = "your_hmac_secret_key"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "migrating" / "batch.md"


class Batch(Journey):
    system = "S3"
    name = "batch server"
    page = "batch.md"

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
        answer = batch.submit(self.relay.url, body, self.authorization)
        if answer.status_code not in (200, 201):
            raise AssertionError(f"{answer.status_code}: {answer.text}")
        made = answer.json()
        equal(made["object"], "batch")
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
            if status != 202:
                raise AssertionError(f"{status}: {answer}")

    def refused(self, **changed) -> dict:
        answer = batch.submit(self.relay.url, self.body(**changed), self.authorization)
        if answer.status_code != 422:
            raise AssertionError(f"{changed}: {answer.status_code} {answer.text}")
        return answer.json()

    def letters(self, hook: Hook) -> list[dict]:
        listed = self.curl("/v1/webhooks/dead-letter").json
        return [letter for letter in listed["data"] if letter["webhook_url"] == hook.url]

    def wait_for_letter(self, hook: Hook) -> dict:
        tools.wait_until("a dead letter", lambda: self.letters(hook), 40)
        return self.letters(hook)[0]

    @check("R3.1", "R3.4", "R3.11", "S3.1", "S3.2")
    def a_completed_batch_is_verified_in_both_of_their_ways(self):
        hook = self.hooks.at("/batch-complete")
        identity = self.submit(hook, size=3)
        contains(self.relay.call("GET", f"/v1/batches/{identity}")["webhooks"][0], {"profile": "batch", "timeout": 30})
        self.run(identity, good=2, bad=1)
        request: Request = hook.wait_for(1)[0]
        signature = request.headers["x-webhook-signature"]
        equal(batch.verify_by_dumping_again(request.body, signature, SECRET), True)
        equal(batch.verify_the_raw_body(request.body, signature, SECRET), True)
        equal(batch.verify_the_raw_body(request.body + b" ", signature, SECRET), False)
        equal(batch.fresh(request.headers["x-webhook-timestamp"]), True)
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
        equal([type(payload[name]) for name in ("created_at", "completed_at")], [int, int])
        equal(set(payload) - {"id", "object", "endpoint", "status", "created_at", "completed_at", "request_counts",
                              "metadata", "output_file_url", "error_file_url"}, set())
        hook.stays_at(1)
        return request.body.decode()

    @check("R3.11")
    def what_has_no_errors_has_no_file_of_them(self):
        hook = self.hooks.at("/all-good")
        identity = self.submit(hook)
        self.run(identity)
        contains(hook.wait_for(1)[0].json, {"error_file_url": None, "output_file_url": f"/v1/batches/{identity}/results"})

    @check("R3.2", "S3.3", "R3.12")
    def the_older_form_in_the_metadata_still_works(self):
        hook = self.hooks.at("/legacy")
        identity = self.made(self.body(size=1, metadata={"webhook_url": hook.url, "mine": "kept"}))
        self.run(identity)
        contains(hook.wait_for(1)[0].json, {"id": identity, "status": "completed", "metadata": {"mine": "kept"}})

    @check("R3.3", "R3.5", "R3.6")
    def what_is_out_of_range_is_422(self):
        url = self.hooks.at("/never").url
        bad = (
            {"max_retries": 0},
            {"max_retries": 11},
            {"timeout": 4},
            {"timeout": 301},
            {"events": ["finished"]},
            {"secret": "x" * 129},
            {"url": "https://myapp.com/" + "x" * 3000},
        )
        for changed in bad:
            answer = self.refused(webhook={"url": url} | changed)
        equal(self.hooks.at("/never").requests, [])
        self.submit(self.hooks.at("/edges"), max_retries=1, timeout=5, secret="x" * 128, events=["progress"])
        self.submit(self.hooks.at("/edges"), max_retries=10, timeout=300, events=["completed", "failed"])
        return f"{len(bad)} of {len(bad)}: {json.dumps(answer)}"

    @check("R3.6", "S3.6")
    def events_are_filtered_as_asked(self):
        wanted = {
            "/completed": ["completed"],
            "/failed": ["failed"],
            "/progress": ["progress"],
            "/everything": None,
        }
        for path, events in wanted.items():
            hook = self.hooks.at(path)
            more = {} if events is None else {"events": events}
            good = self.submit(hook, size=2, steps=1, **more)
            self.run(good, good=2)
            bad = self.submit(hook, size=1, **more)
            self.run(bad, good=0, bad=1)
        heard = {}
        tools.wait_until("all is heard", lambda: len(self.hooks.known("/everything").requests) >= 3, 20)
        time.sleep(2)
        for path in wanted:
            heard[path] = sorted({request.json["status"] for request in self.hooks.known(path).requests})
        equal(heard["/completed"], ["completed"])
        equal(heard["/failed"], ["failed"])
        equal("in_progress" in heard["/progress"], True)
        equal({"completed", "failed"} <= set(heard["/everything"]), True)
        return json.dumps(heard)

    @check("R3.1")
    def a_batch_of_unknown_size_is_closed_later(self):
        hook = self.hooks.at("/closed")
        identity = self.submit(hook, size=None)
        self.run(identity, good=2)
        hook.stays_at(0)
        self.relay.call("POST", f"/v1/batches/{identity}/close", {})
        contains(hook.wait_for(1)[0].json, {"request_counts": {"total": 2, "completed": 2, "failed": 0}})

    @check("R3.3", "R3.11")
    def retries_and_their_backoff_are_the_webhooks_own(self):
        hook = self.hooks.at("/broken", answer=500)
        self.run(self.submit(hook, max_retries=3, timeout=5))
        times = [request.at for request in hook.wait_for(3)]
        hook.stays_at(3, seconds=6)
        for gap, wanted in zip([later - earlier for earlier, later in zip(times, times[1:])], (1, 2)):
            if not 0.75 * wanted <= gap <= 1.2 * wanted + 1.5:
                raise AssertionError(f"{gap:.1f} s where {wanted} s are due")
        equal(self.wait_for_letter(hook)["attempts"], 3)

    @check("R3.11", "S3.6")
    def only_their_four_codes_are_success(self):
        for code in (200, 201, 202, 204):
            hook = self.hooks.at(f"/code-{code}", answer=code)
            self.run(self.submit(hook))
            hook.wait_for(1)
        other = self.hooks.at("/code-206", first=[206])
        self.run(self.submit(other))
        first, second = other.wait_for(2)
        for code in (200, 201, 202, 204):
            equal(len(self.hooks.known(f"/code-{code}").requests), 1)
        equal(first.headers["webhook-id"], second.headers["webhook-id"])

    @check("S3.2")
    def each_attempt_is_signed_with_its_own_time(self):
        hook = self.hooks.at("/twice", first=[500])
        self.run(self.submit(hook))
        first, second = hook.wait_for(2)
        equal(first.body, second.body)
        stamps = [int(request.headers["x-webhook-timestamp"]) for request in (first, second)]
        equal([abs(stamp - request.at) < 2 for stamp, request in zip(stamps, (first, second))], [True, True])

    @check("R3.7", "R3.8", "R3.9", "R3.10", "S3.4")
    def dead_letters_are_listed_retried_forced_and_deleted(self):
        hook = self.hooks.at("/dead", answer=500)
        identity = self.submit(hook, max_retries=1)
        self.run(identity)
        letter = self.wait_for_letter(hook)
        sent = hook.requests[0].body
        number = letter["id"]
        equal(type(number), int)
        contains(letter, {"batch_id": identity, "webhook_url": hook.url, "retried_at": None, "retry_success": None})
        listed = self.curl("/v1/webhooks/dead-letter?limit=1&offset=0").json
        equal((listed["object"], len(listed["data"]), listed["total"] >= 1), ("list", 1, True))
        if len(letter["error_message"]) > 200:
            raise AssertionError(letter)
        # A retry that fails is the same letter.
        answer = self.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
        contains(answer.json, {"id": number, "batch_id": identity, "retry_success": False, "forced": False})
        equal(len(self.letters(hook)), 1)
        hook.answer = 200
        answer = self.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
        contains(answer.json, {"id": number, "retry_success": True})
        again = self.curl(f"/v1/webhooks/dead-letter/{number}/retry", "-X", "POST")
        equal(again.status, 400)
        forced = self.curl(f"/v1/webhooks/dead-letter/{number}/retry?force=true", "-X", "POST")
        contains(forced.json, {"retry_success": True, "forced": True})
        equal({request.body for request in hook.requests}, {sent})
        equal(self.curl("/v1/webhooks/dead-letter/999999/retry", "-X", "POST").status, 404)
        deleted = self.curl(f"/v1/webhooks/dead-letter/{number}", "-X", "DELETE")
        equal(deleted.json, {"deleted": True, "id": number})
        equal(self.curl(f"/v1/webhooks/dead-letter/{number}", "-X", "DELETE").status, 404)
        return json.dumps(letter)

    @check("S3.4")
    def dead_letters_need_a_key(self):
        for method, path in (("GET", ""), ("POST", "/1/retry"), ("DELETE", "/1")):
            equal(self.curl(f"/v1/webhooks/dead-letter{path}", "-X", method, key=False).status, 401)

    @check("S3.5")
    def a_notification_outlives_the_process(self):
        hook = self.hooks.at("/killed", answer=500)
        self.run(self.submit(hook, max_retries=5, timeout=5))
        hook.wait_for(1)
        self.relay.kill()
        hook.answer = 200
        count = len(hook.requests)
        self.relay.start()
        # What the process held is let go of when its claim ends.
        hook.wait_for(count + 1, seconds=120)

    @check("S3.5")
    def a_webhook_inside_the_network_is_refused(self):
        for url in ("http://169.254.169.254/latest", "https://10.0.0.5/x", "http://1.1.1.1/x"):
            self.refused(webhook={"url": url})

    @check("S3.7")
    def no_receiver_is_open_to_everybody(self):
        answer = self.curl("/v1/webhooks/label-studio", "-X", "POST", "-d", "{}", key=False)
        equal(answer.status in (401, 404), True)
        return f"{answer.status} {answer.text}"

    @check("R3.12")
    def the_guide_has_the_parts_that_their_test_looks_for(self):
        text = GUIDE.read_text()
        for part in ("Quick start", "HMAC", "verify", "dead-letter", "events", "max_retries"):
            if part not in text:
                raise AssertionError(part)
