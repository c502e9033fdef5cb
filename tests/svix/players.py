"""The players: a program for each SDK that plays each operation by the SDK's own methods, and prints a line for each.

`<row> ok`, or `<row> no <why>`. The SDKs are pinned in requirements-*.txt, package-lock.json and rust/Cargo.lock.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE

from hooks import Hooks

from support import packages
from support.process import MINUTE, WORK, Process, clean_environment, run
from support.relay import Relay

HERE = Path(__file__).resolve().parent


def _python(major: str) -> list[str]:
    """The SDK of one major version, in an environment of its own."""
    folder = packages.python(f"svix-{major}", HERE / f"requirements-{major}.txt")
    return [str(folder / "bin" / "python"), str(HERE / "python" / "play.py")]


def _javascript() -> list[str]:
    """The SDK, in the version of Node that it asks for, which npm brings."""
    scripts = sorted((HERE / "javascript").glob("*.mjs"))
    folder = packages.node(HERE, *(str(script.relative_to(HERE)) for script in scripts))
    program = next(iter(folder.glob("node_modules/node-linux-*/bin/node")), None)
    return [str(program or shutil.which("node")), str(folder / "play.mjs")]


def _rust() -> list[str]:
    """The SDK in a package of its own: nothing of it is linked into anything of ours."""
    target = WORK / "svix-rust"
    env = dict(os.environ) | {"CARGO_TARGET_DIR": str(target)}
    run("cargo-svix", ["cargo", "build", "--locked"], minutes=15, cwd=HERE / "rust", env=env)
    return [str(target / "debug" / "svix-sdk")]


# The command of each SDK, which installs it first if that is needed.
COMMANDS: dict[str, Callable[[], list[str]]] = {
    "python 2.9": lambda: _python("2.9"),
    "python 1.99": lambda: _python("1.99"),
    "javascript": _javascript,
    "rust": _rust,
}


class Player:
    """One SDK's program against a relay of its own, from `with` to its end."""

    def __init__(self, sdk: str, rows: list[str]):
        self._sdk, self._rows = sdk, rows
        self._outcomes: dict[str, str | None] = {}
        self._news = threading.Condition()
        self._ended = False

    def __enter__(self) -> "Player":
        # Nothing waits for a minute to pass.
        self._relay = Relay("--sweep-every", "1s")
        self._relay.__enter__()
        self._hooks = Hooks(self._relay)
        env = clean_environment(
            RELAY_URL=self._relay.url, RELAY_KEY=self._relay.admin, HOOKS_URL=self._hooks.url, NO_PROXY="127.0.0.1"
        )
        self._process = Process([*COMMANDS[self._sdk](), *self._rows], cwd=HERE, env=env, stdout=PIPE)
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.end()
        self._hooks.close()
        self._relay.__exit__(None, None, None)

    def _read(self) -> None:
        for line in self._process.stdout:
            row, _, outcome = line.decode().strip().partition(" ")
            with self._news:
                self._outcomes[row] = None if outcome == "ok" else outcome.removeprefix("no ")
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def why_not(self, row: str) -> str | None:
        """None once the row is played, or the reason for which it failed."""
        deadline = time.monotonic() + 10 * MINUTE
        with self._news:
            done = lambda: row in self._outcomes or self._ended  # noqa: E731
            self._news.wait_for(done, deadline - time.monotonic())
            return self._outcomes.get(row, f"it was not played; the program {'ended' if self._ended else 'is still running'}")
