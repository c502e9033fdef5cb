"""Who judges what we sign: the receivers' own libraries, and the verifiers that the five systems' documents print.

npm's svix is held at 1.99.1 and Shopify's at 13.1.0: the next ones ask for Node 22. Every pinned svix wraps
standardwebhooks, npm's an older one of its own; what they add is how they read headers.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

import node
import openai
import replicate.webhook
import slack_sdk.signature
import standardwebhooks
import stripe
import svix.webhooks
import twilio.request_validator


@dataclass(frozen=True)
class Verdict:
    """What a library said. Only its own error class is a refusal; any other is a fault of the library or of ours."""

    accepted: bool
    kind: str | None = None
    reason: str | None = None


# (secret, headers with their names in small letters, body)
Verify = Callable[[str, dict[str, str], bytes], Verdict]


@dataclass(frozen=True)
class Judge:
    """One that judges signatures of these profiles."""

    library: str
    profiles: tuple[str, ...]
    verify: Verify
    refusals: tuple[str, ...]  # The kinds of verdict with which it refuses.
    looks_back: bool = True  # Whether it refuses what is old.
    dumps_again: bool = False  # Whether it signs what it makes of the parsed body.
    header: str = ""  # Where it looks for the signature, if that is not where the profile's sender has it.


def _raises(judge: Callable[[str, dict[str, str], bytes], object]) -> Verify:
    """A verifier that raises when it refuses, or says False."""

    def verify(secret: str, headers: dict[str, str], body: bytes) -> Verdict:
        try:
            said = judge(secret, headers, body)
        except Exception as error:  # Which one it is, is the caller's to judge.
            return Verdict(False, type(error).__name__, str(error))
        return Verdict(said is not False, "False" if said is False else None)

    return verify


def _node(library: str) -> Verify:
    return lambda secret, headers, body: Verdict(**node.ask(library, "verify", body, secret=secret, headers=headers))


def _openai(secret: str, headers: dict[str, str], body: bytes) -> None:
    openai.OpenAI(api_key="none", webhook_secret=secret).webhooks.verify_signature(body, headers)


def _replicate(secret: str, headers: dict[str, str], body: bytes) -> None:
    key = replicate.webhook.WebhookSigningSecret(key=secret)
    replicate.webhook.Webhooks.validate(headers=headers, body=body.decode(), secret=key, tolerance=300)


def _stripe(secret: str, headers: dict[str, str], body: bytes) -> None:
    stripe.Webhook.construct_event(body, headers["stripe-signature"], secret)


def twilio_at(url: str) -> Judge:
    """Twilio's validator for a receiver at this URL."""

    def validate(secret: str, headers: dict[str, str], body: bytes) -> bool:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        validator = twilio.request_validator.RequestValidator(secret)
        return validator.validate(url, fields, headers["x-twilio-signature"])

    return Judge("PyPI twilio", ("twilio",), _raises(validate), ("False",), looks_back=False)


