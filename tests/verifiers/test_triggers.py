"""What `relay trigger` sends for each profile: the sender's own library accepts it, and refuses it when it is made bad.

`relay trigger --print` signs the same requests that it would send, and prints them.
"""

import hashlib
import json
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable

import ours
import pytest
import senders
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from libraries import GUIDES, JUDGES, Judge, Verdict, twilio_at

from support.packages import RELAY
from support.process import clean_environment
from support.table import cell

# Columns of the table of results.
ACCEPTED, REFUSED = "triggers accepted", "bad triggers refused"
URL = "https://relay.example"


def _trigger(*arguments: str, secret: str = "") -> list[dict]:
    """The JSON lines of a trigger. It has no relay, no key and no data directory."""
    command = [RELAY, "trigger", *arguments, "--json"]
    done = subprocess.run(command, env=clean_environment(), input=secret.encode(), capture_output=True, timeout=30)
    assert done.returncode == 0, f"relay trigger: {done.stderr.decode(errors='replace')}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def _hex_of(header: str, prefix: str) -> Callable[[str, dict, bytes], Verdict]:
    """A verifier of a MAC of the body, for senders whose documents say only that."""

    def verify(secret: str, headers: dict[str, str], body: bytes) -> Verdict:
        accepted = headers[header] == prefix + senders._mac(secret, body)
        return Verdict(accepted, None if accepted else "False")

    return verify


# The keys of fal's sender: what signs is the seed.
FAL = Ed25519PrivateKey.generate()


def _fal(secret: str, headers: dict[str, str], body: bytes) -> Verdict:
    """fal has no library. Its documents give these steps, with PyNaCl in the place of cryptography."""
    part = lambda name: headers[f"x-fal-webhook-{name}"]  # noqa: E731
    message = "\n".join([part("request-id"), part("user-id"), part("timestamp"), hashlib.sha256(body).hexdigest()])
    try:
        FAL.public_key().verify(bytes.fromhex(part("signature")), message.encode())
    except InvalidSignature:
        return Verdict(False, "InvalidSignature")
    return Verdict(True)


DOCUMENTED = [
    Judge("as documented", ("fal",), _fal, ("InvalidSignature",), looks_back=False),
    Judge("as documented", ("hmac",), _hex_of("x-signature", "sha256="), ("False",), looks_back=False),
    Judge("as documented", ("beam-workspace",), _hex_of("x-beta9-signature", "sha256="), ("False",), looks_back=False),
]
# One judge per library and profile; of the five systems the one that judges the raw body.
EVERY = [*JUDGES, *DOCUMENTED, *[judge for judge in GUIDES if not judge.dumps_again]]
UNSIGNED = {"runpod", "cog"}
SENDERS = {sender.profile: sender for sender in reversed(senders.every())}


def _secret(profile: str) -> str:
    if profile == "fal":
        return urlsafe_b64encode(FAL.private_bytes_raw()).rstrip(b"=").decode()
    return SENDERS[profile].secret()


def _judges(profile: str) -> list[Judge]:
    if profile == "twilio":
        return [twilio_at(f"{URL}/in/twilio")]
    return [judge for judge in EVERY if profile in judge.profiles]


def _cases(column: str) -> list:
    return [
        pytest.param(profile, judge, id=f"{profile}: {judge.library}", marks=cell(f"{profile}: {judge.library}", column))
        for profile in [*SENDERS, "fal"]
        for judge in _judges(profile)
    ]


def _events(profile: str) -> list[str]:
    return [line["event"] for line in _trigger("--list") if line["profile"] == profile]


def _print(what: str, secret: str, *more: str) -> tuple[dict[str, str], bytes]:
    (request,) = _trigger(what, "--print", "--secret-from", "-", "--url", URL, *more, secret=secret)
    return request["headers"], request["body"].encode()


@pytest.mark.parametrize(("profile", "judge"), _cases(ACCEPTED))
def test_every_event_of_a_profile_is_accepted_by_its_library(relay_program, profile: str, judge: Judge):
    secret = _secret(profile)
    events = _events(profile)
    assert events
    for event in events:
        headers, body = _print(f"{profile}:{event}", secret)
        verdict = judge.verify(secret, headers, body)
        assert verdict.accepted, f"{event}: refused with {verdict.kind}: {verdict.reason}"


@pytest.mark.parametrize(("profile", "judge"), _cases(REFUSED))
def test_what_is_bad_is_refused_by_its_library(relay_program, profile: str, judge: Judge):
    secret = _secret(profile)
    for bad in ["signature", "body", *(["timestamp"] if judge.looks_back else [])]:
        headers, body = _print(profile, secret, "--bad", bad)
        verdict = judge.verify(secret, headers, body)
        assert not verdict.accepted and verdict.kind in judge.refusals, f"{bad}: {verdict}"


def test_no_profile_is_left_out(relay_program):
    listed = {line["profile"] for line in _trigger("--list")}
    assert listed == ours.profiles()
    judged = {profile for profile in listed if _judges(profile)}
    assert listed - judged == UNSIGNED
