"""Starts a RunPod job that reports to the relay. Copy `../sender/relay_jobs.py` beside it.

    python run.py connect ENDPOINT                  # once: creates the source `runpod`, prints its callback URL
    RELAY_CALLBACK=https://…/in/runpod/… python run.py run ENDPOINT '{"prompt": "a cat"}' batch-7

RunPod signs nothing. What lets its requests in is a token in their path, which is a secret; and before the relay believes
that a job has ended it asks RunPod, for which it is given the API key.
"""

import json
import os
import secrets
import sys
from typing import Any, Dict, Optional

import relay_jobs

API = "https://api.runpod.ai"


def connect(endpoint: str, source: str = "runpod", application: str = "default") -> str:
    """Creates the source and returns the callback URL for RunPod. The relay stores only a hash of the URL's token."""
    token = secrets.token_urlsafe(32)
    platform = {
        "kind": "runpod",
        "endpoint_id": endpoint,
        "base_url": os.environ.get("RUNPOD_API", API),
        "secret": os.environ["RUNPOD_API_KEY"],
    }
    body = {"profile": "runpod", "secrets": [token], "application": application, "platform": platform}
    relay_jobs.call("PUT", f"/v1/sources/{source}", body)
    return f"{os.environ['RELAY_API'].rstrip('/')}/in/{source}/{token}"


def run(
    endpoint: str, job_input: Dict[str, Any], batch_id: Optional[str] = None, *, callback: str, source: str = "runpod"
) -> str:
    job = relay_jobs.request(
        "POST",
        f"{os.environ.get('RUNPOD_API', API)}/v2/{endpoint}/run",
        {"Authorization": f"Bearer {os.environ['RUNPOD_API_KEY']}"},
        {"input": job_input, "webhook": callback},
    )
    # RunPod assigns the id, so it is known only now. RunPod keeps a result for 30 minutes; the deadline must be shorter.
    relay_jobs.register(job["id"], source, batch_id=batch_id, deadline_seconds=900)
    return job["id"]


if __name__ == "__main__":
    if sys.argv[1] == "connect":
        print(connect(*sys.argv[2:]))
    else:
        print(run(sys.argv[2], json.loads(sys.argv[3]), *sys.argv[4:], callback=os.environ["RELAY_CALLBACK"]))
