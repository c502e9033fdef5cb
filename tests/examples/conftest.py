"""What the examples need beside a relay: their folders to import from, node and redis-server."""

import sys

import pytest

from support import packages
from support.process import ROOT

sys.path[:0] = [str(ROOT / "examples" / name) for name in ("sender", "modal", "rq")]
pytest.register_assert_rewrite("case")


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    packages.needs("node", "redis-server")
