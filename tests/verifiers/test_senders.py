"""What each sender signs: the relay accepts it, refuses it once it is changed, and applies it once however often it comes."""

import hashlib
import secrets
import time
from dataclasses import replace

import ours
import pytest
import senders
import variants
from libraries import GUIDES, JUDGES
from senders import Sender
from variants import Original, Signed, Variant, signed

from support.process import wait_until
from support.receiver import Receiver
from support.relay import Refused, Relay
from support.table import cell

# How often a captured request comes again.
REPLAYS = 5
# Columns of the table of results.
ACCEPTED, REFUSED, ONE_EFFECT = "theirs accepted", "theirs refused", "one effect"

FAL = senders.Fal()
SENDERS = [*senders.every(), *FAL.senders()]


def name_of(sender: Sender) -> str:
    return f"{sender.profile}: {sender.library}"


def of_senders(column: str) -> pytest.MarkDecorator:
    cells = [pytest.param(sender, id=name_of(sender), marks=cell(name_of(sender), column)) for sender in SENDERS]
    return pytest.mark.parametrize("sender", cells)


class Source:
    """A source of its own for one sender."""

    def __init__(self, relay: Relay, sender: Sender, number: int, jwks_url: str) -> None:
        self._relay = relay
        self.secret = sender.secret()
        name = f"matrix-{number}"
        self._path = f"/in/{name}"
        known = {"jwks_url": jwks_url} if sender.profile == "fal" else {"secrets": [self.secret]}
        wanted = {"profile": sender.profile, "application": "acme", **known, **sender.options}
        relay.call("PUT", f"/v1/sources/{name}", wanted)

    def send(self, request: Signed) -> tuple[int, dict]:
        return self._relay.send("POST", self._path + request.query, request.body, request.headers)

    def accepts(self, request: Signed) -> dict:
        status, answer = self.send(request)
        assert 200 <= status < 300, answer
        return answer


@pytest.fixture(scope="module")
def keys():
    """The server of fal's public keys."""
    with Receiver() as keys:
        keys.documents[""] = FAL.document()
        yield keys


@pytest.fixture(scope="module")
def sources(relay, keys, receiver):
    """The source of a sender. The first call makes it."""
    hook = receiver.hook("/acme")
    relay.call("POST", "/api/v1/app", {"name": "acme", "uid": "acme"})
    relay.call("POST", "/api/v1/app/acme/endpoint", {"url": hook.url})
    made: dict[int, Source] = {}

    def source(sender: Sender) -> Source:
        number = next(number for number, known in enumerate(SENDERS) if known is sender)
        if number not in made:
            made[number] = Source(relay, sender, number, keys.url)
        return made[number]

    return source


@pytest.mark.parametrize("time_of_three", range(3))
@of_senders(ACCEPTED)
def test_what_a_sender_signs_is_accepted(sources, sender: Sender, time_of_three: int):
    source = sources(sender)
    source.accepts(signed(sender, source.secret, secrets.token_hex(12), int(time.time())))


@pytest.mark.parametrize(
    ("sender", "variant"),
    [
        pytest.param(sender, variant, id=f"{name_of(sender)}: {variant.name}", marks=cell(name_of(sender), REFUSED))
        for sender in SENDERS
        for variant in variants.of(sender)
    ],
)
def test_a_changed_request_is_refused(sources, sender: Sender, variant: Variant):
    source = sources(sender)
    original = Original(sender, source.secret, secrets.token_hex(12), int(time.time()))
    status, answer = source.send(variant.make(original))
    assert status == 401, answer


@of_senders(ONE_EFFECT)
def test_a_captured_request_has_one_effect_however_often_it_comes(sources, relay, receiver, sender: Sender):
    """The same request again and again, with a fresh value in every header that is not signed."""
    source, now = sources(sender), int(time.time())
    captured = signed(sender, source.secret, secrets.token_hex(12), now)
    ids = set()
    for again in range(REPLAYS + 1):
        fresh = captured.headers | sender.beside(now + again)
        request = replace(captured, headers=fresh, body=sender.again(captured.body, again))
        ids.add(source.accepts(request)["id"])
    (event,) = ids

    def repetitions() -> int | None:
        try:
            known = relay.call("GET", f"/v1/events/{event}")
        except Refused:
            return None  # Accepted, but not an event yet.
        # Other bytes under the same signature are kept as a conflict, and not applied.
        return known["duplicates"] + known["conflicts"]

    wait_until(f"{event} came again {REPLAYS} times", lambda: repetitions() == REPLAYS, 20)
    receiver.wait_for(event)
    assert receiver.count(event) == 1


# Senders that cannot sign know a path.
TOKEN_PROFILES = ("runpod", "cog")
WRONG_PATHS = {
    "no token": lambda token: "",
    "another token": lambda token: "/tok_" + secrets.token_hex(24),
    "a token cut by a character": lambda token: f"/{token[:-1]}",
    "a token with one more": lambda token: f"/{token}0",
    "a token in capitals": lambda token: f"/{token.upper()}",
    "the stored hash of the token": lambda token: "/" + hashlib.sha256(token.encode()).hexdigest(),
    "a token and a dot": lambda token: f"/{token}.",
    "a token with a line feed": lambda token: f"/{token}%0A",
    "a token with a zero": lambda token: f"/{token}%00",
}


@pytest.fixture(scope="module")
def platform():
    """A platform that says of every job that it runs."""
    with Receiver() as platform:
        platform.documents[""] = {"status": "IN_PROGRESS"}
        yield platform


@pytest.fixture(scope="module")
def tokens(relay, platform):
    """The token of the profile's source. The first call makes both."""
    made: dict[str, str] = {}

    def token(profile: str) -> str:
        if profile not in made:
            made[profile] = "tok_" + secrets.token_hex(24)
            known = {"kind": "http", "status_url": platform.url + "/{external_id}"}
            wanted = {"profile": profile, "secrets": [made[profile]], "application": "acme", "platform": known}
            relay.call("PUT", f"/v1/sources/tokens-{profile}", wanted)
        return made[profile]

    return token


def status_at(relay: Relay, profile: str, path: str) -> int:
    # A job that runs: the platform would have to confirm an end.
    body = f'{{"id":"{secrets.token_hex(8)}","status":"IN_PROGRESS"}}'.encode()
    return relay.send("POST", f"/in/tokens-{profile}{path}", body, {"Content-Type": "application/json"})[0]


@pytest.mark.parametrize(
    "profile", [pytest.param(profile, marks=cell(f"{profile}: path token", ACCEPTED)) for profile in TOKEN_PROFILES]
)
def test_a_path_token_is_accepted(relay, tokens, profile: str):
    assert status_at(relay, profile, f"/{tokens(profile)}") in (200, 202)


@pytest.mark.parametrize(
    ("profile", "wrong"),
    [
        pytest.param(profile, wrong, marks=cell(f"{profile}: path token", REFUSED))
        for profile in TOKEN_PROFILES
        for wrong in WRONG_PATHS
    ],
)
def test_a_wrong_path_token_is_refused(relay, tokens, profile: str, wrong: str):
    assert status_at(relay, profile, WRONG_PATHS[wrong](tokens(profile))) == 401


def test_no_profile_is_left_out(relay_program):
    judged = {profile for judge in [*JUDGES, *GUIDES] for profile in judge.profiles}
    assert ours.profiles() - judged - {sender.profile for sender in SENDERS} - set(TOKEN_PROFILES) == set()
