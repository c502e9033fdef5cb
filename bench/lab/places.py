"""Paths, and the virtual environment of the laboratory."""

import hashlib
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
OUT = ROOT / "target" / "bench"
VENV = OUT / "venv"
SAM_BUILD = ROOT / ".aws-sam" / "build"
RELEASE = ROOT / "target" / "release"

# The e_machine field of an ELF header, by the output of `uname -m`.
MACHINES = {"x86_64": 62, "amd64": 62, "aarch64": 183, "arm64": 183}


def enter_venv() -> None:
    """Restarts this program in the virtual environment of requirements.txt, which is made anew if that file has changed."""
    requirements = BENCH / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / "stamp"
    python = VENV / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("installing bench/requirements.txt into target/bench/venv", file=sys.stderr)
        venv.create(VENV, clear=True, with_pip=True)
        command = [python, "-m", "pip", "install", "--quiet", "--requirement", requirements]
        subprocess.run(command, check=True)
        stamp.write_text(wanted)
    if Path(sys.prefix).resolve() != VENV.resolve():
        os.execv(python, [str(python), *sys.argv])


def relative(path: Path) -> str:
    """The path relative to the repository."""
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name


def runs_here(binary: Path) -> bool:
    """Whether the binary is for the processor of this machine."""
    with binary.open("rb") as file:
        header = file.read(20)
    machine = int.from_bytes(header[18:20], "little")
    return header[:4] == b"\x7fELF" and machine == MACHINES.get(platform.machine())


def bootstrap(given: str | None) -> Path:
    """The binary to measure: the given one, the build to be deployed, or a release build."""
    if given:
        path = Path(given).resolve()
        if not path.is_file():
            sys.exit(f"there is no {given}")
        return path
    deployed = SAM_BUILD / "IngestFunction" / "bootstrap"
    if deployed.is_file():
        if runs_here(deployed):
            return deployed
        print("the deployed build is for another processor; measuring a release build", file=sys.stderr)
    release = RELEASE / "ingest"
    if not release.is_file():
        subprocess.run(["cargo", "build", "--release", "-p", "ingest"], cwd=ROOT, check=True)
    return release


def relay(given: str | None) -> Path:
    """The command line to measure: the given one, or a release build."""
    path = Path(given).resolve() if given else RELEASE / "relay"
    if given and not path.is_file():
        sys.exit(f"there is no {given}")
    if not path.is_file():
        subprocess.run(["cargo", "build", "--release", "-p", "relay"], cwd=ROOT, check=True)
    return path
