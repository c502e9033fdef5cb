"""The subscriber of the SDKs' players: a path says what it answers, and a player asks what came there.

`/200/…` and any other status answer just that; `/heals/…` answers 500 until it is healed. `GET /control/seen?path=…` returns
the requests to a path, `/control/heal?path=…` heals one, and `/control/impatient?app=…&endpoint=…` has the relay give up on an
endpoint after a second, which no SDK has a method for.
"""

from urllib.parse import parse_qs, urlsplit

from support.relay import Relay
from support.server import Answer, Request, Server


class Hooks(Server):
    """On loopback, from `with` to its end."""

    def __init__(self, relay: Relay):
        self._relay = relay
        self._requests: dict[str, list[dict]] = {}
        self._healed: set[str] = set()
        super().__init__(self._respond)

    def _respond(self, request: Request) -> Answer:
        if request.method == "GET":
            asked = urlsplit(request.path)
            about = {name: values[0] for name, values in parse_qs(asked.query).items()}
            try:
                return Answer.of(self._control(asked.path.rsplit("/", 1)[1], about))
            except Exception as error:
                return Answer(500, str(error).encode())
        kept = {"headers": request.headers, "body": request.body.decode()}
        self._requests.setdefault(request.path, []).append(kept)
        status = request.path.split("/")[1]
        if status == "heals":
            status = "200" if request.path in self._healed else "500"
        return Answer(int(status), b"answered")

    def _control(self, what: str, about: dict[str, str]) -> object:
        if what == "seen":
            return self._requests.get(about["path"], [])
        if what == "heal":
            self._healed.add(about["path"])
            return {}
        path = f"/api/v1/app/{about['app']}/endpoint/{about['endpoint']}"
        return self._relay.call("PATCH", path, {"maxRetries": 1, "delays": [1]})
