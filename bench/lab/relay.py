"""`relay dev` as it is released, in a process of its own, for benchmarks."""

import hashlib
import hmac
import json
import os
import secrets
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

# What signs completions of every source.
SECRET = "0123456789abcdef0123456789abcdef"


def signed(body: bytes) -> dict[str, str]:
    """The headers of a completion, signed now."""
    return {
        "content-type": "application/json",
        "x-modal-signature": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
        "x-modal-timestamp": str(int(time.time())),
    }


class Relay:
    """`relay dev` over a folder of its own, from `with` to its end."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self.key = f"rk_admin_{secrets.token_hex(32)}"

    def __enter__(self) -> "Relay":
        self._folder = tempfile.TemporaryDirectory(prefix="relay-bench-")
        self._log = Path(self._folder.name, "stderr.log")
        command = [self._binary, "dev", "--port", "0", "--data", str(Path(self._folder.name, "data"))]
        environment = {"PATH": os.environ["PATH"], "HOME": self._folder.name, "RELAY_ADMIN_KEY": self.key}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        for line in self._process.stdout:
            if line.strip().startswith("API and senders"):
                self.port = int(line.split()[3].rpartition(":")[2])
                return self
        self.__exit__()
        raise SystemExit("relay dev ended at its start")

    def __exit__(self, *_: object) -> None:
        # Calls that hang would hold up its usual end.
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    def disk(self) -> int:
        """Bytes in its data folder."""
        return sum(file.stat().st_blocks * 512 for file in Path(self._folder.name, "data").rglob("*") if file.is_file())

    def last_lines(self) -> str:
        """The end of its standard error."""
        return self._log.read_text(errors="replace")[-2000:]

    def call(self, method: str, path: str, body: object) -> dict:
        """The JSON of a request by the administrator."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        url, data = f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as response:
            return json.loads(response.read() or b"null")

    def tenant(self, name: str, urls: list[str], **options: object) -> None:
        """An application with a source of its name and endpoints at these URLs."""
        self.call("POST", "/api/v1/app", {"name": name, "uid": name})
        self.call("PUT", f"/v1/sources/{name}", {"profile": "modal-omtx", "secrets": [SECRET], "application": name})
        for url in urls:
            self.call("POST", f"/api/v1/app/{name}/endpoint", {"url": url} | options)
