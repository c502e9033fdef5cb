"""Copies a built template with what MiniStack needs otherwise: `emulated.py template.yaml copy.yaml URL`. Runs in the environment
of `sam`.

MiniStack 1.5.33 knows no metric math. The alarms that use it are judged by alarms.py. It serves the management API of WebSocket
connections at its own URL, by path.
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
copy.write_text(yaml_dump(template))
