"""A sender's own request behind the relay: the receiver's library judges what arrives as if the sender had called."""

import secrets
import time
from dataclasses import replace

import pytest
import senders
from libraries import JUDGES, Judge
from senders import Sender
from variants import digit_changed, signed

from support.server import Request
from support.table import cell

# Columns of the table of results.
ACCEPTED, REFUSED = "passed on accepted", "passed on refused"


def _name(sender: Sender, judge: Judge) -> str:
    return f"{sender.profile}: {sender.library}, judged by {judge.library}"


SENDERS = senders.every()
# Every sender with every library that judges its profile. The documented judge takes no signature without a prefix.
PAIRS = [
    (sender, judge)
    for sender in SENDERS
    for judge in JUDGES
    if sender.profile in judge.profiles and not sender.library.endswith("bare")
]


def _pairs(column: str) -> pytest.MarkDecorator:
    cells = [
        pytest.param(sender, judge, id=_name(sender, judge), marks=cell(sender.profile, column)) for sender, judge in PAIRS
    ]
    return pytest.mark.parametrize(("sender", "judge"), cells)


class PassedOn:
    """The requests of each sender as a receiver behind the relay gets them. Each sender has an application of its own."""

    def __init__(self, relay, receiver) -> None:
        self._relay, self._receiver = relay, receiver
        self._made: dict[int, tuple[str, bytes, list[Request]]] = {}

    def of(self, sender: Sender) -> tuple[str, bytes, list[Request]]:
        """The sender's secret, the body that it sent, and two attempts: the first is answered 503."""
        number = next(number for number, known in enumerate(SENDERS) if known is sender)
        if number not in self._made:
            self._made[number] = self._send(sender, f"passed-{number}")
        return self._made[number]

    def _send(self, sender: Sender, name: str) -> tuple[str, bytes, list[Request]]:
        secret, call = sender.secret(), self._relay.call
        request = signed(sender, secret, secrets.token_hex(12), int(time.time()))
        hook = self._receiver.hook(f"/{name}", first=[503])
        endpoint = {"url": hook.url, "body": "original", "delays": [1]}
        names = [header for header in request.headers if header.lower() != "content-type"]
        endpoint["forwardHeaders"] = [name for name in names if not name.startswith("webhook-")]
        if any(name.startswith(("webhook-", "svix-")) for name in names):
            # The relay signs as the sender does: with the sender's secret, over the sender's body.
            endpoint["secret"] = secret
        call("POST", "/api/v1/app", {"name": name, "uid": name})
        call("POST", f"/api/v1/app/{name}/endpoint", endpoint)
        source = {"profile": sender.profile, "secrets": [secret], "application": name, **sender.options}
        call("PUT", f"/v1/sources/{name}", source)
        status, answer = self._relay.send("POST", f"/in/{name}{request.query}", request.body, request.headers)
        assert 200 <= status < 300, answer
        return secret, request.body, hook.wait_for(2)


@pytest.fixture(scope="module")
def passed_on(relay, receiver) -> PassedOn:
    return PassedOn(relay, receiver)


@_pairs(ACCEPTED)
def test_a_request_that_is_passed_on_is_accepted_at_every_attempt(passed_on, sender: Sender, judge: Judge):
    secret, body, attempts = passed_on.of(sender)
    for attempt in attempts:
        assert attempt.body == body
        assert attempt.headers["content-type"] == sender.content_type
        assert attempt.headers["webhook-id"].startswith("evt_")
        verdict = judge.verify(secret, attempt.headers, attempt.body)
        assert verdict.accepted, f"refused with {verdict.kind}: {verdict.reason}"


@_pairs(REFUSED)
def test_a_request_that_is_changed_behind_the_relay_is_refused(passed_on, sender: Sender, judge: Judge):
    secret, _, attempts = passed_on.of(sender)
    changed = replace(attempts[0], body=digit_changed(attempts[0].body))
    verdict = judge.verify(secret, changed.headers, changed.body)
    assert not verdict.accepted and verdict.kind in judge.refusals, verdict


def test_every_profile_with_a_library_of_its_own_is_among_them():
    assert {"github", "stripe", "shopify", "slack", "svix", "standard", "replicate", "openai"} <= {
        sender.profile for sender, _ in PAIRS
    }
