"""Installed packages: virtual environments, npm packages, our own binaries. The standard library only.

Each is kept below cargo's target folder, and made anew when its list of requirements changes.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import venv
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from .process import ROOT, TARGET, WORK, run, say

RELAY = TARGET / "debug" / "relay"
JSON_FORM = TARGET / "debug" / "examples" / "json_form"


@contextmanager
def _lock():
    """One process installs or builds at a time."""
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def once(what: str, folder: Path, inputs: list[bytes], install: Callable[[], None]) -> None:
    """Installs into the folder, unless the same inputs were installed before."""
    wanted = hashlib.sha256(b"\0".join(inputs)).hexdigest()
    stamp = folder / "installed"
    with _lock():
        if stamp.exists() and stamp.read_text() == wanted:
            return
        say(f"installing {what}")
        install()
        stamp.write_text(wanted)


def python(name: str, requirements: Path) -> Path:
    """The folder of a virtual environment with exactly these requirements."""
    folder = WORK / name

    def install() -> None:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(f"pip-{name}", [*pip, "--requirement", str(requirements)], minutes=15)

    once(str(requirements.relative_to(ROOT)), folder, [requirements.read_bytes(), sys.version.encode()], install)
    return folder


def node(suite: Path, *scripts: str) -> Path:
    """A folder with exactly the packages of the suite's package-lock.json, and with these scripts beside them.

    A script finds its imports in the folder where it lies.
    """
    folder, names = WORK / f"node-{suite.name}", ("package.json", "package-lock.json", ".npmrc")

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(suite / name, folder / name)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run(f"npm-{suite.name}", npm, minutes=5, cwd=folder)

    once(str((suite / "package.json").relative_to(ROOT)), folder, [(suite / name).read_bytes() for name in names], install)
    for script in scripts:
        shutil.copy(suite / script, folder)
    return folder


def build(*arguments: str) -> None:
    """`cargo build` with these arguments. With RELAY_PREBUILT=1 the binaries of the last build are used instead."""
    if os.environ.get("RELAY_PREBUILT") == "1":
        return
    env = dict(os.environ) | {"CARGO_TARGET_DIR": str(TARGET)}
    with _lock():
        run("cargo", ["cargo", "build", *arguments], minutes=15, env=env)


def needs(*programs: str) -> None:
    """Raises `Failed` if a program is missing, with the Debian package that has it."""
    packages = {"redis-server": "redis-server", "redis-cli": "redis-tools", "node": "nodejs"}
    for program in programs:
        if shutil.which(program) is None:
            package = packages.get(program, program)
            raise SystemExit(f"{program} is needed and not found (Debian: apt-get install {package})")
