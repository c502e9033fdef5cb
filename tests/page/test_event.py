"""One event: payload, request, deliveries, and what can be done."""

import json
import re

import pytest
from playwright.sync_api import expect
from support.process import wait_until

pytestmark = pytest.mark.relay()


@pytest.fixture(scope="module")
def shop(relay, receiver):
    """An application with a receiver that answers, one that fails and one that cannot be reached."""
    relay.call("POST", "/api/v1/app", {"name": "Shop", "uid": "shop"})
    receiver.hook("/ok")
    receiver.hook("/fails", answer=503)
    ends = {}
    for uid, url, more in [
        ("ok", f"{receiver.url}/ok", {}),
        ("fails", f"{receiver.url}/fails", {"delays": [600], "breaker": {"threshold": 100, "recoverySeconds": 10}}),
        ("away", "http://127.0.0.1:9/hook", {"delays": [1]}),
    ]:
        ends[uid] = relay.call("POST", "/api/v1/app/shop/endpoint", {"uid": uid, "url": url, **more})["id"]
    return ends


def publish(relay, payload, type="invoice.paid", raw: str | None = None) -> str:
    body = raw.encode() if raw else {"eventType": type, "payload": payload}
    return relay.call("POST", "/api/v1/app/shop/msg", body)["id"].replace("msg_", "evt_")


@pytest.fixture(scope="module")
def failing(relay, shop) -> str:
    """An event of which one delivery arrived, one failed and one died."""
    event = publish(relay, {"id": "in_1", "amount": 7})

    def settled():
        states = [(one["state"], one["attempts_made"]) for one in relay.call("GET", f"/v1/events/{event}")["deliveries"]]
        return sorted(states) == [("dead", 2), ("delivered", 1), ("pending", 1)]

    wait_until("the event is delivered, failing and dead", settled, 60)
    return event


@pytest.mark.parametrize("turned", [False, True])
def test_it_says_why_it_stands_as_it_does_and_what_to_do(visit, relay, failing, turned):
    visitor = visit()
    # Deliveries come in the order of their ids, which are made by chance.
    detail = relay.call("GET", f"/v1/events/{failing}")
    deliveries = sorted(detail["deliveries"], key=lambda one: one["state"], reverse=turned)
    visitor.answer(f"/v1/events/{failing}", body=detail | {"deliveries": deliveries})
    page = visitor.sign_in(f"/events/{failing}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("invoice.paid")
    expect(page.get_by_text("1 of 3 have arrived. One delivery has used up all attempts.")).to_be_visible()
    # The newest failure of what is dead is open, of which the sentence speaks.
    expect(page.locator(".moment-more")).to_have_count(1)
    expect(page.get_by_text("No connection could be made.", exact=True)).to_be_visible()
    page.get_by_role("article", name=re.compile("fails")).get_by_role("button", name=re.compile("503")).click()
    expect(page.get_by_text("The endpoint answered 503.")).to_be_visible()
    expect(page.get_by_text("Check that it runs.")).to_be_visible()
    assert "open=atmpt_" in page.url
    expect(page.get_by_role("article", name=re.compile("fails"))).to_contain_text(re.compile(r"Next attempt\s*in \d+:\d\d min"))
    page.get_by_role("article", name=re.compile("hook")).get_by_role("button", name=re.compile("connect")).first.click()
    expect(page.get_by_text("No connection could be made.", exact=True)).to_be_visible()
    visitor.axe()
    visitor.shot("event", whole=True)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 900, 1440])
def test_it_is_accessible_and_fits(visit, failing, width, dark):
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in(f"/events/{failing}")
    expect(page.get_by_role("tree", name="Payload")).to_be_visible()
    for view in ["Tree", "Raw", "Hex"]:
        page.get_by_role("group", name="View of Payload").get_by_role("button", name=view).click()
        visitor.axe()
        visitor.fits()
    page.get_by_role("tab", name="Request").click()
    expect(page.get_by_text("There is no request")).to_be_visible()
    visitor.axe()
    visitor.fits()


