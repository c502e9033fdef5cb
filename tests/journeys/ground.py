"""What a journey stands on: a system's client against a relay of its own, curl, and the numbers of requirements."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from support.packages import RELAY
from support.process import clean_environment, wait_until
from support.receiver import Hook, Receiver
from support.relay import Relay


@dataclass(frozen=True)
class CurlAnswer:
    """The answer to a `curl`; names of headers in small letters."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self):
        return json.loads(self.text)


def curl(url: str, *arguments: str, stdin: bytes = b"") -> CurlAnswer:
    """One `curl` as a document has it, with the options that show its answer."""
    marker = "\n--status--"
    command = ["curl", "-sS", "--max-time", "60", "-D", "/dev/stderr", "-w", marker + "%{http_code}", *arguments, url]
    done = subprocess.run(command, env=clean_environment(), input=stdin, capture_output=True, timeout=90)
    head, body = done.stderr.decode(), done.stdout.decode()
    assert done.returncode == 0, f"curl: exit code {done.returncode}: {head}"
    body, status = body.rsplit(marker, 1)
    headers = dict(re.findall(r"^([\w-]+):[ \t]*(.*?)\r?$", head, re.MULTILINE))
    return CurlAnswer(int(status), {name.lower(): value for name, value in headers.items()}, body)


def covers(*numbers: str):
    """Marks a test as a check of these requirements (R…) and of these bugs in the system's own code (S…)."""

    def mark(test):
        for number in numbers:
            test = pytest.mark.cell(number, "checks")(test)
        return test

    return mark


def contains(found: dict, wanted: dict) -> None:
    """Fails unless each wanted field has the wanted value."""
    assert {name: found.get(name) for name in wanted} == wanted


def notifications(hook: Hook, external_id: str) -> list[dict]:
    """The events of a job that a hook received."""
    events = [request.json for request in hook.requests]
    return [event for event in events if event.get("data", {}).get("job", {}).get("external_id") == external_id]


class System:
    """One system's client, with the helpers that its tests share."""

    def __init__(self, relay: Relay, receiver: Receiver):
        self.relay = relay
        self.receiver = receiver

    def prepare(self) -> None:
        """Sets up what there is before the first test."""

    def finish(self) -> None:
        """Ends what `prepare` or a test started."""

    def curl(self, path: str, *arguments: str, key: bool = True, stdin: bytes = b"") -> CurlAnswer:
        """A documented curl to the relay, with the API key that the old route did not ask for."""
        with_key = ["-H", f"Authorization: Bearer {self.relay.admin}"] if key else []
        return curl(self.relay.url + path, *arguments, *with_key, stdin=stdin)

    def command(self, *arguments: str, **environment: str) -> str:
        """The output of the command line about this relay. Fails with it if the command fails."""
        about = {"RELAY_URL": self.relay.url, "RELAY_ADMIN_KEY": self.relay.admin}
        env = clean_environment(**about, **environment)
        done = subprocess.run([str(RELAY), *arguments], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (done.stdout + done.stderr).strip()
        return done.stdout

    def job(self, name: str) -> dict | None:
        """The job, once there is one."""
        status, answer = self.relay.send("GET", f"/v1/jobs/{name}", None, self.relay.authorization)
        return answer if status == 200 else None

    def wait_for_job(self, name: str, status: str) -> dict:
        """The job, once it has this status."""
        wait_until(f"{name} is {status}", lambda: (self.job(name) or {}).get("status") == status, 20)
        return self.job(name)

    def endpoint(self, application: str, hook: Hook, **more) -> tuple[str, str]:
        """A new endpoint's id and its secret."""
        created = self.relay.call("POST", f"/api/v1/app/{application}/endpoint", {"url": hook.url, **more})
        secret = self.relay.call("GET", f"/api/v1/app/{application}/endpoint/{created['id']}/secret")["key"]
        return created["id"], secret


def fixture_of(system: type[System]):
    """A fixture with one system's client, set up before the module's first test and ended after its last."""

    @pytest.fixture(scope="module")
    def client(relay, receiver):
        client = system(relay, receiver)
        client.prepare()
        yield client
        client.finish()

    return client
