"""Prints the CloudFormation template that SAM makes of a SAM template, as JSON: `translate.py template.yaml`.

Runs in the virtual environment of `sam`, which brings the translator that AWS runs too. Nothing is asked of AWS.
"""

import json
import sys
from pathlib import Path

from boto3.session import Session
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

template = yaml_parse(Path(sys.argv[1]).read_text())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # The translator takes uploaded code only.
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
translator = Translator(None, Parser(), boto_session=Session(region_name="eu-central-1"))
json.dump(translator.translate(template, {}), sys.stdout, indent=1)
