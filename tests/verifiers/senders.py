"""Every sender, by profile and by the library that signs for it.

Where the sender's own library can sign, it signs. `openai` and `replicate` only verify, so Standard Webhooks' libraries
sign for them. Where there is no library, the sender's documented algorithm stands here in Python.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote_plus

import bodies
import node
import slack_sdk.signature
import standardwebhooks
import stripe
import svix.webhooks
import twilio.request_validator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Headers = dict[str, str]


def whsec() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def token() -> str:
    return secrets.token_hex(32)


@dataclass(frozen=True)
class Sender:
    """One that signs. `sign` takes the secret, the message's name, the time and the body, and gives every header."""

    profile: str
    library: str
    sign: Callable[[str, str, int, bytes], Headers]
    body: Callable[[str, int], str]
    secret: Callable[[], str] = token
    signature: str = ""  # The header that holds the signature.
    base64: bool = False  # Whether the signature is base64 and not hex.
    time: str | None = None  # The header that holds the time, or "body".
    signs_time: bool = True  # Whether that time is under the signature.
    identity: str | None = None  # The header that holds the id, where that is under the signature.
    # What stands beside the signature, and what whoever replays a request may therefore set as he likes.
    beside: Callable[[int], Headers] = field(default=lambda at: {})
    options: dict = field(default_factory=dict)
    content_type: str = "application/json"
    query: Callable[[bytes], str] = field(default=lambda body: "")
    # The body in other bytes of which the signature says the same.
    again: Callable[[bytes, int], bytes] = field(default=lambda body, time: body)


def _python_standard(webhook, prefix: str):
    def sign(secret: str, name: str, at: int, body: bytes) -> Headers:
        signed = webhook(secret).sign(name, datetime.fromtimestamp(at, timezone.utc), body.decode())
        return {f"{prefix}-id": name, f"{prefix}-timestamp": str(at), f"{prefix}-signature": signed}

    return sign


def _node(library: str):
    def sign(secret: str, name: str, at: int, body: bytes) -> Headers:
        return node.ask(library, "sign", body, secret=secret, id=name, at=at)["headers"]

    return sign


def _stripe(secret: str, name: str, at: int, body: bytes) -> Headers:
    return {"Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)}


def _slack(secret: str, name: str, at: int, body: bytes) -> Headers:
    signed = slack_sdk.signature.SignatureVerifier(secret).generate_signature(timestamp=str(at), body=body)
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signed}


