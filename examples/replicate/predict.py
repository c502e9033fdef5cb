"""Creates a Replicate prediction that reports to the relay. Copy `relay_jobs.py` beside it.

    python predict.py connect                       # once: creates the source `replicate` with Replicate's secret
    python predict.py run VERSION '{"prompt": "a cat"}' batch-7

Replicate signs its webhooks (Standard Webhooks); there is nothing to send.
"""

import json
import os
import sys
from typing import Any, Dict, Optional

import relay_jobs

API = "https://api.replicate.com"


def replicate(method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    url = os.environ.get("REPLICATE_API", API) + path
    return relay_jobs.request(method, url, {"Authorization": f"Bearer {os.environ['REPLICATE_API_TOKEN']}"}, body)


def connect(source: str = "replicate", application: str = "default") -> None:
    """Creates the source. One secret signs the webhooks of a whole account; with the API token the relay polls Replicate."""
    secret = replicate("GET", "/v1/webhooks/default/secret")["key"]
    base = os.environ.get("REPLICATE_API", API)
    platform = {"kind": "replicate", "base_url": base, "secret": os.environ["REPLICATE_API_TOKEN"]}
    body = {"profile": "replicate", "secrets": [secret], "application": application, "platform": platform}
    relay_jobs.call("PUT", f"/v1/sources/{source}", body)


def run(version: str, model_input: Dict[str, Any], batch_id: Optional[str] = None, source: str = "replicate") -> str:
    prediction = replicate(
        "POST",
        "/v1/predictions",
        {
            "version": version,
            "input": model_input,
            "webhook": f"{os.environ['RELAY_API'].rstrip('/')}/in/{source}",
            # Without this filter every output and every log line becomes a request and an event.
            "webhook_events_filter": ["start", "completed"],
        },
    )
    # Replicate assigns the id, so it is known only now. A completion that arrived before this registration is kept.
    relay_jobs.register(prediction["id"], source, batch_id=batch_id, deadline_seconds=3600)
    return prediction["id"]


if __name__ == "__main__":
    if sys.argv[1] == "connect":
        connect(*sys.argv[2:])
    else:
        print(run(sys.argv[2], json.loads(sys.argv[3]), *sys.argv[4:]))
