"""asyncapi.json by outside judges: AsyncAPI's own schema of documents, and jsonschema (draft 7) for every example."""

import json

import pytest
from jsonschema import Draft7Validator, FormatChecker

from support import packages
from support.process import ROOT

DOCUMENT = json.loads((ROOT / "asyncapi.json").read_text())
MESSAGES = DOCUMENT["components"]["messages"]


def faults(validator: Draft7Validator, value: object) -> list[str]:
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(value)]


def test_the_document_is_one_of_asyncapi_3():
    folder = packages.node(ROOT / "tests" / "openapi") / "node_modules" / "@asyncapi" / "specs" / "schemas"
    validator = Draft7Validator(json.loads((folder / "3.0.0-without-$id.json").read_text()))
    assert faults(validator, DOCUMENT) == []
    # It notices what is wrong.
    assert faults(validator, {**DOCUMENT, "operations": {"ping": {"action": "hear"}}})
    assert faults(validator, {**DOCUMENT, "asyncapi": "2.6.0"})


@pytest.mark.parametrize("name", MESSAGES)
def test_every_example_fits_its_schema_and_an_empty_one_does_not(name: str):
    message = MESSAGES[name]
    Draft7Validator.check_schema(message["payload"])
    validator = Draft7Validator(message["payload"], format_checker=FormatChecker())
    assert message["examples"]
    for example in message["examples"]:
        assert faults(validator, example["payload"]) == []
    assert not validator.is_valid({})


def test_numbers_of_lines_and_topics_are_judged_by_their_patterns():
    def fits(name: str, **fields: object) -> bool:
        example = MESSAGES[name]["examples"][0]["payload"]
        return Draft7Validator(MESSAGES[name]["payload"]).is_valid({**example, **fields})

    assert fits("subscribe_logs", after={"main": "31953106606966983378809025079804211143289615424298221568"})
    assert not fits("subscribe_logs", after={"main": "x1"})
    assert not fits("gap", topic="everyone")
