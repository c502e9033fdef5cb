"""Event types: the list, one type with its schema and who wants it, and the form."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


def made(relay, name: str, **fields) -> None:
    relay.call("POST", "/api/v1/event-type", {"name": name, "description": "A type", **fields})


def endpoint(relay, url: str, *types: str) -> str:
    return relay.call("POST", "/api/v1/app/default/endpoint", {"url": url, "eventTypes": list(types) or None})["id"]


@pytest.fixture(scope="module", autouse=True)
def application(relay) -> None:
    relay.call("POST", "/api/v1/app", {"name": "default", "uid": "default"})


@pytest.mark.parametrize("dark", [False, True])
def test_without_types_the_list_says_what_they_are_for(visit, relay, dark):
    visitor = visit(dark=dark, width=360)
    visitor.answer("/api/v1/event-type?*", 200, {"data": [], "iterator": None, "prevIterator": None, "done": True})
    page = visitor.sign_in("/event-types")
    expect(page.get_by_text("No event type is written down")).to_be_visible()
    visitor.axe()
    visitor.fits()


def test_a_type_is_created_edited_and_archived(visit, relay):
    visitor = visit()
    page = visitor.sign_in("/event-types")
    page.get_by_role("button", name="New event type").click()
    box = page.get_by_role("dialog", name="New event type")
    box.get_by_label("Name").fill("made.here")
    box.get_by_label("Description").fill("Made here")
    box.get_by_label("Schema").fill('{"type": "object",\n"maximum": 9007199254740993,}')
    expect(box.get_by_text(re.compile(r"This is no JSON: line 2, character \d+"))).to_be_visible()
    expect(box.get_by_role("button", name="Create")).to_be_disabled()
    visitor.axe()
    box.get_by_label("Schema").fill('{"type": "object", "maximum": 9007199254740993, "examples": [{"a": 9007199254740993}]}')
    box.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name="made.here")).to_be_visible()
    # Numbers are as they were written, in the schema and in its example.
    expect(page.get_by_text("9007199254740993")).to_have_count(2)
    visitor.axe()
    page.get_by_role("button", name="Edit").click()
    box = page.get_by_role("dialog", name="Edit the event type")
    expect(box.get_by_label("Schema")).to_have_value(re.compile("9007199254740993"))
    box.get_by_label("Description").fill("Edited")
    visitor.axe()
    with page.expect_request(lambda request: request.method == "PATCH") as patch:
        box.get_by_role("button", name="Save").click()
    assert "schemas" not in patch.value.post_data_json
    expect(page.get_by_text("Edited", exact=True)).to_be_visible()
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Archive", exact=True).click()
    visitor.axe()
    page.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("Archived", exact=True)).to_be_visible()
    visitor.open("/event-types")
    page.get_by_role("button", name="Archived too").click()
    expect(page.get_by_role("row").filter(has_text="made.here")).to_contain_text("Archived")
    assert "archived=1" in page.url


def test_older_versions_of_a_schema_stay_when_the_newest_is_edited(visit, relay):
    made(relay, "versions", schemas={"1": {"title": "old"}, "2": {"title": "new"}})
    visitor = visit()
    page = visitor.sign_in("/event-types/versions")
    expect(page.get_by_text('"title": "new"')).to_be_visible()
    page.get_by_role("button", name="Version 1").click()
    expect(page.get_by_text('"title": "old"')).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    box = page.get_by_role("dialog")
    box.get_by_label("Schema, version 2").fill('{"title": "newer"}')
    box.get_by_role("button", name="Save").click()
    expect(box).to_be_hidden()
    schemas = relay.call("GET", "/api/v1/event-type/versions")["schemas"]
    assert schemas == {"1": {"title": "old"}, "2": {"title": "newer"}}


def test_the_endpoints_that_want_a_type_are_listed_and_can_be_sent_an_example(visit, relay, receiver):
    hook = receiver.hook("/wanted")
    made(relay, "wanted.one", schemas={"1": {"examples": [{"n": 1}]}})
    endpoint(relay, hook.url, "wanted.*")
    endpoint(relay, "https://example.com/another", "other.type")
    visitor = visit()
    page = visitor.sign_in("/event-types")
    expect(page.get_by_role("row").filter(has_text="wanted.one")).to_contain_text("1 endpoint")
    visitor.axe()
    page.keyboard.press("j")
    page.get_by_role("link", name="wanted.one").click()
    expect(page.get_by_role("link", name=hook.url)).to_be_visible()
    expect(page.get_by_text("https://example.com/another")).to_have_count(0)
    page.get_by_role("button", name="Send an example").click()
    box = page.get_by_role("dialog", name="Send an example")
    expect(box.get_by_label("Event type")).to_have_value("wanted.one")
    box.get_by_role("button", name="Send", exact=True).click()
    expect(box.get_by_text("The receiver answered 200")).to_be_visible()
    hook.wait_for(1)


def test_a_type_is_deleted_after_its_name_was_typed(visit, relay):
    made(relay, "to.delete")
    visitor = visit()
    page = visitor.sign_in("/event-types/to.delete?act=remove")
    box = page.get_by_role("dialog", name="Delete the event type")
    box.get_by_role("textbox").fill("to.delete")
    visitor.axe()
    box.get_by_role("textbox").press("Enter")
    expect(page.get_by_role("heading", level=1, name="Event types")).to_be_visible()
    status, _ = relay.send("GET", "/api/v1/event-type/to.delete", None, relay.authorization)
    assert status == 404


def test_a_reader_may_change_nothing_and_failures_are_said(visit, relay):
    made(relay, "read.only")
    reader = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    visitor = visit()
    page = visitor.sign_in("/event-types/read.only", reader)
    expect(page.get_by_role("button", name="Edit")).to_be_disabled()
    visitor.expected.append("404")
    visitor.open("/event-types/not.there")
    expect(page.get_by_role("alert")).to_contain_text("This event type is not here")
    visitor.axe()
    visitor.answer("/api/v1/event-type?*", 503, {"detail": "wait"})
    visitor.open("/event-types")
    expect(page.get_by_role("alert")).to_contain_text("The relay asks to wait")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("grid", name="Event types")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_long_and_hostile_texts_stay_texts_and_fit(visit, relay, dark):
    hostile = '<img src=x onerror=alert(1)>\u202egnp.exe'
    name = ("a.long.type." * 20)[:200].rstrip(".") + ("1" if dark else "2")
    made(relay, name, groupName="group", schemas={"1": {"title": hostile * 20, "examples": [{hostile: hostile}]}}, description=hostile * 10)
    visitor = visit(width=360, dark=dark)
    page = visitor.sign_in("/event-types")
    expect(page.get_by_role("row").filter(has_text="a.long.type").first).to_be_visible()
    visitor.axe()
    visitor.fits()
    visitor.open(f"/event-types/{name}")
    expect(page.get_by_role("main").get_by_text("U+202E").first).to_be_visible()
    visitor.axe()
    visitor.fits()
    page.get_by_role("button", name="Edit").click()
    visitor.axe()
    visitor.fits()
