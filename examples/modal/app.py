"""A Modal app whose calls report to the relay: one of each kind. Copy `relay_modal.py`, `relay_logs.py` and `relay_sender.py` beside it.

    modal secret create relay RELAY_URL=https://relay.example.com/in/modal RELAY_SECRET=whsec_…
    modal deploy app.py
    python app.py job-1 MKTAYIAKQR          # registers job-1 with the relay, then calls `predict`
    python app.py job-1 MKTAYIAKQR --local  # runs locally, without Modal
"""

import argparse
import asyncio
import os
import time
from typing import AsyncIterator, Iterator, List, Optional

import modal

import relay_modal

app = modal.App("relay-example")
image = modal.Image.debian_slim().add_local_python_source("relay_modal", "relay_logs", "relay_sender")
# RELAY_URL and RELAY_SECRET. A local run reads both from the environment.
secret = modal.Secret.from_name("relay")


@app.function(image=image, secrets=[secret], timeout=600)
@relay_modal.reported(timeout=600, started=True, logs=True)
def predict(job_id: str, sequence: str, batch_id: Optional[str] = None) -> dict:
    job = relay_modal.current()
    job.log(f"[INFO] {len(sequence)} residues")
    job.progress(50, "folding")
    if not sequence.isalpha():
        raise ValueError("a sequence has letters only")
    job.log("[SUCCESS] folded")
    return {"affinity": -7.0, "length": len(sequence)}


@app.function(image=image, secrets=[secret], timeout=60)
@relay_modal.reported(timeout=60)
async def score(job_id: str, values: List[float]) -> float:
    await asyncio.sleep(0)
    return sum(values) / len(values)


@app.function(image=image, secrets=[secret], timeout=60)
@relay_modal.reported(timeout=60)
def shards(job_id: str, count: int) -> Iterator[int]:
    for shard in range(count):
        relay_modal.current().progress(100 * shard / count, f"shard {shard}")
        yield shard


@app.function(image=image, secrets=[secret], timeout=60)
@relay_modal.reported(timeout=60)
async def tokens(job_id: str, text: str) -> AsyncIterator[str]:
    for token in text.split():
        yield token


@app.function(image=image, secrets=[secret], timeout=2)
@relay_modal.reported(timeout=2)
def endless(job_id: str, seconds: float) -> str:
    """Runs too long: the time-out is reported at 1.8 s, and Modal ends the call at 2 s."""
    time.sleep(seconds)
    return "done"


@app.function(image=image, secrets=[secret], timeout=600)
def pipeline(job_id: str, steps: int) -> int:
    """Reports a part of the function as the job."""
    with relay_modal.reported(job_id=job_id, timeout=600) as job:
        job.result = {"steps": steps}
    return steps


def main() -> None:
    from relay_jobs import register

    parser = argparse.ArgumentParser()
    parser.add_argument("job_id")
    parser.add_argument("sequence")
    parser.add_argument("--batch-id")
    parser.add_argument("--local", action="store_true")
    asked = parser.parse_args()
    # The caller chooses the job id, so the job is registered before the call begins, however fast the call is.
    if "RELAY_KEY" in os.environ:
        register(asked.job_id, "modal", batch_id=asked.batch_id, deadline_seconds=660)
    if asked.local:
        print(predict.local(asked.job_id, asked.sequence, asked.batch_id))
    else:
        deployed = modal.Function.from_name("relay-example", "predict")
        print(deployed.spawn(asked.job_id, asked.sequence, asked.batch_id).object_id)


if __name__ == "__main__":
    main()