def _mac(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def _github_beside(at: int) -> Headers:
    return {"X-GitHub-Event": "workflow_run", "X-GitHub-Delivery": secrets.token_hex(16)}


def _shopify_beside(at: int) -> Headers:
    return {
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Shop-Domain": "relay.myshopify.com",
        "X-Shopify-API-Version": "2025-01",
        "X-Shopify-Webhook-Id": secrets.token_hex(16),
        "X-Shopify-Event-Id": secrets.token_hex(16),
        "X-Shopify-Triggered-At": datetime.fromtimestamp(at, timezone.utc).isoformat(),
    }


def _beam_beside(at: int) -> Headers:
    return {"X-Task-ID": secrets.token_hex(16), "X-Task-Status": "COMPLETE"}


def _standards() -> list[Sender]:
    """Standard Webhooks under each name it has here, signed by each library there is."""
    signers = {
        "PyPI standardwebhooks": (_python_standard(standardwebhooks.Webhook, "webhook"), "webhook"),
        "PyPI svix": (_python_standard(svix.webhooks.Webhook, "svix"), "svix"),
        "npm standardwebhooks": (_node("standardwebhooks"), "webhook"),
        "npm svix": (_node("svix"), "svix"),
    }
    # Who sends with svix- headers is a Svix sender; the others send with webhook- headers only.
    profiles = {
        "standard": (bodies.standard, ["PyPI standardwebhooks", "npm standardwebhooks", "PyPI svix", "npm svix"]),
        "svix": (bodies.standard, ["PyPI svix", "npm svix", "PyPI standardwebhooks", "npm standardwebhooks"]),
        "replicate": (bodies.replicate, ["PyPI standardwebhooks", "npm standardwebhooks"]),
        "openai": (bodies.openai, ["PyPI standardwebhooks", "npm standardwebhooks"]),
        "modal": (bodies.omtx, ["PyPI standardwebhooks", "npm standardwebhooks"]),
    }
    found = []
    for profile, (body, libraries) in profiles.items():
        for library in libraries:
            sign, prefix = signers[library]
            names = {part: f"{prefix}-{part}" for part in ("signature", "timestamp", "id")}
            found.append(
                Sender(
                    profile,
                    library,
                    sign,
                    body,
                    whsec,
                    signature=names["signature"],
                    base64=True,
                    time=names["timestamp"],
                    identity=names["id"],
                )
            )
    return found


def _omtx(secret: str, name: str, at: int, body: bytes) -> Headers:
    return {"X-Modal-Signature": "sha256=" + _mac(secret, body)}


def _mesh_bare(secret: str, name: str, at: int, body: bytes) -> Headers:
    return {"X-Modal-Signature": _mac(secret, body)}


def _hmac(secret: str, name: str, at: int, body: bytes) -> Headers:
    return {"X-Signature": "sha256=" + _mac(secret, body)}


def _baseten(secret: str, name: str, at: int, body: bytes) -> Headers:
    # While a secret is rotated there are two, the newer first.
    return {"X-BASETEN-SIGNATURE": f"v1={_mac('whsec_of-another-time', body)},v1={_mac(secret, body)}"}


def _beam_workspace(secret: str, name: str, at: int, body: bytes) -> Headers:
    # The secret as it is shown, whsec_ included.
    return {"X-Beta9-Signature": "sha256=" + _mac(secret, body)}


def _header(header: str, prefix: str):
    """A MAC of the body in this header: what most of the five systems send."""
    return lambda secret, name, at, body: {header: prefix + _mac(secret, body)}


def _delta_one(secret: str, name: str, at: int, body: bytes) -> Headers:
    signed = _mac(secret, f"{at}.{name}.".encode() + body)
    return {"X-Hokusai-Timestamp": str(at), "X-Hokusai-Nonce": name, "X-Hokusai-Signature": "sha256=" + signed}


def _beam_task(secret: str, name: str, at: int, body: bytes) -> Headers:
    signed = _mac(secret, base64.b64encode(body) + b":" + str(at).encode())
    return {"X-Task-Timestamp": str(at), "X-Task-Signature": signed}


DOCUMENTED = "as documented"


def every() -> list[Sender]:
    """All of them, but for those that need the relay's URL or a key server to sign."""
    task_time = {"signature": "X-Task-Signature", "time": "X-Task-Timestamp"}
    modal = {"signature": "X-Modal-Signature"}
    stamped = {"time": "X-Modal-Timestamp", "signs_time": False, "beside": lambda at: {"X-Modal-Timestamp": str(at)}}
    hub = {"signature": "X-Hub-Signature-256", "beside": _github_beside}
    return _standards() + [
        Sender("github", "npm @octokit/webhooks-methods", _node("@octokit/webhooks-methods"), bodies.github, **hub),
        Sender(
            "shopify",
            "npm @shopify/shopify-api",
            _node("@shopify/shopify-api"),
            bodies.shopify,
            signature="X-Shopify-Hmac-Sha256",
            base64=True,
            beside=_shopify_beside,
        ),
        Sender("stripe", "PyPI stripe", _stripe, bodies.stripe, signature="Stripe-Signature", time="Stripe-Signature"),
        Sender(
            "slack",
            "PyPI slack-sdk",
            _slack,
            bodies.slack,
            signature="X-Slack-Signature",
            time="X-Slack-Request-Timestamp",
            beside=lambda at: {"X-Slack-Retry-Num": str(at % 7)},
        ),
        Sender("modal-omtx", DOCUMENTED, _omtx, bodies.omtx, **modal, **stamped),
        Sender("modal-mesh", DOCUMENTED, _omtx, bodies.mesh, **modal),
        Sender("modal-mesh", "as documented, bare", _mesh_bare, bodies.mesh, **modal),
        Sender("hmac", DOCUMENTED, _hmac, bodies.standard, signature="X-Signature"),
        Sender(
            "baseten",
            DOCUMENTED,
            _baseten,
            bodies.baseten,
            signature="X-BASETEN-SIGNATURE",
            time="body",
            beside=lambda at: {"X-BASETEN-REQUEST-ID": secrets.token_hex(16)},
        ),
        Sender("beam-task", DOCUMENTED, _beam_task, bodies.beam, **task_time, beside=_beam_beside),
        Sender("beam-workspace", DOCUMENTED, _beam_workspace, bodies.cloud_event, whsec, signature="X-Beta9-Signature"),
        *_systems(),
        *_twilios(),
    ]


def _systems() -> list[Sender]:
    """What the five systems send to others, sent to us."""
    hokusai, webhook, omtx = "X-Hokusai-Signature", "X-Webhook-Signature", "X-OMTX-Signature"
    stamped = {"time": "X-Webhook-Timestamp", "signs_time": False, "beside": lambda at: {"X-Webhook-Timestamp": str(at)}}
    unsigned = {"beside": lambda at: {"X-OMTX-Event": "job.completed", "X-OMTX-Timestamp": str(at)}}
    nonce = {"time": "X-Hokusai-Timestamp", "identity": "X-Hokusai-Nonce"}
    return [
        Sender("hokusai", DOCUMENTED, _header(hokusai, ""), bodies.hokusai, signature=hokusai),
        Sender("hokusai-prefixed", DOCUMENTED, _header(hokusai, "sha256="), bodies.hokusai, signature=hokusai),
        Sender("hokusai-deltaone", DOCUMENTED, _delta_one, bodies.hokusai, signature=hokusai, **nonce),
        Sender("batch", DOCUMENTED, _header(webhook, "sha256="), bodies.batch, signature=webhook, **stamped),
        Sender("wepp", DOCUMENTED, _header(webhook, "sha256="), bodies.wepp, signature=webhook),
        Sender("omtx-out", DOCUMENTED, _header(omtx, "sha256="), bodies.omtx_out, signature=omtx, **unsigned),
    ]


TWILIO_URL = "https://relay.example/webhooks/twilio"
FORM = "application/x-www-form-urlencoded"


def _twilios() -> list[Sender]:
    """Twilio signs the URL it was given, and the form's fields in order of their names, or a hash of the JSON in the URL."""
    validator = twilio.request_validator.RequestValidator

    def form(secret: str, name: str, at: int, body: bytes) -> Headers:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return {"X-Twilio-Signature": validator(secret).compute_signature(TWILIO_URL, fields)}

    def hashed(body: bytes) -> str:
        return "?bodySHA256=" + hashlib.sha256(body).hexdigest()

    def json(secret: str, name: str, at: int, body: bytes) -> Headers:
        return {"X-Twilio-Signature": validator(secret).compute_signature(TWILIO_URL + hashed(body), {})}

    def beside(at: int) -> Headers:
        return {"I-Twilio-Idempotency-Token": secrets.token_hex(16)}

    both = {"signature": "X-Twilio-Signature", "base64": True, "beside": beside, "options": {"public_url": TWILIO_URL}}
    return [
        Sender("twilio", "PyPI twilio", form, bodies.twilio, content_type=FORM, again=_spelled_otherwise, **both),
        Sender("twilio", "PyPI twilio, JSON", json, bodies.standard, query=hashed, **both),
    ]


def _spelled_otherwise(body: bytes, time: int) -> bytes:
    """A form of the same fields, and therefore of the same signature, in other bytes each time: in another order, and
    with so many letters of each value percent-encoded that need not be."""
    fields = parse_qsl(body.decode(), keep_blank_values=True)
    turned = fields[time % len(fields) :] + fields[: time % len(fields)]

    def write(value: str) -> str:
        encoded = "".join(f"%{byte:02X}" for byte in value[:time].encode())
        return encoded + quote_plus(value[time:])

    return "&".join(f"{name}={write(value)}" for name, value in turned).encode()


class Fal:
    """fal signs with Ed25519. Its keys' names stand in the place of secrets; all but `unknown` are published."""

    def __init__(self) -> None:
        self._keys = {name: Ed25519PrivateKey.generate() for name in ("k1", "k2", "unknown")}

    def document(self) -> dict:
        """The JSON Web Key Set, with a key of another kind in it."""
        public = {name: key.public_key().public_bytes_raw() for name, key in self._keys.items() if name != "unknown"}
        text = {name: base64.urlsafe_b64encode(raw).rstrip(b"=").decode() for name, raw in public.items()}
        keys = [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": name, "x": x} for name, x in text.items()]
        return {"keys": [{"kty": "RSA", "kid": "k0", "n": "AQAB", "e": "AQAB"}, *keys]}

    def _sign(self, secret: str, name: str, at: int, body: bytes) -> Headers:
        content = "\n".join([name, "user-1", str(at), hashlib.sha256(body).hexdigest()])
        return {
            "X-Fal-Webhook-Request-Id": name,
            "X-Fal-Webhook-User-Id": "user-1",
            "X-Fal-Webhook-Timestamp": str(at),
            "X-Fal-Webhook-Signature": self._keys[secret].sign(content.encode()).hex(),
        }

    def senders(self) -> list[Sender]:
        """One for each published key. Their source needs the URL of the key server."""
        header = "X-Fal-Webhook-"
        names = {"signature": f"{header}Signature", "time": f"{header}Timestamp", "identity": f"{header}Request-Id"}
        known = {"k1": "PyPI cryptography", "k2": "PyPI cryptography, second key"}
        return [Sender("fal", library, self._sign, bodies.fal, lambda key=key: key, **names) for key, library in known.items()]
