"""Every dialog of the page, judged in both themes and three widths. A dialog of the sources that is not opened here fails."""

import re

import pytest
from page.scenes import LETTERS, Furnished, furnish, is_there
from playwright.sync_api import expect
from support.process import ROOT

pytestmark = pytest.mark.relay()

TASK = {
    "id": "task_0123456789abcdef", "kind": "redrive", "state": "running", "redriven": 120, "matched": 480, "scanned": 900, "dry_run": False, "rate": 10,
    "filter": {name: None for name in ("endpoint", "application", "event_type", "batch_id", "job_id", "error_class", "state", "since", "until")},
    "created_at": "2026-11-28T02:00:00Z", "finished_at": None,
}


def click(*names: str):
    """Presses buttons, one after the other; the last one that has the name, since a dialog comes after what it covers."""

    def act(visitor, have) -> None:
        for name in names:
            visitor.page.get_by_role("button", name=name, exact=True).last.click()

    return act


def more(name: str, *then: str):
    """Chooses from the menu "More"."""

    def act(visitor, have) -> None:
        visitor.page.locator("main summary").get_by_text("More", exact=True).click()
        click(name, *then)(visitor, have)

    return act


def press(key: str):
    return lambda visitor, have: visitor.page.keyboard.press(key)


def chosen(button: str):
    """Chooses all rows, then presses the button of what is chosen."""

    def act(visitor, have) -> None:
        visitor.page.get_by_label("Choose all rows shown").check()
        click(button)(visitor, have)

    return act


def retried(**answer):
    """Retries a letter, with this answer in the relay's place."""

    def act(visitor, have) -> None:
        visitor.answer(f"{LETTERS}/*/retry", body=answer)
        click("Retry", "Retry now")(visitor, have)

    return act


def create_key(visitor, have) -> None:
    dialog = visitor.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("shown")
    dialog.get_by_role("button", name="Create key").click()


def revoke(visitor, have) -> None:
    visitor.page.get_by_role("button", name=re.compile("^Revoke")).first.click()


def nothing(visitor, have) -> None:
    pass


# What opens each dialog: the address, and what is done there.
DIALOGS = {
    "Keys": (lambda have: "/events", press("?")),
    "Replay this event": (lambda have: f"/events/{have.event}", press("r")),
    "Replay to one endpoint": (lambda have: f"/events/{have.event}", more("Replay to…")),
    "Try now": (lambda have: f"/events/{have.waiting}", click("Try now")),
    "Send again": (lambda have: f"/events/{have.event}", click("Send again")),
    "Copy as curl": (lambda have: f"/events/{have.event}", more("Copy as curl…")),
    "Copy as relay trigger": (lambda have: f"/events/{have.received}", more("Copy as relay trigger…")),
    "Remove the content": (lambda have: f"/events/{have.event}", more("Remove the content…")),
    "Replay 6 events": (lambda have: "/events", chosen("Replay…")),
    "Export events": (lambda have: "/events", press("e")),
    "Retry 2 letters": (lambda have: "/letters", chosen("Retry")),
    "Delete 2 letters": (lambda have: "/letters", chosen("Delete")),
    "Redrive all that match": (lambda have: "/letters", click("Redrive all…")),
    "Delete all that match": (lambda have: "/letters", click("Delete all…")),
    "Stop the task?": (lambda have: f"/letters?task={TASK['id']}", click("Cancel")),
    "Retry letter 1?": (lambda have: "/letters/1", click("Retry")),
    "Delete letter 1?": (lambda have: "/letters/1", click("Delete")),
    "It failed again": (lambda have: "/letters/1", retried(retry_success=False)),
    "The letter arrived": (lambda have: "/letters/1", retried(retry_success=True)),
    "A worker is at it": (lambda have: "/letters/1", retried(retry_success=None)),
    "The message went back to its queue": (lambda have: "/letters/1", retried(retry_success=None)),
    "Send an example": (lambda have: f"/endpoints/{have.ok}", click("Send an example")),
    "Signing secret": (lambda have: f"/endpoints/{have.ok}", more("Show the secret", "Show for a minute")),
    "Rotate the signing secret": (lambda have: f"/endpoints/{have.ok}", more("Rotate the secret")),
    "The secret was rotated": (lambda have: f"/endpoints/{have.ok}", more("Rotate the secret", "Rotate")),
    "Headers": (lambda have: f"/endpoints/{have.ok}", more("Headers")),
    "Disable this endpoint": (lambda have: f"/endpoints/{have.ok}", more("Disable")),
    "Enable this endpoint": (lambda have: f"/endpoints/{have.off}", more("Enable")),
    "Delete this endpoint": (lambda have: f"/endpoints/{have.ok}", more("Delete")),
    "Recover what failed": (lambda have: f"/endpoints/{have.ok}", more("Recover what failed", "Count them")),
    "Replay what was never sent": (lambda have: f"/endpoints/{have.ok}", more("Replay what was never sent", "Count them")),
    "Cancel this job?": (lambda have: "/jobs/job-2", click("Cancel job")),
    "The job is cancelled": (lambda have: "/jobs/job-3", click("Cancel job", "Cancel the job")),
    "Report the job's end": (lambda have: "/jobs/job-2", click("Report its end")),
    "Replay notices of this job": (lambda have: "/jobs/job-1", click("Replay notices")),
    "Close the batch": (lambda have: "/batches/batch-1", click("Close…")),
    "Cancel what is left": (lambda have: "/batches/batch-1", click("Cancel what is left…")),
    "Rotate the secrets": (lambda have: "/sources/modal?act=rotate", nothing),
    "Limits and application": (lambda have: "/sources/modal?act=limits", nothing),
    "Allow the weaker signature": (lambda have: "/sources/modal?act=unlock", nothing),
    "Delete this source": (lambda have: "/sources/modal?act=remove", nothing),
    "New event type": (lambda have: "/event-types?create=1", nothing),
    "Edit the event type": (lambda have: "/event-types/invoice.paid?act=edit", nothing),
    "Archive the event type": (lambda have: "/event-types/invoice.paid?act=archive", nothing),
    "Bring the event type back": (lambda have: "/event-types/old.type?act=archive", nothing),
    "Delete the event type": (lambda have: "/event-types/invoice.paid?act=remove", nothing),
    "Create a key": (lambda have: "/keys?new=1", nothing),
    "The key, shown once": (lambda have: "/keys?new=1", create_key),
    "Revoke the key?": (lambda have: "/keys", revoke),
    "Cancel the task?": (lambda have: f"/tasks/{TASK['id']}", click("Cancel task")),
}