def test_a_payload_is_shown_as_it_was_written(visit, relay, shop):
    raw = (
        '{"eventType":"order.created","payload":{"big":123456789012345678901234567890.10,"a":1,"a":2,"rtl":"x\u202ey",'
        '"deep":{"b":{"c":{"d":1}}},"many":[' + ",".join(str(n) for n in range(500)) + "]}}"
    )
    event = publish(relay, None, raw=raw)
    visitor = visit()
    page = visitor.sign_in(f"/events/{event}")
    tree = page.get_by_role("tree", name="Payload")
    expect(tree.get_by_text("xU+202Ey")).to_be_visible()
    assert "\u202e" not in page.locator("body").inner_text()
    tree.get_by_text("300 more").click()
    expect(tree.get_by_role("treeitem", name=re.compile("^499"))).to_be_visible()
    # Folded below the third level; the keyboard opens it.
    for name in ("b", "c"):
        tree.get_by_role("treeitem", name=re.compile(f"^{name}:")).focus()
        page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem", name="d: 1")).to_be_visible()
    # A copy has what was written.
    page.get_by_role("button", name="Copy Payload").click()
    expect(page.get_by_role("button", name="Copied").first).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied)["rtl"] == "x\u202ey"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    assert download.value.path().read_text() == copied


PAYLOADS = {
    "digits and a key twice": ('{"n":123456789012345678901234567890.10,"a":1,"a":2}', ["123456789012345678901234567890.10", "again"]),
    "10,000 levels": ('{"d":' + "[" * 10_000 + "]" * 10_000 + "}", ["1 item"]),
    "1 MB in one line": ('{"s":"' + "y" * 1_000_000 + '"}', ["more signs"]),
    "a lone surrogate": ('{"s":"\\ud800"}', ["\\ud800"]),
    "many members": ("[" + ",".join(["1"] * 300_000) + "]", ["299,800 more"]),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_that_break_viewers_do_not_break_this_one(visit, relay, failing, name):
    payload, shown = PAYLOADS[name]
    detail = relay.call("GET", f"/v1/events/{failing}")
    visitor = visit()
    body = json.dumps(detail | {"payload": "HERE"}).replace('"HERE"', payload)
    visitor.answer(f"/v1/events/{failing}", body=body)
    page = visitor.sign_in(f"/events/{failing}")
    tree = page.get_by_role("tree", name="Payload")
    for text in shown:
        expect(tree.get_by_text(text).first).to_be_visible()
    unfold = page.get_by_role("button", name="Unfold all")
    if unfold.is_visible():
        unfold.click()
    for view in ["Raw", "Hex"]:
        page.get_by_role("group", name="View of Payload").get_by_role("button", name=view).click()
        expect(page.get_by_role("group", name="Payload", exact=True)).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    visitor.fits()


@pytest.mark.parametrize("height", [400, 900])
def test_a_text_is_searched(visit, relay, failing, height):
    detail = relay.call("GET", f"/v1/events/{failing}")
    visitor = visit(height=height)
    visitor.answer(f"/v1/events/{failing}", body=detail | {"payload": {"lines": [f"line {n} of line {n}" for n in range(4000)]}})
    page = visitor.sign_in(f"/events/{failing}")
    # The tree draws but some rows; its search leads to the text.
    expect(page.get_by_role("tree", name="Payload")).to_be_visible()
    page.get_by_role("button", name="Find").click()
    field = page.get_by_label("Find in Payload")
    expect(field).to_be_focused()
    mark = page.locator("mark.current").first
    for text, places in [("LINE 39", 222), ("line 3999", 2), ("line 0 ", 1)]:
        field.fill(text)
        expect(page.get_by_text(f"1 of {places}", exact=True)).to_be_visible()
        expect(mark).to_be_in_viewport(ratio=0.9)
    field.fill("line 39")
    # Step by step, also to a second place of one line, and back to the last one.
    for at in (2, 3, 4):
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"{at} of 222")).to_be_visible()
        expect(mark).to_be_in_viewport(ratio=0.9)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.keyboard.press("Enter")
    expect(page.get_by_text("5 of 222")).to_be_visible()
    expect(mark).to_be_in_viewport(ratio=0.9)
    field.fill("line 39")
    page.evaluate("document.querySelector('.sheet').scrollTop = 0")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("222 of 222")).to_be_visible()
    expect(mark).to_be_in_viewport(ratio=0.9)
    box = page.get_by_role("group", name="Payload", exact=True).bounding_box()
    seen = mark.bounding_box()
    assert max(box["y"], 48) <= seen["y"] and seen["y"] + seen["height"] <= min(box["y"] + box["height"], height)


