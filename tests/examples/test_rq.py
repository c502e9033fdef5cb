"""The RQ helper, with RQ's own worker over Debian's `redis-server`."""

import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import relay_rq
from case import EXAMPLES, Case
from rq import Queue, Retry
from rq.command import send_stop_job_command
from standardwebhooks.webhooks import Webhook

from redis import Redis
from support.process import Process, clean_environment, wait_until
from support.receiver import Receiver


class TestRq(Case):
    # Standard Webhooks, and where our helpers put ids.
    profile = "modal"

    def prepare(self) -> None:
        self.folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory(prefix="relay-rq-")))
        url = f"unix://{self.folder}/redis.sock"
        self.environment = clean_environment(
            **self.env,
            REDIS_URL=url,
            PYTHONPATH=os.pathsep.join(str(EXAMPLES / name) for name in ("rq", "sender")),
        )
        listen = ["--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", "", "--dir", str(self.folder)]
        self.start("redis", ["redis-server", *listen])
        self.redis = Redis.from_url(url)
        self.cleanup.callback(self.redis.close)
        wait_until("redis-server answers", self.answers, 20)
        self.queue = Queue(connection=self.redis)

    def answers(self) -> bool:
        try:
            return self.redis.ping()
        except OSError:
            return False
        except Exception as error:  # redis has a ConnectionError of its own.
            return type(error).__name__ not in ("ConnectionError", "BusyLoadingError")

    def start(self, name: str, command: "list[str]") -> Process:
        self.log_file = self.folder / f"{name}.log"
        env = self.environment if name != "redis" else None
        return self.cleanup.enter_context(Process(command, cwd=self.folder, env=env, log=self.log_file))

    def worker(self) -> Process:
        return self.start("worker", [sys.executable, str(EXAMPLES / "rq" / "worker.py")])

    def work(self) -> None:
        """Works until the queue is empty."""
        code = self.start("worker", [sys.executable, str(EXAMPLES / "rq" / "worker.py"), "--burst"]).wait(60)
        print(self.log_file.read_text())
        assert code == 0

    def enqueue(self, function: str, *args: object, **more: object):
        return relay_rq.enqueue(self.queue, f"tasks.{function}", *args, source=self.name, **more)

    def test_s4_2_the_relay_knows_the_job_before_redis_does(self) -> None:
        known: "list[dict | None]" = []

        class Watched(Queue):
            def enqueue(queue, *args: object, job_id: str, **more: object):
                known.append(self.job(job_id))
                return super().enqueue(*args, job_id=job_id, **more)

        queue = Watched(connection=self.redis)
        job = relay_rq.enqueue(queue, "tasks.build_landuse", "run-1", source=self.name, ids={"run_id": "run-1"})
        assert [(job["status"], job["run_id"]) for job in known] == [("pending", "run-1")]
        self.work()
        self.job_in(job.id, "succeeded")

    def test_a_success_arrives_with_its_run(self) -> None:
        job = self.enqueue("build_landuse", "run-2", ids={"run_id": "run-2", "batch_id": "b"})
        self.work()
        (told,) = self.heard("job.succeeded", job.id)
        assert told["data"]["result"] == {"run_id": "run-2", "hillslopes": 42}
        assert (told["data"]["job"]["run_id"], told["data"]["job"]["batch_id"]) == ("run-2", "b")
        assert self.redis.hlen(relay_rq.OUTBOX) == 0

    def test_r1_6_what_a_job_says_is_in_its_log(self) -> None:
        job = self.enqueue("build_soils", "run-3")
        self.work()
        self.job_in(job.id, "succeeded")
        assert self.log(job.id) == ["[INFO] soils of run-3", "[SUCCESS] built"]
        assert "[SUCCESS] built" in self.log_file.read_text()

    def test_a_webhook_for_one_job_hears_of_that_job(self) -> None:
        with Receiver(unknown=200) as own:
            job = self.enqueue("build_landuse", "run-3", webhook={"url": own.url, "secret": self.secret})
            self.work()
            (told,) = self.heard("job.succeeded", job.id)
            delivery = own.wait_for(told["id"])
        assert Webhook(self.secret).verify(delivery.body, delivery.headers) == told

    def test_a_failure_arrives_without_its_traceback(self) -> None:
        job = self.enqueue("build_landuse", "")
        self.work()
        (told,) = self.heard("job.failed", job.id)
        assert told["data"]["error"] == {"type": "ValueError", "message": "a run has a name"}

    def test_only_the_last_of_several_attempts_is_the_end(self) -> None:
        job = self.enqueue("build_landuse", "", retry=Retry(max=2))
        self.work()
        self.heard("job.failed", job.id)
        assert self.statuses() == ["failure"]
        assert self.log_file.read_text().count("will be tried again") == 2

    def test_a_job_that_rq_ends_for_its_time_is_timed_out(self) -> None:
        job = self.enqueue("wait", 30, job_timeout=1)
        self.work()
        (told,) = self.heard("job.timed_out", job.id)
        assert told["data"]["error"]["type"] == "JobTimeoutException"

    def test_a_job_that_is_stopped_is_cancelled(self) -> None:
        job = self.enqueue("wait", 60)
        self.worker()
        wait_until("the job runs", lambda: job.get_status(refresh=True) == "started", 20)
        time.sleep(0.5)  # The worker names its process only after it has said that the job has started.
        send_stop_job_command(self.redis, job.id)
        self.heard("job.cancelled", job.id)

    def test_a_job_whose_process_is_killed_has_failed(self) -> None:
        job = relay_rq.enqueue(self.queue, "os.abort", source=self.name)
        self.work()
        (told,) = self.heard("job.failed", job.id)
        assert told["data"]["error"]["type"] == "WorkHorseKilled"

    def test_what_the_relay_could_not_take_is_sent_with_the_next_completion(self) -> None:  # S4.3
        self.line.troubles = ["503"] * relay_rq.sender.tries
        first = self.enqueue("build_landuse", "run-4")
        self.work()
        assert self.redis.hlen(relay_rq.OUTBOX) == 1
        assert first.get_status(refresh=True) == "finished"
        second = self.enqueue("build_landuse", "run-5")
        self.work()
        self.heard("job.succeeded", second.id)
        self.heard("job.succeeded", first.id)
        assert self.redis.hlen(relay_rq.OUTBOX) == 0

    def test_a_wrong_secret_costs_the_webhook_for_now_and_not_the_job(self) -> None:
        self.environment["RELAY_SECRET"] = "whsec_" + "A" * 43 + "="
        job = self.enqueue("build_landuse", "run-6")
        self.work()
        assert job.get_status(refresh=True) == "finished"
        assert "401: the signature was refused" in self.log_file.read_text()
        # Once it is right, what was kept goes out.
        self.environment["RELAY_SECRET"] = self.secret
        flushed = self.start("flush", [sys.executable, str(EXAMPLES / "rq" / "relay_rq.py")])
        assert flushed.wait(30) == 0
        self.heard("job.succeeded", job.id)

    def test_a_relay_that_is_away_keeps_no_job_from_its_queue(self) -> None:
        self.monkeypatch.setenv("RELAY_API", "http://127.0.0.1:9")
        with self.logged("ERROR") as logged:
            job = self.enqueue("build_landuse", f"run-{uuid.uuid4().hex}")
        assert "because registering it failed" in logged[0]
        self.work()
        self.heard("job.succeeded", job.id)
        assert self.relay.call("GET", f"/v1/jobs/{job.id}")["status"] == "succeeded"
