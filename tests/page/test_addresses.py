"""Addresses of screens: none of them is one that a name can take."""

import re

import pytest
from playwright.sync_api import expect
from support.process import ROOT

pytestmark = pytest.mark.relay()


@pytest.mark.parametrize("page", ["page.tsx", "portal/portal.tsx"])
def test_a_screen_beside_names_has_an_address_that_no_name_can_take(page):
    """Names and uids are of letters, digits, `-`, `_` and `.`; a screen that stands where they do begins with `~`."""
    patterns = re.findall(r'^  \["(/[^"]*)"', (ROOT / "web" / "src" / page).read_text(), re.MULTILINE)
    named = {pattern.rsplit("/", 1)[0] for pattern in patterns if re.search(r"/:\w+$", pattern)}
    beside = [pattern for pattern in patterns if pattern.rsplit("/", 1)[0] in named and "/:" not in pattern]
    assert beside
    assert [pattern for pattern in beside if "/~" not in pattern] == []


def test_a_source_and_an_endpoint_called_new_are_opened(visit, relay):
    application = relay.call("POST", "/api/v1/app", {"name": "New", "uid": "new"})["id"]
    relay.call("PUT", "/v1/sources/new", {"profile": "hmac", "secrets": ["x" * 40]})
    relay.call("POST", "/api/v1/app/new/endpoint", {"uid": "new", "url": "https://example.com/new"})
    visitor = visit()
    page = visitor.sign_in("/sources")
    page.get_by_role("grid", name="Sources").get_by_role("link", name="new", exact=True).click()
    expect(page).to_have_url(re.compile("/sources/new$"))
    expect(page.get_by_role("heading", level=1, name="new")).to_be_visible()
    expect(page.get_by_text(re.compile("/in/new$")).first).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1, name="new")).to_be_visible()
    # An endpoint is named in its application.
    visitor.open(f"/endpoints/new?application={application}")
    expect(page.get_by_role("heading", level=1, name="https://example.com/new")).to_be_visible()
    page.get_by_role("link", name="Endpoints").first.click()
    page.get_by_role("link", name="New endpoint").click()
    expect(page.get_by_role("heading", level=1, name="New endpoint")).to_be_visible()
    assert "/endpoints/~new" in page.url
    page.reload()
    expect(page.get_by_role("heading", level=1, name="New endpoint")).to_be_visible()


def test_a_class_is_laid_out_in_one_sheet_of_styles():
    """The sheets are one in the browser: a class of the same name in another sheet took the lines of a payload apart."""
    laid = {}
    for sheet in sorted((ROOT / "web" / "src" / "style").glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
        for names, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
            if re.search(r"\b(display|overflow|position):", rules):
                for name in names.split(","):
                    laid.setdefault(name.strip(), set()).add(sheet.name)
    assert {name: sheets for name, sheets in laid.items() if len(sheets) > 1 and name.startswith(".")} == {}
