"""A subscriber on loopback that records what it is told and answers as it is told to."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import tools


@dataclass
class Request:
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """One path of the receiver."""

    url: str
    answer: int = 200
    requests: list[Request] = field(default_factory=list)

    def wait_for(self, count: int, seconds: float = 60) -> list[Request]:
        what = lambda: f"{count} requests at {self.url}, there are {len(self.requests)}"  # noqa: E731
        try:
            tools.wait_until("", lambda: len(self.requests) >= count, seconds)
        except AssertionError:
            raise AssertionError(what()) from None
        return self.requests


class Receiver:
    """Listens from `with` to its end. Paths that were never asked for answer 404."""

    def __init__(self) -> None:
        hooks: dict[str, Hook] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                hook = hooks.get(self.path)
                if hook is not None:
                    # Names in small letters, as HTTP/2 and every verifying library have them.
                    hook.requests.append(Request({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(hook.answer if hook else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._hooks = hooks
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hook(self, path: str, answer: int = 200) -> Hook:
        hook = Hook(f"http://127.0.0.1:{self._server.server_address[1]}{path}", answer)
        self._hooks[path] = hook
        return hook
