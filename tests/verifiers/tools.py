"""Folders, packages and child processes. The standard library only: this runs before anything is installed."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Where cargo builds, so that whoever keeps that between runs keeps all of it.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
RELAY = TARGET / "debug" / "relay"

MINUTE = 60


def say(line: str) -> None:
    print(line, flush=True)


class Failed(Exception):
    """Nothing more can be said, for this reason."""


def work(here: Path) -> Path:
    """Where the tests of the folder `here` keep what they install."""
    return TARGET / here.name


def python(here: Path) -> Path:
    """The Python that has their libraries."""
    return work(here) / "venv" / "bin" / "python"


def node(here: Path) -> Path:
    """The folder whose scripts find their libraries."""
    return work(here) / "node"


def begin_in_venv(here: Path, script: str) -> None:
    """Comes back in the Python that has the libraries of `here`, which are not in the one that was asked."""
    venv = python(here).parent.parent
    if os.path.realpath(sys.prefix) != os.path.realpath(venv):
        install_python(here)
        os.execv(python(here), [str(python(here)), os.path.abspath(script), *sys.argv[1:]])


def install_python(here: Path) -> None:
    """A virtual environment with exactly requirements.txt; made anew when it changes."""
    folder, requirements = python(here).parent.parent, here / "requirements.txt"

    def install() -> None:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python(here)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run("pip", [*pip, "--requirement", str(requirements)], minutes=10)

    once("the Python libraries", folder, [requirements.read_bytes(), sys.version.encode()], install)


def install_node(here: Path, *scripts: str) -> None:
    """A folder with exactly package-lock.json installed, and the scripts that need it."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Failed(f"{tool} is needed and is not here")
    names = ("package.json", "package-lock.json", ".npmrc")
    folder = node(here)

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in names:
            shutil.copy(here / name, folder / name)
        run("npm", ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], minutes=5, cwd=folder)

    once("the Node libraries", folder, [(here / name).read_bytes() for name in names], install)
    # Beside node_modules, which is where their imports are looked for.
    for script in scripts:
        shutil.copy(here / script, folder)


def once(what: str, folder: Path, inputs: list[bytes], install) -> None:
    """Installs unless the same inputs were installed before."""
    wanted = hashlib.sha256(b"\0".join(inputs)).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"installing {what}")
    install()
    stamp.write_text(wanted)


def build() -> None:
    say("building relay")
    env = dict(os.environ) | {"CARGO_TARGET_DIR": str(TARGET)}
    run("cargo", ["cargo", "build", "--package", "relay"], minutes=15, env=env)


def clean_environment(**more: str) -> dict[str, str]:
    """What a command needs to run, without the caller's proxies, AWS profile or log settings."""
    keep = ("HOME", "LANG", "PATH", "TMPDIR")
    return {name: os.environ[name] for name in keep if name in os.environ} | more


def run(name: str, command: list[str], minutes: float, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs to the end, showing the output only if it fails."""
    log = TARGET / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, Child(command, output, output, cwd, env) as child:
        code = child.wait(minutes * MINUTE)
    if code != 0:
        how = f"not done within {minutes} minutes" if code is None else f"exit code {code}"
        raise Failed(f"{last_lines(log)}\n{' '.join(command)}: {how}")


class Child:
    """A child process in a session of its own, so that ending it ends its children, and nobody else's."""

    def __init__(self, command: list[str], stdout, stderr, cwd: Path, env: dict[str, str] | None = None):
        self.process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
        )

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None if it was still running."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Asks, waits, insists. It was not waited for before, so its process group cannot be another's by now."""
        if not self.running():
            return
        os.killpg(self.process.pid, signal.SIGTERM)
        if self.wait(20) is None:
            self.kill()

    def kill(self) -> None:
        """Does not ask."""
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def last_lines(log: Path, count: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def wait_until(what: str, condition, seconds: float):
    """The first true answer of `condition`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)
