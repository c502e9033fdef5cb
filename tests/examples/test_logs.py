"""`log()` of the helpers: what arrives, and that nothing that goes wrong there fails or slows a job."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import relay_logs
import relay_modal
from case import new_secret
from relay_logs import JobLog
from relay_sender import Sender

from support.process import wait_until
from support.server import Answer, Request, Server


class Sink(Server):
    """Takes batches of lines, but for the answers that it was told to give first."""

    def __init__(self, answers: "list[Answer | None]" = ()) -> None:
        self.requests: list[Request] = []
        self.answers = list(answers)
        super().__init__(self._take)

    def _take(self, request: Request) -> Answer | None:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)
        return Answer(202)

    def batches(self) -> "list[dict]":
        return [request.json for request in self.requests if request.path.endswith("/logs")]

    def lines(self) -> "dict[int, str]":
        """The lines by their numbers, as the relay would keep them."""
        kept: dict[int, str] = {}
        for batch in self.batches():
            for number, line in enumerate(batch["lines"], batch["first_seq"]):
                assert kept.setdefault(number, line["message"]) == line["message"]
        return kept


def sender(url: str) -> Sender:
    return Sender(f"{url}/in/modal", new_secret(), tries=1, budget=1.0)


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """A server that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_lines_are_printed_and_arrive_in_batches(capsys: pytest.CaptureFixture) -> None:
    with Sink() as sink:
        log = JobLog("job/1", sender(sink.url))
        for number in range(1, 131):
            log(f"line {number}")
        log("bad", level="ERROR")
        log.close()
        assert sink.lines() == {n: f"line {n}" for n in range(1, 131)} | {131: "bad"}
        assert {request.path for request in sink.requests} == {"/in/modal/jobs/job%2F1/logs"}
        assert all(request.headers["webhook-signature"].startswith("v1,") for request in sink.requests)
        batches = sink.batches()
        assert {(batch["job_id"], batch["stream"]) for batch in batches} == {("job/1", log.stream)}
        assert batches[-1]["lines"][-1]["level"] == "ERROR"
        assert len(batches) <= 4
    assert capsys.readouterr().out.splitlines()[::130] == ["line 1", "bad"]


def test_a_line_arrives_while_the_job_runs() -> None:
    with Sink() as sink:
        log = JobLog("job-1", sender(sink.url))
        log("first")
        wait_until("the line has arrived", lambda: sink.lines() == {1: "first"}, 5)
        log.close()


def test_a_batch_that_is_tried_again_has_the_same_numbers() -> None:
    troubles = [None, Answer(500), Answer(503, headers={"Retry-After": "0"}), Answer(429, headers={"Retry-After": "0"})]
    with Sink(troubles) as sink:
        log = JobLog("job-1", sender(sink.url))
        log("one", "two")
        wait_until("the lines have arrived", lambda: len(sink.requests) == 5, 10)
        log("three")
        log.close()
        assert sink.lines() == {1: "one", 2: "two", 3: "three"}
        assert len({request.body for request in sink.requests[:5]}) == 1


def test_a_batch_that_is_refused_does_not_hold_up_the_next() -> None:
    with Sink([Answer(422)]) as sink:
        log = JobLog("job-1", sender(sink.url))
        log("refused")
        wait_until("it was refused", lambda: log.dropped == 1, 5)
        log("kept")
        log.close()
        assert sink.batches()[-1]["first_seq"] == 2


def test_the_oldest_lines_are_dropped_and_their_numbers_stay_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_logs, "RING", 100)
    gate = threading.Event()
    with Sink() as sink:
        free = Sender(f"{sink.url}/in/modal", new_secret())
        post = free.send_lines
        monkeypatch.setattr(free, "send_lines", lambda *a, **m: post(*a, **m) if gate.is_set() else (None, 0.0))
        log = JobLog("job-1", free)
        for number in range(1, 1001):
            log(str(number))
        assert log.dropped == 900
        gate.set()
        log.close()
        assert sink.lines() == {n: str(n) for n in range(901, 1001)}


@pytest.mark.parametrize("trouble", ["down", "500", "dns", "hang", "unset"])
def test_r1_6_whatever_happens_to_its_lines_a_job_takes_2_seconds_longer_at_most(trouble: str) -> None:
    with contextlib.ExitStack() as stack:
        if trouble == "hang":
            url = stack.enter_context(hanging())
        elif trouble == "500":
            url = stack.enter_context(Sink([Answer(500)] * 1000)).url
        elif trouble == "dns":
            url = "https://relay.invalid"
        else:
            url = "http://127.0.0.1:9"
        log = JobLog("job-1", Sender() if trouble == "unset" else sender(url))
        began = time.monotonic()
        for number in range(20_000):
            log(f"line {number}")
        logged = time.monotonic() - began
        log.close()
        closed = time.monotonic() - began - logged
    assert logged < 5, "20,000 lines are printed at once"
    assert closed < 2.5
    assert log.dropped >= 9_000


@pytest.mark.parametrize("error", [None, ValueError("of the job")])
def test_a_modal_function_ends_as_it_would_without_a_relay(error: Exception | None) -> None:
    with hanging() as url:

        @relay_modal.reported(Sender(f"{url}/in/modal", new_secret(), tries=1, budget=0.5, timeout=0.5))
        def work(job_id: str) -> int:
            relay_modal.current().log("[INFO] begins")
            if error:
                raise error
            return 7

        began = time.monotonic()
        if error:
            with pytest.raises(ValueError, match="of the job"):
                work("job-1")
        else:
            assert work("job-1") == 7
        assert time.monotonic() - began < 4


def test_nothing_that_is_said_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with Sink() as sink:
        log = JobLog("job-1", sender(sink.url))
        log(Unspeakable())
        log("x" * 1_000_000, None, 7, b"\xff", "\ud83d", "a\x00b")
        monkeypatch.setattr(relay_logs, "print", broken, raising=False)
        log("unprinted")
        log.close()
        lines = sink.lines()
        assert lines[1] == "x" * 16_000
        assert [lines[n] for n in range(2, 5)] == ["None", "7", "b'\\xff'"]
        assert lines[7] == "unprinted"
        assert all(len(request.body) < 256 * 1024 for request in sink.requests)
        assert json.loads(sink.requests[-1].body)["job_id"] == "job-1"
