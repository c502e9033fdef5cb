"""The subscriber: paths say what it answers, and it says what it heard.

`/200/…` and any other status answer just that; `/heals/…` answers 500 until it is healed. `GET /control/seen?path=…` gives
what was heard there, `/control/heal?path=…` heals, and `/control/impatient?app=…&endpoint=…` has the relay give up on an
endpoint after a second, which no SDK knows how to ask for.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ANSWER = b"answered"


class Hooks:
    """On loopback, from `with` to its end."""

    def __init__(self, relay):
        heard: dict[str, list[dict]] = {}
        healed: set[str] = set()

        def control(what: str, about: dict[str, str]) -> object:
            if what == "seen":
                return heard.get(about["path"], [])
            if what == "heal":
                healed.add(about["path"])
                return {}
            path = f"/api/v1/app/{about['app']}/endpoint/{about['endpoint']}"
            return relay.call("PATCH", path, {"maxRetries": 1, "delays": [1]})

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                heard.setdefault(self.path, []).append({"headers": headers, "body": body.decode()})
                answer = self.path.split("/")[1]
                if answer == "heals":
                    answer = "200" if self.path in healed else "500"
                self._answer(int(answer), ANSWER)

            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                about = {name: values[0] for name, values in parse_qs(asked.query).items()}
                try:
                    answer = json.dumps(control(asked.path.rsplit("/", 1)[1], about)).encode()
                except Exception as error:
                    return self._answer(500, str(error).encode())
                self._answer(200, answer)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Hooks":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
