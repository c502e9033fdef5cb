"""Dead letters: the list, groups, one letter, and what can be done with one, some and all."""

import json

import pytest
from playwright.sync_api import expect

from support.process import wait_until

pytestmark = pytest.mark.relay()

LETTERS = "/v1/webhooks/dead-letter"
HOSTILE = "<script>alert(1)</script>\u202egpj.exe"


class Endpoint:
    """An endpoint of an application of its own, whose receiver refuses everything at once."""

    def __init__(self, relay, receiver, name: str) -> None:
        self.relay = relay
        self.application = relay.call("POST", "/api/v1/app", {"name": name, "uid": name})["id"]
        self.hook = receiver.hook(f"/{name}", answer=500)
        body = {"url": self.hook.url, "giveUpOn": [500], "breaker": {"threshold": 100, "recoverySeconds": 60}}
        self.id = relay.call("POST", f"/api/v1/app/{name}/endpoint", body)["id"]
        self.name = name

    def park(self, count: int, **payload) -> list:
        before = len(self.letters())
        for n in range(count):
            body = json.dumps({"eventType": "invoice.failed", "payload": {"n": n} | payload}).encode()
            self.relay.call("POST", f"/api/v1/app/{self.name}/msg", body)
        return wait_until("the letters are parked", lambda: len(self.letters()) == before + count and self.letters())

    def letters(self, state: str = "waiting") -> list:
        return self.relay.call("GET", f"{LETTERS}?application={self.name}&state={state}&limit=100")["data"]


@pytest.fixture
def endpoint(relay, receiver, request):
    return Endpoint(relay, receiver, request.node.name.replace("test_", "")[:40].replace("[", "-").replace("]", ""))


def rows_of(page):
    return page.get_by_role("grid", name="Dead letters").get_by_role("row").filter(has=page.get_by_role("gridcell"))


def test_nothing_parked_says_how_much_was_delivered(visit, endpoint):
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    expect(page.get_by_text("None; 0 deliveries in 24 h, 0 parked.")).to_be_visible()
    visitor.axe()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_list_is_accessible_and_fits(visit, endpoint, width, dark):
    endpoint.park(3)
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    expect(rows_of(page)).to_have_count(3)
    expect(page.get_by_text("3 letters", exact=True)).to_be_visible()
    if width == 1440:
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("X")
        expect(page.get_by_text("3 chosen")).to_be_visible()
    visitor.axe()
    visitor.fits()
    visitor.shot(f"letters-{width}-{'dark' if dark else 'light'}")


def test_a_letter_that_soon_expires_is_marked(visit, endpoint):
    letter = endpoint.park(1)[0]
    visitor = visit()
    visitor.answer(f"{LETTERS}?*", body={"object": "list", "data": [letter | {"expires_at": "2026-01-01T00:00:00Z"}], "has_more": False, "total": 1})
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    expect(page.locator(".soon")).to_be_visible()
    visitor.axe()


def test_a_letter_comes_by_itself(visit, endpoint):
    endpoint.park(1)
    page = visit().sign_in(f"/letters?application={endpoint.application}")
    expect(rows_of(page)).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    endpoint.park(1)
    expect(rows_of(page)).to_have_count(2)


def test_a_letter_shows_its_story_and_is_retried(visit, endpoint):
    letter = endpoint.park(1, text=HOSTILE, big="12345678901234567890")[0]
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    rows_of(page).first.click()
    expect(page.get_by_role("heading", level=1, name=f"Dead letter {letter['id']}")).to_be_visible()
    expect(page.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    expect(page.get_by_role("heading", name="Headers sent")).to_be_visible()
    expect(page.get_by_text("500", exact=True)).to_be_visible()
    visitor.axe()
    page.keyboard.press("r")
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("dialog", name="It failed again")).to_be_visible()
    visitor.axe()
    page.keyboard.press("Escape")
    expect(page.get_by_text("by hand")).to_be_visible()
    endpoint.hook.answer = 200
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("dialog", name="The letter arrived")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".head").get_by_text("Arrived")).to_be_visible()


def test_numbers_of_a_payload_stay_as_they_were_written(visit, endpoint):
    letter = endpoint.park(1)[0]
    whole = json.dumps(endpoint.relay.call("GET", f"{LETTERS}/{letter['id']}"))
    visitor = visit()
    visitor.answer(f"{LETTERS}/{letter['id']}", body=whole.replace('"payload": {', '"payload": {"huge": 12345678901234567890.10, '))
    page = visitor.sign_in(f"/letters/{letter['id']}")
    expect(page.get_by_text("12345678901234567890.10")).to_be_visible()


