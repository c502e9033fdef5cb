"""Copies a built template without what MiniStack refuses: `emulated.py template.yaml copy.yaml`. Runs in the environment of `sam`.

MiniStack 1.5.33 knows no metric math. The alarms that use it are judged by alarms.py.
"""

import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

source, copy = map(Path, sys.argv[1:])
template = yaml_parse(source.read_text())
resources = template["Resources"]
template["Resources"] = {name: one for name, one in resources.items() if "Metrics" not in one.get("Properties", {})}
copy.write_text(yaml_dump(template))
