"""The Modal helper, with Modal's own package and its `.local()`."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from typing import Iterator

import app
import modal
import pytest
import relay_modal
from case import EXAMPLES, Case, Line
from modal._runtime.user_code_event_loop import UserCodeEventLoop
from relay_sender import Sender

from support.process import clean_environment, free_port, wait_until

here = modal.App("relay-tests")


@here.function()
@relay_modal.reported()
def divide(job_id: str, by: int, batch_id: str = None) -> float:
    return 1 / by


@here.function()
@relay_modal.reported(timeout=1)
def sleeper(job_id: str, seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@here.function()
@relay_modal.reported(timeout=1)
async def async_sleeper(job_id: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@here.function(timeout=60, retries=2)
@relay_modal.reported(timeout=60, final_failure=False)
def retried(job_id: str) -> None:
    raise OSError("no such volume")


@here.function()
@relay_modal.reported(started=True, logs=True, interval=0.1)
def talkative(job_id: str) -> int:
    job = relay_modal.current()
    for step in range(5):
        job.log(f"[INFO] step {step}", "")
        job.progress(step * 25, f"step {step}")
        time.sleep(0.12)
    return 5


@here.function()
@relay_modal.reported()
def unspeakable(job_id: str, size: int) -> object:
    return "x" * size if size else threading.Lock()


@here.cls()
class Model:
    @modal.enter()
    def load(self) -> None:
        self.weight = 2

    @modal.method()
    @relay_modal.reported()
    def times(self, job_id: str, value: int) -> int:
        return self.weight * value


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """What Modal's container does to a call of a sync function that is cancelled or over its time."""

    def handler(*_: object) -> None:
        raise modal.exception.InputCancellation("Input was cancelled by user")

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


def name() -> str:
    return f"job-{uuid.uuid4().hex[:12]}"