def test_chosen_letters_are_retried_one_after_the_other(visit, endpoint):
    endpoint.park(3)
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    page.get_by_label("Choose all rows shown").check()
    page.get_by_role("group", name="Chosen letters").get_by_role("button", name="Retry", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Retry 3 letters").click()
    # No attempt succeeds: after a success the relay would send the others back by itself.
    expect(dialog.get_by_text("3 of 3: 0 arrived, 3 failed")).to_be_visible()
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    visitor.axe()
    dialog.get_by_role("button", name="Close").click()
    endpoint.hook.wait_for(6)


def test_chosen_letters_are_deleted_when_their_count_was_typed(visit, endpoint):
    endpoint.park(2)
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    page.get_by_label("Choose all rows shown").check()
    page.get_by_role("group", name="Chosen letters").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    button = dialog.get_by_role("button", name="Delete 2 letters")
    expect(button).to_be_disabled()
    dialog.get_by_role("textbox").fill("2")
    visitor.axe()
    button.click()
    expect(dialog.get_by_text("2 of 2: 2 deleted")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_text("No dead letters")).to_be_visible()


def test_all_that_match_go_back_after_a_dry_run_and_the_task_is_followed(visit, endpoint):
    endpoint.park(4)
    endpoint.hook.answer = 200
    visitor = visit()
    # The relay of an older version does not know `subscribe_tasks`; the page then follows the letters.
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    page.get_by_role("button", name="Redrive all…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("4 letters wait and would go back")).to_be_visible()
    rate = dialog.get_by_label("Letters per second")
    rate.fill("0")
    expect(dialog.get_by_role("button", name="Redrive 4 letters")).to_be_disabled()
    visitor.axe()
    rate.fill("50")
    assert len(endpoint.letters()) == 4
    dialog.get_by_role("button", name="Redrive 4 letters").click()
    expect(page.get_by_text("4 of 4 put back")).to_be_visible()
    expect(page.get_by_role("link", name="Task", exact=True)).to_have_attribute("href", page.url.split("task=")[1] and f"/tasks/{page.url.split('task=')[1].split('&')[0]}")
    visitor.axe()
    wait_until("all letters arrived", lambda: len(endpoint.letters("resolved")) == 4)


def test_all_that_match_are_deleted_when_their_count_was_typed(visit, endpoint):
    endpoint.park(2)
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}&error_class=status")
    page.get_by_role("button", name="Delete all…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("2")
    visitor.axe()
    dialog.get_by_role("button", name="Delete 2 letters").click()
    expect(page.get_by_text("2 of 2 deleted")).to_be_visible()
    wait_until("they are gone", lambda: not endpoint.letters())


def test_a_refused_redrive_keeps_the_form(visit, endpoint):
    endpoint.park(1)
    visitor = visit()
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    page.get_by_role("button", name="Redrive all…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 letter wait")).to_be_visible()
    visitor.answer(f"{LETTERS}/redrive", 500, {"detail": "it failed"})
    dialog.get_by_label("Letters per second").fill("7")
    dialog.get_by_role("button", name="Redrive 1 letter").click()
    expect(dialog.get_by_role("alert")).to_contain_text("it failed")
    expect(dialog.get_by_label("Letters per second")).to_have_value("7")


def test_letters_are_exported_as_json_lines(visit, endpoint):
    endpoint.park(2)
    page = visit().sign_in(f"/letters?application={endpoint.application}")
    expect(rows_of(page)).to_have_count(2)
    with page.expect_download() as download:
        page.keyboard.press("e")
    assert download.value.suggested_filename == "dead-letters.jsonl"
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert {line["id"] for line in lines} == {letter["id"] for letter in endpoint.letters()}


def test_groups_lead_to_their_letters(visit, endpoint):
    letter = endpoint.park(2)[0]
    group = {"application": endpoint.application, "endpoint_id": endpoint.id, "webhook_url": endpoint.hook.url, "error_class": "status", "count": 2,
             "oldest_at": letter["created_at"], "newest_at": letter["created_at"], "expires_at": letter["expires_at"]}
    visitor = visit()
    visitor.answer(f"{LETTERS}/groups?*", body={"data": [group], "complete": False, "scanned": 20000})
    page = visitor.sign_in(f"/letters?application={endpoint.application}")
    page.get_by_role("button", name="By endpoint and error").click()
    expect(page.get_by_text("The newest 20,000 letters were counted")).to_be_visible()
    visitor.axe()
    page.get_by_role("grid").get_by_role("link").click()
    expect(rows_of(page)).to_have_count(2)
    assert f"endpoint={endpoint.id}" in page.url and "error_class=status" in page.url


def test_filters_that_exclude_everything_can_be_cleared(visit, endpoint):
    endpoint.park(1)
    page = visit().sign_in(f"/letters?application={endpoint.application}&error_class=dns")
    page.get_by_role("button", name="Clear filters").click()
    expect(rows_of(page)).to_have_count(1)


@pytest.mark.parametrize("status", [403, 500])
def test_a_list_that_is_refused_says_why(visit, status):
    visitor = visit()
    visitor.answer(f"{LETTERS}?*", status, {"detail": "a larger scope is needed"})
    page = visitor.sign_in("/letters")
    expect(page.get_by_role("alert")).to_contain_text("scope" if status == 403 else "The relay failed")
    visitor.axe()


def test_a_small_scope_is_offered_nothing_that_it_may_not(visit, relay, endpoint):
    letter = endpoint.park(1)[0]
    key = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    page = visit().sign_in(f"/letters?application={endpoint.application}", key)
    expect(rows_of(page)).to_have_count(1)
    for name in ("Redrive all…", "Delete all…"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.get_by_label("Choose all rows shown")).to_be_hidden()
    page.goto(page.url.split("/letters")[0] + f"/letters/{letter['id']}")
    for name in ("Retry", "Delete"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()


def test_a_letter_that_is_not_here_says_so(visit):
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/letters/999999")
    expect(page.get_by_text("This letter is not here")).to_be_visible()
