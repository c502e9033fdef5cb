"""The ways in which a signed request is changed, one at a time. No receiver may accept one of them."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from senders import Headers, Sender

# Seconds. Standard Webhooks and most senders look five minutes back.
OLD = 600


@dataclass(frozen=True)
class Signed:
    """One signed request."""

    headers: Headers
    body: bytes
    query: str = ""

    def with_body(self, body: bytes) -> "Signed":
        return replace(self, body=body)

    def with_header(self, name: str, value: str) -> "Signed":
        return replace(self, headers=self.headers | {name: value})

    def without_header(self, name: str) -> "Signed":
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})


def signed(sender: Sender, secret: str, name: str, at: int) -> Signed:
    """A message of this name, signed at this time."""
    body = sender.body(name, at).encode()
    headers = sender.beside(at) | sender.sign(secret, name, at, body)
    return Signed(headers | {"Content-Type": sender.content_type}, body, sender.query(body))


@dataclass(frozen=True)
class Original:
    """A sender's genuine request, and what is needed to sign another."""

    sender: Sender
    secret: str
    name: str
    now: int

    @property
    def right(self) -> Signed:
        return signed(self.sender, self.secret, self.name, self.now)

    def signed_at(self, at: int) -> Signed:
        return signed(self.sender, self.secret, self.name, at)


@dataclass(frozen=True)
class Variant:
    """One change, and the senders whose requests it can be made to."""

    name: str
    make: Callable[[Original], Signed]
    applies: Callable[[Sender], bool] = lambda sender: True


def of(sender: Sender) -> list[Variant]:
    """Every change that a request of this sender can have."""
    return [variant for variant in VARIANTS if variant.applies(sender)]


def digit_changed(body: bytes) -> bytes:
    """The body with another digit in one place: still the same length, UTF-8 and JSON."""
    at = max(at for at, byte in enumerate(body) if chr(byte).isdigit() and byte < 128)
    other = b"1" if body[at : at + 1] != b"1" else b"2"
    return body[:at] + other + body[at + 1 :]


def split(header: str) -> tuple[str, str]:
    """The part of a header before its last signature, and that signature's digits."""
    digits = re.search(r"[0-9A-Za-z+/]+={0,2}$", header)[0]
    return header[: len(header) - len(digits)], digits


def is_hex(digits: str) -> bool:
    return re.fullmatch("[0-9a-f]+", digits) is not None


def printed(raw: bytes, like: str) -> str:
    """A signature in the encoding of `like`: hex or base64."""
    return raw.hex() if is_hex(like) else base64.b64encode(raw).decode()


def read(digits: str) -> bytes:
    return bytes.fromhex(digits) if is_hex(digits) else base64.b64decode(digits)


def _has_json(sender: Sender) -> bool:
    return sender.content_type == "application/json"


def _has_time(sender: Sender) -> bool:
    return sender.time is not None


def _has_header_of_time(sender: Sender) -> bool:
    return sender.time not in (None, "body", sender.signature)


def _signs_header_of_time(sender: Sender) -> bool:
    return _has_header_of_time(sender) and sender.signs_time


def _has_identity(sender: Sender) -> bool:
    return sender.identity is not None


def _body(name: str, change: Callable[[bytes], bytes], applies=lambda sender: True) -> Variant:
    def make(original: Original) -> Signed:
        right = original.right
        return right.with_body(change(right.body))

    return Variant(name, make, applies)


def _signature(name: str, change: Callable[[str, str], str], applies=lambda sender: True) -> Variant:
    """A change of the header's last signature, from the text before it and its digits."""

    def make(original: Original) -> Signed:
        right, header = original.right, original.sender.signature
        return right.with_header(header, change(*split(right.headers[header])))

    return Variant(f"with the signature {name}", make, applies)


def _time(name: str, value: Callable[[int], str]) -> Variant:
    def make(original: Original) -> Signed:
        return original.right.with_header(original.sender.time, value(original.now))

    return Variant(name, make, _has_header_of_time)


