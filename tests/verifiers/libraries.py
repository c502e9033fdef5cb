"""The official libraries, each asked in its own language whether it accepts a delivery.

npm's svix is held at 1.99.1: from 2.0.0 on it asks for Node 22. Every pinned svix wraps standardwebhooks, npm's an older
one of its own; what they add is how they read headers.
"""

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import standardwebhooks
import svix.webhooks

import tools
from relay import Delivery

SIGNERS = {
    "Python standardwebhooks": standardwebhooks.Webhook,
    "Python svix": svix.webhooks.Webhook,
}


@dataclass(frozen=True)
class Verdict:
    """What a library said. Only its own error class is a refusal; any other is a fault of the library or of ours."""

    accepted: bool
    kind: str | None = None
    reason: str | None = None


def in_python(webhook):
    def verify(secret: str, delivery: Delivery) -> Verdict:
        try:
            webhook(secret).verify(delivery.body, delivery.headers)
        except Exception as error:  # Which one it is, is the caller's to judge.
            return Verdict(False, type(error).__name__, str(error))
        return Verdict(True)

    return verify


def in_node(package: str):
    def verify(secret: str, delivery: Delivery) -> Verdict:
        asked = {
            "secret": secret,
            "headers": delivery.headers,
            "body_base64": base64.b64encode(delivery.body).decode(),
        }
        done = subprocess.run(
            ["node", "verify.mjs", package],
            cwd=tools.node(Path(__file__).resolve().parent),
            env=tools.clean_environment(),
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise AssertionError(f"verify.mjs failed: {done.stderr.decode(errors='replace')[-400:]}")
        return Verdict(**json.loads(done.stdout))

    return verify


VERIFIERS = {name: in_python(webhook) for name, webhook in SIGNERS.items()} | {
    "Node standardwebhooks": in_node("standardwebhooks"),
    "Node svix": in_node("svix"),
}
