"""One word of 2,000 letters wherever a sender, a receiver or a user can write: no screen becomes wider than its window."""

import json
import re

import pytest
from page.frames import two_frames
from page.scenes import SCREENS, Furnished, furnish, is_there
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()

WORD = "W" * 2000
# Ids of the relay, moments, and numbers in text stay as they are: nobody but the relay makes them.
OWN = re.compile(r"(evt|msg|ep|app|job|dlv|atmpt|task|rk|rs|key|bat|ltr)_[\w-]*|\d{4}-\d\d-\d\d.*|[\d.]*")
# Members whose text is one of a few that the relay knows, and what it says of itself.
KNOWN = {
    "state", "status", "scope", "kind", "outcome", "error_class", "class", "step", "method", "profile", "health", "circuit", "reason", "phase", "mode", "token", "code",
    "iterator", "prevIterator", "live_url", "version", "relay", "signatureScheme", "body_base64", "order", "ordering", "scheme", "tone", "level", "next_page", "has", "object",
}


def lengthened(value, name: str = ""):
    """The answer of the relay with the long word in every text, and in every name of an object that others name."""
    if isinstance(value, dict):
        if name in ("payload", "metadata", "headers", "result", "examples") and value:
            return {WORD: WORD}
        return {one: part if one in KNOWN else lengthened(part, one) for one, part in value.items()}
    if isinstance(value, list):
        return [lengthened(part) for part in value]
    if isinstance(value, str) and not OWN.fullmatch(value):
        return f"https://{WORD}.example/{WORD}" if value.startswith("http") else WORD
    return value


@pytest.fixture(scope="module")
def have(relay, receiver) -> Furnished:
    return furnish(relay, receiver)


def lengthen(visitor) -> None:
    """Puts the long word into every answer of the relay. What is asked for by a name that is now the word is not there."""
    visitor.expected += ["404", "422", "WebSocket"]

    def respond(route) -> None:
        answer = route.fetch()
        if "json" not in answer.headers.get("content-type", ""):
            return route.fulfill(response=answer)
        route.fulfill(response=answer, body=json.dumps(lengthened(json.loads(answer.text() or "null"))))

    visitor.page.route(re.compile(re.escape(visitor.relay.url) + r"/(v1|api)/(?!sessions|live)"), respond)


# What stands out over the window's right edge, or is cut off by it, and nothing around it scrolls or cuts it on purpose.
OUTSIDE = """() => [...document.querySelectorAll("body *")].filter((one) => {
  const box = one.getBoundingClientRect();
  if (!box.width || !box.height || box.right <= innerWidth + 1 || one.closest(".hidden, .probe, option")) return false;
  for (let around = one.parentElement; around && around !== document.body; around = around.parentElement) {
    const style = getComputedStyle(around);
    if (style.overflowX !== "visible" && around.getBoundingClientRect().right <= innerWidth + 1) return false;
  }
  return true;
}).slice(0, 4).map((one) => `${one.tagName}.${one.className} ${Math.round(one.getBoundingClientRect().right)}`)"""
# A dialog or a menu that must be scrolled sideways.
SIDEWAYS = """() => [...document.querySelectorAll("dialog, .dialog-body, .menu, .nav, .bar, .notice, .card, .head")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline").map((one) => `${one.tagName}.${one.className} ${one.scrollWidth} in ${one.clientWidth}`)"""


def fits(visitor) -> list[str]:
    wide = visitor.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    found = [f"the page is {wide[0]} px wide in a window of {wide[1]} px"] if wide[0] > wide[1] else []
    return found + visitor.page.evaluate(OUTSIDE) + visitor.page.evaluate(SIDEWAYS)


# Tables leave columns out where they are narrow: no width may lie between.
WIDTHS = [360, 480, *range(700, 1500, 50)]


@pytest.mark.parametrize("screen", SCREENS)
def test_a_long_word_widens_no_screen(visit, have, screen):
    visitor = visit(width=360)
    lengthen(visitor)
    page = visitor.sign_in()
    visitor.open(SCREENS[screen](have))
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        is_there(page)
        two_frames(page)
        found += [f"{width} px: {one}" for one in fits(visitor)]
    assert not found, "\n".join(found)


def test_a_table_far_below_the_window_does_not_draw_without_end(visit, have):
    """A table whose rows are out of sight below had no rest: the page stood still."""
    visitor = visit(width=900, height=200)
    page = visitor.sign_in(SCREENS["endpoint"](have))
    is_there(page)
    expect(page.get_by_role("grid", name="Attempts")).to_be_attached()
    assert page.evaluate("new Promise((done) => setTimeout(() => done(true), 50))")
    page.mouse.wheel(0, 5000)
    expect(page.get_by_role("grid", name="Attempts").get_by_role("row").nth(1)).to_be_in_viewport()
