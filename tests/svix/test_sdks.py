"""Svix's own SDKs as clients of a running relay: operations × {Python 2.9, Python 1.99, JavaScript, Rust}.

Each SDK plays every operation of the contract, and the calls that it has beside, by its own methods. It checks what the relay
did and what the SDK's own models make of the answers. `-k` with operations or an SDK plays those alone.
"""

import urllib.request

import pytest
from operations import COLUMNS, CONTRACT, ROWS
from players import Player

from support.table import cell

ALL = [row for _, rows in ROWS for row in rows]


@pytest.fixture(scope="module")
def players(relay_program, request: pytest.FixtureRequest):
    """The running player of an SDK. The first call starts it, with the rows that the chosen tests are about."""
    chosen: dict[str, set[str]] = {}
    for item in request.session.items:
        if item.path == request.path and "row" in item.callspec.params:
            row, sdk = item.callspec.params["row"], item.callspec.params.get("sdk")
            for one in [sdk] if sdk else [one for one in COLUMNS if row not in COLUMNS[one]]:
                chosen.setdefault(one, set()).add(row)
    playing: dict[str, Player] = {}

    def player(sdk: str) -> Player:
        if sdk not in playing:
            rows = [] if len(chosen[sdk]) == len(ALL) - len(COLUMNS[sdk]) else sorted(chosen[sdk])
            playing[sdk] = Player(sdk, rows).__enter__()
        return playing[sdk]

    # All of them side by side: a player mostly waits.
    for sdk in COLUMNS:
        if sdk in chosen:
            player(sdk)
    yield player
    for one in playing.values():
        one.__exit__()


@pytest.mark.parametrize(
    ("sdk", "row"),
    [
        pytest.param(sdk, row, id=f"{sdk}: {row}", marks=cell(row, sdk))
        for sdk, without in COLUMNS.items()
        for row in ALL
        if row not in without
    ],
)
def test_the_sdk_plays_the_operation(players, sdk: str, row: str):
    why = players(sdk).why_not(row)
    assert why is None, why


@pytest.mark.parametrize("row", [pytest.param(row, marks=cell(row, "every SDK")) for row in CONTRACT])
def test_every_sdk_that_has_the_operation_plays_it(players, relay, row: str):
    played = {sdk: players(sdk).why_not(row) for sdk, without in COLUMNS.items() if row not in without}
    if played:
        assert {sdk: why for sdk, why in played.items() if why is not None} == {}
        return
    # The one operation that no SDK has a method for.
    assert row == "health.ping"
    for method in ("GET", "HEAD"):
        request = urllib.request.Request(relay.url + "/api/v1/health/ping", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 204
