"""Receives from the relay, verified by the official library. `pip install standardwebhooks`

    WEBHOOK_SECRET=whsec_… python standard.py 9000
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# The relay delivers at least once: answer an id that was handled, but do not handle it again. In production use a table with
# a unique key, written in the transaction that does the work.
handled: "set[str]" = set()


def handle(event: dict) -> None:
    print(event["type"], event["data"], flush=True)


class Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.answer(self.judge(body))

    def judge(self, body: bytes) -> int:
        try:
            # The raw body: the signature does not cover a body that was parsed and written again.
            event = webhook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            return 401
        except Exception:  # Malformed headers or bodies for which the library raises other errors.
            return 400
        if self.headers["webhook-id"] in handled:
            return 204
        try:
            handle(event)
        except Exception:
            return 500  # The relay retries the delivery.
        handled.add(self.headers["webhook-id"])
        return 204

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hook)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
