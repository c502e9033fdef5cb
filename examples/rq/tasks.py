"""A task for an RQ worker, and the call that enqueues it.

    rq worker                      # with RELAY_URL and RELAY_SECRET in its environment
    python tasks.py decimal-pleasing-run
"""

import os
import sys
import time


def build_landuse(run_id: str) -> dict:
    if not run_id:
        raise ValueError("a run has a name")
    return {"run_id": run_id, "hillslopes": 42}


def build_soils(run_id: str) -> dict:
    import relay_rq

    relay_rq.say(f"[INFO] soils of {run_id}")
    relay_rq.say("[SUCCESS] built")
    return {"run_id": run_id}


def wait(seconds: float) -> None:
    time.sleep(seconds)


if __name__ == "__main__":
    from redis import Redis
    from rq import Queue

    import relay_rq

    queue = Queue(connection=Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")))
    run = sys.argv[1]
    # By name: in a script the function itself would be `__main__.build_landuse`, which no worker can import.
    print(relay_rq.enqueue(queue, "tasks.build_landuse", run, ids={"run_id": run}, deadline_seconds=3600).id)
