"""Every way in which a signed request is spoilt, one at a time. None of them may be accepted by anybody."""

import base64
import json
import re
from dataclasses import dataclass, replace

import tools
from senders import Headers, Sender

# Standard Webhooks and most senders look five minutes back.
OLD = 10 * tools.MINUTE


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
    body = sender.body(name, at).encode()
    headers = sender.beside(at) | sender.sign(secret, name, at, body)
    return Signed(headers | {"Content-Type": sender.content_type}, body, sender.query(body))


def another(sender: Sender) -> str:
    """A secret that its source does not have."""
    return "unknown" if sender.profile == "fal" else sender.secret()


def spoilt(sender: Sender, secret: str, name: str, now: int) -> dict[str, Signed]:
    """Each by what was done to it."""
    right = signed(sender, secret, name, now)
    found = {
        "signed with another secret": signed(sender, another(sender), name, now),
        "with a digit of the body changed": right.with_body(digit_changed(right.body)),
        "with a line feed after the body": right.with_body(right.body + b"\n"),
        "with a byte order mark before the body": right.with_body(b"\xef\xbb\xbf" + right.body),
        "without a body": right.with_body(b""),
        "without a signature": right.without_header(sender.signature),
        "with an empty signature": right.with_header(sender.signature, ""),
    }
    if sender.content_type == "application/json":
        parsed = json.loads(right.body)
        found["with the body dumped again"] = right.with_body(json.dumps(parsed).encode())
        compact = json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode()
        found["with the body dumped again, compact"] = right.with_body(compact)
        found["with the body's keys sorted"] = right.with_body(json.dumps(parsed, sort_keys=True).encode())
    for how, value in _signatures(right.headers[sender.signature]).items():
        found[f"with the signature {how}"] = right.with_header(sender.signature, value)
    return found | _ill_timed(sender, secret, name, now, right)


def _ill_timed(sender: Sender, secret: str, name: str, now: int, right: Signed) -> dict[str, Signed]:
    found: dict[str, Signed] = {}
    if sender.time is not None:
        found["signed too long ago"] = signed(sender, secret, name, now - OLD)
        found["signed too far ahead"] = signed(sender, secret, name, now + OLD)
    if sender.time in right.headers and sender.time != sender.signature:
        if sender.signs_time:
            found["with another time"] = right.with_header(sender.time, str(now + 1))
            old = signed(sender, secret, name, now - OLD)
            found["signed long ago, with a fresh time"] = old.with_header(sender.time, str(now))
        for how, value in {
            "a sign": f"+{now}",
            "a leading zero": f"0{now}",
            "a fraction": f"{now}.0",
            "milliseconds": f"{now}000",
            "an exponent": "1e10",
            "nothing in it": "",
        }.items():
            found[f"with a time that has {how}"] = right.with_header(sender.time, value)
        found["without a time"] = right.without_header(sender.time)
    if sender.identity is not None:
        found["under another id"] = right.with_header(sender.identity, right.headers[sender.identity] + "x")
        found["without an id"] = right.without_header(sender.identity)
    return found


def digit_changed(body: bytes) -> bytes:
    """The same with another digit in one place: still the same length, UTF-8 and JSON."""
    at = max(at for at, byte in enumerate(body) if chr(byte).isdigit() and byte < 128)
    other = b"1" if body[at : at + 1] != b"1" else b"2"
    return body[:at] + other + body[at + 1 :]


def _signatures(header: str) -> dict[str, str]:
    """The header with its last signature spoilt."""
    before, digits = split(header)
    is_hex = re.fullmatch("[0-9a-f]+", digits) is not None
    raw = bytes.fromhex(digits) if is_hex else base64.b64decode(digits)
    write = (lambda b: b.hex()) if is_hex else (lambda b: base64.b64encode(b).decode())
    found = {
        "cut by a byte": before + write(raw[:-1]),
        "cut in half": before + write(raw[: len(raw) // 2]),
        "cut by a character": header[:-1],
        "a byte longer": before + write(raw + b"\0"),
        "all zeros": before + write(bytes(len(raw))),
        "with one bit turned": before + write(raw[:-1] + bytes([raw[-1] ^ 1])),
        "without its digits": before,
        "with a space in it": before + digits[:9] + " " + digits[9:],
        "with a tab in it": before + digits[:9] + "\t" + digits[9:],
        "in quotes": f'{before}"{digits}"',
        "in the other encoding": before + (base64.b64encode(raw).decode() if is_hex else raw.hex()),
        "encoded twice": before + base64.b64encode(digits.encode()).decode(),
        "under a prefix of another sender": "sha512=" + digits,
    }
    if is_hex:
        found["in capitals"] = before + digits.upper()
    # A signature without its padding names the same bytes; there is one spelling all the same.
    if digits.endswith("="):
        found["without its padding"] = before + digits.rstrip("=")
    return found


def split(header: str) -> tuple[str, str]:
    """What stands before the last signature of a header, and its digits."""
    digits = re.search(r"[0-9A-Za-z+/]+={0,2}$", header)[0]
    return header[: len(header) - len(digits)], digits
