"""What is pushed over the live connection: refusals and the progress of tasks come by themselves."""

import pytest
from page.scenes import LETTERS, post
from playwright.sync_api import expect
from support.process import wait_until

pytestmark = pytest.mark.relay()

SECRET = "0123456789abcdef0123456789abcdef"


def live(page) -> None:
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()


def test_a_refused_request_appears_by_itself(visit, relay):
    relay.call("PUT", "/v1/sources/shop", {"profile": "modal-omtx", "secrets": [SECRET]})
    assert post(relay, "shop", {"call_id": "fc-1", "status": "success", "metadata": {"job_id": "job-1"}}) < 300
    wait_until("there is an event", lambda: relay.call("GET", "/v1/events")["data"])
    visitor = visit()
    page = visitor.sign_in("/")
    live(page)
    expect(page.get_by_text("No request was refused")).to_be_visible()


    def quiet() -> bool:
        before = len(visitor.requests)
        page.wait_for_timeout(11_000)
        return len(visitor.requests) == before

    # The first event is pushed and read. After that, nothing is asked for until something is pushed.
    wait_until("the page asks for nothing", quiet)
    before = len(visitor.requests)
    status, _ = relay.send("POST", "/in/shop", b"{}", {"X-Modal-Signature": "sha256=00"})
    assert status == 401
    # An instance of the relay writes refusals down every ten seconds.
    section = page.locator("section").filter(has=page.get_by_role("heading", name="Newest refusals"))
    expect(section).to_contain_text("shop", timeout=40_000)
    expect(section).to_contain_text("timestamp")
    # What was pushed is read once.
    page.wait_for_timeout(6000)
    assert visitor.requests[before:].count("GET /v1/refusals") == 1


def test_a_tasks_progress_changes_by_itself(visit, relay, receiver):
    fails = receiver.hook("/pushes", answer=500)
    relay.call("POST", "/api/v1/app", {"name": "Slow", "uid": "slow"})
    relay.call("POST", "/api/v1/app/slow/endpoint", {"url": fails.url, "giveUpOn": [500], "breaker": {"threshold": 100, "recoverySeconds": 60}})
    for n in range(12):
        relay.call("POST", "/api/v1/app/slow/msg", {"eventType": "a.b", "payload": {"n": n}})
    wait_until("the letters are parked", lambda: len(relay.call("GET", f"{LETTERS}?application=slow&limit=100")["data"]) == 12, 60)
    visitor = visit()
    page = visitor.sign_in("/tasks")
    live(page)
    # Every progress that the row shows is kept.
    page.evaluate("""() => { window.seen = []; new MutationObserver(() => {
      const text = [...document.querySelectorAll("[data-row]")].map((row) => row.innerText.match(/[\\d,]+ of [\\d,]+/)?.[0] ?? row.innerText).join();
      if (text && window.seen.at(-1) !== text) window.seen.push(text);
    }).observe(document.querySelector("main"), { childList: true, subtree: true, characterData: true }); }""")
    before = len(visitor.requests)
    # No attempt succeeds: after a success the relay would send the others back by itself.
    task = relay.call("POST", f"{LETTERS}/redrive", {"filter": {"application": "slow"}, "rate": 1})["task_id"]
    row = page.get_by_role("row").filter(has_text="Redrive dead letters")
    expect(row).to_contain_text("Finished", timeout=60_000)
    expect(row).to_contain_text("12 of 12")
    seen = page.evaluate("window.seen")
    print(f"\nprogress shown: {seen}")
    assert len(seen) >= 2
    # The list is read for a task that it has not, and for one that ended; nobody asks for the task.
    asked = visitor.requests[before:]
    assert asked.count("GET /v1/tasks") <= 2, asked
    assert f"GET /v1/tasks/{task}" not in asked
