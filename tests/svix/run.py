#!/usr/bin/env python3
"""Svix's own SDKs as clients of a running relay: operations × {Python 2.9, Python 1.99, JavaScript, Rust}.

    python3 tests/svix/run.py [--only COLUMN] [ROW …]

Each SDK plays every operation of the contract, and what it calls beside, by its own methods against one `relay dev`, and
checks what the relay did and what its own models make of the answers. The table at the end counts all of it, n of n; where an
SDK has no method for a row that is said (`-`) and not counted. The SDKs are pinned in requirements-*.txt, package-lock.json
and rust/Cargo.lock, and installed into cargo's target folder, below svix. Needs cargo, npm and python3; npm brings the Node
that the SDK asks for. Nothing reaches beyond 127.0.0.1 but the package registries.
"""

import argparse
import os
import shutil
import signal
import sys
import threading
import urllib.request
import venv
from pathlib import Path
from subprocess import PIPE

HERE = Path(__file__).resolve().parent
# The relay in a process, and how packages are installed.
sys.path.append(str(HERE.parent / "verifiers"))

import tools  # noqa: E402
from hooks import Hooks  # noqa: E402
from operations import CONTRACT, COLUMNS, ROWS  # noqa: E402
from relay import Relay  # noqa: E402

WORK = tools.work(HERE)


def python(major: str) -> list[str]:
    """The SDK of one major in an environment of its own."""
    folder, requirements = WORK / f"python-{major}", HERE / f"requirements-{major}.txt"
    program = folder / "bin" / "python"

    def install() -> None:
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(program), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        tools.run("pip", [*pip, "--requirement", str(requirements)], minutes=10)

    tools.once(f"Python's {major}", folder, [requirements.read_bytes(), sys.version.encode()], install)
    return [str(program), str(HERE / "python" / "play.py")]


def javascript() -> list[str]:
    """The SDK, in the Node that it asks for, which comes with it."""
    scripts = sorted((HERE / "javascript").glob("*.mjs"))
    tools.install_node(HERE, *(str(script.relative_to(HERE)) for script in scripts))
    modules = tools.node(HERE) / "node_modules"
    program = next((path for path in modules.glob("node-linux-*/bin/node")), None)
    return [str(program or shutil.which("node")), str(tools.node(HERE) / "play.mjs")]


def rust() -> list[str]:
    """The SDK in a package of its own: nothing of it is linked into anything of ours."""
    target = WORK / "rust"
    env = dict(os.environ) | {"CARGO_TARGET_DIR": str(target)}
    tools.run("cargo-svix", ["cargo", "build", "--locked"], minutes=15, cwd=HERE / "rust", env=env)
    return [str(target / "debug" / "svix-sdk")]


PLAYERS = {
    "python 2.9": lambda: python("2.9"),
    "python 1.99": lambda: python("1.99"),
    "javascript": javascript,
    "rust": rust,
}


def play(column: str, relay: Relay, hooks: Hooks, rows: list[str], told: dict) -> None:
    """Plays one SDK to the end, and keeps what it says of each row: nothing, or why not."""
    env = tools.clean_environment(RELAY_URL=relay.url, RELAY_KEY=relay.admin, HOOKS_URL=hooks.url, NO_PROXY="127.0.0.1")
    command = [*PLAYERS[column](), *rows]
    with tools.Child(command, PIPE, None, HERE, env) as child:
        # One that hangs is ended, and what it did not play is not passed.
        watch = threading.Timer(10 * tools.MINUTE, child.kill)
        watch.start()
        for line in child.process.stdout:
            row, _, outcome = line.decode().strip().partition(" ")
            why = None if outcome == "ok" else outcome.removeprefix("no ")
            told[column, row] = why
            if why:
                tools.say(f"FAILED  {column}: {row}: {why}")
        watch.cancel()
        code = child.wait(tools.MINUTE)
    if code != 0:
        tools.say(f"FAILED  {column}: exit code {code}")


def ping(relay: Relay, told: dict) -> None:
    """The one operation that no SDK has a method for."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for method in ("GET", "HEAD"):
        with opener.open(urllib.request.Request(relay.url + "/api/v1/health/ping", method=method), timeout=10) as answer:
            if answer.status != 204:
                told["plain", "health.ping"] = f"{method}: {answer.status}"
                return
    told["plain", "health.ping"] = None


def table(told: dict, columns: list[str], wanted: set[str]) -> bool:
    """Rows × columns; whether all passed."""
    wide = max(len(row) for _, rows in ROWS for row in rows)
    tools.say("\n" + " " * wide + "  " + "  ".join(columns))
    passed = asked = covered = 0
    for title, rows in ROWS:
        for row in [row for row in rows if not wanted or row in wanted]:
            marks = []
            for column in columns:
                if row in COLUMNS[column]:
                    marks.append("-")
                    continue
                asked += 1
                why = told.get((column, row), "it was not played")
                passed += why is None
                marks.append("ok" if why is None else "FAILED")
            if row in CONTRACT:
                played = [mark for mark in marks if mark != "-"]
                covered += all(mark == "ok" for mark in played) and (bool(played) or told.get(("plain", row), "") is None)
            cells = "  ".join(f"{mark:<{len(column)}}" for mark, column in zip(marks, columns))
            tools.say(f"{row:<{wide}}  {cells}".rstrip())
        tools.say("")
    for column in columns:
        rows = [row for _, rows in ROWS for row in rows if row not in COLUMNS[column] and (not wanted or row in wanted)]
        fine = sum(told.get((column, row), "") is None for row in rows)
        tools.say(f"{column:<12} {fine} of {len(rows)}")
    tools.say("health.ping   by plain HTTP: " + ("ok" if told.get(("plain", "health.ping"), "") is None else "FAILED"))
    if not wanted:
        tools.say(f"contract      {covered} of {len(CONTRACT)} operations")
    tools.say(f"\nSDK coverage: {passed} of {asked} passed")
    return passed == asked and told.get(("plain", "health.ping"), "") is None


def main() -> int:
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    words = argparse.ArgumentParser(description="Plays Svix's SDKs against a relay.")
    words.add_argument("--only", choices=COLUMNS, action="append")
    words.add_argument("rows", nargs="*", metavar="ROW")
    given = words.parse_args()
    columns = [column for column in COLUMNS if not given.only or column in given.only]
    tools.build()
    told: dict = {}
    # Nothing waits for a minute to pass.
    with Relay("--sweep-every", "1s") as relay, Hooks(relay) as hooks:
        ping(relay, told)
        for column in columns:
            tools.say(f"playing {column}")
            play(column, relay, hooks, given.rows, told)
        fine = table(told, columns, set(given.rows))
        if not fine:
            relay.show_last_lines()
    return 0 if fine else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except tools.Failed as error:
        print(f"{error}\n\n0 passed, 1 failed", flush=True)
        sys.exit(1)