def titles() -> set[str]:
    """Titles of all dialogs in the sources, as patterns: what a template puts in is any text."""
    found = set()
    for path in (ROOT / "web" / "src").rglob("*.tsx"):
        text = path.read_text()
        for title in re.findall(r"<(?:Dialog|Confirm)\s+title=(\"[^\"]*\"|\{.*?\}) (?:close|action|kind|busy|wide)=", text):
            if title == "{title}" and path.name != "dialog.tsx":
                # A title that is given from elsewhere in the file.
                title = " ".join(re.findall(r"(?:const title =|\btitle =|<ShowSecret [^>]*title=)(.*)", text))
            title = re.sub(r"=== \"[^\"]*\"", "", title)
            for word, template in re.findall(r"\"([^\"]*)\"|`([^`]*)`", title):
                if word or template:
                    found.add(re.escape(word) if word else re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(template)))
    return found


def test_every_dialog_of_the_sources_is_opened_here():
    found = titles()
    assert len(found) > 40
    assert {title for title in found if not any(re.fullmatch(title, name) for name in DIALOGS)} == set()


@pytest.fixture(scope="module")
def have(relay, receiver) -> Furnished:
    have = furnish(relay, receiver)
    have.off = relay.call("POST", "/api/v1/app/shop/endpoint", {"url": "https://example.com/off", "disabled": True})["id"]
    relay.call("POST", "/api/v1/event-type", {"name": "old.type", "description": "Old", "archived": True})
    slow = receiver.hook("/furnished-waits", answer=503)
    relay.call("POST", "/api/v1/app/shop/endpoint", {"url": slow.url, "eventTypes": ["invoice.waits"], "delays": [600]})
    have.waiting = relay.call("POST", "/api/v1/app/shop/msg", {"eventType": "invoice.waits", "payload": {}})["id"].replace("msg_", "evt_")
    slow.wait_for(1)
    return have


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialog_is_accessible_and_fits(visit, have, name):
    path, act = DIALOGS[name]
    visitor = visit()
    visitor.answer("/v1/tasks/task_0123456789abcdef", body=TASK)
    if "queue" in name:
        letter = have.relay.call("GET", f"{LETTERS}/1")
        visitor.answer(f"{LETTERS}/1", body=letter | {"kind": "message"})
    page = visitor.sign_in(path(have))
    if act is not nothing and act is not create_key:
        is_there(page)
    act(visitor, have)
    shape = re.compile("^" + re.sub(r"\d+", r"\\d+", re.escape(name).replace("\\ ", " ")) + "$")
    expect(page.get_by_role("dialog", name=shape)).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("status", name="Loading")).to_have_count(0)
    visitor.everywhere("dialog[open]")
