"""Health: what is looked at, and what to do about it."""

import pytest
from page.scenes import STATUS, TROUBLES
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()

ILL = STATUS | {
    "sweep": {"last_round_at": "2026-11-28T02:00:00Z", "took_ms": 84},
    "queues": [
        {"name": "inbox", "waiting": 3, "in_flight": 1, "delayed": 0},
        {"name": "dead-letters", "waiting": 2, "in_flight": 0, "delayed": 0},
        {"name": "outbox", "waiting": 14203, "in_flight": 10, "delayed": 800},
        {"name": "live", "waiting": None, "in_flight": None, "delayed": None},
    ],
}
WELL = STATUS | {"oldest_waiting": None, "letters": {"waiting": 0, "complete": True}, "silent_sources": [], "troubles": [], "alarms": [], "queues": [{"name": "inbox", "waiting": 0, "in_flight": 0, "delayed": 0}]}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_each_line_says_what_to_do(visit, width, dark):
    visitor = visit(width=width, dark=dark)
    visitor.answer("/v1/status", body=ILL)
    page = visitor.sign_in("/status")
    lines = page.get_by_role("list", name="What was looked at").get_by_role("listitem")
    for words in [
        "InboxStuckAlarm is on for 1 h. U+202Ereason <script>alert(1)</script>",
        "The sweep ran last 1 h ago",
        "2 messages in dead-letters.",
        "14,203 messages wait in the queue outbox.",
        "SQS did not tell the depth of live.",
        "waits since 3 h. Look at its attempts",
        "37 dead letters wait. See what failed",
        "<img src=x onerror=alert(1)> is silent for 5 h; a request usually comes every 2 min.",
    ]:
        expect(lines.filter(has_text=words)).to_have_count(1)
    # What is worst comes first.
    expect(lines.first).to_contain_text("Bad")
    visitor.axe()
    visitor.fits()
    visitor.shot(f"health-{width}-{'dark' if dark else 'light'}")


def test_a_relay_that_is_well_says_so(visit):
    visitor = visit()
    visitor.answer("/v1/status", body=WELL)
    page = visitor.sign_in("/status")
    expect(page.get_by_text("Everything that was looked at is well.")).to_be_visible()
    expect(page.get_by_text("The sweep ran 30 s ago and took 84 ms.")).to_be_visible()
    visitor.axe()


def test_a_session_of_one_application_is_told_what_it_does_not_see(visit):
    visitor = visit()
    visitor.answer("/v1/status", body=WELL | {"queues": None, "troubles": None, "alarms": None})
    page = visitor.sign_in("/status")
    expect(page.get_by_text("They are shown to keys of the whole relay.")).to_be_visible()
    expect(page.get_by_text("Troubles and alarms are shown to keys of the whole relay.")).to_be_visible()
    visitor.axe()


def test_it_is_looked_at_again_by_hand_and_stays_when_that_fails(visit):
    visitor = visit()
    visitor.answer("/v1/status", body=WELL)
    page = visitor.sign_in("/status")
    expect(page.get_by_text("Everything that was looked at is well.")).to_be_visible()
    page.unroute(f"{visitor.relay.url}/v1/status")
    visitor.answer("/v1/status", 500, {"detail": "The table did not answer."})
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("status").filter(has_text="Shown as of")).to_contain_text("The table did not answer.")
    expect(page.get_by_text("The sweep ran 30 s ago and took 84 ms.")).to_be_visible()
    page.unroute(f"{visitor.relay.url}/v1/status")
    visitor.answer("/v1/status", body=ILL)
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("14,203 messages wait")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_each_trouble_says_what_to_do(visit, width, dark):
    visitor = visit(width=width, dark=dark)
    strange = {"kind": "new_kind", "since": "2026-11-28T02:50:00Z", "text": "\u202eNobody knows this <img src=x onerror=alert(1)>"}
    visitor.answer("/v1/status", body=WELL | {"troubles": [*TROUBLES, strange]})
    page = visitor.sign_in("/status")
    lines = page.get_by_role("list", name="What was looked at").get_by_role("listitem").filter(has_text="Trouble")
    expect(lines).to_have_count(len(TROUBLES) + 1)
    for trouble in TROUBLES:
        line = lines.filter(has_text=trouble["text"].split(". ")[0])
        expect(line).to_contain_text("Bad")
        expect(line).to_contain_text("First seen 20 min ago.")
    expect(lines.last).to_contain_text("U+202ENobody knows this <img src=x onerror=alert(1)>")
    # What the API names by its routes, the page names by its screens.
    expect(page.get_by_role("main")).not_to_contain_text("/v1/")
    for words, name, screen in [
        ("Many requests of senders are refused", "The list of sources", "/sources"),
        ("Deliveries are attempted and none arrives", "the list of endpoints", "/endpoints"),
        ("A delivery that is due was not attempted", "Pending events", "/events?state=pending"),
        ("Deliveries are not being made", "Pending events", "/events?state=pending"),
    ]:
        expect(lines.filter(has_text=words).get_by_role("link", name=name, exact=True)).to_have_attribute("href", screen)
    expect(page.get_by_text("11 lines to look at.")).to_be_visible()
    visitor.axe()
    visitor.fits()
    visitor.shot(f"health-troubles-{width}-{'dark' if dark else 'light'}", whole=True)
