"""The changes of a webhook that we signed, which a receiver's library must refuse in its own words."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from libraries import Judge
from variants import OLD, digit_changed, printed, read, split

from support.table import cell

# Columns of the table of results.
ACCEPTED, REFUSED = "ours accepted", "ours refused"


@dataclass(frozen=True)
class Webhook:
    """Headers, their names in small letters, and body."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Case:
    """One library's judgement of one profile."""

    judge: Judge
    profile: str
    header: str  # The header that holds the signature.
    new_secret: Callable[[], str]
    make: Callable[[object, str, int], Webhook]  # Of the test's context, a secret and a time.
    has_json: bool = True
    # What was signed, once for all changes.
    _signed: list = field(default_factory=list, compare=False)

    def __hash__(self) -> int:
        return id(self)

    @property
    def name(self) -> str:
        return f"{self.profile}: {self.judge.library}"

    def changes(self) -> list[str]:
        """The changes that this library must notice."""
        skipped = set()
        if not self.has_json or self.judge.dumps_again:
            skipped.add("with the body dumped again")
        if not self.judge.looks_back:
            skipped.add("signed too long ago")
        return [name for name in CHANGES if name not in skipped]

    def signed(self, context) -> tuple[str, Webhook]:
        """A secret and what was signed with it, made by the first call."""
        if not self._signed:
            secret = self.new_secret()
            self._signed.append((secret, self.make(context, secret, int(time.time()))))
        return self._signed[0]

    def accepts(self, context) -> None:
        secret, right = self.signed(context)
        verdict = self.judge.verify(secret, right.headers, right.body)
        assert verdict.accepted, f"refused with {verdict.kind}: {verdict.reason}"

    def refuses(self, change: str, context) -> None:
        secret, right = self.signed(context)
        secret, webhook = CHANGES[change](self, secret, right, context)
        verdict = self.judge.verify(secret, webhook.headers, webhook.body)
        assert not verdict.accepted and verdict.kind in self.judge.refusals, verdict


def _signature(change: Callable[[bytes], bytes]):
    def changed(case: Case, secret: str, right: Webhook, _):
        before, digits = split(right.headers[case.header])
        value = before + printed(change(read(digits)), digits)
        return secret, replace(right, headers=right.headers | {case.header: value})

    return changed


# Each by its name: the secret and the webhook that is judged.
CHANGES = {
    "with another secret": lambda case, secret, right, _: (case.new_secret(), right),
    "with a digit of the body changed": lambda case, secret, right, _: (
        secret,
        replace(right, body=digit_changed(right.body)),
    ),
    # Still base64, so that the length is judged.
    "with the signature cut by three bytes": _signature(lambda raw: raw[:-3]),
    "with the signature with one bit turned": _signature(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "with the signature all zeros": _signature(lambda raw: bytes(len(raw))),
    "with the body dumped again": lambda case, secret, right, _: (
        secret,
        replace(right, body=json.dumps(json.loads(right.body), indent=1).encode()),
    ),
    "signed too long ago": lambda case, secret, right, context: (
        secret,
        case.make(context, secret, int(time.time()) - OLD),
    ),
}


def accepting(cases: list[Case]) -> pytest.MarkDecorator:
    """Parametrises a test by the cases."""
    cells = [pytest.param(case, id=case.name, marks=cell(case.name, ACCEPTED)) for case in cases]
    return pytest.mark.parametrize("case", cells)


def refusing(cases: list[Case]) -> pytest.MarkDecorator:
    """Parametrises a test by the cases and the changes of each."""
    cells = [
        pytest.param(case, change, id=f"{case.name}: {change}", marks=cell(case.name, REFUSED))
        for case in cases
        for change in case.changes()
    ]
    return pytest.mark.parametrize(("case", "change"), cells)
