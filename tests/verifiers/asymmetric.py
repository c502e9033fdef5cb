"""`v1a`: what an endpoint with a key pair sends, judged with the public keys that the relay publishes.

No library of Standard Webhooks' verifies `v1a`, so its documented scheme is followed here, over three implementations of
Ed25519 and of JSON Web Keys that are not ours: PyPI's cryptography and PyJWT, and Node's own.
"""

import base64
import hashlib
import json
import secrets

import jwt
import node
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from judged import judge_ours
from libraries import Judge, Verdict
from relay import Delivery, Receiver, Relay
from report import Report, equal

# The signature that Svix' server makes in its own test.
KNOWN = Delivery(
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    },
    b'{"test": 2432232314}',
)
KNOWN_KEY = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def pair() -> str:
    """A key pair as one would make it: the seed alone."""
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


def holds(keys: list[dict], check, delivery: Delivery) -> Verdict:
    """Whether one of the `v1a` signatures is by one of the keys."""
    headers = delivery.headers
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + delivery.body
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


def check(report: Report, relay: Relay, receiver: Receiver) -> None:
    """Every implementation, over a known answer and over what arrives."""
    relay.call("POST", "/api/v1/app", {"name": "pairs", "uid": "pairs"})
    published: dict[str, list[dict]] = {}

    def make(secret: str, at: int) -> Delivery:
        path = f"/pair-{secrets.token_hex(4)}"
        endpoint = {"url": receiver.url + path, "secret": secret}
        made = relay.call("POST", "/api/v1/app/pairs/endpoint", endpoint)
        own = f"/api/v1/app/pairs/endpoint/{made['id']}"
        url = relay.call("GET", f"{own}/secret")["jwksUrl"]
        status, keys = relay.send("GET", url.removeprefix(relay.url), None, {})
        equal(status, 200)
        equal([key["x"] for key in keys["keys"]], [jwk(public(secret))["x"]])
        equal(keys["keys"][0]["kid"], thumbprint(jwk(public(secret))))
        published[secret] = keys["keys"]
        relay.call("POST", "/api/v1/app/pairs/msg", {"eventType": "paired", "payload": {"n": 1.0}})
        return receiver.wait_at("/hook" + path, 1)

    for library, verifies in LIBRARIES.items():
        keys = [jwk(base64.b64decode(KNOWN_KEY.removeprefix("whpk_")))]
        report.check(f"{library}: Svix' own signature", lambda: equal(holds(keys, verifies, KNOWN), Verdict(True)))

        def verify(secret: str, headers: dict[str, str], body: bytes) -> Verdict:
            return holds(published.get(secret) or [jwk(public(secret))], verifies, Delivery(headers, body))

        judge = Judge(library, ("standard",), verify, ("False",), looks_back=False)
        judge_ours(report, judge, "standard", "webhook-signature", pair, make)
    report.check("both kinds sign side by side while they change over", lambda: mixed(relay, receiver))


def mixed(relay: Relay, receiver: Receiver) -> None:
    """A rotation from a shared secret to a pair: each receiver finds its own signature."""
    shared, path = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(), "/mixed"
    endpoint = {"url": receiver.url + path, "secret": shared}
    made = relay.call("POST", "/api/v1/app/pairs/endpoint", endpoint)
    secret = pair()
    rotated = f"/api/v1/app/pairs/endpoint/{made['id']}/secret/rotate"
    status, answer = relay.send(
        "POST", rotated, f'{{"key":"{secret}"}}'.encode(), {"Authorization": f"Bearer {relay.admin}"}
    )
    equal((status, answer), (204, None))
    relay.call("POST", "/api/v1/app/pairs/msg", {"eventType": "paired", "payload": {"n": 2}})
    delivery = receiver.wait_at("/hook" + path, 1)
    standardwebhooks.Webhook(shared).verify(delivery.body, delivery.headers)
    equal(holds([jwk(public(secret))], _cryptography, delivery), Verdict(True))
    equal([part.split(",")[0] for part in delivery.headers["webhook-signature"].split(" ")], ["v1a", "v1"])