def test_a_replay_says_first_who_receives_it(visit, relay, failing, receiver, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events/{failing}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("invoice.paid")
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Replay this event")
    expect(dialog.get_by_text("3 endpoints receive it")).to_be_visible()
    visitor.axe()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.locator("summary").get_by_text("More").click()
    visitor.axe()
    page.get_by_role("button", name="Replay to…").click()
    dialog = page.get_by_role("dialog", name="Replay to one endpoint")
    dialog.get_by_label("Endpoint").select_option(shop["ok"])
    expect(dialog.get_by_text("1 endpoint receives it")).to_be_visible()
    before = receiver.count(failing) or receiver.count(failing.replace("evt_", "msg_"))
    dialog.get_by_role("button", name="Replay").dblclick()
    expect(dialog).to_be_hidden()
    posts = [one for one in visitor.requests if one.startswith("POST") and one.endswith("/replay")]
    # The dry runs, and one that was meant.
    hook = receiver.hook("/ok")
    hook.wait_for(before + 1 if before else 2)
    assert len(posts) <= 4
    # The page hears of the second delivery by itself.
    expect(page.get_by_role("article", name=re.compile("ok$")).first.get_by_role("button", name=re.compile("2\\."))).to_be_visible()


def test_a_failed_act_keeps_its_form(visit, relay, failing):
    def attempts() -> int:
        deliveries = relay.call("GET", f"/v1/events/{failing}")["deliveries"]
        return sum(len(delivery["attempts"]) for delivery in deliveries)

    visitor = visit()
    page = visitor.sign_in(f"/events/{failing}")
    visitor.answer("/api/v1/app/**/resend", 503, {"detail": "the queue does not answer"})
    page.get_by_role("article", name=re.compile("127.0.0.1:9")).get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog", name="Send again")
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog.get_by_text("the queue does not answer")).to_be_visible()
    visitor.axe()
    page.unroute(f"{visitor.relay.url}/api/v1/app/**/resend")
    before = attempts()
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog).to_be_hidden()
    wait_until("the delivery is attempted", lambda: before < attempts(), 30)


def test_a_delivery_that_waits_is_tried_now(visit, relay, shop):
    event = publish(relay, {"id": "in_9"})

    def attempts() -> int:
        deliveries = relay.call("GET", f"/v1/events/{event}")["deliveries"]
        return next(it["attempts_made"] for it in deliveries if it["endpoint_id"] == shop["fails"])

    wait_until("the first attempt failed", lambda: attempts() == 1, 30)
    page = visit().sign_in(f"/events/{event}")
    article = page.get_by_role("article", name=re.compile("fails"))
    article.get_by_role("button", name="Try now").click()
    page.get_by_role("dialog", name="Try now").get_by_role("button", name="Try now").click()
    # The second would be made ten minutes later.
    wait_until("the second attempt is made", lambda: attempts() == 2, 30)
    expect(article.get_by_role("button", name="Retry")).to_be_visible()


