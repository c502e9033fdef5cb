"""Profile × library: what each library signs we accept, and nothing that was spoilt; and what comes again has one effect."""

import hashlib
import secrets
import time
from dataclasses import replace

import ours
import senders
import tools
from relay import Receiver, Relay
from report import ONE_EFFECT, THEIRS_ACCEPTED, THEIRS_REFUSED, Report, equal
from senders import Sender
from variants import Signed, signed, spoilt

# How often a captured request comes again.
REPLAYS = 5


class Source:
    """A source of its own for one sender."""

    def __init__(self, relay: Relay, sender: Sender, number: int) -> None:
        self._relay = relay
        self.secret = sender.secret()
        self.name = f"matrix-{number}"
        self.path = f"/in/{self.name}"
        secrets = {} if "jwks_url" in sender.options else {"secrets": [self.secret]}
        wanted = {"profile": sender.profile, "application": "acme", **secrets, **sender.options}
        relay.call("PUT", f"/v1/sources/{self.name}", wanted)

    def send(self, request: Signed) -> tuple[int, dict]:
        return self._relay.send("POST", self.path + request.query, request.body, request.headers)


def inbound(report: Report, relay: Relay, receiver: Receiver, jwks_url: str, fal: senders.Fal) -> None:
    """Every sender, against a source of its own."""
    for number, sender in enumerate([*senders.every(), *fal.senders(jwks_url)]):
        row = (sender.profile, sender.library)
        try:
            source = Source(relay, sender, number)
        except tools.Failed as error:
            report.check(f"{row}: a source can be made", lambda: _raise(error), row, THEIRS_ACCEPTED)
            continue
        judge(report, relay, receiver, sender, source)


def judge(report: Report, relay: Relay, receiver: Receiver, sender: Sender, source: Source) -> None:
    row, now = (sender.profile, sender.library), int(time.time())
    title = f"{sender.profile}: what {sender.library} signs"
    ids: list[str] = []

    def accepted() -> None:
        status, answer = source.send(signed(sender, source.secret, name, now))
        if not 200 <= status < 300:
            raise AssertionError(f"answered {status}: {answer}")
        ids.append(answer["id"])

    def refused(request: Signed) -> None:
        status, answer = source.send(request)
        if status != 401:
            raise AssertionError(f"answered {status}: {answer}")

    for _ in range(3):
        name = secrets.token_hex(12)
        report.check(f"{title} is accepted", accepted, row, THEIRS_ACCEPTED)
    for how, request in spoilt(sender, source.secret, secrets.token_hex(12), now).items():
        report.check(f"{title} is refused {how}", lambda: refused(request), row, THEIRS_REFUSED)
    report.check(
        f"{title} has one effect, however often it comes",
        lambda: replayed(relay, receiver, sender, source),
        row,
        ONE_EFFECT,
    )


def replayed(relay: Relay, receiver: Receiver, sender: Sender, source: Source) -> None:
    """The same request again and again, with everything fresh that is not signed."""
    now = int(time.time())
    captured = signed(sender, source.secret, secrets.token_hex(12), now)
    ids = set()
    for again in range(REPLAYS + 1):
        fresh = captured.headers | sender.beside(now + again)
        request = replace(captured, headers=fresh, body=sender.again(captured.body, again))
        status, answer = source.send(request)
        if not 200 <= status < 300:
            raise AssertionError(f"time {again} was answered {status}: {answer}")
        ids.add(answer["id"])
    equal(len(ids), 1)
    (event,) = ids

    def again() -> int | None:
        try:
            known = relay.call("GET", f"/v1/events/{event}")
        except tools.Failed:
            return None  # It is accepted, but not an event yet.
        # Under one signature other bytes may say the same: they are kept, and not applied.
        return known["duplicates"] + known["conflicts"]

    tools.wait_until(f"{event} came again {REPLAYS} times", lambda: again() == REPLAYS, 20)
    receiver.wait_for(event)
    equal(receiver.count(event), 1)


def tokens(report: Report, relay: Relay, platform_url: str) -> None:
    """Who cannot sign knows a path: whoever does not know it is refused."""
    platform = {"kind": "http", "status_url": platform_url + "/{external_id}"}
    for profile in ("runpod", "cog"):
        row, token = (profile, "path token"), "tok_" + secrets.token_hex(24)
        path, wanted = f"/in/tokens-{profile}", {"profile": profile, "secrets": [token], "application": "acme"}
        relay.call("PUT", f"/v1/sources/tokens-{profile}", wanted | {"platform": platform})
        # Not an end: that would have to be confirmed by the platform itself.
        body = f'{{"id":"{secrets.token_hex(8)}","status":"IN_PROGRESS"}}'.encode()

        def answers(path: str, wanted: set[int]) -> None:
            status, answer = relay.send("POST", path, body, {"Content-Type": "application/json"})
            if status not in wanted:
                raise AssertionError(f"answered {status}: {answer}")

        report.check(f"{profile}: its path token is accepted", lambda: answers(f"{path}/{token}", {200, 202}), row, THEIRS_ACCEPTED)
        for how, other in {
            "no token": "",
            "another token": "/tok_" + secrets.token_hex(24),
            "a token cut by a character": f"/{token[:-1]}",
            "a token with one more": f"/{token}0",
            "a token in capitals": f"/{token.upper()}",
            "what is kept of the token": "/" + hashlib.sha256(token.encode()).hexdigest(),
            "a token and a dot": f"/{token}.",
            "a token with a line feed": f"/{token}%0A",
            "a token with a zero": f"/{token}%00",
        }.items():
            report.check(f"{profile}: {how} is refused", lambda: answers(path + other, {401}), row, THEIRS_REFUSED)


def every_profile(report: Report) -> None:
    """No profile is left out of the table."""

    def none_is_missing() -> None:
        missing = ours.profiles() - {profile for profile, _ in report.rows()}
        equal(missing, set())

    report.check("every profile there is stands in the table", none_is_missing)


def _raise(error: Exception) -> None:
    raise error
