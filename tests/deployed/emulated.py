"""Copies a built template with what MiniStack needs otherwise: `emulated.py template.yaml copy.yaml URL`. Runs in the environment
of `sam`.

MiniStack 1.5.33 knows no metric math. The alarms that use it are judged by alarms.py. It serves the management API of WebSocket
connections at its own URL, by path. It holds calls of CloudWatch Logs against the ARN of a group without `:*`; AWS holds them
against the ARN with it (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html).
"""

import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

source, copy, url = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
template = yaml_parse(source.read_text())
resources = template["Resources"]
template["Resources"] = {name: one for name, one in resources.items() if "Metrics" not in one.get("Properties", {})}
live = template["Resources"]["LiveFunction"]["Properties"]["Environment"]["Variables"]
live["WEBSOCKET_URL"] = {"Fn::Sub": url + "/_aws/execute-api/${WebSocketApi}/live"}
[role] = template["Resources"]["LiveRole"]["Properties"]["Policies"]
for statement in role["PolicyDocument"]["Statement"]:
    condition, allowed, *_ = statement.get("Fn::If", ["", ""])
    if condition == "HasLogGroups":
        bare = {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/modal/jobs/*"}
        allowed["Resource"] = bare
copy.write_text(yaml_dump(template))
