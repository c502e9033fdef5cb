"""Endpoints: the list, one endpoint with what can be done to it, and the form."""

import re

import pytest
from playwright.sync_api import Page, expect

from buttons import press_if_there
from support.process import wait_until

pytestmark = pytest.mark.relay()

HOSTILE = '<img src=x onerror=alert(1)>\u202egnp.exe"\'><script>alert(2)</script>'


@pytest.fixture(scope="module")
def application(relay) -> str:
    return relay.call("POST", "/api/v1/app", {"name": "Endpoints", "uid": "endpoints"})["id"]


def made(relay, application: str, url: str, **fields) -> str:
    return relay.call("POST", f"/api/v1/app/{application}/endpoint", {"url": url, **fields})["id"]


def published(relay, application: str, type_: str = "invoice.paid", **payload) -> str:
    return relay.call("POST", f"/api/v1/app/{application}/msg", {"eventType": type_, "payload": payload or {"n": 1}})["id"]


def key(relay, scope: str, **fields) -> str:
    return relay.call("POST", "/v1/keys", {"name": scope, "scope": scope, **fields})["key"]


def dialog(page: Page, name: str):
    return page.get_by_role("dialog", name=name)


def more(page: Page, item: str) -> None:
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name=item, exact=True).click()


def test_the_list_says_how_each_endpoint_fares(visit, relay, receiver, application):
    good, bad = receiver.hook("/list-good"), receiver.hook("/list-bad", 500)
    made(relay, application, good.url, description="Warehouse", eventTypes=["invoice.*", "job.*"])
    made(relay, application, bad.url, delays=[1], maxRetries=0)
    made(relay, application, receiver.url + "/list-off", disabled=True)
    published(relay, application)
    good.wait_for(1)
    bad.wait_for(1)
    visitor = visit()
    page = visitor.sign_in(f"/endpoints?application={application}")
    grid = page.get_by_role("grid", name="Endpoints")
    expect(grid.get_by_role("row").filter(has_text="/list-good")).to_contain_text("Healthy")
    expect(grid.get_by_role("row").filter(has_text="/list-good")).to_contain_text("invoice.*")
    row = grid.get_by_role("row").filter(has_text="/list-bad")
    expect(row).to_contain_text("500")
    # The bars are numbers for those who do not see them.
    expect(row.get_by_role("img", name="0 delivered, 1 failed in the last 24 hours")).to_be_visible()
    expect(grid.get_by_role("row").filter(has_text="/list-off")).to_contain_text("Disabled")
    visitor.axe()
    # It is shown live.
    published(relay, application)
    expect(row.get_by_role("img", name="0 delivered, 2 failed in the last 24 hours")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Attempts")).to_be_visible()
    page.go_back()
    expect(grid).to_be_visible()


def test_a_text_finds_endpoints_and_nothing_found_says_so(visit, relay, application):
    made(relay, application, "https://example.com/needle")
    visitor = visit()
    page = visitor.sign_in(f"/endpoints?application={application}&q=needle")
    expect(page.get_by_role("grid").get_by_role("row")).to_have_count(2)
    visitor.open(f"/endpoints?application={application}&q=nothing-has-this")
    expect(page.get_by_text("No endpoint holds this text")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_role("grid")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_without_endpoints_the_receiver_is_there_to_copy(visit, relay, dark):
    empty = relay.call("POST", "/api/v1/app", {"name": "Empty"})["id"]
    visitor = visit(dark=dark, width=360)
    page = visitor.sign_in(f"/endpoints?application={empty}")
    expect(page.get_by_text("events reach nobody")).to_be_visible()
    for language, word in (("Python", "HTTPServer"), ("Node", "createServer"), ("Rust", "HeaderMap")):
        page.get_by_role("button", name=language, exact=True).click()
        expect(page.get_by_text(word).first).to_be_visible()
    visitor.axe()
    visitor.fits()


def test_an_endpoint_is_created_after_the_relay_has_checked_it(visit, relay, receiver, application):
    for number in range(3):
        published(relay, application, "checked.yes", number=number)
    published(relay, application, "checked.no")
    hook = receiver.hook("/created")
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/~new?application={application}")
    page.get_by_label("URL").fill("http://10.0.0.1/hook")
    check = page.get_by_role("region", name="Check")
    expect(check.get_by_text("The address may not be called")).to_be_visible()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")
    visitor.axe()
    page.get_by_label("URL").fill(hook.url)
    expect(check.get_by_text("The address may be called.")).to_be_visible()
    page.get_by_label("Event types").fill("checked.yes")
    expect(check.get_by_text(re.compile(r"3 of \d+ events match"))).to_be_visible()
    # The filter is tried, and its fault is said where it stands.
    page.get_by_label("Filter").fill('{"number":\n 9007199254740993,}')
    expect(page.get_by_text("This is no JSON: line 2")).to_be_visible()
    expect(page.get_by_role("button", name="Create endpoint")).to_be_disabled()
    page.get_by_label("Filter").fill('{"number": {"$lt": 9007199254740993}}')
    page.get_by_text("Body, order and retries").click()
    page.get_by_label("Retries", exact=True).fill("2")
    page.get_by_label("Waits before retries, in seconds").fill("1, 2")
    page.get_by_role("button", name="Create endpoint").click()
    # The receiver is shown, and its secret is filled in.
    expect(page.get_by_text("The endpoint is there. This is its receiver")).to_be_visible()
    page.get_by_role("button", name="Fill in the secret").click()
    expect(page.get_by_text(re.compile("whsec_[A-Za-z0-9+/]{20}"))).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_text("Three tries over 3 s: at once, then after 1 s, 2 s.")).to_be_visible()
    # A number with more digits than JavaScript keeps is as it was written.
    expect(page.get_by_text("9007199254740993")).to_be_visible()
    visitor.axe()
    endpoint = page.url.split("/endpoints/")[1].split("?")[0]
    shown = relay.call("GET", f"/api/v1/app/{application}/endpoint/{endpoint}")
    assert shown["eventTypes"] == ["checked.yes"]
    assert shown["delays"] == [1, 2]


def test_a_refused_form_keeps_what_was_written(visit, relay, application):
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/~new?application={application}")
    page.get_by_label("URL").fill("https://example.com/kept")
    page.get_by_label("Description").fill("Kept")
    visitor.answer(f"/api/v1/app/{application}/endpoint", 422, {"detail": "url: that is no URL"})
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("url: that is no URL")
    expect(page.get_by_label("Description")).to_have_value("Kept")


def test_an_edit_changes_only_what_was_edited(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/edit", filter={"data": {"n": 9007199254740993}}, eventTypes=["a.b"])
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Filter")).to_have_value(re.compile("9007199254740993"))
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Description").fill("Edited")
    with page.expect_request(lambda request: request.method == "PATCH") as patch:
        page.get_by_role("button", name="Save").click()
    assert patch.value.post_data == '{"description":"Edited"}'
    expect(page.get_by_text("Edited", exact=True)).to_be_visible()
    # Back leads to the endpoint, not to the form.
    assert "edit" not in page.url


def test_an_example_is_sent_and_its_answer_shown(visit, relay, receiver, application):
    hook = receiver.hook("/example", 500)
    endpoint = made(relay, application, hook.url, delays=[60], maxRetries=1)
    relay.call("POST", "/api/v1/event-type", {"name": "ex.one", "description": "One", "schemas": {"1": {"examples": [{"a": 1}, {"a": 2}]}}})
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}")
    page.get_by_role("button", name="Send an example").click()
    box = dialog(page, "Send an example")
    box.get_by_label("Event type").select_option("ex.one")
    box.get_by_label("Example").select_option("1")
    visitor.axe()
    box.get_by_role("button", name="Send", exact=True).click()
    expect(box.get_by_text("The receiver answered 500")).to_be_visible()
    assert b'"a":2' in hook.wait_for(1)[0].body.replace(b" ", b"")
    box.get_by_role("button", name="Send another").click()
    box.get_by_label("Payload of your own").fill('{"n": 9007199254740993}')
    box.get_by_role("button", name="Send", exact=True).click()
    assert b"9007199254740993" in hook.wait_for(2)[1].body
    box.get_by_role("button", name="Close").click()
    # The attempts are listed as they come, and each leads to its event.
    grid = page.get_by_role("grid", name="Attempts")
    expect(grid.get_by_role("row").filter(has_text="ex.one")).to_have_count(2)
    grid.get_by_role("link", name="ex.one").first.click()
    page.wait_for_url(re.compile("/events/evt_"))


def test_the_secret_is_shown_once_and_rotated(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/rotate")
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}?tab=settings")
    more(page, "Show the secret")
    box = dialog(page, "Signing secret")
    expect(box.get_by_text(re.compile("^whsec_"))).to_be_hidden()
    box.get_by_role("button", name="Show for a minute").click()
    expect(box.get_by_text(re.compile("^whsec_"))).to_be_visible()
    expect(box.get_by_text(re.compile(r"Hidden again in \d+ s"))).to_be_visible()
    visitor.axe()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    more(page, "Rotate the secret")
    box = dialog(page, "Rotate the signing secret")
    box.get_by_label("The old secret signs as well for").select_option("3600")
    visitor.axe()
    box.get_by_role("button", name="Rotate").click()
    expect(dialog(page, "The secret was rotated")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("replaced; signs as well until")).to_be_visible()


def test_headers_are_changed_and_secret_ones_stay_hidden(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/headers", headers={"x-team": "core", "authorization": "Bearer hidden"})
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}")
    more(page, "Headers")
    box = dialog(page, "Headers")
    expect(box.get_by_label("Value of header 1")).to_have_value("core")
    expect(box.get_by_label("Value of header 2")).to_have_attribute("placeholder", "*** (kept)")
    box.get_by_role("button", name="Add a header").click()
    box.get_by_label("Name of header 3").fill("x-more")
    box.get_by_label("Value of header 3").fill("yes")
    box.get_by_role("button", name="Remove header x-team").click()
    visitor.axe()
    box.get_by_role("button", name="Save").click()
    expect(box).to_be_hidden()
    headers = relay.call("GET", f"/api/v1/app/{application}/endpoint/{endpoint}/headers")
    assert headers == {"headers": {"x-more": "yes"}, "sensitive": ["authorization"]}


def test_an_endpoint_is_disabled_enabled_and_deleted(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/switch")
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}")
    more(page, "Disable")
    box = dialog(page, "Disable this endpoint")
    visitor.axe()
    box.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("because its owner disabled it")).to_be_visible()
    more(page, "Enable")
    dialog(page, "Enable this endpoint").get_by_role("button", name="Enable").click()
    expect(page.get_by_text("Healthy")).to_be_visible()
    more(page, "Delete")
    # A push may have the page look once more at what is gone.
    visitor.expected.append(endpoint)
    box = dialog(page, "Delete this endpoint")
    expect(box.get_by_role("button", name="Delete")).to_be_disabled()
    box.get_by_role("textbox").fill("example.com")
    visitor.axe()
    box.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", level=1, name="Endpoints")).to_be_visible()
    status, _ = relay.send("GET", f"/api/v1/app/{application}/endpoint/{endpoint}", None, relay.authorization)
    assert status == 404


