"""The sender that the helpers share."""

import base64
import email.utils
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import relay_sender
from case import EXAMPLES, Case, new_secret
from relay_sender import Courier, Outcome, Sender, key_of, sign
from standardwebhooks.webhooks import Webhook

VECTORS = EXAMPLES.parent / "shared" / "domain" / "tests" / "vectors" / "signatures.json"


class TestSigning(Case):
    def test_the_published_vector_is_met(self) -> None:
        vector = json.loads(VECTORS.read_text())["standard-webhooks"]
        headers = sign(key_of(vector["secret"]), vector["id"], int(vector["timestamp"]), vector["body"].encode())
        assert headers["webhook-signature"] == vector["signature"]

    def test_the_official_library_accepts_what_is_signed(self) -> None:
        secret, body = new_secret(), '{"name":"Zoë – 葡萄糖","score":1.0}'.encode()
        headers = sign(key_of(secret), "msg_1", int(time.time()), body)
        assert Webhook(secret).verify(body, headers)["score"] == 1.0

    def test_a_secret_that_is_not_base64_is_not_quoted(self) -> None:
        with pytest.raises(ValueError, match="is not base64") as raised:
            key_of("whsec_hunter2 hunter2")
        assert "hunter2" not in str(raised.value)
        assert raised.value.__cause__ is None

    def test_it_is_python_3_9_as_it_says(self) -> None:
        for path in [path for path in EXAMPLES.glob("*/relay_*.py")]:
            compile(path.read_text(), path.name, "exec", dont_inherit=True)
            # The oldest grammar that ast can be asked for keeps newer syntax out.
            __import__("ast").parse(path.read_text(), feature_version=(3, 9))


class TestSending(Case):
    def send(self, **more: object) -> Outcome:
        return Sender(**more).send("msg_1", {"id": "x", "type": "test.sent"})

    def test_refusals_are_final_and_troubles_are_not(self) -> None:
        for trouble, tries in (("400", 1), ("401", 1), ("404", 1), ("413", 1), ("302", 1), ("307", 1), ("500", 2), ("429", 2)):
            before = len(self.line.requests)
            self.line.troubles = [trouble]
            outcome = self.send()
            assert (outcome.delivered, outcome.tries) == (tries == 2, tries), trouble
            assert len(self.line.requests) - before == tries
            assert ("redirects are not followed" in outcome.reason) == (trouble in ("302", "307"))

    def test_tries_and_budget_are_bounds(self) -> None:
        self.line.troubles = ["503"] * 10
        assert self.send(tries=3, delay=0.01).tries == 3
        began = time.monotonic()
        outcome = self.send(budget=1.0)
        assert time.monotonic() - began < 1.2
        assert outcome.tries < 4

    def test_retry_after_only_lengthens_and_does_not_exceed_the_budget(self) -> None:
        self.line.troubles = ["503 after 1"]
        began = time.monotonic()
        assert self.send(delay=0.01).delivered
        assert time.monotonic() - began > 0.99
        date = email.utils.formatdate(time.time() + 2, usegmt=True)
        self.line.troubles = [f"429 after {date}", "503 after 3600"]
        began = time.monotonic()
        outcome = self.send(delay=0.01)
        assert time.monotonic() - began > 0.9
        assert not outcome.delivered
        assert "the next try would come 3600.0 s later, after the 30 s there are" in outcome.reason
        self.line.troubles = ["503 after soon"]
        assert self.send(delay=0.01).delivered

    def test_a_clock_that_is_wrong_is_said_to_be(self) -> None:
        real = time.time
        relay_sender.time.time = lambda: real() + 4000
        self.cleanup.callback(setattr, relay_sender.time, "time", real)
        # Straight to the relay: the line is in this process, and its clock is wrong as well.
        reason = self.send(url=self.env["RELAY_URL"].replace(self.line.url, self.relay.url)).reason
        relay_sender.time.time = real
        assert re.search(r"It is (3999|400\d) s ahead of the relay's", reason)

    def test_a_body_that_the_relay_would_not_read_is_not_sent(self) -> None:
        outcome = Sender().send("msg_1", b"x" * 6_000_001)
        assert (outcome.tries, len(self.line.requests)) == (0, 0)

    def test_no_secret_is_logged(self) -> None:
        self.line.troubles = ["401", "503", "cut"]
        with self.logged("DEBUG") as logged:
            self.send()
            self.send(tries=1)
            self.send(tries=1)
        key = base64.b64encode(key_of(self.secret)).decode()
        assert key not in "\n".join(logged)


class TestCouriers(Case):
    def test_while_the_relay_is_away_lines_are_dropped_and_counted(self) -> None:
        said: "list[dict]" = []

        def report(status: str, **more: object) -> Outcome:
            said.append(more)
            return Outcome(False, 1)

        courier = Courier(report, interval=0.1)
        for number in range(3000):
            courier.lines([f"line {number} " + "x" * 5000])
        began = time.monotonic()
        courier.close(2.0)
        assert time.monotonic() - began < 2.5
        results = [more["result"] for more in said]
        lines = [line for result in results for line in result["lines"]]
        assert len(lines) + sum(result.get("lines_dropped", 0) for result in results) == 3000
        assert lines[-1].startswith("line 2999 ")
        assert max(map(len, lines)) <= Courier.WIDTH


class TestAlone(Case):
    def test_each_file_works_with_nothing_installed(self) -> None:
        code = "import relay_sender, relay_jobs, relay_modal\nwith relay_modal.reported(job_id='alone') as job: job.result = 1"
        path = f"{EXAMPLES / 'sender'}:{EXAMPLES / 'modal'}"
        python = Path(sys.base_prefix) / "bin" / "python3"  # Without what is installed here.
        done = subprocess.run(
            [python, "-I", "-c", f"import sys; sys.path += {path.split(':')!r}\n{code}"],
            env=self.env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert self.heard("job.succeeded", "alone")[0]["data"]["result"] == 1
