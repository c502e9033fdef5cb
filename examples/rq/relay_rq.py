"""Reports to the relay how RQ jobs end. Copy this file, `relay_sender.py` and `relay_jobs.py`.

    job = relay_rq.enqueue(queue, build_landuse, run_id, ids={"run_id": run_id}, deadline_seconds=3600)

RELAY_URL and RELAY_SECRET belong into the worker's environment, RELAY_API and RELAY_KEY into that of whoever enqueues;
nothing secret lies in Redis. A completion is put into Redis before it is posted and taken out when the relay has it: if the
relay is away for longer than a worker should wait, or the worker dies, the next completion or `python relay_rq.py` sends it.
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
from rq import Callback, Queue
from rq.job import Job
from rq.timeouts import JobTimeoutException

from relay_jobs import Refused, register
from relay_sender import RETRIED, Outcome, Sender

log = logging.getLogger("relay")

OUTBOX = "relay:outbox"
IDS = ("batch_id", "run_id", "project_id")
RESULT_LIMIT = 4_000_000
# The worker waits for the webhook at most this long; RQ would end the callback after CALLBACK seconds.
BUDGET = 15.0
CALLBACK = 60

sender = Sender(tries=4, budget=BUDGET)


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
    """`queue.enqueue` for a job that reports. The relay hears of it first: a fast job must not be done before.

    If the relay cannot be told, the job is enqueued all the same, as its completion will be taken: without deadline, and
    without the webhook that was asked for.
    """
    job_id = job_id or str(uuid.uuid4())
    known = {name: str(value) for name, value in (ids or {}).items() if name in IDS and value is not None}
    try:
        register(job_id, source, deadline_seconds=deadline_seconds, webhook=webhook, **known)
    except Refused as refused:
        log.error("job %s could not be registered: %s", job_id, refused)
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


def succeeded(job: Job, connection: Redis, result: Any, *_: Any) -> None:
    """RQ's success callback."""
    try:
        size = len(json.dumps(result, allow_nan=False))
        shown = {"result": result}
        if size > RESULT_LIMIT:
            shown = {"result": None, "result_omitted": f"{size} bytes are more than {RESULT_LIMIT}"}
    except Exception as error:  # The job has succeeded, whatever its result is.
        shown = {"result": None, "result_omitted": f"{type(error).__name__}: {error}"}
    _report(job, connection, "success", **shown)


def failed(job: Job, connection: Redis, kind: Any, error: Any, *_: Any) -> None:
    """RQ's failure callback, which it also calls for attempts that it is going to repeat."""
    if job.retries_left:
        log.info("job %s failed and will be tried again", job.id)
        return
    status = "timeout" if isinstance(error, JobTimeoutException) else "failure"
    # No traceback: it tells the receiver of paths and values that are none of his business.
    said = {"type": getattr(kind, "__name__", str(kind)), "message": str(error)[:1000]}
    _report(job, connection, status, error=said)


def stopped(job: Job, connection: Redis) -> None:
    """RQ's callback for a job that somebody stopped."""
    _report(job, connection, "cancelled", error={"type": "Stopped", "message": "stopped on request"})


def killed(job: Job, _: int, status: int, *__: Any) -> None:
    """For `Worker(…, work_horse_killed_handler=relay_rq.killed)`: out of memory, say. RQ calls no callback then."""
    if not job.retries_left:
        said = {"type": "WorkHorseKilled", "message": f"the process ended with wait status {status}"}
        _report(job, job.connection, "failure", error=said)


def _report(job: Job, connection: Redis, status: str, **more: Any) -> None:
    """Raises nothing: RQ would take the job for failed."""
    try:
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        ids = {"job_id": job.id, **job.meta.get("relay", {})}
        body = {"call_id": job.id, "status": status, **more, "metadata": {**ids, "timestamp": now}}
        # Another run of the same job is another message.
        said = f"{job.id}\n{job.enqueued_at}\n{status}"
        message_id = "msg_" + hashlib.sha256(said.encode()).hexdigest()[:32]
        text = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        connection.hset(OUTBOX, message_id, text)
        if _send(connection, message_id, text, BUDGET).delivered:
            flush(connection, 10)
    except Exception:
        log.exception("the completion of job %s was not reported", job.id)


def _send(connection: Redis, message_id: str, text: bytes, budget: float) -> Outcome:
    outcome = sender.send(message_id, text, budget=budget)
    refused = outcome.status is not None and outcome.status not in RETRIED
    # A refused signature is a setting that somebody will put right.
    if outcome.delivered or (refused and outcome.status != 401):
        connection.hdel(OUTBOX, message_id)
    return outcome


def flush(connection: Redis, most: int = 1000) -> int:
    """Sends what an earlier worker could not; how many the relay has taken. Stops at the first that it has not."""
    sent = 0
    for name, text in connection.hscan_iter(OUTBOX):
        if sent == most or not _send(connection, name.decode(), text, 5.0).delivered:
            break
        sent += 1
    return sent


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    print(flush(Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))), "sent", file=sys.stderr)
