"""Every webhook in openapi.json: its example against its schema, by an outside validator (jsonschema, Draft 2020-12)."""

import json

import pytest
from jsonschema import Draft202012Validator

from support.process import ROOT

DOCUMENT = json.loads((ROOT / "openapi.json").read_text())


@pytest.mark.parametrize("name", DOCUMENT["webhooks"])
def test_the_example_fits_its_schema_and_an_empty_one_does_not(name: str):
    content = DOCUMENT["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]
    validator = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})
    assert [error.message for error in validator.iter_errors(content["example"])] == []
    assert not validator.is_valid({**content["example"], "data": {}})