def _another_secret(original: Original) -> Signed:
    other = "unknown" if original.sender.profile == "fal" else original.sender.secret()
    return replace(original, secret=other).right


def _fresh_time(original: Original) -> Signed:
    return original.signed_at(original.now - OLD).with_header(original.sender.time, str(original.now))


def _compact(body: bytes) -> bytes:
    return json.dumps(json.loads(body), ensure_ascii=False, separators=(",", ":")).encode()


def _turned(raw: bytes) -> bytes:
    """One bit of the last byte changed."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


VARIANTS = [
    Variant("signed with another secret", _another_secret),
    _body("with a digit of the body changed", digit_changed),
    _body("with a line feed after the body", lambda body: body + b"\n"),
    _body("with a byte order mark before the body", lambda body: b"\xef\xbb\xbf" + body),
    _body("without a body", lambda body: b""),
    Variant("without a signature", lambda it: it.right.without_header(it.sender.signature)),
    Variant("with an empty signature", lambda it: it.right.with_header(it.sender.signature, "")),
    _body("with the body dumped again", lambda body: json.dumps(json.loads(body)).encode(), _has_json),
    _body("with the body dumped again, compact", _compact, _has_json),
    _body("with the body's keys sorted", lambda body: json.dumps(json.loads(body), sort_keys=True).encode(), _has_json),
    _signature("cut by a byte", lambda before, digits: before + printed(read(digits)[:-1], digits)),
    _signature("cut in half", lambda before, digits: before + printed(read(digits)[: len(read(digits)) // 2], digits)),
    _signature("cut by a character", lambda before, digits: before + digits[:-1]),
    _signature("a byte longer", lambda before, digits: before + printed(read(digits) + b"\0", digits)),
    _signature("all zeros", lambda before, digits: before + printed(bytes(len(read(digits))), digits)),
    _signature("with one bit turned", lambda before, digits: before + printed(_turned(read(digits)), digits)),
    _signature("without its digits", lambda before, digits: before),
    _signature("with a space in it", lambda before, digits: before + digits[:9] + " " + digits[9:]),
    _signature("with a tab in it", lambda before, digits: before + digits[:9] + "\t" + digits[9:]),
    _signature("in quotes", lambda before, digits: f'{before}"{digits}"'),
    _signature(
        "in the other encoding",
        lambda before, digits: before + (base64.b64encode(read(digits)).decode() if is_hex(digits) else read(digits).hex()),
    ),
    _signature("encoded twice", lambda before, digits: before + base64.b64encode(digits.encode()).decode()),
    _signature("under a prefix of another sender", lambda before, digits: "sha512=" + digits),
    _signature("in capitals", lambda before, digits: before + digits.upper(), lambda sender: not sender.base64),
    # A signature without its padding names the same bytes; only one spelling is accepted all the same.
    _signature("without its padding", lambda before, digits: before + digits.rstrip("="), lambda sender: sender.base64),
    Variant("signed too long ago", lambda it: it.signed_at(it.now - OLD), _has_time),
    Variant("signed too far ahead", lambda it: it.signed_at(it.now + OLD), _has_time),
    Variant("with another time", lambda it: it.right.with_header(it.sender.time, str(it.now + 1)), _signs_header_of_time),
    Variant("signed long ago, with a fresh time", _fresh_time, _signs_header_of_time),
    _time("with a time that has a sign", lambda now: f"+{now}"),
    _time("with a time that has a leading zero", lambda now: f"0{now}"),
    _time("with a time that has a fraction", lambda now: f"{now}.0"),
    _time("with a time that has milliseconds", lambda now: f"{now}000"),
    _time("with a time that has an exponent", lambda now: "1e10"),
    _time("with a time that has nothing in it", lambda now: ""),
    Variant("without a time", lambda it: it.right.without_header(it.sender.time), _has_header_of_time),
    Variant(
        "under another id",
        lambda it: (right := it.right).with_header(it.sender.identity, right.headers[it.sender.identity] + "x"),
        _has_identity,
    ),
    Variant("without an id", lambda it: it.right.without_header(it.sender.identity), _has_identity),
]
