"""Profile × library, the other way: what we sign the libraries accept, and not if anything is changed."""

import base64
import json
import re
import secrets
import time

import bodies
import ours
import senders
import tools
from libraries import GUIDES, JUDGES, Judge, twilio_at
from relay import Delivery, Receiver, Relay
from report import OURS_ACCEPTED, OURS_REFUSED, Report
from variants import OLD, digit_changed, signed, split

# What each profile's sender says, and how its secrets look.
SAID = {sender.profile: sender for sender in reversed(senders.every())}


def signed_by_us(report: Report) -> None:
    """Our signatures for each profile of a sender, as `relay sign` makes them."""
    for judge in [*JUDGES, twilio_at(senders.TWILIO_URL)]:
        for profile in judge.profiles:
            sender = SAID[profile]

            def make(secret: str, at: int) -> Delivery:
                name = secrets.token_hex(12)
                body = sender.body(name, at).encode()
                headers = ours.sign(profile, secret, name, at, body, senders.TWILIO_URL if profile == "twilio" else None)
                beside = {name.lower(): value for name, value in sender.beside(at).items()}
                return Delivery(beside | headers, body)

            header = sender.signature.lower()
            judge_ours(report, judge, profile, header, sender.secret, make)


def delivered_by_us(report: Report, relay: Relay, receiver: Receiver) -> None:
    """What `relay dev` sends to an endpoint of each profile, judged as the five systems' documents do it."""
    source_secret = senders.token()
    source = {"profile": "modal-omtx", "secrets": [source_secret], "application": "guides"}
    relay.call("PUT", "/v1/sources/guides", source)
    relay.call("POST", "/api/v1/app", {"name": "guides", "uid": "guides"})
    for judge in GUIDES:
        (profile,) = judge.profiles

        def make(secret: str, at: int) -> Delivery:
            path = f"/{profile}-{secrets.token_hex(4)}"
            wanted = {"url": receiver.url + path, "profile": profile, "secret": secret}
            relay.call("POST", "/api/v1/app/guides/endpoint", wanted)
            if profile.startswith("hokusai"):
                said = f'{{"eventType":"model.registered","payload":{bodies.NASTY}}}'.encode()
                relay.call("POST", "/api/v1/app/guides/msg", said)
            else:
                completed(relay, source_secret, at)
            return receiver.wait_at("/hook" + path, 1)

        judge_ours(report, judge, profile, judge.header, senders.token, make)


def completed(relay: Relay, secret: str, at: int) -> None:
    """A job ends: some systems speak of nothing else."""
    sender = SAID["modal-omtx"]
    request = signed(sender, secret, secrets.token_hex(12), at)
    status, answer = relay.send("POST", "/in/guides", request.body, request.headers)
    if status != 202:
        raise tools.Failed(f"the completion was answered {status}: {answer}")


def judge_ours(report: Report, judge: Judge, profile: str, header: str, new_secret, make) -> None:
    """Accepted as it was made; refused, and in the library's own words, when something is changed."""
    row, title = (profile, judge.library), f"{profile}: what we sign, by {judge.library},"
    secret, now = new_secret(), int(time.time())
    try:
        right = make(secret, now)
    except Exception as error:
        failure = error
        report.check(f"{title} can be made", lambda: _raise(failure), row, OURS_ACCEPTED)
        return

    def accepted() -> None:
        verdict = judge.verify(secret, right.headers, right.body)
        if not verdict.accepted:
            raise AssertionError(f"refused with {verdict.kind}: {verdict.reason}")

    def refused(by: str, delivery: Delivery) -> None:
        verdict = judge.verify(by, delivery.headers, delivery.body)
        if verdict.accepted or verdict.kind not in judge.refusals:
            raise AssertionError(f"{verdict}")

    report.check(f"{title} is accepted", accepted, row, OURS_ACCEPTED)
    changed = {
        "with another secret": (new_secret(), right),
        "with a digit of the body changed": (secret, Delivery(right.headers, digit_changed(right.body))),
    }
    for how, value in _spoilt(right.headers[header]).items():
        changed[f"with the signature {how}"] = (secret, Delivery(right.headers | {header: value}, right.body))
    if not judge.dumps_again and right.body.startswith(b"{"):
        again = json.dumps(json.loads(right.body), indent=1).encode()
        changed["with the body dumped again"] = (secret, Delivery(right.headers, again))
    if judge.looks_back:
        changed["signed too long ago"] = (secret, make(secret, now - OLD))
    for how, (by, delivery) in changed.items():
        report.check(f"{title} is refused {how}", lambda: refused(by, delivery), row, OURS_REFUSED)


def _spoilt(value: str) -> dict[str, str]:
    before, digits = split(value)
    is_hex = re.fullmatch("[0-9a-f]+", digits) is not None
    raw = bytes.fromhex(digits) if is_hex else base64.b64decode(digits)
    # Cut by three bytes: still base64, so that it is its length that is judged.
    cut = raw[:-3].hex() if is_hex else base64.b64encode(raw[:-3]).decode()
    turned = raw[:-1] + bytes([raw[-1] ^ 1])
    return {
        "cut by three bytes": before + cut,
        "with one bit turned": before + (turned.hex() if is_hex else base64.b64encode(turned).decode()),
        "all zeros": before + (bytes(len(raw)).hex() if is_hex else base64.b64encode(bytes(len(raw))).decode()),
    }


def _raise(error: Exception) -> None:
    raise error
