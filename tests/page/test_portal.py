"""The portal: the screens of one application, for its subscriber, alone or in a frame."""

import json
import re

import pytest
from page.frames import two_frames
from playwright.sync_api import expect

from support.process import wait_until

pytestmark = pytest.mark.relay()

ALL = ["ViewBase", "ViewEndpointSecret", "ManageEndpointSecret", "ManageTransformations", "CreateAttempts", "ManageEndpoint"]


def application(relay) -> str:
    """The id of the application `acme`, with an endpoint and an event."""
    headers = relay.authorization | {"Content-Type": "application/json"}
    status, found = relay.send("GET", "/api/v1/app/acme", None, headers)
    if status == 404:
        _, found = relay.send("POST", "/api/v1/app", b'{"name":"Acme","uid":"acme"}', headers)
        relay.send("POST", "/api/v1/app/acme/endpoint", b'{"url":"http://127.0.0.1:1/hook"}', headers)
        relay.send("POST", "/api/v1/app/acme/msg", b'{"eventType":"invoice.paid","payload":{"html":"<script>alert(1)</script>"}}', headers)
    return found["id"]


def enter(visitor, path: str = "/portal", capabilities: list[str] = ALL, read_only: bool = False):
    """Opens a portal. Its rights are told by the session; that the relay keeps to them is shown elsewhere."""
    app = application(visitor.relay)
    rights = {"capabilities": capabilities, "feature_flags": [], "read_only": read_only}
    session = {"scope": "read", "application": app, "expires_at": "2099-01-01T00:00:00Z", "portal": rights, "relay": {"version": "0.1.0", "url": None, "live_url": None}}
    visitor.answer("/v1/sessions/current", body=session)
    return visitor.sign_in(path)


def test_it_shows_one_application_and_four_screens(visit):
    visitor = visit()
    page = enter(visitor)
    expect(page).to_have_url(f"{visitor.relay.url}/portal/endpoints")
    expect(page.get_by_role("banner")).to_contain_text("Acme")
    navigation = page.get_by_role("navigation", name="Screens")
    expect(navigation.get_by_role("link")).to_have_text(["Endpoints", "Events", "Dead letters", "Event types"])
    for name in ["Events", "Dead letters", "Event types", "Endpoints"]:
        navigation.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(navigation.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        # Every link stays in the portal, also in another tab.
        outside = page.eval_on_selector_all("a[href^='/']", "links => links.map((link) => link.getAttribute('href')).filter((href) => !href.startsWith('/portal/'))")
        assert outside == []
        visitor.axe()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Event types")).to_be_visible()
    # What belongs to the owner is not asked for.
    assert not [request for request in visitor.requests if re.search(r"/v1/(sources|keys|status|refusals|profiles)", request)]
    page.goto(f"{visitor.relay.url}/portal/keys")
    expect(page.get_by_text("There is no such screen")).to_be_visible()


def test_an_event_shows_its_payload_and_neither_request_nor_owner_acts(visit):
    visitor = visit()
    page = enter(visitor, "/portal/events")
    page.get_by_role("link", name="invoice.paid").first.click()
    expect(page).to_have_url(re.compile(r"/portal/events/evt_"))
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    expect(page.get_by_role("tab", name="Payload")).to_be_visible()
    expect(page.get_by_role("tab", name="Request")).to_have_count(0)
    expect(page.get_by_role("button", name="Replay", exact=True)).to_be_enabled()
    assert "Remove the content" not in page.content() and "relay trigger" not in page.content()
    visitor.axe()


def test_a_portal_that_may_only_look_offers_nothing_else(visit):
    visitor = visit()
    page = enter(visitor, "/portal/endpoints", ["ViewBase"], read_only=True)
    expect(page.get_by_text("View only")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="127.0.0.1")).to_be_visible()
    expect(page.get_by_text("New endpoint")).to_have_count(0)
    page.goto(f"{visitor.relay.url}/portal/endpoints/~new")
    expect(page.get_by_role("alert")).to_contain_text("This portal may only look.")
    visitor.axe()
    page.goto(f"{visitor.relay.url}/portal/events")
    page.get_by_role("link", name="invoice.paid").first.click()
    expect(page.get_by_role("tab", name="Payload")).to_be_visible()
    expect(page.get_by_role("button", name="Replay", exact=True)).to_have_count(0)
    page.goto(f"{visitor.relay.url}/portal/event-types")
    expect(page.get_by_role("heading", level=1, name="Event types")).to_be_visible()
    expect(page.get_by_role("button", name="New event type")).to_have_count(0)


