"""Registers a job with the relay before its work begins. Copy this file; it needs Python 3.9 and nothing else.

    register("job-1", "modal", batch_id="batch-7", deadline_seconds=660)

RELAY_API is the relay's URL and RELAY_KEY an API key. The relay also accepts completions of jobs that are not registered.
Registering adds a deadline, after which the relay polls the platform or sends `job.timed_out`, and a webhook for this job.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Optional


class Refused(Exception):
    """The relay did not answer, or answered with an error."""


def register(job_id: str, source: str, **more: Any) -> Dict[str, Any]:
    """Registers the job, or changes the given fields of a registered one. Returns the job as the relay has it.

    `more`: call_id, batch_id, run_id, project_id, metadata, deadline_seconds, and webhook: a dictionary with url and the
    optional keys secret, events, headers, max_retries and timeout.
    """
    given = {name: value for name, value in more.items() if value is not None}
    return call("PUT", f"/v1/jobs/{urllib.parse.quote(job_id, safe='')}", {"source": source, **given})


def call(method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """Sends a request to the relay's API and returns the JSON of the answer."""
    api, key = os.environ.get("RELAY_API", ""), os.environ.get("RELAY_KEY", "")
    if not api or not key:
        raise Refused("RELAY_API and RELAY_KEY are not both set")
    return request(method, api.rstrip("/") + path, {"Authorization": f"Bearer {key}"}, body)


def request(method: str, url: str, headers: Dict[str, str], body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """Sends JSON and returns the JSON of the answer. Also used for the APIs of the platforms."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=15) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(500).decode(errors="replace")
        raise Refused(f"{method} {urllib.parse.urlsplit(url).path} answered {error.code}: {said}") from None
    except (OSError, ValueError) as error:
        raise Refused(f"{method} {urllib.parse.urlsplit(url).path}: {error}") from None
