"""A front door to the deployed stack for programs that follow the addresses of its answers: those name AWS, where the
emulator does not serve them."""

import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from world import World

PASSED_ON = ("authorization", "content-type", "idempotency-key")


@contextmanager
def front_door(world: World) -> Iterator[str]:
    """The URL of a server that passes requests on to the stack's API. In answers, the socket's address is the emulator's."""
    theirs, ours = world.outputs["LiveUrl"], world.live.replace("http:", "ws:", 1)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            asked = urllib.request.Request(world.base + self.path, data=body, method=self.command, headers=headers)
            try:
                answer = urllib.request.urlopen(asked, timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                said = answer.read().replace(theirs.encode(), ours.encode())
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers.get("content-type", "application/json"))
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
