"""Batches: the list, one batch as it goes on, and what can be done with it."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()


@pytest.fixture(scope="module", autouse=True)
def source(relay):
    relay.call("PUT", "/v1/sources/modal", {"profile": "modal", "secrets": ["whsec_" + "c2VjcmV0" * 5]})


def declare(relay, batch: str, jobs: int, **fields) -> None:
    relay.call("POST", "/v1/batches", {"id": batch, "source": "modal", "progress_percent": 25} | fields)
    for n in range(jobs):
        relay.call("PUT", f"/v1/jobs/{batch}-{n}", {"source": "modal", "batch_id": batch})


def end(relay, batch: str, number: int, status: str = "success", **more) -> None:
    job = f"{batch}-{number}"
    body = {"call_id": f"fc-{job}", "status": status, "metadata": {"job_id": job, "batch_id": batch}} | more
    relay.call("POST", "/v1/sources/modal/inject", {"body": body})


def test_an_empty_list_says_how_a_batch_is_declared(visit, relay):
    visitor = visit()
    page = visitor.sign_in("/batches")
    expect(page.get_by_text("No batch is known yet")).to_be_visible()
    expect(page.get_by_text(f"curl -sS {relay.url}/v1/batches")).to_be_visible()
    visitor.axe()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_a_batch_is_accessible_and_fits(visit, relay, width, dark):
    name = f"fits-{width}-{dark}".lower()
    declare(relay, name, 4, size=4, metadata={"note": "<b>x</b>"})
    end(relay, name, 0)
    end(relay, name, 1, "failed", error="<img src=x onerror=alert(1)>\u202egpj")
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in("/batches")
    expect(page.get_by_role("grid", name="Batches").get_by_text(name)).to_be_visible()
    visitor.axe()
    visitor.fits()
    page.get_by_role("grid", name="Batches").get_by_text(name).click()
    expect(page.get_by_text("2 of 4")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)>U+202Egpj")).to_be_visible()
    expect(page.get_by_role("grid", name="Jobs of the batch").get_by_text(f"{name}-3")).to_be_visible()
    expect(page.get_by_text("Progress every 25 %")).to_be_visible()
    visitor.axe()
    visitor.fits()
    visitor.shot(f"batch-{width}-{'dark' if dark else 'light'}", whole=True)


def test_a_batch_goes_on_by_itself_with_its_rate(visit, relay):
    declare(relay, "goes", 6, size=6)
    page = visit().sign_in("/batches/goes")
    expect(page.get_by_text("0 of 6")).to_be_visible()
    for number in range(5):
        end(relay, "goes", number)
        expect(page.get_by_text(f"{number + 1} of 6")).to_be_visible()
    expect(page.locator(".figure").filter(has_text="Rate")).to_contain_text("/")
    expect(page.locator(".figure").filter(has_text="Expected end")).to_contain_text("in ")
    expect(page.get_by_role("link", name="batch.progress").first).to_be_visible()
    end(relay, "goes", 5, "failed", error="no elements")
    expect(page.locator(".head").get_by_text("Completed")).to_be_visible()
    expect(page.get_by_text("no elements")).to_be_visible()


def test_an_open_batch_is_closed(visit, relay):
    declare(relay, "open", 2)
    visitor = visit()
    page = visitor.sign_in("/batches/open")
    page.get_by_role("button", name="Close…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Number of jobs").fill("two")
    expect(dialog.get_by_role("button", name="Close the batch")).to_be_disabled()
    visitor.axe()
    dialog.get_by_label("Number of jobs").fill("2")
    dialog.get_by_role("button", name="Close the batch").click()
    expect(dialog).to_be_hidden()
    assert relay.call("GET", "/v1/batches/open")["size"] == 2
    expect(page.get_by_role("button", name="Close…")).to_be_hidden()


def test_what_is_left_is_cancelled_part_by_part(visit, relay):
    declare(relay, "rest", 3, size=3)
    visitor = visit()
    page = visitor.sign_in("/batches/rest")
    parts = [{"cancelled": 2, "left": 1}, {"cancelled": 1, "left": 0}]
    keys = []

    def respond(route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=202, content_type="application/json", body=json.dumps(parts.pop(0)))

    page.route("**/v1/batches/*/cancel*", respond)
    page.get_by_role("button", name="Cancel what is left…").click()
    dialog = page.get_by_role("dialog")
    visitor.axe()
    dialog.get_by_role("button", name="Cancel 3 jobs").click()
    expect(dialog.get_by_text("3 cancelled, 0 left")).to_be_visible()
    visitor.axe()
    assert len(set(keys)) == 2


def test_results_and_errors_are_downloaded(visit, relay):
    declare(relay, "files", 2, size=2)
    end(relay, "files", 0, result={"n": 1})
    end(relay, "files", 1, "failed", error="no")
    page = visit().sign_in("/batches/files")
    expect(page.get_by_text("2 of 2")).to_be_visible()
    for name, job in (("Results", "files-0"), ("Errors", "files-1")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        lines = download.value.path().read_text().splitlines()
        assert [json.loads(line)["custom_id"] for line in lines] == [job]


def test_a_batch_that_is_not_here_says_so(visit):
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/batches/nothing")
    expect(page.get_by_text("This batch is not here")).to_be_visible()
    visitor.axe()


def test_a_list_that_is_refused_says_why(visit):
    visitor = visit()
    visitor.answer("/v1/batches?*", 403, {"detail": "a larger scope is needed"})
    page = visitor.sign_in("/batches")
    expect(page.get_by_role("alert")).to_contain_text("scope")
    visitor.axe()
