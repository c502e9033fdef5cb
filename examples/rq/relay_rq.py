"""Reports to the relay what RQ jobs say and how they end. Copy this file, `relay_sender.py`, `relay_logs.py` and `relay_jobs.py`.

    job = relay_rq.enqueue(queue, build_landuse, run_id, ids={"run_id": run_id}, deadline_seconds=3600)

The worker needs RELAY_URL and RELAY_SECRET in its environment, the process that enqueues needs RELAY_API and RELAY_KEY; Redis
holds no secret. A completion is stored in Redis before it is posted and removed once the relay has accepted it. If the relay
is down for longer than a worker waits, or the worker dies, the next completion or `python relay_rq.py` sends it.
"""

import hashlib
import json
import logging
import os
import sys
import uuid
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Optional

from redis import Redis
from rq import Callback, Queue, get_current_job
from rq.job import Job
from rq.timeouts import JobTimeoutException

from relay_jobs import Refused, register
from relay_logs import JobLog
from relay_sender import RETRIED, Outcome, Sender

log = logging.getLogger("relay")

OUTBOX = "relay:outbox"
IDS = ("batch_id", "run_id", "project_id")
RESULT_LIMIT = 4_000_000
# Seconds that a worker waits for the webhook, and after which RQ ends the callback.
BUDGET = 15.0
CALLBACK = 60

sender = Sender(tries=4, budget=BUDGET)

# The logs of jobs that run in this process: RQ's work horse has one.
_logs: Dict[str, JobLog] = {}


def enqueue(
    queue: Queue,
    function: Callable[..., Any],
    *args: Any,
    ids: Optional[Dict[str, Any]] = None,
    source: str = "rq",
    deadline_seconds: Optional[int] = None,
    webhook: Optional[Dict[str, Any]] = None,
    job_id: Optional[str] = None,
    meta: Optional[Dict[str, Any]] = None,
    **more: Any,
) -> Job:
    """Registers a job with the relay, then enqueues it as `queue.enqueue` does, so that a fast job cannot end unregistered.

    If the registration fails, the job is enqueued nevertheless. The relay will accept its completion, but the job has no
    deadline and no webhook of its own.
    """
    job_id = job_id or str(uuid.uuid4())
    known = {name: str(value) for name, value in (ids or {}).items() if name in IDS and value is not None}
    try:
        register(job_id, source, deadline_seconds=deadline_seconds, webhook=webhook, **known)
    except Refused as refused:
        log.error("job %s runs without deadline and webhook, because registering it failed: %s", job_id, refused)
    return queue.enqueue(
        function,
        *args,
        job_id=job_id,
        meta={**(meta or {}), "relay": known},
        on_success=Callback(succeeded, timeout=CALLBACK),
        on_failure=Callback(failed, timeout=CALLBACK),
        on_stopped=Callback(stopped, timeout=CALLBACK),
        **more,
    )


def say(*lines: Any, level: Optional[str] = None) -> None:
    """Prints lines and sends them to the log of the running job, in batches and without waiting. Outside a job they are only
    printed. Never raises."""
    try:
        job = get_current_job()
    except Exception:  # RQ could not ask Redis.
        job = None
    if job is None:
        for line in lines:
            print(line, flush=True)
        return
    _logs.setdefault(job.id, JobLog(job.id, sender))(*lines, level=level)


def _close_log(job: Job) -> None:
    """Sends what is left of a job's log, for at most 2 s."""
    known = _logs.pop(job.id, None)
    if known is not None:
        known.close()


def succeeded(job: Job, connection: Redis, result: Any, *_: Any) -> None:
    """Reports a success. RQ calls this callback."""
    _close_log(job)
    try:
        size = len(json.dumps(result, allow_nan=False))
        shown = {"result": result}
        if size > RESULT_LIMIT:
            shown = {"result": None, "result_omitted": f"{size} bytes are more than {RESULT_LIMIT}"}
    except Exception as error:  # A result that is not JSON does not make the job a failure.
        shown = {"result": None, "result_omitted": f"{type(error).__name__}: {error}"}
    _report(job, connection, "success", **shown)


def failed(job: Job, connection: Redis, kind: Any, error: Any, *_: Any) -> None:
    """Reports a failure, unless RQ will retry the job. RQ calls this callback after every failed attempt."""
    _close_log(job)
    if job.retries_left:
        log.info("job %s failed and will be tried again", job.id)
        return
    status = "timeout" if isinstance(error, JobTimeoutException) else "failure"
    # Without the traceback, which would show paths and values to the receiver.
    said = {"type": getattr(kind, "__name__", str(kind)), "message": str(error)[:1000]}
    _report(job, connection, status, error=said)


def stopped(job: Job, connection: Redis) -> None:
    """Reports a job that was stopped on request. RQ calls this callback."""
    _report(job, connection, "cancelled", error={"type": "Stopped", "message": "stopped on request"})


def killed(job: Job, _: int, status: int, *__: Any) -> None:
    """Reports a job whose process was killed, for example by the OOM killer, for which RQ calls no callback.

    Pass it to the worker: `Worker(…, work_horse_killed_handler=relay_rq.killed)`.
    """
    if not job.retries_left:
        said = {"type": "WorkHorseKilled", "message": f"the process ended with wait status {status}"}
        _report(job, job.connection, "failure", error=said)


def _report(job: Job, connection: Redis, status: str, **more: Any) -> None:
    """Stores and posts a completion. Never raises, because RQ would then mark the job as failed."""
    try:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        ids = {"job_id": job.id, **job.meta.get("relay", {})}
        body = {"call_id": job.id, "status": status, **more, "metadata": {**ids, "timestamp": now}}
        # Each run of a job has a message id of its own.
        said = f"{job.id}\n{job.enqueued_at}\n{status}"
        message_id = "msg_" + hashlib.sha256(said.encode()).hexdigest()[:32]
        text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        connection.hset(OUTBOX, message_id, text)
        if _send(connection, message_id, text, BUDGET).delivered:
            flush(connection, 10)
    except Exception:
        log.exception("the completion of job %s could not be reported", job.id)


def _send(connection: Redis, message_id: str, text: bytes, budget: float) -> Outcome:
    outcome = sender.send(message_id, text, budget=budget)
    refused = outcome.status is not None and outcome.status not in RETRIED
    # 401 means a wrong secret, which will be corrected: the completion stays stored.
    if outcome.delivered or (refused and outcome.status != 401):
        connection.hdel(OUTBOX, message_id)
    return outcome


def flush(connection: Redis, most: int = 1000) -> int:
    """Sends stored completions, at most `most`. Stops at the first that fails. Returns the number of those accepted."""
    sent = 0
    for name, text in connection.hscan_iter(OUTBOX):
        if sent == most or not _send(connection, name.decode(), text, 5.0).delivered:
            break
        sent += 1
    return sent


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    print(flush(Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))), "sent", file=sys.stderr)
