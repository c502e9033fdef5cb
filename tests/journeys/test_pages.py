"""The pages in docs/migrating: the commands of each are run as they stand there, against a new relay."""

import re
import shlex
import subprocess

import pytest

from support.packages import RELAY
from support.process import ROOT, clean_environment
from support.receiver import Receiver
from support.relay import Relay

PAGES = ROOT / "docs" / "migrating"
# What a page says for a machine on which `relay dev` and a receiver run.
RELAY_URL, KEY, RECEIVER_URL = "http://127.0.0.1:8788", "$(cat .relay/admin.key)", "http://127.0.0.1:9000"


def commands(text: str) -> str:
    """Every `sh` block, in order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", ["omtx", "mesh", "hokusai", "batch", "wepp"])
def test_every_command_of_the_page_succeeds(relay_program, name: str):
    """A command that fails ends the page, and so does a curl that is answered with an error."""
    script = commands((PAGES / f"{name}.md").read_text())
    assert 5 <= len(script.splitlines()), "hardly a command"
    ports = sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", script)) - {"8788", "9000", "6379"})
    assert ports == [], "nothing listens there in this test"
    with Receiver() as receiver, Relay() as relay:
        for written, real in ((RELAY_URL, relay.url), (KEY, relay.admin), (RECEIVER_URL, receiver.url)):
            script = script.replace(written, real)
        prelude = f"""
            set -euo pipefail
            curl() {{ command curl --fail-with-body --max-time 60 "$@"; echo; }}
            relay() {{ RELAY_URL={shlex.quote(relay.url)} RELAY_ADMIN_KEY={relay.admin} {shlex.quote(str(RELAY))} "$@"; }}
        """
        done = subprocess.run(
            ["bash", "-c", f"{prelude}\nset -x\n{script}"],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{done.stdout[-1000:]}"
