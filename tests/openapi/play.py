"""Sends random requests to a relay, and judges its answers by openapi.json.

    play.py SCHEMATHESIS SEED EXAMPLES      # program, seed of the requests, requests for each operation

Random requests make endpoints at random addresses, and events go there. So this program and the relay must run in a network
namespace of their own, which reaches nobody: test_requests.py starts it there.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.process import ROOT, WORK, clean_environment  # noqa: E402
from support.relay import Relay  # noqa: E402


def raise_loopback() -> None:
    """Brings up the loopback interface of a new network namespace. Fails if there is another interface."""
    names = {name for _, name in socket.if_nameindex()}
    assert names == {"lo"}, f"this is no namespace of its own: {names}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        set_flags, is_up, is_running = 0x8914, 0x1, 0x40
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", b"lo", is_up | is_running))


def main(schemathesis: str, seed: str, examples: str) -> int:
    raise_loopback()
    with Relay() as relay:
        options = ["--config-file", str(HERE / "schemathesis.toml"), "run", str(ROOT / "openapi.json")]
        options += ["--url", relay.url, "--header", f"Authorization: Bearer {relay.admin}"]
        options += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
        options += ["--seed", seed, "--max-examples", examples, "--request-timeout", "30", "--warnings", "off"]
        env = clean_environment(NO_COLOR="1")
        # It keeps what failed below the folder where it runs.
        return subprocess.run([schemathesis, *options], env=env, cwd=WORK, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
