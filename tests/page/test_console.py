"""A job's console alone: with a session, with a live token, in a frame of another page."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


@pytest.fixture(scope="module", autouse=True)
def jobs(relay):
    relay.call("PUT", "/v1/sources/modal", {"profile": "modal", "secrets": ["whsec_" + "c2VjcmV0" * 5]})
    relay.call("PUT", "/v1/jobs/alone", {"source": "modal"})
    log(relay, ["[INFO] first", "\x1b[31mred\x1b[0m"], 1)


def log(relay, lines: list, first: int) -> None:
    relay.call("POST", "/v1/jobs/alone/logs", {"stream": "main", "first_seq": first, "lines": lines})


def token(relay) -> str:
    return relay.call("POST", "/v1/live/tokens", {"job": "alone", "ttl": 600})["token"]


def test_a_token_shows_the_lines_and_the_end_without_a_session_or_a_request(visit, relay):
    visitor = visit()
    page = visitor.page
    page.goto(f"{relay.url}/jobs/alone/console#token={token(relay)}")
    lines = page.get_by_role("log", name="Lines of the log")
    expect(lines).to_contain_text("[INFO] first")
    log(relay, ["then"], 3)
    expect(lines).to_contain_text("then")
    body = {"call_id": "fc-alone", "status": "success", "metadata": {"job_id": "alone"}}
    relay.call("POST", "/v1/sources/modal/inject", {"body": body})
    expect(page.get_by_role("heading", level=1).get_by_text("Succeeded")).to_be_visible()
    assert [one for one in visitor.requests if "/v1/" in one] == []
    # The search changes the address, which loses the fragment; the page is let in again nevertheless.
    page.get_by_label("Search the log").fill("first")
    expect(page.get_by_text("1 found")).to_be_visible()
    page.reload()
    expect(lines).to_contain_text("then")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("more", ["", "&header=0", "&compact=1"])
def test_the_console_is_accessible_and_fits(visit, relay, theme, more):
    visitor = visit(width=360, height=400)
    page = visitor.page
    page.goto(f"{relay.url}/jobs/alone/console?theme={theme}{more}#token={token(relay)}")
    expect(page.get_by_role("log").first).to_contain_text("[INFO] first")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.get_by_role("heading", name="Console").is_visible() == (more == "")
    visitor.axe()
    visitor.fits()


def test_a_session_reads_what_is_long_past(visit, relay):
    visitor = visit()
    visitor.sign_in("/jobs")
    page = visitor.open("/jobs/alone/console")
    expect(page.get_by_role("log", name="Lines of the log")).to_contain_text("red")
    visitor.axe()


def test_nobody_is_let_in_without_a_token(visit, relay):
    visitor = visit()
    page = visitor.open("/jobs/alone/console")
    expect(page.get_by_role("heading", name="This link lets nobody in")).to_be_visible()
    visitor.axe()


def test_a_wrong_token_says_so(visit, relay):
    visitor = visit()
    visitor.expected += ["WebSocket", "401"]
    page = visitor.open("/jobs/alone/console#token=rlv1_wrong")
    expect(page.get_by_text("The link may have expired")).to_be_visible()
    visitor.axe()


def test_a_token_of_another_job_hears_nothing(visit, relay):
    visitor = visit()
    page = visitor.open(f"/jobs/other/console#token={token(relay)}")
    expect(page.get_by_role("alert")).to_contain_text("no such thing")
