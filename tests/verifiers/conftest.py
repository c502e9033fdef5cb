"""What the verifiers need: our example program of JSON forms, and an application for the guides."""

import pytest

from support import packages


@pytest.fixture(scope="session")
def json_form() -> None:
    """Builds the program that prints a document in a receiver's JSON form."""
    packages.build("--package", "domain", "--example", "json_form")
