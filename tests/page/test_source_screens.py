"""Sources: the list, one source with its refusals, and the form that waits for the first request."""

import hashlib
import hmac
import json
import re
import time

import pytest
from playwright.sync_api import Page, expect

from buttons import press_if_there

pytestmark = pytest.mark.relay()

SECRET = "0123456789abcdef0123456789abcdef"


def post(relay, source: str, body: dict, secret: str = SECRET, at: float = 0, signature: str = "") -> int:
    """Sends as Modal does through the OMTX hub: HMAC over the body, and the time beside it."""
    data = json.dumps(body).encode()
    signed = signature or "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Modal-Signature": signed, "X-Modal-Timestamp": str(int(time.time() + at))}
    return relay.send("POST", f"/in/{source}", data, headers)[0]


def completion(number: int) -> dict:
    return {"call_id": f"fc-{number}", "status": "success", "result": {"n": number}, "metadata": {"job_id": f"job-{number}"}}


def challenge(relay, source: str) -> int:
    """Sends the challenge by which Slack checks a URL."""
    data, at = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aB"}).encode(), str(int(time.time()))
    signed = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + data, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Slack-Signature": f"v0={signed}", "X-Slack-Request-Timestamp": at}
    return relay.send("POST", f"/in/{source}", data, headers)[0]


def source(relay, name: str, profile: str = "modal-omtx", **fields) -> None:
    relay.call("PUT", f"/v1/sources/{name}", {"profile": profile, "secrets": [SECRET], **fields})


def dialog(page: Page, name: str):
    return page.get_by_role("dialog", name=name)


def more(page: Page, item: str) -> None:
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name=item, exact=True).click()


def look_until(page: Page, text: str | re.Pattern) -> None:
    """Waits for a text that comes with a push, or by the button where the relay pushes no refusals."""
    button, found = page.get_by_role("button", name="Look again"), page.get_by_text(text).first
    for _ in range(60):
        try:
            expect(found).to_be_visible(timeout=500)
            return
        except AssertionError:
            press_if_there(button)
    expect(found).to_be_visible()


def test_a_source_says_how_far_the_handshake_with_its_sender_is(visit, relay):
    source(relay, "chat", "slack")
    source(relay, "plain")
    visitor = visit()
    page = visitor.sign_in("/sources/plain")
    handshake = page.locator(".fact").filter(has=page.get_by_text("Handshake", exact=True))
    expect(handshake).to_contain_text("none needed: this sender sends no challenge")
    visitor.open("/sources/chat")
    expect(handshake).to_contain_text("waiting for the sender's challenge: it comes when the URL is saved there")
    visitor.everywhere()
    assert challenge(relay, "chat") == 200
    # The challenge is an event too, and its push brings the new state.
    expect(handshake).to_contain_text("answered")
    expect(handshake.locator("time")).to_be_visible()
    visitor.everywhere()


@pytest.mark.parametrize("dark", [False, True])
def test_without_sources_the_senders_are_listed(visit, relay, dark):
    visitor = visit(dark=dark, width=360)
    visitor.answer("/v1/sources?*", 200, {"data": [], "iterator": None, "done": True})
    page = visitor.sign_in("/sources")
    expect(page.get_by_text("No source yet: nobody can send")).to_be_visible()
    expect(page.get_by_role("link", name="Stripe")).to_have_attribute("href", "/sources/~new?profile=stripe")
    visitor.axe()
    visitor.fits()


def test_the_list_says_who_is_refused(visit, relay):
    source(relay, "listed")
    assert post(relay, "listed", completion(1)) == 202
    assert post(relay, "listed", completion(1), "wrong" * 8) == 401
    assert post(relay, "nobody-has-this-name", completion(1)) == 401
    visitor = visit()
    page = visitor.sign_in("/sources")
    row = page.get_by_role("grid", name="Sources").get_by_role("row").filter(has_text="listed")
    expect(row).to_contain_text("modal-omtx")

    def refused() -> None:
        page.reload()
        expect(row).to_contain_text("Refusals", timeout=2000)

    # An instance writes refusals every ten seconds at most.
    for _ in range(10):
        try:
            refused()
            break
        except AssertionError:
            continue
    expect(row).to_contain_text("Refusals")
    expect(page.get_by_text("/in/nobody-has-this-name")).to_be_visible()
    visitor.axe()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_text("How it is judged")).to_be_visible()


def test_a_silent_source_is_marked(visit, relay):
    source(relay, "silent")
    visitor = visit()
    silent = {"name": "silent", "application": "default", "last_accepted_at": "2026-11-27T00:00:00Z", "usual_gap_s": 60}
    visitor.answer("/v1/status", 200, {"silent_sources": [silent]})
    page = visitor.sign_in("/sources")
    expect(page.get_by_role("row").filter(has_text="silent").get_by_text("Silent", exact=True)).to_be_visible()
    visitor.axe()


