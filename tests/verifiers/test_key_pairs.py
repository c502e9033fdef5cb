"""`v1a`: the webhooks of an endpoint with a key pair, judged with the public keys that the relay publishes.

No library of Standard Webhooks verifies `v1a`. Its documented scheme is followed here over three implementations of Ed25519
and JSON Web Keys: PyPI's cryptography and PyJWT, and Node's own.
"""

import base64
import hashlib
import json
import secrets

import jwt
import node
import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from judged import Case, Webhook, accepting, refusing
from libraries import Judge, Verdict

from support.receiver import Receiver
from support.relay import Relay

# The signature that Svix' server makes in its own test.
KNOWN = Webhook(
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    },
    b'{"test": 2432232314}',
)
KNOWN_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def pair() -> str:
    """A key pair by its seed alone."""
    return "whsk_" + base64.b64encode(secrets.token_bytes(32)).decode()


def public(secret: str) -> bytes:
    """The public key of a pair."""
    seed = base64.b64decode(secret.removeprefix("whsk_"))[:32]
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def jwk(raw: bytes) -> dict:
    """A public key as a JSON Web Key."""
    return {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).rstrip(b"=").decode()}


def thumbprint(key: dict) -> str:
    """RFC 7638."""
    members = json.dumps(key, sort_keys=True, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(members).digest()).rstrip(b"=").decode()


def holds(keys: list[dict], check, webhook: Webhook) -> Verdict:
    """Whether one of the `v1a` signatures is by one of the keys."""
    headers = webhook.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + webhook.body
    versions = [version.split(",", 1) for version in headers["webhook-signature"].split(" ")]
    for signature in [base64.b64decode(digits) for version, digits in versions if version == "v1a"]:
        for key in keys:
            if check(key, signature, content):
                return Verdict(True)
    return Verdict(False, "False")


def _cryptography(key: dict, signature: bytes, content: bytes) -> bool:
    raw = base64.urlsafe_b64decode(key["x"] + "=")
    return _verifies(Ed25519PublicKey.from_public_bytes(raw), signature, content)


def _pyjwt(key: dict, signature: bytes, content: bytes) -> bool:
    return _verifies(jwt.PyJWK.from_dict(key, algorithm="EdDSA").key, signature, content)


def _verifies(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _node(key: dict, signature: bytes, content: bytes) -> bool:
    signed = base64.b64encode(signature).decode()
    return node.ask("node:crypto", "verify", content, secret=key, headers={"signature": signed})["accepted"]


LIBRARIES = {
    "v1a: PyPI cryptography": _cryptography,
    "v1a: PyPI PyJWT": _pyjwt,
    "v1a: node:crypto": _node,
}


class Pairs:
    """An application, and endpoints with key pairs."""

    def __init__(self, relay: Relay, receiver: Receiver):
        self.relay, self.receiver = relay, receiver
        relay.call("POST", "/api/v1/app", {"name": "pairs", "uid": "pairs"})

    def delivered(self, secret: str) -> Webhook:
        """The webhook that a new endpoint with this pair receives, whose published key is that of the pair."""
        hook = self.receiver.hook(f"/pair-{secrets.token_hex(4)}")
        made = self.relay.call("POST", "/api/v1/app/pairs/endpoint", {"url": hook.url, "secret": secret})
        url = self.relay.call("GET", f"/api/v1/app/pairs/endpoint/{made['id']}/secret")["jwksUrl"]
        status, published = self.relay.send("GET", url.removeprefix(self.relay.url), None, {})
        assert status == 200
        assert [key["x"] for key in published["keys"]] == [jwk(public(secret))["x"]]
        assert published["keys"][0]["kid"] == thumbprint(jwk(public(secret)))
        self.relay.call("POST", "/api/v1/app/pairs/msg", {"eventType": "paired", "payload": {"n": 1.0}})
        request = hook.wait_for(1)[0]
        return Webhook(request.headers, request.body)


@pytest.fixture(scope="module")
def pairs(relay, receiver) -> Pairs:
    return Pairs(relay, receiver)


def _case(library: str) -> Case:
    def verify(secret: str, headers: dict[str, str], body: bytes) -> Verdict:
        return holds([jwk(public(secret))], LIBRARIES[library], Webhook(headers, body))

    judge = Judge(library, ("standard",), verify, ("False",), looks_back=False)
    return Case(judge, "standard", "webhook-signature", pair, lambda pairs, secret, at: pairs.delivered(secret))


CASES = [_case(library) for library in LIBRARIES]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_signature_of_svix_own_test_holds(library: str):
    keys = [jwk(base64.b64decode(KNOWN_KEY.removeprefix("whpk_")))]
    assert holds(keys, LIBRARIES[library], KNOWN) == Verdict(True)


@accepting(CASES)
def test_what_a_key_pair_signs_is_accepted(pairs, case: Case):
    case.accepts(pairs)


@refusing(CASES)
def test_what_a_key_pair_signs_is_refused_once_it_is_changed(pairs, case: Case, change: str):
    case.refuses(change, pairs)


def test_a_secret_and_a_key_pair_sign_side_by_side_during_a_rotation(pairs):
    relay, hook = pairs.relay, pairs.receiver.hook("/mixed")
    shared = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    made = relay.call("POST", "/api/v1/app/pairs/endpoint", {"url": hook.url, "secret": shared})
    secret = pair()
    rotated = f"/api/v1/app/pairs/endpoint/{made['id']}/secret/rotate"
    assert relay.send("POST", rotated, f'{{"key":"{secret}"}}'.encode(), relay.authorization) == (204, None)
    relay.call("POST", "/api/v1/app/pairs/msg", {"eventType": "paired", "payload": {"n": 2}})
    request = hook.wait_for(1)[0]
    standardwebhooks.Webhook(shared).verify(request.body, request.headers)
    assert holds([jwk(public(secret))], _cryptography, Webhook(request.headers, request.body)) == Verdict(True)
    assert [part.split(",")[0] for part in request.headers["webhook-signature"].split(" ")] == ["v1a", "v1"]