class TestModal(Case):
    profile = "modal"

    def test_a_success_arrives_signed_with_result_and_ids(self) -> None:
        job = name()
        assert app.predict.local(job, "MKTAYIAKQR", batch_id="batch-7")["affinity"] == -7.0
        (told,) = self.heard("job.succeeded", job)
        assert told["data"]["result"] == {"affinity": -7.0, "length": 10}
        assert told["data"]["job"]["batch_id"] == "batch-7"
        assert self.job_in(job, "succeeded")["call_id"] == self.sent()[-1]["call_id"]

    def test_an_exception_arrives_and_is_the_callers_as_well(self) -> None:
        job = name()
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            divide.local(job, 0)
        (told,) = self.heard("job.failed", job)
        assert told["data"]["error"] == {"type": "ZeroDivisionError", "message": "division by zero"}
        assert "Traceback" not in json.dumps(told)

    def test_the_id_of_the_job_is_the_callers_and_never_unknown(self) -> None:  # S1.3
        job = name()
        divide.local(by=1, job_id=job)
        assert self.sent()[0]["metadata"]["job_id"] == job
        divide.local(None, 1)
        said = self.sent()[1]
        assert said["metadata"]["job_id"] == said["call_id"]
        self.job_in(said["call_id"], "succeeded")

    def test_a_method_of_a_class_reports(self) -> None:
        job = name()
        assert Model().times.local(job, 21) == 42
        assert self.heard("job.succeeded", job)[0]["data"]["result"] == 42

    def test_an_async_function_reports(self) -> None:
        job = name()
        assert asyncio.run(app.score.local(job, [1.0, 2.0])) == 1.5
        assert self.heard("job.succeeded", job)[0]["data"]["result"] == 1.5

    def test_generators_of_both_kinds_report_when_they_are_through(self) -> None:
        job = name()
        assert list(app.shards.local(job, 3)) == [0, 1, 2]
        assert self.heard("job.succeeded", job)[0]["data"]["result"] == {"items": 3}

        async def collect() -> list:
            return [token async for token in app.tokens.local(job + "-a", "one two")]

        assert asyncio.run(collect()) == ["one", "two"]
        assert self.heard("job.succeeded", job + "-a")[0]["data"]["result"] == {"items": 2}

    def test_a_generator_that_nobody_reads_to_its_end_is_cancelled(self) -> None:
        job = name()
        shards = app.shards.local(job, 3)
        assert next(shards) == 0
        with pytest.raises(LookupError):
            relay_modal.current()  # Between two items the caller is in no job.
        shards.close()
        self.heard("job.cancelled", job)

    def test_a_context_manager_reports_a_part_of_a_function(self) -> None:
        job = name()
        assert app.pipeline.local(job, 4) == 4
        assert self.heard("job.succeeded", job)[0]["data"]["result"] == {"steps": 4}
        with pytest.raises(KeyError):
            with relay_modal.reported(job_id=job + "-b"):
                raise KeyError("seed")
        self.heard("job.failed", job + "-b")

    def test_a_time_out_is_posted_before_modal_ends_the_call(self) -> None:
        job, began = name(), time.monotonic()
        with pytest.raises(modal.exception.InputCancellation), ended_after(1.0):
            sleeper.local(job, 30)
        assert time.monotonic() - began < 5
        (told,) = self.heard("job.timed_out", job)
        assert told["data"]["error"] == {"type": "FunctionTimeoutError", "message": "not done within 1 s"}
        assert (self.statuses(), len(self.line.requests)) == (["timeout"], 1)

    def test_a_time_out_is_posted_even_when_the_function_hears_no_signal(self) -> None:
        job = name()
        thread = threading.Thread(target=sleeper.local, args=(job, 3.0))
        thread.start()
        self.heard("job.timed_out", job)
        assert thread.is_alive()
        thread.join()
        # And its real end counts if there is one after all.
        self.heard("job.succeeded", job)
        assert self.job_in(job, "succeeded")["late"]

    def test_a_cancellation_is_not_a_time_out(self) -> None:
        job = name()
        with pytest.raises(modal.exception.InputCancellation), ended_after(0.3):
            sleeper.local(job, 30)
        self.heard("job.cancelled", job)
        assert self.statuses() == ["cancelled"]

    def test_an_async_cancellation_and_time_out_are_told_apart(self) -> None:
        for job, seconds, heard in ((name(), 0.3, "job.cancelled"), (name(), 1.0, "job.timed_out")):
            # Modal's own loop for async functions: it makes a cancellation of the signal.
            with UserCodeEventLoop() as loop:
                timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGUSR1))
                timer.start()
                loop.run(async_sleeper.local(job, 30))
                timer.join()
            self.heard(heard, job)
        assert self.statuses() == ["cancelled", "timeout"]

    def test_an_interrupt_while_the_end_is_posted_does_not_lose_it(self) -> None:
        job = name()
        self.line.troubles = ["503 after 1"]
        with pytest.raises(modal.exception.InputCancellation), ended_after(0.5):
            divide.local(job, 1)
        self.heard("job.succeeded", job)
        assert self.statuses() == ["success"]

    def test_the_inputs_of_one_map_share_a_call_and_are_different_jobs(self) -> None:
        jobs = [name() for _ in range(3)]
        for job in jobs:
            with relay_modal.reported(job_id=job, batch_id="b", call_id="fc-1") as reporter:
                reporter.result = job
        for job in jobs:
            (told,) = self.heard("job.succeeded", job)
            assert told["data"]["result"] == job

    def test_a_preempted_call_has_not_ended(self) -> None:
        job = name()
        with pytest.raises(KeyboardInterrupt):
            with relay_modal.reported(job_id=job):
                raise KeyboardInterrupt
        assert self.statuses() == ["progress"]
        self.job_in(job, "running")

    def test_an_attempt_that_modal_repeats_is_not_the_end(self) -> None:
        job = name()
        with pytest.raises(OSError):
            retried.local(job)
        (told,) = self.heard("job.progress", job)
        assert "no such volume" in told["data"]["result"]["message"]
        self.job_in(job, "running")

    def test_start_progress_and_lines_arrive_in_order_before_the_end(self) -> None:
        job = name()
        assert talkative.local(job) == 5
        assert self.statuses()[0] == "running"
        assert self.statuses()[-1] == "success"
        self.heard("job.started", job)
        steps = [message["result"] for message in self.sent()[1:-1]]
        lines = [line for step in steps for line in step.get("lines", [])]
        assert lines == [line for step in range(5) for line in (f"[INFO] step {step}", "")]
        # R1.6: they are in the job's log, too.
        assert self.log(job) == lines
        told = self.heard("job.progress", job, len(steps))
        assert max(said["data"]["result"].get("progress", 0) for said in told) == 100
        self.job_in(job, "succeeded")

    def test_quick_reports_are_gathered(self) -> None:
        job = name()
        with relay_modal.reported(job_id=job) as reporter:
            for step in range(10_000):
                reporter.progress(step / 100)
        assert len(self.sent()) < 5
        assert self.sent()[-2]["result"]["progress"] == 99.99

    def test_a_result_that_cannot_be_sent_is_left_out_and_said_to_be(self) -> None:
        for size, why in ((0, "not JSON serializable"), (5_000_000, "more than 4000000")):
            job = name()
            unspeakable.local(job, size)
            self.job_in(job, "succeeded")
            assert self.sent()[-1]["result"] is None
            assert why in self.sent()[-1]["result_omitted"]

    def test_a_result_of_3_mb_arrives_as_a_link(self) -> None:
        job = name()
        unspeakable.local(job, 3_000_000)
        (told,) = self.heard("job.succeeded", job)
        assert "result_url" in told["data"]

    def test_503_429_and_broken_lines_are_tried_again_under_the_same_id(self) -> None:
        job = name()
        self.line.troubles = ["503", "cut", "429 after 1"]
        began = time.monotonic()
        divide.local(job, 1)
        assert time.monotonic() - began > 1.0  # What Retry-After asks for is waited.
        self.heard("job.succeeded", job)
        assert len(self.line.requests) == 4
        assert len({(r.headers["webhook-id"], r.body) for r in self.line.requests}) == 1

    def test_a_relay_that_is_down_for_a_moment_is_waited_for(self) -> None:
        port, job = free_port(), name()
        self.monkeypatch.setenv("RELAY_URL", f"http://127.0.0.1:{port}/in/{self.name}")

        def comes_up() -> None:
            line = Line(self.relay, port)
            self.cleanup.callback(line.close)

        timer = threading.Timer(1.2, comes_up)
        timer.start()
        divide.local(job, 1)
        timer.join()
        self.heard("job.succeeded", job)

    def test_a_lost_answer_makes_a_duplicate_and_one_event(self) -> None:
        job = name()
        self.line.troubles = ["lost", "lost"]
        divide.local(job, 1)
        (told,) = self.heard("job.succeeded", job)
        event = lambda: self.relay.call("GET", f"/v1/events/{told['id']}")  # noqa: E731
        wait_until("both repetitions are counted", lambda: event()["duplicates"] == 2, 20)
        assert (len(self.line.requests), event()["conflicts"]) == (3, 0)

    def test_a_wrong_secret_costs_the_webhook_and_not_the_work(self) -> None:
        self.monkeypatch.setenv("RELAY_SECRET", "whsec_" + "A" * 43 + "=")
        job = name()
        with self.logged("ERROR") as logged:
            assert divide.local(job, 1) == 1.0
        assert "NOT delivered" in logged[0]
        assert "401: the signature was refused. Is RELAY_SECRET the secret of the source" in logged[0]
        assert len(self.line.requests) == 1
        assert self.job(job) is None

    def test_settings_that_are_missing_or_unusable_cost_the_webhook_and_not_the_work(self) -> None:
        for url, secret, why in (
            ("", self.secret, "not both set"),
            (self.env["RELAY_URL"], "", "not both set"),
            (self.env["RELAY_URL"], "whsec_not base64!", "is not base64"),
            ("http://relay.example.com/in/modal", self.secret, "must begin with https://"),
        ):
            self.monkeypatch.setenv("RELAY_URL", url)
            self.monkeypatch.setenv("RELAY_SECRET", secret)
            with self.logged("ERROR") as logged:
                assert divide.local(name(), 1) == 1.0
            assert why in logged[0]
            assert "not base64!" not in logged[0]

    def test_a_relay_that_never_answers_costs_its_budget_and_no_more(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))  # Accepts, and says nothing.
        self.cleanup.callback(listener.close)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/in/x"
        began = time.monotonic()
        with self.logged("ERROR"):
            with relay_modal.reported(Sender(url, self.secret, budget=2.0, timeout=0.8), job_id=name()) as job:
                job.result = 1
        assert time.monotonic() - began < 3.5
        assert job.outcome.tries > 1


