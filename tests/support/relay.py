"""`relay dev` in a process of its own, and how to call it."""

import json
import secrets
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from subprocess import PIPE

from .packages import RELAY
from .process import Process, clean_environment, last_lines, wait_until


class Refused(AssertionError):
    """The relay answered a call with an error that must not be refused."""


class Relay:
    """`relay dev` over a data folder that is removed with it, from `with` to its end."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.admin = f"rk_admin_{secrets.token_hex(32)}"
        self._arguments = arguments
        self._environment = environment

    def __enter__(self) -> "Relay":
        self._folder = tempfile.TemporaryDirectory(prefix="relay-tests-")
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def start(self, port: int = 0) -> None:
        """Starts over the data that is there, at a new address or at this port."""
        folder = Path(self._folder.name)
        self._lines: list[str] = []
        self._log = folder / "stderr.log"
        command = [str(RELAY), "dev", "--port", str(port), "--data", str(folder / "data"), *self._arguments]
        env = clean_environment(RELAY_ADMIN_KEY=self.admin, **self._environment)
        self._process = Process(command, cwd=folder, env=env, log=self._log, stdout=PIPE)
        try:
            threading.Thread(target=self._read, daemon=True).start()
            self.url = wait_until("relay dev prints its address", self._ready)
        except BaseException as error:
            self._process.end()
            error.add_note(self.last_lines())
            raise

    def __exit__(self, *_: object) -> None:
        self._process.end()
        self._folder.cleanup()

    def kill(self) -> None:
        """Ends it with SIGKILL, as a power cut would."""
        self._process.kill()

    def restart(self) -> None:
        """Ends it with SIGTERM, and starts it over the same data."""
        self._process.end()
        self.start()

    def files(self) -> list[Path]:
        """Every file of its data folder."""
        return [path for path in (Path(self._folder.name) / "data").rglob("*") if path.is_file()]

    def log(self) -> str:
        """Everything that it wrote to standard error, also before it was killed."""
        return self._log.read_text(errors="replace")

    def last_lines(self) -> str:
        """The end of its standard error."""
        # The folder is gone where the last test of a module failed in its own teardown.
        return last_lines(self._log) if self._log.exists() else ""

    def _read(self) -> None:
        lines, process = self._lines, self._process
        for line in process.stdout:
            lines.append(line.decode(errors="replace").rstrip("\n"))

    def _ready(self) -> str | None:
        if not self._process.running():
            raise AssertionError("relay dev ended at its start")
        for line in list(self._lines):
            if line.strip().startswith("API and senders"):
                return line.split()[3]
        return None

    def demo_command(self) -> str:
        """The printed `curl` for the source `demo`, with its continued lines, as one would copy it."""
        return wait_until("the example is printed", self._demo_command, 10)

    def _demo_command(self) -> str | None:
        lines = list(self._lines)
        starts = [at for at, line in enumerate(lines) if line.strip().startswith("curl -sS ") and "/in/demo" in line]
        for start in starts:
            for end in range(start, len(lines)):
                if not lines[end].endswith("\\"):
                    return "\n".join(lines[start : end + 1])
        return None

    @property
    def authorization(self) -> dict[str, str]:
        """The header that makes a request the administrator's."""
        return {"Authorization": f"Bearer {self.admin}"}

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, dict]:
        """The status and the JSON of one request."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        # No proxy for loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=15) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def call(self, method: str, path: str, body: object = None) -> dict:
        """The JSON of a request by the administrator. Raises `Refused` for an error. A body in bytes goes as it is."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        status, answer = self.send(method, path, body, self.authorization | {"Content-Type": "application/json"})
        if not 200 <= status < 300:
            raise Refused(f"{method} {path} answered {status}: {answer}")
        return answer