def test_a_source_is_created_refused_twice_and_accepted_without_leaving_the_page(visit, relay):
    visitor = visit()
    # The form looks whether there is such a source already.
    visitor.expected.append("/v1/sources/fresh")
    page = visitor.sign_in("/sources/~new")
    expect(page.get_by_role("list", name="Senders").get_by_role("listitem")).to_have_count(25)
    visitor.axe()
    page.get_by_label("Who sends?").fill("modal omtx")
    expect(page.get_by_role("list", name="Senders").get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_have_value("modal-omtx")
    page.get_by_label("Name").fill("fresh")
    visitor.axe()
    page.get_by_label("Secret: webhook secret").fill(SECRET)
    page.get_by_role("button", name="Create and wait").click()
    expect(page.get_by_role("heading", name="Waiting for the first request")).to_be_visible()
    expect(page.get_by_text(f"{relay.url}/in/fresh")).to_be_visible()
    expect(page.get_by_text("relay trigger modal-omtx:success --source fresh")).to_be_visible()
    visitor.axe()
    assert post(relay, "fresh", completion(2), "wrong" * 8) == 401
    look_until(page, "The signature does not match the secret of the source")
    assert post(relay, "fresh", completion(3), at=-3600) == 401
    look_until(page, "Signed too long ago")
    assert post(relay, "fresh", completion(4)) == 202
    expect(page.get_by_role("heading", name="The first request was accepted")).to_be_visible()
    visitor.axe()
    assert "/sources/~new?wait=fresh" in page.url
    page.get_by_role("link", name="Go to the source").click()
    expect(page.get_by_role("heading", level=1, name="fresh")).to_be_visible()


def test_a_source_that_is_there_is_not_replaced_by_the_form(visit, relay):
    source(relay, "there")
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/sources/~new?profile=standard")
    page.get_by_label("Name").fill("there")
    page.get_by_role("button", name="Make one").click()
    expect(page.get_by_label("Secret: signing secret")).to_have_value(re.compile("^whsec_"))
    page.get_by_role("button", name="Create and wait").click()
    expect(page.get_by_role("alert")).to_contain_text('There is a source "there" already')
    assert relay.call("GET", "/v1/sources/there")["profile"] == "modal-omtx"
    visitor.axe()
    page.get_by_label("Name").fill("not-there")
    page.get_by_role("button", name="Create and wait").click()
    expect(page.get_by_role("heading", name="Waiting for the first request")).to_be_visible()


def test_one_source_shows_how_it_is_judged_and_why_it_refused(visit, relay):
    source(relay, "judged", allowed_networks=["127.0.0.0/8"], rate_limit={"requests": 100, "per": "second"})
    for number in range(8):
        assert post(relay, "judged", completion(number), signature="abc") == 401
    visitor = visit()
    page = visitor.sign_in("/sources/judged")
    expect(page.get_by_text("127.0.0.0/8")).to_be_visible()
    expect(page.get_by_text("at most 100 per second")).to_be_visible()
    expect(page.get_by_text("The sender's own signature does not cover the time.")).to_be_visible()
    for _ in range(30):
        page.reload()
        try:
            expect(page.get_by_role("button", name="Show all 8")).to_be_visible(timeout=1000)
            break
        except AssertionError:
            continue
    expect(page.get_by_role("row", name="Header malformed")).to_contain_text("8")
    refused = page.get_by_role("list", name="Refused requests")
    expect(refused.get_by_role("listitem")).to_have_count(6)
    page.get_by_role("button", name="Show all 8").click()
    expect(refused.get_by_role("listitem")).to_have_count(8)
    refused.get_by_role("button", name=re.compile("headers")).first.click()
    expect(refused.get_by_text("x-modal-signature").first).to_be_visible()
    # No value of a header is known to the page.
    expect(refused).not_to_contain_text("abc")
    visitor.axe()


def test_secrets_are_rotated_and_limits_changed(visit, relay):
    source(relay, "changed", tolerance_seconds=120, strict=True)
    visitor = visit()
    page = visitor.sign_in("/sources/changed")
    page.get_by_role("button", name="Rotate secrets").click()
    box = dialog(page, "Rotate the secrets")
    box.get_by_label("New secret").fill("f" * 32)
    box.get_by_label("Old secret, which stays valid").fill(SECRET)
    visitor.axe()
    box.get_by_role("button", name="Replace the secrets").click()
    expect(box).to_be_hidden()
    shown = relay.call("GET", "/v1/sources/changed")
    assert (shown["secret_count"], shown["tolerance_seconds"], shown["strict"]) == (2, 120, True)
    more(page, "Limits and application")
    box = dialog(page, "Limits and application")
    box.get_by_label("Requests").fill("5")
    box.get_by_label("Per").select_option("minute")
    box.get_by_label("Addresses that may call").fill("127.0.0.0/8")
    visitor.axe()
    box.get_by_role("button", name="Save").click()
    expect(page.get_by_text("at most 5 per minute")).to_be_visible()
    shown = relay.call("GET", "/v1/sources/changed")
    assert shown["secret_count"] == 2
    assert shown["rate_limit"] == {"requests": 5, "per": "minute"}
    # A refused change keeps the form.
    more(page, "Limits and application")
    box.get_by_label("Addresses that may call").fill("no network")
    visitor.expected.append("422")
    box.get_by_role("button", name="Save").click()
    expect(box.get_by_role("alert")).to_be_visible()
    expect(box.get_by_label("Addresses that may call")).to_have_value("no network")
    visitor.axe()


def test_a_lock_is_taken_back(visit, relay):
    source(relay, "locked")
    visitor = visit()
    locked = relay.call("GET", "/v1/sources/locked") | {"locked": True}

    def answer(route) -> None:
        if route.request.method == "GET":
            route.fulfill(status=200, content_type="application/json", body=json.dumps(locked))
        else:
            route.continue_()

    visitor.page.route(f"{relay.url}/v1/sources/locked", answer)
    page = visitor.sign_in("/sources/locked")
    expect(page.get_by_text("Locked: it has signed in a replay-safe way")).to_be_visible()
    more(page, "Allow the weaker signature")
    visitor.axe()
    with page.expect_request(lambda request: request.method == "PUT") as put:
        dialog(page, "Allow the weaker signature").get_by_role("button", name="Allow it").click()
    assert put.value.post_data_json["locked"] is False


def test_a_source_is_deleted_after_its_name_was_typed(visit, relay):
    source(relay, "gone")
    visitor = visit()
    page = visitor.sign_in("/sources/gone")
    more(page, "Delete")
    box = dialog(page, "Delete this source")
    expect(box.get_by_role("button", name="Delete")).to_be_disabled()
    box.get_by_role("textbox").fill("gone")
    box.get_by_role("textbox").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Sources")).to_be_visible()
    assert relay.send("GET", "/v1/sources/gone", None, relay.authorization)[0] == 404


def test_a_reader_may_change_nothing_and_what_is_missing_is_said(visit, relay):
    source(relay, "read-only")
    reader = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    visitor = visit()
    page = visitor.sign_in("/sources/read-only", reader)
    expect(page.get_by_role("button", name="Rotate secrets")).to_be_disabled()
    visitor.open("/sources/read-only?act=remove")
    expect(page.get_by_text("How it is judged")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    visitor.open("/sources/~new")
    expect(page.get_by_role("alert")).to_contain_text("needs a larger scope")
    visitor.expected.append("404")
    visitor.open("/sources/absent")
    expect(page.get_by_role("alert")).to_contain_text("This source is not here")
    visitor.axe()


def test_a_lost_relay_leaves_the_rows_and_says_as_of_when(visit, relay):
    source(relay, "stale")
    visitor = visit()
    page = visitor.sign_in("/sources")
    expect(page.get_by_role("row").filter(has_text="stale")).to_be_visible()
    visitor.cut("/v1/sources?*")
    # The push of an event has the list read again, which fails.
    assert post(relay, "stale", completion(9)) == 202
    expect(page.get_by_text("Shown as of")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="stale")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_long_and_hostile_texts_fit(visit, relay, dark):
    name = "long-" + "n" * 55
    source(relay, name)
    hostile = "<script>alert(1)</script>\u202egnp.exe" * 8
    visitor = visit(width=360, dark=dark)
    visitor.answer(f"/v1/sources/{name}/refusals?*", 200, {
        "counts": [{"minute": "2026-11-28T00:00:00Z", "source": name, "reason": "mismatch", "count": 3}],
        "samples": [{"at": "2026-11-28T00:00:00Z", "source": name, "reason": hostile, "sentence": hostile, "headers": [hostile], "bytes": 10**9, "caller": hostile, "content_type": hostile}],
        "complete": False, "counted_from": "2026-11-28T00:00:00Z",
    })
    for path in ("/sources", f"/sources/{name}", f"/sources/~new?wait={name}", "/sources/~new?profile=hmac", "/sources/~new"):
        if path == "/sources":
            page = visitor.sign_in(path)
        else:
            visitor.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        visitor.axe()
        visitor.fits()
    visitor.open(f"/sources/{name}")
    page.get_by_role("button", name="1 header").click()
    expect(page.get_by_role("main").get_by_text("U+202E").first).to_be_visible()
    visitor.axe()
    visitor.fits()
