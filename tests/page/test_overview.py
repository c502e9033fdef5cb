"""The overview: figures, charts, what needs a look, and the first minute."""

import json
import re
import time

import pytest
from page.scenes import STATUS, TROUBLES
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()

TIMES = [f"2026-11-28T02:{minute:02}:00.000Z" for minute in range(60)]
STATS = {
    "since": TIMES[0],
    "until": "2026-11-28T03:00:00.000Z",
    "step": "1m",
    "approximate": True,
    "times": TIMES,
    "series": {
        "received": [20] * 60,
        "duplicates": [1] + [0] * 59,
        "conflicts": [0] * 60,
        "refused": [0] * 59 + [7],
        "announced": [20] * 60,
        "attempts": [25] * 60,
        "delivered": [19] * 60,
        "failed": {"status": [5] * 60, "timeout": [1] * 60},
        "parked": [0] * 60,
    },
    "first_attempt_ms": {"p50": [41] * 60, "p95": [93] * 60, "p99": [210] * 60, "total": {"p50": 41, "p95": 93, "p99": 210}},
    "delivered_ms": {"p50": [88] * 30 + [None] * 30, "p95": [9400] * 60, "p99": [54000] * 60, "total": {"p50": 88, "p95": 9400, "p99": 54000}},
}
EVENT = {"id": "evt_0123456789", "type": "job.succeeded"}


def inject(relay) -> None:
    """Makes the source `demo` and an event of it."""
    headers = relay.authorization | {"Content-Type": "application/json"}
    if relay.send("GET", "/v1/sources/demo", None, headers)[0] == 404:
        body = json.dumps({"profile": "modal-omtx", "secrets": ["x" * 40]}).encode()
        assert relay.send("PUT", "/v1/sources/demo", body, headers)[0] in (200, 201)
    body = json.dumps({"modal_call_id": f"fc-{time.time()}", "status": "success", "metadata": {"job_id": f"job-{time.time()}"}}).encode()
    assert relay.send("POST", "/v1/sources/demo/inject", body, headers)[0] in (200, 202)


def filled(visit, **options):
    """A visitor to whom the relay tells of all that the overview shows."""
    visitor = visit(**options)
    inject(visitor.relay)
    visitor.answer("/v1/stats?**", body=STATS)
    visitor.answer("/v1/status", body=STATUS)
    return visitor


# The first test of the module: the relay has seen no event.
def test_the_first_event_is_sent_from_the_page_and_arrives_live(visit):
    visitor = visit()
    visitor.answer("/v1/status", body=STATUS | {"silent_sources": [], "alarms": [], "letters": {"waiting": 0, "complete": True}, "oldest_waiting": None})
    page = visitor.sign_in("/")
    first = page.get_by_role("region", name="The first minute")
    expect(first).to_contain_text("No event has come yet")
    expect(first.locator("pre")).to_contain_text(f"{visitor.relay.url}/v1/sources/demo")
    visitor.axe()
    before = len(visitor.requests)
    first.get_by_role("button", name="Send one now").dblclick()
    expect(first.get_by_role("heading")).to_have_text("The first event is here")
    expect(first.get_by_role("link").filter(has_text="job.succeeded")).to_have_count(1)
    assert visitor.requests[before:].count("POST /v1/sources/demo/inject") == 1
    # The figures appear below, without another look by the person.
    figures = page.get_by_role("region", name="Figures of the last 24 hours")
    expect(figures).to_contain_text("1 announced", timeout=15_000)
    visitor.axe()
    page.reload()
    expect(figures).to_contain_text("1 announced")
    expect(first).to_have_count(0)


def test_figures_lead_to_their_lists(visit):
    visitor = filled(visit)
    page = visitor.sign_in("/?range=1h")
    figures = page.get_by_role("region", name="Figures of the last hour")
    for name, value, target in [
        ("Received", "1,200", r"/events\?since="),
        ("Delivered", "1,140", r"/events\?state=delivered&since="),
        ("Success rate", "76.0 %", r"/events\?state=failing&since="),
        ("To first attempt", "41 ms", r"/events\?since="),
        ("To delivery", "88 ms", r"/events\?state=delivered"),
        ("Dead letters", "37", r"/letters\?state=waiting"),
        ("Oldest waiting", "", r"/events/evt_1\?open=dlv_1"),
        ("Refused", "7", r"/sources"),
    ]:
        figure = figures.get_by_role("link").filter(has=page.get_by_text(name, exact=True))
        expect(figure.locator(".figure-value")).to_contain_text(value)
        expect(figure).to_have_attribute("href", re.compile(target))