def test_the_address_chooses_theme_and_accent_for_the_tab(visit):
    visitor = visit()
    page = enter(visitor, "/portal?theme=dark&accent=%2388ffcc&locale=de-AT")
    root = page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    expect(root).to_have_attribute("lang", "en")
    accent = "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    assert page.evaluate(accent) == "rgb(136 255 204)"
    visitor.axe()
    # Another screen, loaded anew, looks the same.
    page.goto(f"{visitor.relay.url}/portal/letters")
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate(accent) == "rgb(136 255 204)"


@pytest.mark.parametrize("accent", ["%23ffff00", "red;background:url(//x)", "%2312", "javascript:alert(1)"])
def test_an_accent_that_is_not_legible_is_refused(visit, accent):
    visitor = visit()
    visitor.expected.append("The accent colour was not used")
    page = enter(visitor, f"/portal?theme=light&accent={accent}")
    assert any("The accent colour was not used" in fault for fault in visitor.faults)
    assert page.evaluate("document.documentElement.style.getPropertyValue('--accent')") == ""
    visitor.axe()


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_narrow_frame(visit, dark):
    visitor = visit(width=360, dark=dark)
    page = enter(visitor, "/portal/events")
    expect(page.get_by_role("row").filter(has_text="invoice.paid").first).to_be_visible()
    visitor.axe()
    visitor.fits()
    visitor.shot(f"portal-{'dark' if dark else 'light'}")


