"""Random requests by openapi.json: no answer is a server error, and each is one that the document describes.

    REQUESTS_SEED=7 REQUESTS_EXAMPLES=200 python3 -m pytest tests/openapi/test_requests.py
"""

import os
import sys
from pathlib import Path

from support import packages
from support.process import WORK, run

HERE = Path(__file__).resolve().parent


def test_every_answer_to_a_random_request_is_described(relay_program):
    packages.needs("unshare")
    venv = packages.python("schemathesis", HERE / "requirements-schemathesis.txt")
    # A namespace of its own needs root, or a user namespace in which the caller is root.
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    seed, examples = os.environ.get("REQUESTS_SEED", "1"), os.environ.get("REQUESTS_EXAMPLES", "20")
    play = [sys.executable, str(HERE / "play.py"), str(venv / "bin" / "schemathesis"), seed, examples]
    run("schemathesis", [*alone, *play], minutes=20)
    summary = (WORK / "logs" / "schemathesis.log").read_text().split("= SUMMARY =")[-1]
    print(summary)
