"""Folders, child processes and waiting. The standard library only: `tests/setup` runs this before anything is installed."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Cargo's target folder, so that a cache of it keeps the installed packages too.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
# Packages, logs and everything else that the suites make.
WORK = TARGET / "tests"

MINUTE = 60


class Failed(Exception):
    """A suite cannot begin or go on."""


def say(line: str) -> None:
    print(line, flush=True)


def clean_environment(**more: str) -> dict[str, str]:
    """The variables that a command needs to run, without the caller's proxies, AWS profile or log settings."""
    keep = ("HOME", "LANG", "PATH", "TMPDIR")
    return {name: os.environ[name] for name in keep if name in os.environ} | more


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    """Whether a process accepts connections at this port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until(what: str, condition, seconds: float = 60):
    """The first true answer of `condition`. Raises AssertionError, with `what`, if there is none within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def _bound_to_us(command: list[str]) -> list[str]:
    """The command in a form that Linux kills when this process is killed and cannot end it.

    The bond is to the thread that starts the command, so only the main thread makes it.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None or threading.current_thread() is not threading.main_thread():
        return command
    return [setpriv, "--pdeathsig", "KILL", *command]


class Process:
    """A child process in a session of its own. Ending it ends its children too, and no other process.

    Standard input is empty, unless `stdin` is a pipe. Standard output and standard error are appended to `log`, unless `stdout` takes the former. Without a log, both are
    the caller's.
    """

    def __init__(
        self,
        command: list[str],
        *,
        cwd: Path = ROOT,
        env: dict[str, str] | None = None,
        log: Path | None = None,
        stdin=subprocess.DEVNULL,
        stdout=None,
    ):
        self.log = log
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
        output = log.open("ab") if log is not None else None
        try:
            self._child = subprocess.Popen(
                _bound_to_us(command),
                cwd=cwd,
                env=env,
                stdin=stdin,
                stdout=output if stdout is None else stdout,
                stderr=output,
                start_new_session=True,
            )
        finally:
            if output is not None:
                output.close()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def stdin(self):
        """Standard input, if it is a pipe."""
        return self._child.stdin

    @property
    def stdout(self):
        """Standard output, if it is a pipe."""
        return self._child.stdout

    def running(self) -> bool:
        return self._child.poll() is None

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None if the process still runs after `seconds`."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Sends SIGTERM, and SIGKILL 5 s later. The child was not reaped before, so its group cannot be another's.

        The bound is below the 10 s after which pytest-xdist kills a worker that still cleans up.
        """
        if not self.running():
            return
        os.killpg(self._child.pid, signal.SIGTERM)
        if self.wait(5) is None:
            self.kill()

    def kill(self) -> None:
        """Sends SIGKILL."""
        if self.running():
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()

    def last_lines(self, count: int = 40) -> str:
        """The end of the log."""
        return last_lines(self.log, count) if self.log else ""


def last_lines(log: Path, count: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def run(name: str, command: list[str], minutes: float, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs a command to its end. Raises `Failed`, with the end of its output, if it fails or takes too long."""
    log = WORK / "logs" / f"{name}.log"
    log.unlink(missing_ok=True)
    with Process(command, cwd=cwd, env=env, log=log) as process:
        code = process.wait(minutes * MINUTE)
    if code != 0:
        how = f"not done within {minutes} minutes" if code is None else f"exit code {code}"
        raise Failed(f"{process.last_lines()}\n{' '.join(map(str, command))}: {how}")
