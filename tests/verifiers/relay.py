"""A relay in a process of its own, how to call it, and a subscriber that records what it is told."""

import json
import secrets
import tempfile
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import PIPE

import tools


class Relay:
    """`relay dev` over a folder that is removed with it, from `with` to its end."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.admin = f"rk_admin_{secrets.token_hex(32)}"
        self._arguments = arguments
        self._environment = environment

    def __enter__(self) -> "Relay":
        self._folder = tempfile.TemporaryDirectory(prefix="relay-verifiers-")
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def start(self) -> None:
        """Over the data that is there, at an address of its own."""
        folder = Path(self._folder.name)
        self._lines: list[str] = []
        self._log = folder / "stderr.log"
        command = [str(tools.RELAY), "dev", "--port", "0", "--data", str(folder / "data"), *self._arguments]
        env = tools.clean_environment(RELAY_ADMIN_KEY=self.admin, **self._environment)
        with self._log.open("ab") as stderr:
            self._child = tools.Child(command, PIPE, stderr, folder, env)
        try:
            threading.Thread(target=self._read, daemon=True).start()
            self.url = tools.wait_until("relay dev says where it is", self._ready, 60)
        except BaseException:
            self._child.end()
            tools.say(tools.last_lines(self._log))
            raise

    def __exit__(self, *_: object) -> None:
        self._child.end()
        self._folder.cleanup()

    def kill(self) -> None:
        """As a machine that loses its power does, and not as one that is asked."""
        self._child.kill()

    def restart(self) -> None:
        """Asked to stop, and started over what it has."""
        self._child.end()
        self.start()

    def files(self) -> list[Path]:
        """Everything it keeps."""
        return [path for path in (Path(self._folder.name) / "data").rglob("*") if path.is_file()]

    def log(self) -> str:
        """Everything that it wrote to standard error, also before it was killed."""
        return self._log.read_text(errors="replace")

    def _read(self) -> None:
        lines, child = self._lines, self._child
        for line in child.process.stdout:
            lines.append(line.decode(errors="replace").rstrip("\n"))

    def _ready(self) -> str | None:
        if not self._child.running():
            raise tools.Failed("relay dev ended at its start")
        for line in list(self._lines):
            if line.strip().startswith("API and senders"):
                return line.split()[3]
        return None

    def show_last_lines(self) -> None:
        tools.say(f"\nthe relay's last words:\n{tools.last_lines(self._log)}")

    def demo_command(self) -> str:
        """The printed `curl` for the source `demo`, with its continued lines, as one would copy it."""
        return tools.wait_until("the example is printed", self._demo_command, 10)

    def _demo_command(self) -> str | None:
        lines = list(self._lines)
        starts = [at for at, line in enumerate(lines) if line.strip().startswith("curl -sS ") and "/in/demo" in line]
        for start in starts:
            for end in range(start, len(lines)):
                if not lines[end].endswith("\\"):
                    return "\n".join(lines[start : end + 1])
        return None

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict]:
        """The status and the JSON of one request."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        # Loopback is nobody's proxy's business.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=15) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def call(self, method: str, path: str, body: object = None) -> dict:
        """The same as the administrator, who is not refused. A body in bytes goes as it is."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.admin}", "Content-Type": "application/json"}
        status, answer = self.send(method, path, body, headers)
        if not 200 <= status < 300:
            raise tools.Failed(f"{method} {path} answered {status}: {answer}")
        return answer


@dataclass(frozen=True)
class Delivery:
    """One request as it came: names of headers in small letters, the body to the byte."""

    headers: dict[str, str]
    body: bytes
    path: str = ""


class Receiver:
    """Listens on loopback from `with` to its end, answers 200 and keeps everything that is posted; to be asked for, it
    has one document."""

    def __init__(self, document: object = None) -> None:
        deliveries: list[Delivery] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                deliveries.append(Delivery(headers, body, self.path))
                self._answer(b"")

            def do_GET(self) -> None:
                self._answer(json.dumps(document).encode())

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._deliveries = deliveries
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, webhook_id: str) -> Delivery:
        """The delivery of this event."""
        find = lambda: next(iter(self._of(webhook_id)), None)  # noqa: E731
        return tools.wait_until(f"{webhook_id} is delivered", find, 30)

    def count(self, webhook_id: str) -> int:
        """How often this event was delivered so far."""
        return len(self._of(webhook_id))

    def wait_at(self, path: str, count: int) -> Delivery:
        """The last of so many deliveries at this path."""
        at = lambda: [d for d in list(self._deliveries) if d.path == path]  # noqa: E731
        tools.wait_until(f"{count} deliveries at {path}", lambda: count <= len(at()), 30)
        return at()[-1]

    def _of(self, webhook_id: str) -> list[Delivery]:
        return [d for d in list(self._deliveries) if d.headers.get("webhook-id") == webhook_id]
