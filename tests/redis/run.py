#!/usr/bin/env python3
"""Dual publishing (R2.9) against Debian's redis-server: one message to a webhook and to a channel, and the flag that ends it.

    apt-get install --yes redis-server
    python3 tests/redis/run.py

The server is one of its own on a free port of 127.0.0.1, with a password and without a file; the listener below speaks
Redis' protocol with the standard library. What the relay is told, `relay connect hokusai` reads from Hokusai's own variables.
"""

import hashlib
import hmac
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "verifiers"))

import tools  # noqa: E402
from relay import Receiver, Relay  # noqa: E402

PASSWORD = "a password: with @ and /"
QUOTED = "a%20password%3A%20with%20%40%20and%20%2F"
CHANNEL = "hokusai:model_ready"
SECRET = "your_shared_secret_here"


class Listener:
    """A subscriber of a channel."""

    def __init__(self, port: int, password: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._lines = self._socket.makefile("rb")
        assert self.ask("AUTH", password) == "OK"

    def ask(self, *parts: str) -> object:
        encoded = [part.encode() for part in parts]
        command = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in encoded)
        self._socket.sendall(b"*%d\r\n%s" % (len(parts), command))
        return self.read()

    def read(self) -> object:
        kind, rest = (line := self._lines.readline())[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._lines.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        raise tools.Failed(f"redis answered {line!r}")

    def close(self) -> None:
        self._socket.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port: int) -> bool:
    try:
        Listener(port, PASSWORD).close()
        return True
    except (OSError, IndexError, tools.Failed):
        return False


def server(folder: Path, port: int) -> tools.Child:
    """A Redis with a password; its configuration comes from a file, so that the password is on no command line."""
    settings = folder / "redis.conf"
    lines = ("bind 127.0.0.1", f"port {port}", 'save ""', "appendonly no", f"dir {folder}", f'requirepass "{PASSWORD}"')
    settings.write_text("\n".join(lines) + "\n")
    log = (folder / "redis.log").open("ab")
    child = tools.Child(["redis-server", str(settings)], log, log, folder, tools.clean_environment())
    tools.wait_until("redis answers", lambda: answers(port), 30)
    return child


def connect(relay: Relay, folder: Path, receiver: Receiver, port: int, fallback: str) -> str:
    variables = folder / "hokusai.env"
    variables.write_text(
        f"WEBHOOK_URL={receiver.url}\nWEBHOOK_SECRET={SECRET}\nWEBHOOK_RETRY_DELAY=5\nENABLE_REDIS_FALLBACK={fallback}\n"
        f"REDIS_URL=redis://:{QUOTED}@127.0.0.1:{port}/0\nREDIS_CHANNEL={CHANNEL}\n"
    )
    command = [str(tools.RELAY), "connect", "hokusai", "--env-file", str(variables), "--url", relay.url]
    environment = tools.clean_environment(RELAY_ADMIN_KEY=relay.admin)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    if done.returncode != 0 or PASSWORD in done.stdout or QUOTED in done.stdout or SECRET in done.stdout:
        raise tools.Failed(f"relay connect: {done.returncode} {done.stdout} {done.stderr}")
    return done.stdout


def publish(relay: Relay, number: int) -> str:
    payload = {"model_id": f"model_{number}", "baseline_metrics": {"accuracy": 1.0}, "metadata": {"model_name": "é"}}
    answer = relay.call("POST", "/api/v1/app/default/msg", {"eventType": "model.registered", "payload": payload})
    return answer["id"]


def check(what: str, holds: bool) -> None:
    if not holds:
        raise tools.Failed(what)
    tools.say(f"ok      {what}")


def journey(relay: Relay, receiver: Receiver, folder: Path) -> None:
    port = free_port()
    said = connect(relay, folder, receiver, port, "true")
    check("the variables make two endpoints", "hokusai: created" in said and "hokusai-redis: created" in said)
    # Before the server is there: the channel's delivery waits and is retried, the webhook's is not held up.
    early = publish(relay, 1)
    receiver.wait_for(early)
    with server(folder, port):
        listener = Listener(port, PASSWORD)
        check("a listener subscribes", listener.ask("SUBSCRIBE", CHANNEL)[0] == b"subscribe")
        heard = listener.read()
        check("what was published before Redis was there arrives", json.loads(heard[2])["model_id"] == "model_1")
        both = receiver.wait_for(publish(relay, 2))
        heard = listener.read()
        check("webhook and channel are told the same bytes", heard == [b"message", CHANNEL.encode(), both.body])
        check("in JavaScript's form", b'"accuracy":1}' in both.body)
        expected = hmac.new(SECRET.encode(), both.body, hashlib.sha256).hexdigest()
        check("Hokusai's verifier holds", hmac.compare_digest(both.headers["x-hokusai-signature"], expected))
        said = connect(relay, folder, receiver, port, "false")
        check("the same flag switches the channel off", "hokusai-redis: switched off" in said)
        receiver.wait_for(publish(relay, 3))
        counting = Listener(port, PASSWORD)
        counting.ask("PUBLISH", CHANNEL, "the end")
        check("and nothing more is published", listener.read()[2] == b"the end")
        listener.close()
        counting.close()
    check("the password is in no log of the relay's", PASSWORD not in relay.log() and QUOTED not in relay.log())


def main() -> int:
    if shutil.which("redis-server") is None:
        print("redis-server is needed and is not here: apt-get install --yes redis-server", flush=True)
        return 1
    tools.build()
    with tempfile.TemporaryDirectory(prefix="relay-redis-") as folder, Receiver() as receiver, Relay() as relay:
        try:
            journey(relay, receiver, Path(folder))
        except BaseException:
            relay.show_last_lines()
            raise
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except tools.Failed as error:
        print(f"FAILED  {error}", flush=True)
        sys.exit(1)