def test_commands_are_copied(visit, failing):
    visitor = visit()
    page = visitor.sign_in(f"/events/{failing}")
    visitor.expected.append("404")
    page.locator("summary").get_by_text("More").click()
    page.get_by_role("button", name="Copy as curl…").click()
    dialog = page.get_by_role("dialog", name="Copy as curl")
    expect(dialog.locator("pre")).to_contain_text("whsec_PUT_YOUR_SECRET_HERE")
    visitor.axe()
    page.keyboard.press("Escape")
    page.locator("summary").get_by_text("More").click()
    page.get_by_role("button", name="Copy as relay trigger…").click()
    expect(page.get_by_role("dialog", name="Copy as relay trigger")).to_contain_text("came from no sender")


def test_conflicts_stand_side_by_side(visit, relay, failing):
    detail = relay.call("GET", f"/v1/events/{failing}")
    for width in (1440, 360):
        visitor = visit(width=width)
        visitor.answer(f"/v1/events/{failing}", body=detail | {"conflicts": 1, "payload": {"a": 1, "b": [1, 2, 3], "c": "same"}})
        other = '{"a":2,"b":[1,2,3],"c":"same","d":"<script>alert(1)</script>"}'
        visitor.answer(
            f"/v1/events/{failing}/conflicts",
            body={"data": [{"at": detail["created_at"], "bytes": 60, "content_type": "application/json", "body": other, "body_base64": None}], "kept": 1, "conflicts": 1},
        )
        page = visitor.sign_in(f"/events/{failing}?tab=conflicts")
        difference = page.get_by_role("group", name=re.compile("Conflicting request"))
        expect(difference.get_by_text('"a": 1,')).to_be_visible()
        expect(difference.get_by_text('"a": 2,')).to_be_visible()
        expect(difference.get_by_text("<script>alert(1)</script>")).to_be_visible()
        visitor.axe()
        visitor.fits()


def test_states(visit, relay, failing):
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/events/evt_00000000000000000000000000000000")
    expect(page.get_by_text("This event is not here")).to_be_visible()
    visitor.axe()
    visitor.open(f"/events/{failing}")
    expect(page.get_by_role("tree", name="Payload")).to_be_visible()
    # The relay goes away: what is there stays, and says as of when it is.
    visitor.cut("/v1/**")
    page.get_by_role("article", name=re.compile("ok$")).first.get_by_role("button", name="Send again").click(timeout=5000)
    dialog = page.get_by_role("dialog", name="Send again")
    page.route(f"{relay.url}/api/**", lambda route: route.abort())
    dialog.get_by_role("button", name="Send", exact=True).click()
    expect(dialog.get_by_text("The relay cannot be reached")).to_be_visible()
    expect(page.get_by_role("tree", name="Payload", include_hidden=True)).to_be_visible()


def test_a_reader_may_not_act(visit, relay, failing):
    key = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    visitor = visit()
    page = visitor.sign_in(f"/events/{failing}", key)
    replay = page.get_by_role("button", name="Replay", exact=True)
    expect(replay).to_be_disabled()
    expect(replay).to_have_attribute("title", "This needs the scope admin.")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_content_is_removed_only_after_the_id_was_typed(visit, relay, shop):
    event = publish(relay, {"secret": "forget me"})
    visitor = visit()
    page = visitor.sign_in(f"/events/{event}")
    expect(page.get_by_text("forget me")).to_be_visible()
    page.locator("summary").get_by_text("More").click()
    page.get_by_role("button", name="Remove the content…").click()
    dialog = page.get_by_role("dialog", name="Remove the content")
    button = dialog.get_by_role("button", name="Remove for good")
    expect(button).to_be_disabled()
    visitor.axe()
    dialog.get_by_role("textbox").fill(event)
    button.click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("its content was removed")).to_be_visible()
    expect(page.get_by_text("forget me")).to_have_count(0)