class TestOmtx(Case):
    """The same messages, signed as R0.10 has it, to a source that S0 has already."""

    profile = "modal-omtx"

    def test_r0_10_the_other_signature_arrives_as_well(self) -> None:
        job = name()
        with relay_modal.reported(Sender(signature="omtx"), job_id=job, batch_id="b1") as reporter:
            reporter.result = {"affinity": -7.0}
        assert reporter.outcome.status == 202
        (told,) = self.heard("job.succeeded", job)
        assert told["data"]["job"]["batch_id"] == "b1"
        assert self.line.requests[0].headers["x-modal-signature"].startswith("sha256=")


class TestCli(Case):
    """The app itself, as README.md has it."""

    profile = "modal"

    def test_the_app_runs_here_with_local(self) -> None:
        self.relay.call("PUT", "/v1/sources/modal", {"profile": "modal", "secrets": [self.secret], "application": self.name})
        job = name()
        self.env["RELAY_URL"] = f"{self.relay.url}/in/modal"
        env = clean_environment(**self.env, PYTHONPATH=str(EXAMPLES / "sender"))
        command = [sys.executable, "app.py", job, "MKTAYIAKQR", "--batch-id", "batch-7", "--local"]
        done = subprocess.run(command, cwd=EXAMPLES / "modal", env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "{'affinity': -7.0, 'length': 10}" in done.stdout
        self.heard("job.succeeded", job)
        assert self.job_in(job, "succeeded")["batch_id"] == "batch-7"
