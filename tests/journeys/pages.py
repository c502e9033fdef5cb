"""The pages in docs/migrating: their commands are run as they stand there, one page after another, each against a relay."""

import re
import shlex
import subprocess
from pathlib import Path

import tools
from ground import Hooks
from relay import Relay

PAGES = Path(__file__).resolve().parents[2] / "docs" / "migrating"
# What a page says for a machine on which `relay dev` and a receiver run as in README.md.
RELAY, KEY, RECEIVER = "http://127.0.0.1:8788", "$(cat .relay/admin.key)", "http://127.0.0.1:9000"


def commands(page: Path) -> str:
    """Every `sh` block, in order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))


def run(page: Path, relay: Relay, hooks: Hooks) -> str:
    """How much was run. A command that fails ends the page, and so does a curl that is answered with an error."""
    script = commands(page)
    for told, real in ((RELAY, relay.url), (KEY, relay.admin), (RECEIVER, hooks.address)):
        script = script.replace(told, real)
    ports = sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", commands(page))) - {"8788", "9000", "6379"})
    if ports:
        raise AssertionError(f"{page.name}: nobody listens on {ports} here")
    prelude = f"""
        set -euo pipefail
        curl() {{ command curl --fail-with-body --max-time 60 "$@"; echo; }}
        relay() {{ RELAY_URL={shlex.quote(relay.url)} RELAY_ADMIN_KEY={relay.admin} {shlex.quote(str(tools.RELAY))} "$@"; }}
    """
    done = subprocess.run(
        ["bash", "-c", f"{prelude}\nset -x\n{script}"],
        env=tools.clean_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}\n{done.stderr[-3000:]}\n{done.stdout[-1000:]}")
    if len(commands(page).splitlines()) < 5:
        raise AssertionError(f"{page.name} has hardly a command")
    count = len(re.findall(r"^(?:curl|relay|redis-\w+) ", script, re.MULTILINE))
    return f"{count} of {count} commands"