@pytest.mark.parametrize(("item", "title"), [("Recover what failed", "Recover what failed"), ("Replay what was never sent", "Replay what was never sent")])
def test_what_failed_or_was_never_sent_is_counted_then_sent(visit, relay, receiver, item, title):
    owner = relay.call("POST", "/api/v1/app", {"name": title})["id"]
    hook = receiver.hook(f"/again-{title.split()[0]}", 500)
    if item.startswith("Recover"):
        endpoint = made(relay, owner, hook.url, maxRetries=0)
        for _ in range(3):
            published(relay, owner)
        hook.wait_for(3)
        wait_until("the deliveries failed", lambda: relay.call("GET", f"/api/v1/app/{owner}/endpoint/{endpoint}/stats")["fail"] == 3)
    else:
        for _ in range(3):
            published(relay, owner)
        endpoint = made(relay, owner, hook.url, maxRetries=0)
    before = len(hook.requests)
    hook.answer = 200
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}")
    more(page, item)
    box = dialog(page, title)
    box.get_by_role("button", name="Count them").click()
    look = box.get_by_role("button", name="Look again")

    def counted() -> bool:
        press_if_there(look)
        return box.get_by_text("would be sent again.").is_visible()

    wait_until("they are counted", counted)
    expect(box.get_by_role("status")).to_contain_text("3 of")
    assert len(hook.requests) == before
    visitor.axe()
    box.get_by_role("button", name="Send them again").click()
    hook.wait_for(before + 3)
    expect(box.get_by_role("link", name="The task")).to_have_attribute("href", re.compile("/tasks/task_"))


