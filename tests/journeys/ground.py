"""What a journey stands on: a relay of its own, curl, hooks that answer as they are told, and checks with numbers."""

import json
import re
import subprocess
import threading
import time
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tools
from relay import Relay


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in small letters."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self):
        return json.loads(self.text)


def curl(url: str, *arguments: str, stdin: bytes = b"") -> Answer:
    """One `curl` as a document has it, with what is needed to see its answer."""
    marker = "\n--status--"
    command = ["curl", "-sS", "--max-time", "60", "-D", "/dev/stderr", "-w", marker + "%{http_code}", *arguments, url]
    done = subprocess.run(command, env=tools.clean_environment(), input=stdin, capture_output=True, timeout=90)
    head, body = done.stderr.decode(), done.stdout.decode()
    if done.returncode != 0:
        raise AssertionError(f"curl: exit code {done.returncode}: {head}")
    body, status = body.rsplit(marker, 1)
    headers = dict(re.findall(r"^([\w-]+):[ \t]*(.*?)\r?$", head, re.MULTILINE))
    return Answer(int(status), {name.lower(): value for name, value in headers.items()}, body)


@dataclass(frozen=True)
class Request:
    """One request as it came: names of headers in small letters, the body to the byte."""

    at: float
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Hook:
    """One path of the subscriber, and what it answers: a status, or one for each request while there are any left."""

    url: str
    answer: int = 200
    first: list[int] = field(default_factory=list)
    hold: float = 0
    requests: list[Request] = field(default_factory=list)

    def wait_for(self, count: int, seconds: float = 30) -> list[Request]:
        try:
            tools.wait_until("", lambda: len(self.requests) >= count, seconds)
        except tools.Failed:
            raise AssertionError(f"{len(self.requests)} of {count} requests came within {seconds:.0f} s") from None
        return list(self.requests)

    def stays_at(self, count: int, seconds: float = 2) -> list[Request]:
        """Nothing more comes for a while: for what must not happen there is no condition to await."""
        self.wait_for(count)
        time.sleep(seconds)
        equal(len(self.requests), count)
        return list(self.requests)


class Hooks:
    """A subscriber on loopback, from `with` to its end. Paths that nobody asked for answer 404."""

    def __init__(self) -> None:
        hooks: dict[str, Hook] = {}
        # What a platform says when it is asked, by path.
        said: dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hook = hooks.get(self.path)
                status = 404
                if hook is not None:
                    status = hook.first.pop(0) if hook.first else hook.answer
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    hook.requests.append(Request(time.time(), headers, body))
                    time.sleep(hook.hold)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status in (301, 302, 307, 308):
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:
                body = said.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.said = said
        self._hooks = hooks
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Hooks":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def known(self, path: str) -> Hook:
        return self._hooks[path]

    def at(self, path: str, answer: int = 200, first: list[int] | None = None, hold: float = 0) -> Hook:
        """The hook at this path, which begins with the first call."""
        return self._hooks.setdefault(path, Hook(self.address + path, answer, list(first or []), hold))


def check(*numbers: str):
    """Marks a method as a check of these requirements (R…) and bugs (S…)."""

    def mark(method):
        method.numbers = numbers
        return method

    return mark