def _hex(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def _prefixed(header: str, dump: Callable[[bytes], bytes] = lambda body: body):
    """`sha256=` must be there, and what follows be the MAC: R0.10, R3.4, R4.12."""

    def holds(secret: str, headers: dict[str, str], body: bytes) -> bool:
        signature = headers[header]
        if not signature.startswith("sha256="):
            return False
        return hmac.compare_digest(_hex(secret, dump(body)), signature.removeprefix("sha256="))

    return _raises(holds)


def _bare(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """R2.4 in Python."""
    return hmac.compare_digest(headers["x-hokusai-signature"], _hex(secret, body))


def _sorted_again(body: bytes) -> bytes:
    """What the batch server's receivers make of a body."""
    return json.dumps(json.loads(body), sort_keys=True).encode()


def _beam(secret: str, headers: dict[str, str], body: bytes) -> bool:
    content = base64.b64encode(body) + b":" + headers["x-task-timestamp"].encode()
    return hmac.compare_digest(_hex(secret, content), headers["x-task-signature"])


def _baseten(secret: str, headers: dict[str, str], body: bytes) -> bool:
    made = _hex(secret, body)
    signatures = headers["x-baseten-signature"].replace("v1=", "").split(",")
    return any(hmac.compare_digest(made, signature) for signature in signatures)


_WEBHOOK = ("WebhookVerificationError",)
# Whoever reads webhook- headers, and whoever reads svix- headers too.
STANDARD = ("standard", "modal")
SVIX = (*STANDARD, "svix")

STANDARD_JUDGES = [
    Judge(
        "PyPI standardwebhooks",
        STANDARD,
        _raises(lambda secret, headers, body: standardwebhooks.Webhook(secret).verify(body, headers)),
        _WEBHOOK,
    ),
    Judge(
        "PyPI svix",
        SVIX,
        _raises(lambda secret, headers, body: svix.webhooks.Webhook(secret).verify(body, headers)),
        _WEBHOOK,
    ),
    Judge("npm standardwebhooks", STANDARD, _node("standardwebhooks"), _WEBHOOK),
    Judge("npm svix", SVIX, _node("svix"), _WEBHOOK),
    Judge("PyPI openai", ("openai",), _raises(_openai), ("InvalidWebhookSignatureError",)),
    Judge("PyPI replicate", ("replicate",), _raises(_replicate), ("InvalidSignatureError", "InvalidTimestampError")),
]

_OLD = {"looks_back": False}

JUDGES = STANDARD_JUDGES + [
    Judge("PyPI stripe", ("stripe",), _raises(_stripe), ("SignatureVerificationError",)),
    Judge(
        "PyPI slack-sdk",
        ("slack",),
        _raises(lambda secret, headers, body: slack_sdk.signature.SignatureVerifier(secret).is_valid_request(body, headers)),
        ("False",),
    ),
    Judge("npm @octokit/webhooks-methods", ("github",), _node("@octokit/webhooks-methods"), ("false",), **_OLD),
    Judge("npm @shopify/shopify-api", ("shopify",), _node("@shopify/shopify-api"), ("invalid",), **_OLD),
    Judge("as documented", ("modal-omtx", "modal-mesh"), _prefixed("x-modal-signature"), ("False",), **_OLD),
    Judge("as documented", ("beam-task",), _raises(_beam), ("False",), **_OLD),
    Judge("as documented", ("baseten",), _raises(_baseten), ("False",), **_OLD),
]


def _delta_one(secret: str, headers: dict[str, str], body: bytes) -> bool:
    content = f"{headers['x-hokusai-timestamp']}.{headers['x-hokusai-nonce']}.".encode() + body
    return hmac.compare_digest(headers["x-hokusai-signature"], "sha256=" + _hex(secret, content))


_HOKUSAI = {"header": "x-hokusai-signature", **_OLD}
_WEBHOOK_SIGNATURE = {"header": "x-webhook-signature", **_OLD}
_FALSE = ("False",)

# Receivers of what `relay dev` sends to an endpoint of the profile.
GUIDES = [
    Judge("guide, Python", ("hokusai",), _raises(_bare), _FALSE, **_HOKUSAI),
    Judge("guide, Node, dumps again", ("hokusai",), _node("hokusai guide"), ("false", "RangeError"), dumps_again=True, **_HOKUSAI),
    Judge("code", ("hokusai-prefixed",), _prefixed("x-hokusai-signature"), _FALSE, **_HOKUSAI),
    Judge("code", ("hokusai-deltaone",), _raises(_delta_one), _FALSE, **_HOKUSAI),
    Judge("guide, raw body", ("batch",), _prefixed("x-webhook-signature"), _FALSE, **_WEBHOOK_SIGNATURE),
    Judge(
        "code, Python, dumps again",
        ("batch",),
        _prefixed("x-webhook-signature", _sorted_again),
        _FALSE,
        dumps_again=True,
        **_WEBHOOK_SIGNATURE,
    ),
    Judge("guide", ("wepp",), _prefixed("x-webhook-signature"), _FALSE, **_WEBHOOK_SIGNATURE),
    Judge("code", ("omtx-out",), _prefixed("x-omtx-signature"), _FALSE, header="x-omtx-signature", **_OLD),
]
