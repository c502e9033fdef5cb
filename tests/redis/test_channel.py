"""Publishing to a Redis channel beside a webhook: one message goes to both, and a flag of Hokusai's ends the channel.

The server is one of its own on a free port of 127.0.0.1, with a password and without a file. The listener speaks Redis'
protocol by hand. `relay connect hokusai` reads the settings from Hokusai's own variables. The tests are one story, in order.
"""

import hashlib
import hmac
import json
import socket
import subprocess
from pathlib import Path

import pytest

from support import packages
from support.packages import RELAY
from support.process import Process, clean_environment, free_port, wait_until
from support.receiver import Receiver
from support.relay import Relay
from support.server import Request

PASSWORD = "a password: with @ and /"
QUOTED = "a%20password%3A%20with%20%40%20and%20%2F"
CHANNEL = "hokusai:model_ready"
SECRET = "your_shared_secret_here"


class Listener:
    """A connection to Redis."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._lines = self._socket.makefile("rb")
        assert self.ask("AUTH", PASSWORD) == "OK"

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
        raise AssertionError(f"redis answered {line!r}")

    def close(self) -> None:
        self._socket.close()


class Story:
    """The server, which starts late, and everyone who talks to it."""

    def __init__(self, relay: Relay, receiver: Receiver, folder: Path):
        self.relay, self.receiver, self.folder = relay, receiver, folder
        self.port = free_port()
        self.server: Process | None = None
        self.listener: Listener | None = None
        self.hook = receiver.hook("/hook")
        # The message that both heard.
        self.both: tuple[Request, object] | None = None

    def start(self) -> None:
        """Starts Redis. Its settings come from a file, so that the password is on no command line."""
        settings = self.folder / "redis.conf"
        lines = ("bind 127.0.0.1", f"port {self.port}", 'save ""', "appendonly no", f"dir {self.folder}")
        settings.write_text("\n".join((*lines, f'requirepass "{PASSWORD}"')) + "\n")
        command = ["redis-server", str(settings)]
        self.server = Process(command, cwd=self.folder, env=clean_environment(), log=self.folder / "redis.log")
        wait_until("redis answers", self._answers, 30)
        self.listener = Listener(self.port)

    def _answers(self) -> bool:
        try:
            Listener(self.port).close()
        except (OSError, AssertionError):
            return False
        return True

    def end(self) -> None:
        if self.listener is not None:
            self.listener.close()
        if self.server is not None:
            self.server.end()

    def connect(self, fallback: str) -> str:
        """The output of `relay connect hokusai`, which shows no secret."""
        variables = self.folder / "hokusai.env"
        variables.write_text(
            f"WEBHOOK_URL={self.hook.url}\nWEBHOOK_SECRET={SECRET}\nWEBHOOK_RETRY_DELAY=5\nENABLE_REDIS_FALLBACK={fallback}\n"
            f"REDIS_URL=redis://:{QUOTED}@127.0.0.1:{self.port}/0\nREDIS_CHANNEL={CHANNEL}\n"
        )
        command = [str(RELAY), "connect", "hokusai", "--env-file", str(variables), "--url", self.relay.url]
        environment = clean_environment(RELAY_ADMIN_KEY=self.relay.admin)
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not any(secret in done.stdout for secret in (PASSWORD, QUOTED, SECRET))
        return done.stdout

    def publish(self, number: int) -> str:
        payload = {"model_id": f"model_{number}", "baseline_metrics": {"accuracy": 1.0}, "metadata": {"model_name": "é"}}
        message = {"eventType": "model.registered", "payload": payload}
        return self.relay.call("POST", "/api/v1/app/default/msg", message)["id"]


@pytest.fixture(scope="module")
def story(relay, receiver, tmp_path_factory):
    packages.needs("redis-server")
    story = Story(relay, receiver, tmp_path_factory.mktemp("redis"))
    yield story
    story.end()


def test_the_variables_make_two_endpoints(story: Story):
    said = story.connect("true")
    assert "hokusai: created" in said and "hokusai-redis: created" in said


def test_a_webhook_does_not_wait_for_a_channel_that_is_not_there(story: Story):
    story.receiver.wait_for(story.publish(1))


def test_a_listener_subscribes_once_the_server_runs(story: Story):
    story.start()
    assert story.listener.ask("SUBSCRIBE", CHANNEL)[0] == b"subscribe"


def test_what_was_published_before_the_server_ran_arrives(story: Story):
    assert json.loads(story.listener.read()[2])["model_id"] == "model_1"


def test_webhook_and_channel_carry_the_same_bytes(story: Story):
    story.both = story.receiver.wait_for(story.publish(2)), story.listener.read()
    webhook, message = story.both
    assert message == [b"message", CHANNEL.encode(), webhook.body]


def test_the_bytes_are_json_as_javascript_prints_it(story: Story):
    assert b'"accuracy":1}' in story.both[0].body


def test_hokusais_verifier_accepts_the_webhook(story: Story):
    webhook = story.both[0]
    expected = hmac.new(SECRET.encode(), webhook.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(webhook.headers["x-hokusai-signature"], expected)


def test_the_flag_switches_the_channel_off(story: Story):
    assert "hokusai-redis: switched off" in story.connect("false")


def test_nothing_more_is_published(story: Story):
    story.receiver.wait_for(story.publish(3))
    counting = Listener(story.port)
    counting.ask("PUBLISH", CHANNEL, "the end")
    counting.close()
    assert story.listener.read()[2] == b"the end"


def test_the_password_is_in_no_log(story: Story):
    log = story.relay.log()
    assert PASSWORD not in log and QUOTED not in log
