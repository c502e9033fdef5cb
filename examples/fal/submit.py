"""Submits a request to fal's queue that reports to the relay. Copy `../sender/relay_jobs.py` beside it.

    python submit.py connect fal-ai/flux            # once: creates the source `fal`
    python submit.py run fal-ai/flux/dev '{"prompt": "a cat"}' batch-7

fal signs its webhooks with keys that it publishes (Ed25519), so the source has no secret.
"""

import json
import os
import sys
import urllib.parse
from typing import Any, Dict, Optional

import relay_jobs

API = "https://queue.fal.run"


def connect(app: str, source: str = "fal", application: str = "default", **more: Any) -> None:
    """Creates the source. `app` is the first two parts of a model's name; with it and the key the relay polls fal."""
    base = os.environ.get("FAL_API", API)
    platform = {"kind": "fal", "app": app, "base_url": base, "secret": os.environ["FAL_KEY"]}
    body = {"profile": "fal", "application": application, "platform": platform, **more}
    relay_jobs.call("PUT", f"/v1/sources/{source}", body)


def run(model: str, model_input: Dict[str, Any], batch_id: Optional[str] = None, source: str = "fal") -> str:
    webhook = urllib.parse.quote(f"{os.environ['RELAY_API'].rstrip('/')}/in/{source}", safe="")
    submitted = relay_jobs.request(
        "POST",
        f"{os.environ.get('FAL_API', API)}/{model}?fal_webhook={webhook}",
        {"Authorization": f"Key {os.environ['FAL_KEY']}"},
        model_input,
    )
    # fal assigns the id, so it is known only now. A completion that arrived before this registration is kept.
    relay_jobs.register(submitted["request_id"], source, batch_id=batch_id, deadline_seconds=3600)
    return submitted["request_id"]


if __name__ == "__main__":
    if sys.argv[1] == "connect":
        connect(*sys.argv[2:])
    else:
        print(run(sys.argv[2], json.loads(sys.argv[3]), *sys.argv[4:]))
