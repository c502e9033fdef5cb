"""One Node process with the npm libraries in it, asked line by line."""

import base64
import json
import subprocess
import threading
from pathlib import Path

from support import packages
from support.process import clean_environment

_lock = threading.Lock()
_process: subprocess.Popen | None = None


def ask(library: str, act: str, body: bytes, **more: object) -> dict:
    """The answer of `libraries.mjs`. The first question starts the process; it ends with its standard input."""
    global _process
    asked = {"library": library, "act": act, "body_base64": base64.b64encode(body).decode(), **more}
    with _lock:
        if _process is None:
            _process = subprocess.Popen(
                ["node", "libraries.mjs"],
                cwd=packages.node(Path(__file__).resolve().parent, "libraries.mjs"),
                env=clean_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        _process.stdin.write(json.dumps(asked).encode() + b"\n")
        _process.stdin.flush()
        line = _process.stdout.readline()
    if not line:
        raise AssertionError(f"libraries.mjs ended with {_process.wait()}")
    answer = json.loads(line)
    if "failed" in answer:
        raise AssertionError(f"libraries.mjs failed: {answer['failed']}")
    return answer
