"""A first-time user: from the overview's first steps to a delivered event, by what the page itself offers and in its order.

The time is taken inside the page, from the click that sends a test event to the frame that shows it as delivered. A test that
loads the page anew on its way fails: the event is pushed.
"""

import shlex
import subprocess

import pytest
from page.frames import two_frames
from playwright.sync_api import Locator, Page, expect

from support.packages import RELAY
from support.process import clean_environment

pytestmark = pytest.mark.relay()

# Seconds from the click until the event is shown as delivered.
DELIVERED_WITHIN = 2.0

# Takes the time from now, or from the first click on the button with this text, until a badge that is seen says "Delivered".
WATCH = """([button, within]) => {
  const seen = (window.seen = {});
  const look = () => {
    const badges = [...document.querySelectorAll(`${within} .badge`)];
    if (badges.some((one) => one.textContent === "Delivered" && one.checkVisibility())) seen.to = performance.now();
    else requestAnimationFrame(look);
  };
  const begin = () => {
    seen.from ??= performance.now();
    look();
  };
  if (!button) return begin();
  document.addEventListener("click", (event) => {
    if (seen.from === undefined && event.target.closest("button")?.textContent === button) begin();
  }, true);
}"""


def watch(page: Page, within: str, button: str = "") -> None:
    """Takes the time until an event is shown as delivered in what the selector `within` finds."""
    page.evaluate(WATCH, [button, within])


def judge(page: Page, what: str) -> None:
    """Fails if the event that was watched for came late, or after the page was loaded anew."""
    two_frames(page)
    seen = page.evaluate("window.seen")
    assert seen, f"{what}: the page was loaded anew"
    took = (seen["to"] - seen["from"]) / 1000
    print(f"\n{what}: shown as delivered after {took:.2f} s")
    assert took <= DELIVERED_WITHIN, f"{what} was shown as delivered after {took:.2f} s"


def make_source(page: Page, name: str) -> tuple[str, str]:
    """Makes a source from the list of sources. The secret, and the command that the page shows to send a first request."""
    page.get_by_role("link", name="New source").first.click()
    page.get_by_label("Who sends?").fill("modal omtx")
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make one").click()
    secret = page.get_by_label("Secret: webhook secret").input_value()
    page.get_by_role("button", name="Create and wait for the first request").click()
    expect(page.get_by_role("heading", name="2. Waiting for the first request")).to_be_visible()
    return secret, page.locator(".code pre").filter(has_text="relay trigger").inner_text()


def make_endpoint(page: Page, url: str) -> None:
    """Makes an endpoint from the list of endpoints."""
    page.get_by_role("link", name="New endpoint").first.click()
    page.get_by_label("URL").fill(url)
    expect(page.get_by_text("The address may be called.")).to_be_visible()
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_text("The endpoint is there. This is its receiver")).to_be_visible()


def screens(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Screens")


# The first test of the module: the relay has neither source nor endpoint, and has seen no event.
def test_the_overview_leads_from_nothing_to_a_delivered_event(visit, relay, receiver):
    hook = receiver.hook("/first")
    visitor = visit()
    # The form looks whether there is such a source already, and so does the button that sends one.
    visitor.expected += ["/v1/sources/fresh", "/v1/sources/demo"]
    page = visitor.sign_in("/")
    page.evaluate("window.mine = true")
    first = page.get_by_role("region", name="The first minute")
    expect(first.get_by_role("heading")).to_have_text("No event has come yet")
    first.get_by_role("link", name="source", exact=True).click()
    make_source(page, "fresh")
    screens(page).get_by_role("link", name="Overview").click()
    first.get_by_role("link", name="endpoints", exact=True).click()
    make_endpoint(page, hook.url)
    screens(page).get_by_role("link", name="Overview").click()
    watch(page, ".first-arrived", button="Send one now")
    first.get_by_role("button", name="Send one now").click()
    arrived = first.get_by_role("link").filter(has_text="job.succeeded")
    expect(arrived).to_contain_text("Delivered")
    judge(page, "an event sent from the overview")
    assert len(hook.wait_for(1)) == 1
    # The event leads to its delivery.
    arrived.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("job.succeeded")
    expect(page.locator("main").get_by_text(hook.url).first).to_be_visible()
    assert page.evaluate("window.mine"), "the page was loaded anew"


def test_an_example_from_an_endpoints_screen_is_shown_as_delivered(visit, receiver):
    hook = receiver.hook("/example")
    page = visit().sign_in("/endpoints")
    make_endpoint(page, hook.url)
    page.get_by_role("button", name="Send an example").click()
    box = page.get_by_role("dialog", name="Send an example")
    watch(page, "dialog", button="Send")
    box.get_by_role("button", name="Send", exact=True).click()
    expect(box.get_by_text("The receiver answered 200")).to_be_visible()
    judge(page, "an example from an endpoint's screen")
    box.get_by_role("button", name="Close").click()
    # The list of attempts below has it, too. Its rows are drawn where they can be seen.
    page.get_by_role("region", name="The receiver").get_by_role("button", name="Close").click()
    grid = page.get_by_role("grid", name="Attempts")
    grid.scroll_into_view_if_needed()
    expect(grid.get_by_role("row").filter(has_text="svix.ping")).to_have_count(1)


def test_the_command_that_a_new_source_shows_gives_it_its_first_event(visit, relay, receiver):
    visitor = visit()
    visitor.expected.append("/v1/sources/second")
    page = visitor.sign_in("/endpoints")
    make_endpoint(page, receiver.hook("/command").url)
    screens(page).get_by_role("link", name="Sources").click()
    secret, command = make_source(page, "second")
    # In a terminal, as the page writes it, with the secret typed in.
    program, *arguments = shlex.split(command)
    assert program == "relay"
    environment = clean_environment(RELAY_URL=relay.url, RELAY_KEY=relay.admin)
    subprocess.run([RELAY, *arguments], input=secret.encode(), env=environment, capture_output=True, check=True, timeout=30)
    expect(page.get_by_role("heading", name="2. The first request was accepted")).to_be_visible()
    page.get_by_role("status", name="First request").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("job.")
    expect(page.locator("main .badge").filter(has_text="Delivered").first).to_be_visible()
