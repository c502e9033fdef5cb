"""An RQ worker that also reports jobs whose process was killed; the command `rq worker` cannot.

    RELAY_URL=https://relay.example.com/in/rq RELAY_SECRET=whsec_… python worker.py [--burst]
"""

import logging
import os
import sys

from redis import Redis
from rq import Queue, Worker

import relay_rq


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    connection = Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))
    queue = Queue(connection=connection)
    worker = Worker([queue], connection=connection, work_horse_killed_handler=relay_rq.killed)
    worker.work(burst="--burst" in sys.argv)


if __name__ == "__main__":
    main()