class Journey:
    """One system's client. Its checks are its marked methods, in the order in which they stand."""

    system = ""
    name = ""
    # Its page in docs/migrating.
    page = ""
    # What its relay is started with.
    environment: dict[str, str] = {}

    def __init__(self, relay: Relay, hooks: Hooks):
        self.relay = relay
        self.hooks = hooks

    def prepare(self) -> None:
        """What there is before its first check."""

    def finish(self) -> None:
        """Ends what it started."""

    @classmethod
    def checks(cls) -> list:
        return [method for method in vars(cls).values() if hasattr(method, "numbers")]

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.relay.admin}"}

    def curl(self, path: str, *arguments: str, key: bool = True, stdin: bytes = b"") -> Answer:
        """A documented curl, pointed at the relay, with the header that the old route did not ask for."""
        with_key = ["-H", f"Authorization: Bearer {self.relay.admin}"] if key else []
        return curl(self.relay.url + path, *arguments, *with_key, stdin=stdin)

    def relay_says(self, *arguments: str, **environment: str) -> str:
        """What the command line prints, asked about this relay."""
        about = {"RELAY_URL": self.relay.url, "RELAY_ADMIN_KEY": self.relay.admin}
        env = tools.clean_environment(**about, **environment)
        done = subprocess.run([str(tools.RELAY), *arguments], env=env, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError((done.stdout + done.stderr).strip())
        return done.stdout

    def job(self, name: str) -> dict | None:
        """The job, once there is one."""
        status, answer = self.relay.send("GET", f"/v1/jobs/{name}", None, self.authorization)
        return answer if status == 200 else None

    def wait_for_job(self, name: str, status: str) -> dict:
        tools.wait_until(f"{name} is {status}", lambda: (self.job(name) or {}).get("status") == status, 20)
        return self.job(name)

    def endpoint(self, application: str, hook: Hook, **more) -> tuple[str, str]:
        """A new endpoint's id and its secret."""
        created = self.relay.call("POST", f"/api/v1/app/{application}/endpoint", {"url": hook.url, **more})
        secret = self.relay.call("GET", f"/api/v1/app/{application}/endpoint/{created['id']}/secret")["key"]
        return created["id"], secret


@dataclass
class Outcome:
    """How one check went."""

    system: str
    numbers: tuple[str, ...]
    name: str
    failed: bool


class Report:
    """Says each check as it is made, and keeps it for the table."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    @property
    def failed(self) -> int:
        return sum(outcome.failed for outcome in self.outcomes)

    def run(self, journey: Journey, method) -> None:
        self._make(journey.system, method.numbers, method.__name__, lambda: method(journey))

    def page(self, journey: type[Journey], run) -> None:
        """The commands of its page."""
        self._make(journey.system, (), f"docs/migrating/{journey.page}", run)

    def _make(self, system: str, numbers: tuple[str, ...], name: str, made) -> None:
        began, note, fault = time.monotonic(), None, None
        try:
            note = made()
        except Exception as error:  # Whatever it is, the next check may hold.
            fault = f"{type(error).__name__}: {error}"
            if not isinstance(error, (AssertionError, tools.Failed)):
                fault += "\n" + traceback.format_exc()
        took = f"({time.monotonic() - began:.1f} s)"
        words = f"{' '.join(numbers) or system}: {name} {took}"
        tools.say(f"FAILED  {words}: {fault}" if fault else f"ok      {words}{': ' + note if note else ''}")
        self.outcomes.append(Outcome(system, numbers, name, fault is not None))

    def broken(self, journey: type[Journey], error: Exception) -> None:
        """A journey that cannot begin or go on fails with each check that it did not make."""
        made = {outcome.name for outcome in self.outcomes}
        tools.say(f"FAILED  {journey.name} cannot go on: {type(error).__name__}: {error}")
        for method in journey.checks():
            if method.__name__ not in made:
                self.outcomes.append(Outcome(journey.system, method.numbers, method.__name__, True))

    def table(self, journeys: list[type[Journey]]) -> None:
        """Each number with its checks, system by system, and at the end n of n."""
        tools.say("\nsystem  number  passed")
        for journey in journeys:
            mine = [outcome for outcome in self.outcomes if outcome.system == journey.system]
            for number in sorted({n for outcome in mine for n in outcome.numbers}, key=natural):
                about = [outcome for outcome in mine if number in outcome.numbers]
                tools.say(f"{journey.system:<6}  {number:<6}  {sum(not o.failed for o in about)} of {len(about)}")
        tools.say("\nsystem  journey               checks")
        for journey in journeys:
            mine = [outcome for outcome in self.outcomes if outcome.system == journey.system]
            tools.say(f"{journey.system:<6}  {journey.name:<20}  {sum(not o.failed for o in mine)} of {len(mine)}")
        tools.say(f"\n{len(self.outcomes) - self.failed} of {len(self.outcomes)} checks hold")


def natural(number: str) -> tuple:
    letter, first, second = re.fullmatch(r"([RS])(\d+)\.(\d+)", number).groups()
    return letter, int(first), int(second)


def equal(found: object, wanted: object) -> None:
    if found != wanted:
        raise AssertionError(f"{found!r} is not {wanted!r}")


def contains(found: dict, wanted: dict) -> None:
    """Each wanted field is there as wanted."""
    equal({name: found.get(name) for name in wanted}, wanted)