def test_all_dead_letters_are_redriven_without_a_filter(visit, relay, receiver):
    """The session's application was sent as a filter, which the relay takes for none."""
    visitor = visit()
    hook = receiver.hook("/portal-fails", answer=500)
    app = application(relay)
    relay.call("POST", f"/api/v1/app/{app}/endpoint", {"url": hook.url, "giveUpOn": [500], "eventTypes": ["invoice.lost"]})
    relay.call("POST", f"/api/v1/app/{app}/msg", {"eventType": "invoice.lost", "payload": {"n": 1}})
    letters = "/v1/webhooks/dead-letter?limit=10"
    wait_until("a letter is parked", lambda: relay.call("GET", letters)["data"], 60)
    page = visitor.page
    page.goto(f"{relay.url}/portal/letters#code={code_of(visitor)}")
    page.get_by_role("button", name="Redrive all…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("No filter is set: all letters are meant.")
    dialog.get_by_role("button", name="Redrive 1 letter").click()
    assert len(hook.wait_for(2)) == 2
    visitor.axe()


def test_a_used_link_says_so_and_asks_for_no_key(visit):
    visitor = visit()
    visitor.expected += ["403", "401"]
    page = visitor.page
    page.goto(f"{visitor.relay.url}/portal#code=rc_wrong")
    expect(page.get_by_role("heading", name="This link was used, or it has expired")).to_be_visible()
    expect(page.get_by_role("textbox")).to_have_count(0)
    assert "#" not in page.url
    visitor.axe()


def code_of(visitor) -> str:
    """A code of the application's portal, as a subscriber's link has it."""
    app = application(visitor.relay)
    status, made = visitor.relay.send("POST", f"/api/v1/auth/app-portal-access/{app}", b"{}", visitor.relay.authorization | {"Content-Type": "application/json"})
    assert status == 200, made
    return made["url"].split("#code=")[1]


@pytest.mark.parametrize(("opened", "shown"), [("/", "/portal/endpoints"), ("/events?type=invoice.paid", "/portal/events?type=invoice.paid")])
def test_a_portals_code_opens_the_portal_wherever_it_is_used(visit, opened, shown):
    visitor = visit()
    page = visitor.page
    page.goto(f"{visitor.relay.url}{opened}#code={code_of(visitor)}")
    expect(page).to_have_url(f"{visitor.relay.url}{shown}")
    expect(page.get_by_role("banner")).to_contain_text("Acme")
    # The session goes along, and is no owner's.
    assert page.evaluate("[localStorage['relay.session'] ?? null, sessionStorage['relay.portal'].includes('rs_')]") == [None, True]
    page.reload()
    expect(page.get_by_role("banner")).to_contain_text("Acme")


def test_an_owners_code_at_the_portal_opens_the_page(visit):
    visitor = visit()
    page = visitor.page
    application(visitor.relay)
    _, made = visitor.relay.send("POST", "/v1/sessions/codes", None, visitor.relay.authorization)
    page.goto(f"{visitor.relay.url}/portal/endpoints#code={made['code']}")
    expect(page).to_have_url(f"{visitor.relay.url}/endpoints")
    expect(page.get_by_role("link", name="Keys")).to_be_visible()
    assert page.evaluate("sessionStorage['relay.portal'] ?? null") is None
    page.reload()
    expect(page.get_by_role("link", name="Keys")).to_be_visible()


def test_its_session_is_not_the_owners(visit):
    visitor = visit()
    enter(visitor)
    page = visitor.page
    assert page.evaluate("localStorage['relay.session']") is None
    assert "rs_" in page.evaluate("sessionStorage['relay.portal']")


def framed(visitor, frame: str) -> list[dict]:
    """Embeds the portal into a page of another origin, and returns the messages that this page got."""
    relay = visitor.relay
    inside = f"{relay.url}/portal?frame={frame}#code={code_of(visitor)}"
    page = visitor.page
    # The owner's page, and the header that allows it to embed the portal.
    page.route("http://owner.test/**", lambda route: route.fulfill(content_type="text/html", body=f"""<!doctype html><title>owner</title>
        <script>window.got = []; addEventListener("message", (message) => got.push({{ origin: message.origin, data: message.data }}));</script>
        <iframe src="{inside}" width="800" height="200"></iframe>"""))

    def embeddable(route):
        answer = route.fetch()
        headers = {name: value for name, value in answer.headers.items() if name not in ("content-security-policy", "x-frame-options", "cross-origin-opener-policy")}
        route.fulfill(response=answer, headers=headers)

    page.route(re.compile(re.escape(relay.url) + r"/portal(\?|$)"), embeddable)
    # Chromium takes the owner's page for one of the internet, from which no socket leads to this machine.
    visitor.expected += ["request to another host: http://owner.test/", "LOCAL_NETWORK_ACCESS"]
    page.goto("http://owner.test/")
    expect(page.frame_locator("iframe").get_by_role("navigation", name="Screens")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_role("heading", level=1, name="Endpoints")).to_be_visible()
    # Messages that were sent have come after some frames.
    two_frames(page.frames[-1])
    two_frames(page)
    return page.evaluate("got")


def test_the_height_is_told_to_the_page_that_is_named(visit):
    visitor = visit()
    got = framed(visitor, "http://owner.test")
    assert got, "no message came"
    assert all(one["origin"] == visitor.relay.url for one in got)
    last = got[-1]["data"]
    assert last["type"] == "relay:height" and 200 < last["height"] < 3000
    assert set(json.loads(json.dumps(last))) == {"type", "height"}


@pytest.mark.parametrize("frame", ["http://other.test", "", "null", "*", "data:text/html,x"])
def test_the_height_is_told_to_nobody_else(visit, frame):
    visitor = visit()
    visitor.expected.append("postMessage")
    assert framed(visitor, frame) == []