def test_the_range_is_in_the_address(visit):
    visitor = visit()
    inject(visitor.relay)
    visitor.answer("/v1/status", body=STATUS)
    page = visitor.sign_in("/")
    day = page.get_by_role("button", name="24 h")
    expect(day).to_have_attribute("aria-pressed", "true")
    with page.expect_request(lambda request: "step=1h" in request.url):
        page.get_by_role("button", name="7 days").click()
    assert "range=7d" in page.url
    expect(page.get_by_role("region", name="Figures of the last 7 days")).to_be_visible()
    page.go_back()
    expect(day).to_have_attribute("aria-pressed", "true")
    page.goto(f"{visitor.relay.url}/?range=nonsense")
    expect(day).to_have_attribute("aria-pressed", "true")


def test_charts_have_a_table_whose_times_lead_to_events(visit):
    visitor = filled(visit)
    page = visitor.sign_in("/?range=1h")
    expect(page.get_by_role("img", name="Events of the last hour: 1,200 received, 1,140 delivered, 360 attempts failed")).to_be_visible()
    expect(page.locator(".chart-lines svg")).to_have_count(2)
    page.get_by_text("Numbers as a table").first.click()
    table = page.get_by_role("region", name="Events, as a table")
    expect(table.get_by_role("row")).to_have_count(61)
    expect(table.get_by_role("row").nth(1)).to_contain_text("20196")
    expect(table.get_by_role("link").first).to_have_attribute("href", re.compile(r"/events\?since=2026-11-28T02:59:00.000Z&until="))
    visitor.axe()


def test_a_stretch_of_a_chart_leads_to_its_events(visit):
    visitor = filled(visit)
    page = visitor.sign_in("/?range=1h")
    over = page.locator(".chart-lines svg").first
    over.wait_for()
    box = over.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 50)
    expect(page.locator(".legend-time").first).not_to_be_empty()
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 60)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/events\?since=2026-11-28T02:.*&until=2026-11-28T02:"))


def test_what_needs_a_look_is_named(visit):
    visitor = filled(visit)
    endpoint = {
        "id": "ep_1", "application": "app_1", "url": "https://example.com/" + "x" * 300, "kind": "http", "description": "", "events": [], "profile": None, "disabled": False,
        "health": {"state": "open", "since": "2026-11-28T02:00:00Z"}, "letters_waiting": 12, "last_attempt": {"at": "2026-11-28T02:00:00Z", "status": 503, "error_class": "status"},
        "series_24h": {"delivered": [0] * 24, "failed": [9] * 24, "complete": True},
    }
    many = [endpoint | {"id": f"ep_{n}", "letters_waiting": n} for n in range(9)] + [endpoint | {"id": "well", "health": {"state": "healthy"}, "letters_waiting": 0}]
    visitor.answer("/v1/endpoints?**", body={"data": many, "done": True, "iterator": None, "letters_complete": True})
    sample = {"at": "2026-11-28T02:00:00Z", "source": "strange<b>", "caller": None, "reason": "mismatch", "sentence": "The signature \u202e<script>alert(1)</script> does not match.", "headers": [], "bytes": 2}
    visitor.answer("/v1/refusals?**", body={"counts": [], "samples": [sample], "complete": True})
    page = visitor.sign_in("/")
    expect(page.locator(".attention.bad")).to_contain_text("InboxStuckAlarm went off")
    expect(page.locator(".attention.bad")).to_contain_text("U+202Ereason <script>alert(1)</script>")
    expect(page.locator(".attention.warn")).to_contain_text("<img src=x onerror=alert(1)> is silent")
    worst = page.locator("section", has=page.get_by_role("heading", name="Endpoints that need a look"))
    expect(worst.get_by_role("listitem")).to_have_count(5)
    expect(worst.get_by_role("listitem").first).to_contain_text("8 dead letters")
    expect(worst.get_by_role("listitem").first.get_by_role("link")).to_have_attribute("href", "/endpoints/ep_8?application=app_1")
    expect(page.get_by_text("The signature U+202E<script>alert(1)</script> does not match.")).to_be_visible()
    visitor.axe()
    visitor.fits()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_troubles_come_first_and_lead_on(visit, width, dark):
    visitor = filled(visit, width=width, dark=dark)
    kinds = ["outbox_stuck", "refusals", "nothing_delivered"]
    visitor.answer("/v1/status", body=STATUS | {"troubles": [one for one in TROUBLES if one["kind"] in kinds]})
    page = visitor.sign_in("/?range=1h")
    lines = page.locator(".attention.bad").get_by_role("listitem")
    expect(lines).to_have_count(4)
    expect(lines.nth(0)).to_contain_text("Deliveries are not being made. First seen")
    expect(lines.nth(0)).to_contain_text("See the log of the deliver function and its concurrency. Pending events")
    expect(lines.nth(1)).to_contain_text("a secret may have been changed.")
    expect(lines.nth(1).get_by_role("link")).to_have_attribute("href", "/sources")
    expect(lines.nth(2).get_by_role("link")).to_have_attribute("href", "/endpoints")
    expect(lines.nth(3)).to_contain_text("InboxStuckAlarm went off")
    expect(page.locator(".attention.warn").get_by_role("listitem")).to_have_count(1)
    expect(page.locator(".chart-lines svg")).to_have_count(2)
    visitor.axe()
    visitor.fits()
    visitor.shot(f"overview-troubles-{width}-{'dark' if dark else 'light'}", whole=True)
    lines.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="Sources")).to_be_visible()


