"""The screen of `relay listen`, in a terminal: a pseudo-terminal, and an emulator that draws what the program writes."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time
from collections.abc import Iterator

import pyte
import pytest

from support.packages import RELAY
from support.process import clean_environment, wait_until

pytestmark = pytest.mark.relay()

ROWS, COLUMNS = 24, 100


class Terminal:
    """A program in a terminal of 24 lines and 100 columns."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
        self.before = termios.tcgetattr(theirs)
        self._theirs = theirs
        # Control-C reaches the programs of the session that the terminal belongs to.
        self._child = subprocess.Popen(
            command,
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def lines(self) -> list[str]:
        """What is to be seen."""
        while select.select([self._ours], [], [], 0)[0]:
            self._stream.feed(os.read(self._ours, 65536))
        return [line.rstrip() for line in self._screen.display]

    def shows(self, part: str) -> str:
        """The first line in which the pattern is found; waits for it."""

        def found() -> str | None:
            return next((line for line in self.lines() if re.search(part, line)), None)

        try:
            return wait_until(f"{part} is to be seen", found, 30)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), *self.lines()])) from None

    def ends(self) -> int:
        """The exit code. What the program writes meanwhile is read: a full terminal would hold it up."""
        deadline = time.monotonic() + 20
        while self._child.poll() is None and time.monotonic() < deadline:
            self.lines()
            time.sleep(0.05)
        return self._child.wait(1)

    def modes(self) -> list:
        """Settings of the terminal, such as whether it prints what is typed."""
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal(relay, receiver) -> Iterator[Terminal]:
    """`relay listen`, which forwards to a hook that answers."""
    receiver.hook("/screen")
    env = clean_environment(RELAY_URL=relay.url, RELAY_KEY=relay.admin, TERM="xterm-256color")
    terminal = Terminal([str(RELAY), "listen", "--name", "screen", "--forward-to", f"{receiver.url}/screen"], env)
    yield terminal
    terminal.close()


def publish(relay, number: int) -> str:
    message = {"eventType": "invoice.paid", "payload": {"number": number}}
    return relay.call("POST", "/api/v1/app/default/msg", message)["id"].replace("msg_", "evt_")


def test_events_are_listed_looked_at_sent_again_and_held_back(terminal, relay, receiver):
    terminal.shows("j k: choose")
    assert "screen" in terminal.lines()[0]
    first = publish(relay, 1)
    terminal.shows(f"^> .*{first}  200")
    second = publish(relay, 2)
    terminal.shows(f"^> .*{second}  200")
    assert terminal.shows(first).startswith("  "), "the newest is chosen"

    terminal.press("j")
    terminal.shows(f"^> .*{first}")
    terminal.press("\x1b[A")
    terminal.shows(f"^> .*{second}")
    terminal.press("j\r")
    terminal.shows("Enter: the list")
    terminal.shows("^POST /")
    terminal.shows("^webhook-signature: v1,")
    terminal.shows('"number": 1')
    terminal.shows("^answered 200 after")
    terminal.press("\r")
    terminal.shows("j k: choose")

    # Sent again: the relay makes a second attempt, which comes to the same screen.
    terminal.press("r")
    wait_until("the first event came twice", lambda: sum(first in line for line in terminal.lines()) == 2, 30)

    terminal.press("p")
    terminal.shows("paused: p goes on")
    held = publish(relay, 3)
    time.sleep(1)
    assert not any(held in line for line in terminal.lines()), "no call is made while it is paused"
    terminal.press("p")
    terminal.shows(f"{held}  200")

    terminal.press("q")
    assert terminal.ends() == 0
    assert terminal.modes() == terminal.before, "the terminal is as it was"


def test_ctrl_c_ends_it_and_leaves_the_terminal_as_it_was(terminal, relay):
    terminal.shows("j k: choose")
    terminal.press("\x03")
    assert terminal.ends() in (0, 130)
    assert terminal.modes() == terminal.before
