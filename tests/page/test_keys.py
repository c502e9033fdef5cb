"""API keys: the list, creating one, revoking one."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


def make(relay, name: str, scope: str = "read", application: str | None = None) -> dict:
    body = {"name": name, "scope": scope} | ({"application": application} if application else {})
    status, key = relay.send("POST", "/v1/keys", json.dumps(body).encode(), relay.authorization | {"Content-Type": "application/json"})
    assert status == 201, key
    return key


def test_no_key_says_what_keys_are_for(visit):
    visitor = visit()
    page = visitor.sign_in("/keys")
    expect(page.get_by_role("heading", name="There is no key yet")).to_be_visible()
    visitor.axe()


def test_a_key_is_made_with_the_keyboard_and_shown_once(visit):
    visitor = visit()
    page = visitor.sign_in("/keys?new=1")
    dialog = page.get_by_role("dialog", name="Create a key")
    expect(dialog.get_by_label("Name")).to_be_focused()
    visitor.axe()
    page.keyboard.type("billing")
    page.keyboard.press("Tab")
    page.keyboard.type("publish")
    expect(dialog.get_by_text("registers jobs and batches")).to_be_visible()
    dialog.get_by_label("Name").press("Enter")
    shown = page.get_by_role("dialog", name="The key, shown once")
    key = shown.locator("pre").inner_text()
    assert re.fullmatch(r"rk_[0-9a-f]+_[0-9a-f]+", key)
    visitor.axe()
    # Escape does not throw away what cannot be had again.
    page.keyboard.press("Escape")
    expect(shown).to_be_visible()
    shown.get_by_role("button", name="Copy key").click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    shown.get_by_role("button", name="I have copied it").click()
    expect(shown).to_be_hidden()
    row = page.get_by_role("row").filter(has_text="billing")
    expect(row).to_contain_text("publish")
    assert key not in page.content()
    assert visitor.relay.send("GET", "/v1/events", None, {"Authorization": f"Bearer {key}"})[0] == 200
    assert visitor.requests.count("POST /v1/keys") == 1


def test_a_refused_key_keeps_the_form(visit):
    visitor = visit()
    visitor.answer("/v1/keys", 422, {"detail": "name: at most 256 bytes"})
    page = visitor.sign_in("/status")
    page.goto(f"{visitor.relay.url}/keys?new=1")
    dialog = page.get_by_role("dialog", name="Create a key")
    dialog.get_by_label("Name").fill("n" * 300)
    dialog.get_by_role("button", name="Create key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at most 256 bytes")
    expect(dialog.get_by_label("Name")).to_have_value("n" * 300)
    visitor.axe()
    visitor.expected.append("404")


def test_revoking_types_the_name(visit):
    visitor = visit()
    key = make(visitor.relay, "old service")
    page = visitor.sign_in("/keys")
    page.get_by_role("button", name="Revoke the key old service").click()
    dialog = page.get_by_role("dialog", name="Revoke the key?")
    revoke = dialog.get_by_role("button", name="Revoke")
    expect(revoke).to_be_disabled()
    dialog.get_by_role("textbox").fill("old")
    page.keyboard.press("Enter")
    expect(revoke).to_be_disabled()
    visitor.axe()
    dialog.get_by_role("textbox").fill("old service")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text="old service")).to_have_count(0)
    assert visitor.relay.send("GET", "/v1/events", None, {"Authorization": f"Bearer {key['key']}"})[0] == 401


def test_strange_names_are_shown_as_text_and_confirmed_by_id(visit):
    visitor = visit(width=360)
    key = make(visitor.relay, "\u202eevil <img src=x onerror=alert(1)>")
    make(visitor.relay, "n" * 256)
    page = visitor.sign_in("/keys")
    expect(page.get_by_role("row").filter(has_text="U+202Eevil <img src=x onerror=alert(1)>")).to_be_visible()
    visitor.fits()
    page.get_by_role("button", name=re.compile("U\\+202Eevil")).click()
    expect(page.get_by_role("dialog").locator("code")).to_have_text(key["id"])
    visitor.axe()


def test_a_smaller_scope_sees_the_list_and_may_not_change_it(visit):
    visitor = visit()
    key = make(visitor.relay, "reader")
    page = visitor.sign_in("/keys?new=1", key["key"])
    expect(page.get_by_role("row").filter(has_text="reader")).to_be_visible()
    expect(page.get_by_role("button", name="Create key")).to_be_disabled()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Revoke the key reader")).to_be_disabled()


def test_a_key_of_an_application_makes_keys_of_it_only(visit):
    visitor = visit()
    # The list of keys is for keys of the whole relay.
    visitor.expected.append("403")
    headers = visitor.relay.authorization | {"Content-Type": "application/json"}
    visitor.relay.send("POST", "/api/v1/app", b'{"name":"Acme","uid":"acme"}', headers)
    key = make(visitor.relay, "acme admin", "admin", "acme")
    page = visitor.sign_in("/keys?new=1", key["key"])
    dialog = page.get_by_role("dialog", name="Create a key")
    expect(dialog.get_by_label("Application")).to_have_count(0)
    expect(dialog).to_contain_text("Acme")
    expect(page.get_by_role("row").filter(has_text="old service")).to_have_count(0)


@pytest.mark.parametrize("status, words", [(403, "needs a larger scope"), (500, "The relay failed"), (429, "The relay asks to wait")])
def test_failures_are_said(visit, status, words):
    visitor = visit()
    visitor.answer("/v1/keys?**", status, {"detail": "Because."})
    page = visitor.sign_in("/keys")
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("alert")).to_contain_text("Because.")
    visitor.axe()


@pytest.mark.parametrize("dark", [False, True])
def test_many_keys_fit_and_few_are_drawn(visit, dark):
    visitor = visit(width=360, dark=dark)
    row = {"name": "service", "scope": "publish", "application": None, "created_at": "2026-11-28T02:00:00Z", "last_used_at": "2026-11-28T02:10:00Z"}
    visitor.answer("/v1/keys?**", body={"data": [row | {"id": f"{n:032x}"} for n in range(10_000)], "done": True, "iterator": None})
    page = visitor.sign_in("/keys")
    expect(page.get_by_role("grid", name="Keys")).to_have_attribute("aria-rowcount", "10001")
    assert page.locator("*").count() < 1200
    visitor.axe()
    visitor.fits()
