"""What we sign for each profile: each library accepts it, and refuses it when anything is changed."""

import secrets

import bodies
import ours
import pytest
import senders
from judged import Case, Webhook, accepting, refusing
from libraries import GUIDES, JUDGES, Judge, twilio_at
from variants import signed

from support.receiver import Receiver
from support.relay import Relay

# The sender of each profile.
SENDERS = {sender.profile: sender for sender in reversed(senders.every())}


def _by_command(judge: Judge, profile: str) -> Case:
    """Our signature of what the profile's sender says, as `relay sign` makes it."""
    sender = SENDERS[profile]

    def make(relay_program: None, secret: str, at: int) -> Webhook:
        name = secrets.token_hex(12)
        body = sender.body(name, at).encode()
        headers = ours.sign(profile, secret, name, at, body, senders.TWILIO_URL if profile == "twilio" else None)
        beside = {name.lower(): value for name, value in sender.beside(at).items()}
        return Webhook(beside | headers, body)

    has_json = sender.content_type == "application/json"
    return Case(judge, profile, sender.signature.lower(), sender.secret, make, has_json)


SIGNED = [_by_command(judge, profile) for judge in [*JUDGES, twilio_at(senders.TWILIO_URL)] for profile in judge.profiles]


@accepting(SIGNED)
def test_what_relay_sign_signs_is_accepted(relay_program, case: Case):
    case.accepts(relay_program)


@refusing(SIGNED)
def test_what_relay_sign_signs_is_refused_once_it_is_changed(relay_program, case: Case, change: str):
    case.refuses(change, relay_program)


def _by_endpoint(judge: Judge) -> Case:
    """What `relay dev` sends to an endpoint of the profile, judged as the five systems' documents do it."""
    (profile,) = judge.profiles

    def make(guides: "Guides", secret: str, at: int) -> Webhook:
        return guides.delivered(profile, secret, at)

    return Case(judge, profile, judge.header, senders.token, make)


DELIVERED = [_by_endpoint(judge) for judge in GUIDES]


class Guides:
    """An application with a source, and endpoints of any profile."""

    def __init__(self, relay: Relay, receiver: Receiver):
        self._relay, self._receiver = relay, receiver
        self._secret = senders.token()
        source = {"profile": "modal-omtx", "secrets": [self._secret], "application": "guides"}
        relay.call("PUT", "/v1/sources/guides", source)
        relay.call("POST", "/api/v1/app", {"name": "guides", "uid": "guides"})

    def delivered(self, profile: str, secret: str, at: int) -> Webhook:
        """The webhook that a new endpoint of this profile receives."""
        hook = self._receiver.hook(f"/{profile}-{secrets.token_hex(4)}")
        wanted = {"url": hook.url, "profile": profile, "secret": secret}
        self._relay.call("POST", "/api/v1/app/guides/endpoint", wanted)
        if profile.startswith("hokusai"):
            message = f'{{"eventType":"model.registered","payload":{bodies.NASTY}}}'.encode()
            self._relay.call("POST", "/api/v1/app/guides/msg", message)
        else:
            self._complete(at)
        request = hook.wait_for(1)[0]
        return Webhook(request.headers, request.body)

    def _complete(self, at: int) -> None:
        """A job ends: some systems report nothing else."""
        request = signed(SENDERS["modal-omtx"], self._secret, secrets.token_hex(12), at)
        status, answer = self._relay.send("POST", "/in/guides", request.body, request.headers)
        assert status == 202, answer


@pytest.fixture(scope="module")
def guides(relay, receiver) -> Guides:
    return Guides(relay, receiver)


@accepting(DELIVERED)
def test_what_an_endpoint_receives_is_accepted(guides, case: Case):
    case.accepts(guides)


@refusing(DELIVERED)
def test_what_an_endpoint_receives_is_refused_once_it_is_changed(guides, case: Case, change: str):
    case.refuses(change, guides)
