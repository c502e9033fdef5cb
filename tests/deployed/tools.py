"""Folders, virtual environments and child processes. The standard library only: this runs before anything is installed."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import venv as virtualenv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Where cargo builds, so that whoever keeps that between runs keeps all of it.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
WORK = TARGET / "deployed"

REGION = "eu-central-1"
MINUTE = 60


def say(line: str) -> None:
    print(line, flush=True)


class Failed(Exception):
    """Nothing can be said about the journeys, for this reason."""


def venv(name: str, requirements: str) -> Path:
    """A virtual environment with exactly these requirements; made anew when they change."""
    path = WORK / f"venv-{name}"
    wanted = (HERE / requirements).read_bytes()
    stamp = path / "installed"
    digest = hashlib.sha256(wanted).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return path
    say(f"installing {requirements} into {path}")
    shutil.rmtree(path, ignore_errors=True)
    virtualenv.create(path, with_pip=True)
    pip = [str(path / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(f"pip-{name}", [*pip, "-r", str(HERE / requirements)], env=dict(os.environ), minutes=15)
    stamp.write_text(digest)
    return path


def environment(**more: str) -> dict[str, str]:
    """A clean environment: what a toolchain needs, and never the caller's AWS profile."""
    keep = ("HOME", "LANG", "PATH", "CARGO_HOME", "RUSTUP_HOME", "HTTPS_PROXY", "NO_PROXY")
    clean = {name: os.environ[name] for name in keep if name in os.environ}
    return clean | {
        "CARGO_TARGET_DIR": str(TARGET),
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    } | more


def run(name: str, command: list[str], env: dict[str, str], minutes: float) -> None:
    """Runs to the end, showing the output only if it fails. Ends it, and what it started, when the time is up."""
    with Process(command, env, WORK / f"{name}.log") as process:
        code = process.wait(minutes * MINUTE)
        if code != 0:
            how = f"not done within {minutes} minutes" if code is None else f"exit code {code}"
            raise Failed(f"{process.last_lines()}\n{' '.join(command)}: {how}")


class Process:
    """A child process in a session of its own, so that ending it ends its children, and nobody else's."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("wb") as output:
            self._child = subprocess.Popen(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def running(self) -> bool:
        return self._child.poll() is None

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None if it was still running."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Asks, waits, insists. The child was not waited for before, so its process group cannot be another's by now."""
        if not self.running():
            return
        os.killpg(self._child.pid, signal.SIGTERM)
        if self.wait(20) is None:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def last_lines(self, count: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def end_processes_from(folder: Path) -> None:
    """Ends whatever still runs a program from this folder, which only this run writes to."""
    if not sys.platform.startswith("linux"):
        return
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "exe")).is_relative_to(folder):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue  # It ended by itself, or is not ours to look at.


def wait_until(what: str, condition, seconds: float = 60):
    """The first true answer of `condition`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.2)
