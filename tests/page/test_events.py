"""The list of events: live rows, filters, choosing, replay and export."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


@pytest.fixture(scope="module")
def shop(relay, receiver) -> str:
    """An application with an endpoint and 120 events."""
    application = relay.call("POST", "/api/v1/app", {"name": "Shop", "uid": "shop"})["id"]
    receiver.hook("/ok")
    relay.call("POST", "/api/v1/app/shop/endpoint", {"url": f"{receiver.url}/ok"})
    for n in range(120):
        publish(relay, {"n": n}, "order.created" if n % 2 else "invoice.paid")
    return application


def publish(relay, payload, type="invoice.paid") -> str:
    return relay.call("POST", "/api/v1/app/shop/msg", {"eventType": type, "payload": payload})["id"].replace("msg_", "evt_")


def test_an_event_appears_by_itself_and_its_state_follows(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}")
    rows = page.locator("[data-row]")
    expect(rows.first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    event = publish(relay, {}, "just.now")
    row = page.locator(f"[data-row='{event}']")
    expect(row).to_contain_text("just.now")
    expect(row).to_contain_text("Delivered")
    expect(rows.first).to_have_attribute("data-row", event)


def test_what_comes_while_paused_or_scrolled_is_counted(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}")
    expect(page.locator("[data-row]").first).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    event = publish(relay, {}, "while.paused")
    fresh = page.get_by_role("button", name="1 new event")
    expect(fresh).to_be_visible()
    expect(page.locator(f"[data-row='{event}']")).to_have_count(0)
    visitor.axe()
    fresh.click()
    expect(page.locator(f"[data-row='{event}']")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.evaluate("window.scrollTo(0, 900)")
    publish(relay, {}, "while.scrolled")
    expect(fresh).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.get_by_text("while.scrolled")).to_be_visible()


def test_the_list_is_read_further_and_is_gapless(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}")
    page.get_by_role("button", name="Show more").click()
    grid = page.get_by_role("grid", name="Events")
    expect(grid).to_have_attribute("aria-rowcount", "101")


def test_the_keyboard_chooses_and_replays(visit, relay, shop, receiver):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}&type=invoice.paid")
    expect(page.locator("[data-row]").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    bar = page.get_by_role("region", name="Chosen events")
    expect(bar).to_contain_text("3 events chosen")
    visitor.axe()
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Replay 3 events")
    expect(dialog.get_by_text("3 events make 3 deliveries to 1 endpoint")).to_be_visible()
    visitor.axe()
    before = len(receiver.hook("/ok").requests)
    dialog.get_by_role("button", name="Replay").dblclick()
    expect(dialog.get_by_text("3 events of 3 were sent again.")).to_be_visible()
    receiver.hook("/ok").stays_at(before + 3)
    dialog.get_by_role("button", name="Close").click()
    # The focus is where it was, and Enter opens the row.
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/events/evt_"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"type=invoice\.paid"))


def test_what_cannot_be_replayed_is_named(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}")
    page.locator("[data-row] input").first.click()
    page.locator("[data-row] input").nth(1).click()
    visitor.answer("/v1/events/*/replay", 404, {"detail": "Entity not found"})
    page.get_by_role("region", name="Chosen events").get_by_role("button", name="Replay…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("2 events cannot be sent")).to_be_visible()
    expect(dialog.get_by_role("button", name="Replay")).to_be_disabled()
    visitor.axe()


def lines(download) -> list[dict]:
    return [json.loads(line) for line in download.value.path().read_text().splitlines()]


def test_events_are_exported_as_lines(visit, relay, shop):
    big = '{"eventType":"big.number","payload":{"n":123456789012345678901234567890}}'
    relay.call("POST", "/api/v1/app/shop/msg", big.encode())
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}&type=big.number")
    page.locator("[data-row] input").first.click()
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Export events")
    visitor.axe()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    expect(dialog.get_by_text("1 event saved.")).to_be_visible()
    assert lines(download)[0]["payload"]["n"] == 123456789012345678901234567890
    dialog.get_by_role("button", name="Close").click()
    visitor.open(f"/events?application={shop}&type=order.created")
    expect(page.locator("[data-row]").first).to_be_visible()
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    found = lines(download)
    assert len(found) == 60
    assert {one["type"] for one in found} == {"order.created"}


def test_an_export_that_fails_keeps_what_was_read_and_can_be_cancelled(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}")
    expect(page.locator("[data-row]").first).to_be_visible()
    visitor.expected.append("500")

    def answer(route):
        if "limit=250" not in route.request.url:
            return route.fallback()
        if "iterator" in route.request.url:
            return route.fulfill(status=500, json={"detail": "the table does not answer"})
        return route.fulfill(json={"data": [{"id": "evt_1"}], "done": False, "iterator": "next"})

    page.route(re.compile(r"/v1/events\?"), answer)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Export events")
    dialog.get_by_role("button", name="Export").click()
    expect(dialog.get_by_text("the table does not answer")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Save the 1 that were read").click()
    assert lines(download) == [{"id": "evt_1"}]
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_an_empty_list_names_the_filter_that_excludes_everything(visit, relay, shop):
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}&type=invoice.paid&source=nowhere")
    expect(page.get_by_text("No event fits all filters")).to_be_visible()
    expect(page.get_by_text("Nothing has the source nowhere")).to_be_visible()
    visitor.axe()
    page.get_by_role("button", name="Remove this filter").click()
    expect(page.locator("[data-row]").first).to_be_visible()
    assert "source=" not in page.url
    visitor.expected.append("404")
    visitor.open(f"/events?application={shop}&source=nowhere")
    expect(page.get_by_text("There is no source of this name")).to_be_visible()


def test_the_first_event_is_explained(visit, relay):
    empty = relay.call("POST", "/api/v1/app", {"name": "Empty"})["id"]
    for width in (360, 1440):
        visitor = visit(width=width, dark=width == 360)
        page = visitor.sign_in(f"/events?application={empty}")
        expect(page.get_by_text("No event has come yet")).to_be_visible()
        expect(page.locator("pre").first).to_contain_text(f"/api/v1/app/{empty}/msg")
        visitor.axe()
        visitor.fits()


def test_states(visit, relay, shop):
    visitor = visit()
    visitor.answer("/v1/events?*", 500, {"detail": "the table does not answer"}, {"x-request-id": "req-7"})
    page = visitor.sign_in(f"/events?application={shop}")
    expect(page.get_by_text("the table does not answer")).to_be_visible()
    expect(page.get_by_text("req-7")).to_be_visible()
    visitor.axe()
    page.unroute(f"{relay.url}/v1/events?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-row]").first).to_be_visible()
    visitor.cut("/v1/**")
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_text(re.compile(r"Shown as of \d\d:\d\d:\d\d"))).to_be_visible()
    expect(page.locator("[data-row]").first).to_be_visible()
    visitor.axe()


def test_a_reader_may_not_replay(visit, relay, shop):
    key = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    visitor = visit()
    page = visitor.sign_in(f"/events?application={shop}", key)
    page.locator("[data-row] input").first.click()
    expect(page.get_by_role("region", name="Chosen events").get_by_role("button", name="Replay…")).to_be_disabled()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 900, 1440])
def test_it_is_accessible_and_fits(visit, shop, width, dark):
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in(f"/events?application={shop}&type=order.created")
    expect(page.locator("[data-row]").first).to_be_visible()
    page.locator("[data-row] input").first.click()
    visitor.axe()
    visitor.fits()
    visitor.shot(f"events-{width}{'-dark' if dark else ''}")
