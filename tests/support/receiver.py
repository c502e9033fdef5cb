"""A subscriber on loopback that records each webhook and answers each path as it is told."""

import time
from dataclasses import dataclass, field

from .process import wait_until
from .server import Answer, Request, Server


@dataclass
class Hook:
    """One path of the receiver, and its answer: a status, or the next of `first` while there are any left."""

    url: str
    answer: int = 200
    first: list[int] = field(default_factory=list)
    # Seconds before the answer.
    hold: float = 0
    requests: list[Request] = field(default_factory=list)

    def wait_for(self, count: int, seconds: float = 60) -> list[Request]:
        """All requests so far, once there are `count`."""
        try:
            wait_until("", lambda: count <= len(self.requests), seconds)
        except AssertionError:
            came = len(self.requests)
            raise AssertionError(f"{came} of {count} requests came to {self.url} within {seconds:.0f} s") from None
        return list(self.requests)

    def stays_at(self, count: int, seconds: float = 2) -> list[Request]:
        """Waits a while and fails if more than `count` requests came: no condition says that nothing more comes."""
        self.wait_for(count)
        time.sleep(seconds)
        assert len(self.requests) == count
        return list(self.requests)


class Receiver(Server):
    """Records each POST. A path without a hook is answered with `unknown`; a GET with the document of its path."""

    def __init__(self, unknown: int = 404) -> None:
        self.requests: list[Request] = []
        # JSON documents by path; the document of the empty path is that of every other path.
        self.documents: dict[str, object] = {}
        self._hooks: dict[str, Hook] = {}
        self._unknown = unknown
        super().__init__(self._respond)

    def hook(self, path: str, answer: int = 200, first: list[int] | None = None, hold: float = 0) -> Hook:
        """The hook at this path. The first call makes it, and its answers count."""
        return self._hooks.setdefault(path, Hook(self.url + path, answer, list(first or []), hold))

    def _respond(self, request: Request) -> Answer:
        if request.method == "GET":
            document = self.documents.get(request.path, self.documents.get(""))
            return Answer(404) if document is None else Answer.of(document)
        self.requests.append(request)
        hook = self._hooks.get(request.path)
        if hook is None:
            return Answer(self._unknown)
        status = hook.first.pop(0) if hook.first else hook.answer
        hook.requests.append(request)
        time.sleep(hook.hold)
        is_redirect = status in (301, 302, 307, 308)
        return Answer(status, headers={"Location": "/elsewhere"} if is_redirect else {})

    def wait_for(self, webhook_id: str) -> Request:
        """The first delivery of this event."""
        return wait_until(f"{webhook_id} is delivered", lambda: next(iter(self._of(webhook_id)), None), 30)

    def count(self, webhook_id: str) -> int:
        """How often this event was delivered so far."""
        return len(self._of(webhook_id))

    def _of(self, webhook_id: str) -> list[Request]:
        return [request for request in list(self.requests) if request.headers.get("webhook-id") == webhook_id]
