"""The frame around the screens: signing in and out, navigation, keys, themes."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


def test_a_link_with_a_code_signs_in_and_leaves_no_code_in_the_address(visit):
    visitor = visit()
    page = visitor.sign_in("/keys?limit=5")
    assert page.url == f"{visitor.relay.url}/keys?limit=5"
    expect(page.get_by_role("heading", level=1, name="Keys")).to_be_visible()
    # A second tab has the session too.
    other = visitor.context.new_page()
    other.goto(f"{visitor.relay.url}/tasks")
    expect(other.get_by_role("heading", level=1, name="Tasks")).to_be_visible()


def test_a_used_code_asks_for_another(visit):
    visitor = visit()
    headers = visitor.relay.authorization
    _, made = visitor.relay.send("POST", "/v1/sessions/codes", None, headers)
    visitor.relay.send("POST", "/v1/sessions", ('{"code":"%s"}' % made["code"]).encode(), {"Content-Type": "application/json"})
    visitor.expected.append("403")
    page = visitor.page
    page.goto(f"{visitor.relay.url}/#code={made['code']}")
    expect(page.get_by_text("This link was used or has expired")).to_be_visible()
    assert "#" not in page.url
    visitor.axe()


def test_an_api_key_signs_in_and_is_not_kept(visit):
    visitor = visit()
    page = visitor.page
    page.goto(visitor.relay.url)
    field = page.get_by_label("API key")
    field.fill("rk_wrong")
    visitor.expected.append("401")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The relay does not know this key.")).to_be_visible()
    visitor.axe()
    field.fill(visitor.relay.admin)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Screens")).to_be_visible()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert visitor.relay.admin not in stored
    assert "rs_" in stored


def test_signing_out_ends_the_session_at_the_relay(visit):
    visitor = visit()
    page = visitor.sign_in("/")
    token = page.evaluate("JSON.parse(localStorage['relay.session']).token")
    page.get_by_label("Settings and session").click()
    visitor.axe()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    status, _ = visitor.relay.send("GET", "/v1/sessions/current", None, {"Authorization": f"Bearer {token}"})
    assert status == 401


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_frame_is_accessible_and_fits(visit, width, dark):
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in("/keys")
    if width == 360:
        page.get_by_role("button", name="Open the navigation").click()
        expect(page.get_by_role("navigation", name="Screens")).to_be_visible()
    visitor.axe()
    visitor.fits()


def test_keys_lead_from_screen_to_screen_and_do_nothing_while_somebody_types(visit):
    visitor = visit()
    page = visitor.sign_in("/keys")
    expect(page.get_by_role("heading", level=1, name="Keys")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.get_by_role("heading", level=1, name="Events")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("Search any id")).to_be_focused()
    page.keyboard.type("go")
    assert page.url.endswith("/events")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    visitor.axe()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Keys")).to_be_visible()


def test_the_theme_and_the_clock_are_kept(visit):
    visitor = visit()
    page = visitor.sign_in("/keys")
    page.get_by_label("Settings and session").click()
    page.get_by_role("button", name="Dark theme").click()
    page.get_by_label("Settings and session").click()
    page.get_by_role("button", name="Show UTC").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_label("Settings and session").click()
    expect(page.get_by_role("button", name="Show local time")).to_be_visible()


def test_a_path_without_a_screen_says_so(visit):
    visitor = visit()
    page = visitor.sign_in("/events/one/two")
    expect(page.get_by_text("There is no such screen")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
def test_the_bar_is_as_wide_as_the_window_and_screens_keep_their_width(visit, width):
    """Scroll bars of this browser take no room, so that an empty gutter is all that could be beside the bar."""
    visitor = visit(width=width)
    page = visitor.sign_in("/tasks")
    right = "document.querySelector('.bar').getBoundingClientRect().right"
    assert page.evaluate(right) == width
    # A screen that does not scroll has the room of a scroll bar taken, too, where scroll bars take any.
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate("getComputedStyle(document.documentElement).overflowY") == "scroll"
