#!/usr/bin/env python3
"""Every webhook of openapi.json: its example against its schema, by an outside validator (jsonschema 4, Draft 2020-12).

    pip install jsonschema && python3 tests/openapi/run.py
"""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

document = json.loads((Path(__file__).resolve().parents[2] / "openapi.json").read_text())
fits = 0
for name, item in document["webhooks"].items():
    content = item["post"]["requestBody"]["content"]["application/json"]
    validator = Draft202012Validator({**content["schema"], "components": document["components"]})
    for error in validator.iter_errors(content["example"]):
        print(f"{name}: {error.message}")
    fits += validator.is_valid(content["example"]) and not validator.is_valid({**content["example"], "data": {}})
print(f"webhooks whose example fits: {fits} of {len(document['webhooks'])}")
raise SystemExit(fits != len(document["webhooks"]))