def test_a_session_of_one_application_hears_of_no_trouble(visit):
    visitor = visit()
    inject(visitor.relay)
    visitor.answer("/v1/status", body=STATUS | {"silent_sources": [], "queues": None, "troubles": None, "alarms": None})
    page = visitor.sign_in("/")
    expect(page.get_by_role("region", name="Figures of the last 24 hours")).to_contain_text("of all deliveries")
    expect(page.locator(".attention")).to_have_count(0)


def test_pushes_refresh_it_and_nothing_polls(visit):
    visitor = visit()
    inject(visitor.relay)
    visitor.answer("/v1/status", body=STATUS)
    page = visitor.sign_in("/")
    expect(page.get_by_title("Changes are pushed as they happen.")).to_be_visible()
    figure = page.get_by_role("link").filter(has=page.get_by_text("Received", exact=True))
    expect(figure).to_contain_text("announced")
    count = int(re.search(r"(\d+) announced", figure.inner_text())[1])
    before = len(visitor.requests)
    inject(visitor.relay)
    expect(figure).to_contain_text(f"{count + 1} announced", timeout=15_000)
    # One push, at most two readings: one for the event, one for what became of it.
    assert visitor.requests[before:].count("GET /v1/stats") <= 2


def test_it_says_what_it_cannot_show(visit):
    visitor = visit()
    inject(visitor.relay)
    visitor.answer("/v1/status", 404, {"detail": "Entity not found"})
    visitor.answer("/v1/stats?**", 500, {"detail": "The table did not answer."}, {"apigw-requestid": "req-1"})
    page = visitor.sign_in("/")
    expect(page.get_by_role("alert")).to_contain_text("The table did not answer.")
    expect(page.get_by_role("alert")).to_contain_text("req-1")
    visitor.axe()
    page.unroute(f"{visitor.relay.url}/v1/stats?**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("region", name="Figures of the last 24 hours")).to_be_visible()
    # Later failures leave the figures and say as of when they are.
    visitor.cut("/v1/**")
    inject(visitor.relay)
    expect(page.get_by_text("Shown as of")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 900])
def test_it_is_accessible_and_fits(visit, width, dark):
    visitor = filled(visit, width=width, dark=dark)
    page = visitor.sign_in("/?range=1h")
    expect(page.locator(".chart-lines svg")).to_have_count(2)
    visitor.axe()
    visitor.fits()
    visitor.shot(f"overview-{width}-{'dark' if dark else 'light'}", whole=True)
