"""What the journeys need beside a relay: the programs that the documents' commands name."""

import pytest

from support import packages

pytest.register_assert_rewrite("ground")


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    packages.needs("bash", "curl", "openssl", "node", "redis-server", "redis-cli")
