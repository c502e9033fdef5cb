"""Tasks: the list, one task with its progress, cancelling."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()

FILTER = {name: None for name in ("endpoint", "application", "event_type", "batch_id", "job_id", "error_class", "state", "since", "until")}
TASK = {
    "id": "task_0123456789abcdef", "kind": "redrive", "state": "running", "redriven": 120, "matched": 480, "scanned": 900, "dry_run": False, "rate": 10,
    "filter": FILTER | {"error_class": "connect", "batch_id": "\u202e<script>alert(1)</script>"}, "created_at": "2026-11-28T02:00:00Z", "finished_at": None,
}


def test_no_task_says_where_tasks_come_from(visit):
    visitor = visit()
    page = visitor.sign_in("/tasks")
    expect(page.get_by_role("heading", name="No task was started")).to_be_visible()
    visitor.axe()


def test_a_redrive_is_listed_and_leads_to_its_facts(visit):
    visitor = visit()
    headers = visitor.relay.authorization | {"Content-Type": "application/json"}
    status, made = visitor.relay.send("POST", "/v1/webhooks/dead-letter/redrive", b'{"all":true,"rate":7}', headers)
    assert status == 202, made
    page = visitor.sign_in("/tasks")
    row = page.get_by_role("row").filter(has_text="Redrive dead letters")
    expect(row).to_contain_text("7/s")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/tasks/{made['task_id']}"))
    expect(page.get_by_text("7 per second")).to_be_visible()
    expect(page.get_by_text("Finished").first).to_be_visible()
    visitor.axe()
    page.go_back()
    expect(row).to_be_visible()


def test_filters_are_in_the_address(visit):
    visitor = visit()
    page = visitor.sign_in("/tasks?state=cancelled&kind=recover")
    expect(page.get_by_role("heading", name="No task fits all filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").last.click()
    expect(page).to_have_url(re.compile("/tasks$"))


def test_a_running_task_shows_progress_and_is_cancelled_once(visit):
    visitor = visit()
    visitor.answer("/v1/tasks/*", body=TASK)
    page = visitor.sign_in(f"/tasks/{TASK['id']}")
    bar = page.get_by_role("progressbar", name="Redrive dead letters")
    expect(bar).to_have_attribute("aria-valuenow", "120")
    expect(page.get_by_text("about 36 s left at 10/s")).to_be_visible()
    expect(page.get_by_text("U+202E<script>alert(1)</script>")).to_be_visible()
    keys = []

    def cancel(route):
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=500 if len(keys) == 1 else 200, headers={"content-type": "application/json"}, body='{"detail":"Try again."}' if len(keys) == 1 else "{}")

    visitor.expected.append("500")
    page.route("**/v1/tasks/*/cancel", cancel)
    page.get_by_role("button", name="Cancel task").click()
    dialog = page.get_by_role("dialog", name="Cancel the task?")
    expect(dialog).to_contain_text("120 of 480")
    visitor.axe()
    dialog.get_by_role("button", name="Cancel task").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Try again.")
    dialog.get_by_role("button", name="Cancel task").click()
    expect(dialog).to_be_hidden()
    # The second try is the same request.
    assert len(keys) == 2 and keys[0] == keys[1]
    expect(page.get_by_role("button", name="Cancel task")).to_be_focused()


def test_a_task_that_is_not_there_says_so(visit):
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/tasks/task_nothing")
    expect(page.get_by_role("alert")).to_contain_text("The task is not here")
    visitor.axe()


def test_a_reader_may_not_cancel(visit):
    visitor = visit()
    headers = visitor.relay.authorization | {"Content-Type": "application/json"}
    _, key = visitor.relay.send("POST", "/v1/keys", b'{"name":"reader","scope":"read"}', headers)
    visitor.answer("/v1/tasks/*", body=TASK)
    page = visitor.sign_in(f"/tasks/{TASK['id']}", key["key"])
    expect(page.get_by_role("button", name="Cancel task")).to_be_disabled()


@pytest.mark.parametrize("dark", [False, True])
def test_tasks_fit_a_telephone(visit, dark):
    visitor = visit(width=360, dark=dark)
    visitor.answer("/v1/tasks?**", body={"data": [TASK, TASK | {"id": "t" * 300, "state": "finished", "dry_run": True}], "done": True, "iterator": None})
    page = visitor.sign_in("/tasks")
    expect(page.get_by_role("row")).to_have_count(3)
    visitor.axe()
    visitor.fits()


def test_a_failed_list_says_so(visit):
    visitor = visit()
    visitor.answer("/v1/tasks?**", 403, {"detail": "The scope read is needed."})
    page = visitor.sign_in("/tasks")
    expect(page.get_by_role("alert")).to_contain_text("needs a larger scope")
