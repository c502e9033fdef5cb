"""Tells the relay of a job before its work begins. Copy this file; it needs Python 3.9 and nothing else.

    register("job-1", "modal", batch_id="batch-7", deadline_seconds=660)

RELAY_API is the relay's address and RELAY_KEY an API key. The relay takes a completion of a job that it does not know, too,
and attaches it later; what only registering gives is a deadline, after which the relay asks the platform or says
`job.timed_out`, and a webhook for this one job.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, Optional


class Refused(Exception):
    """What the relay answered instead."""


def register(job_id: str, source: str, **more: Any) -> Dict[str, Any]:
    """The job as the relay has it. Registering again changes what is given and leaves the rest.

    `more`: call_id, batch_id, run_id, project_id, metadata, deadline_seconds, and webhook: a dictionary of url, and if
    wanted secret, events, headers, max_retries, timeout.
    """
    given = {name: value for name, value in more.items() if value is not None}
    return call("PUT", f"/v1/jobs/{urllib.parse.quote(job_id, safe='')}", {"source": source, **given})


def call(method: str, path: str, body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """One request to the relay's API."""
    api, key = os.environ.get("RELAY_API", ""), os.environ.get("RELAY_KEY", "")
    if not api or not key:
        raise Refused("RELAY_API and RELAY_KEY are not both set")
    return request(method, api.rstrip("/") + path, {"Authorization": f"Bearer {key}"}, body)


def request(method: str, url: str, headers: Dict[str, str], body: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
    """JSON there and back; used for the platforms' APIs as well."""
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