def test_a_reader_sees_all_and_may_change_nothing(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/reader")
    visitor = visit()
    page = visitor.sign_in(f"/endpoints/{endpoint}", key(relay, "read"))
    for name in ("Send an example", "Edit"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
        expect(page.get_by_role("button", name=name)).to_have_attribute("title", "This needs the scope admin.")
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()
    visitor.axe()
    visitor.open("/endpoints/~new")
    expect(page.get_by_role("alert")).to_contain_text("needs a larger scope")
    visitor.axe()


def test_an_endpoint_that_is_not_there_and_a_lost_relay_are_said(visit, relay, application):
    endpoint = made(relay, application, "https://example.com/lost")
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/endpoints/ep_00000000000000000000000000000000")
    expect(page.get_by_role("alert")).to_contain_text("This endpoint is not here")
    visitor.axe()
    visitor.open(f"/endpoints/{endpoint}")
    expect(page.get_by_role("heading", level=1, name="https://example.com/lost")).to_be_visible()
    visitor.answer("/v1/endpoints/**", 500, {"detail": "the table is on fire"}, {"x-request-id": "req-17"})
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").fill("x")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Shown as of")).to_be_visible()
    visitor.open(f"/endpoints/{endpoint}")
    expect(page.get_by_role("alert")).to_contain_text("req-17")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1, name="https://example.com/lost")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_long_and_hostile_texts_stay_texts_and_fit(visit, relay, receiver, dark):
    owner = relay.call("POST", "/api/v1/app", {"name": HOSTILE})["id"]
    endpoint = made(relay, owner, "https://example.com/" + "long-path/" * 40, description=HOSTILE * 4, uid="u" * 200)
    visitor = visit(width=360, dark=dark)
    page = visitor.sign_in(f"/endpoints?application={owner}")
    expect(page.get_by_role("row").filter(has_text="long-path")).to_be_visible()
    visitor.axe()
    visitor.fits()
    for tab in ("", "?tab=waiting", "?tab=letters", "?tab=settings", "?edit=1"):
        visitor.open(f"/endpoints/{endpoint}{tab}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("long-path")
        visitor.axe()
        visitor.fits()
    visitor.open(f"/endpoints/{endpoint}")
    expect(page.get_by_role("main").get_by_text("U+202E").first).to_be_visible()
