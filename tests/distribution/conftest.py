"""Builds the packages of this machine once, in a target folder of their own: with the features of the client, `relay` is
another program than the one that the other suites run."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.process import ROOT, TARGET, WORK, clean_environment, run

sys.path.insert(0, str(ROOT / "dist"))

from packers.product import PLATFORMS, Platform, Product, host, read  # noqa: E402


@dataclass(frozen=True)
class Packages:
    """What `dist/build` made."""

    out: Path
    product: Product
    platform: Platform

    def file(self, pattern: str) -> Path:
        """The one file of this form."""
        found = list(self.out.glob(pattern))
        assert len(found) == 1, f"{pattern}: {[path.name for path in self.out.iterdir()]}"
        return found[0]


@pytest.fixture(scope="session")
def packages() -> Packages:
    """RELAY_CLIENT names a client to pack; otherwise one is built as it is released, which takes minutes."""
    out = WORK / "distribution" / "packages"
    for old in out.glob("*"):
        old.unlink()
    command = [sys.executable, str(ROOT / "dist" / "build"), "--out", str(out)]
    if binary := os.environ.get("RELAY_CLIENT"):
        command += ["--binary", str(Path(binary).absolute())]
    run("dist-build", command, minutes=30, env=dict(os.environ) | {"CARGO_TARGET_DIR": str(TARGET / "distribution")})
    return Packages(out, read(), PLATFORMS[host()])


def said(*command: object, cwd: Path | None = None, **environment: str) -> str:
    """Standard output of a command that must succeed. Nothing of the caller's settings reaches it."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean_environment(**environment), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
