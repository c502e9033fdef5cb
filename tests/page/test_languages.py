"""The portal in another language: a file of texts gives it, and nothing of the portal stays in English.

The language of these tests puts each text between ⟦ and ⟧.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from page.frames import two_frames
from page.scenes import Furnished, furnish
from playwright.sync_api import Page, expect

from support.process import ROOT, TARGET, Failed, Process, clean_environment, free_port, listens, wait_until
from support.relay import Relay

WEB = ROOT / "web"
ENGLISH = json.loads((WEB / "texts" / "en.json").read_text())
# The order of the values is another one, and the noun has forms.
MINE = {
    "The receiver answered {0} in {1}.": "⟦{1} until {0} came⟧",
    "{0} letters": {"one": "⟦{0} letter of one⟧", "other": "⟦{0} letters of many⟧"},
}

# What a person reads or hears that is not between ⟦ and ⟧. Names, payloads, code and numbers are the same in all languages.
LEFT = r"""() => {
  const found = new Set();
  const wrong = (text) => /\p{L}{2}/u.test(text.replace(/⟦.*⟧/gs, ""));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const { data, parentElement } = walk.currentNode;
    if (parentElement.closest("bdi, code, pre, kbd, noscript, [role=tree], .tag, .mono")) continue;
    // A text with elements in it is several nodes: its brackets are around all of them.
    let around = parentElement;
    while (around.parentElement && wrong(around.textContent) && !/⟦/.test(around.textContent) && getComputedStyle(around).display === "inline") around = around.parentElement;
    if (wrong(data) && !/[⟦⟧]/.test(around.textContent)) found.add(`${parentElement.tagName}.${parentElement.className}: ${data.slice(0, 90)}`);
  }
  for (const one of document.querySelectorAll("[title], [aria-label], [placeholder]"))
    for (const name of ["title", "aria-label", "placeholder"]) {
      const value = one.getAttribute(name);
      if (value && one.tagName !== "BDI" && wrong(value)) found.add(`${one.tagName}[${name}]: ${value.slice(0, 90)}`);
    }
  return [...found];
}"""
# Examples in fields; names of event types, profiles, errors and filters, and URLs, where they stand without an element of their own.
EXAMPLES = re.compile(
    r"\[placeholder\]: (https://example\.com|x-|[a-z_]+[.*…-])|\[title\]: (invoice|job)\.\*|OPTION\.: (\w+[.-]\w+|hokusai|batch|wepp|http:.*)$"
    r"|SPAN\.badge bad: status|SPAN\.line-text: "
)


@pytest.fixture(scope="module")
def relay(relay_program) -> Iterator[Relay]:
    """A relay with the page of a build that has the language."""
    if not (WEB / "node_modules").exists():
        raise Failed("npm ci in web/ is needed first")
    folder = TARGET / "tests" / "texts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "qq.json").write_text(json.dumps({text: f"⟦{text}⟧" for text in ENGLISH} | MINE))
    port = free_port()
    with Relay() as relay:
        environment = clean_environment(PORT=str(port), RELAY_TEXTS=str(folder))
        with Process(["node", "build.mjs", "--serve", relay.url], cwd=WEB, env=environment, log=TARGET / f"page-{port}.log"):
            direct, relay.url = relay.url, f"http://127.0.0.1:{port}"
            wait_until("the page is served", lambda: listens(port))
            yield relay
            relay.url = direct


@pytest.fixture(scope="module")
def have(relay, receiver) -> Furnished:
    return furnish(relay, receiver)


def enter(visitor, have: Furnished, locale: str = "qq") -> Page:
    """Opens the portal of the application in a language, as its user does."""
    made = visitor.relay.call("POST", f"/api/v1/auth/app-portal-access/{have.application}", {})
    page = visitor.page
    page.goto(f"{visitor.relay.url}/portal?locale={locale}#code={made['url'].split('#code=')[1]}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Endpoints")
    return page


def left(page: Page) -> list[str]:
    return [one for one in page.evaluate(LEFT) if not EXAMPLES.search(one)]


SCREENS = {
    "endpoints": (lambda have: "/endpoints", ["Filter"]),
    "endpoint": (lambda have: f"/endpoints/{have.fails}", ["Send an example"]),
    "endpoint-waiting": (lambda have: f"/endpoints/{have.fails}?tab=waiting", []),
    "endpoint-letters": (lambda have: f"/endpoints/{have.fails}?tab=letters", []),
    "endpoint-settings": (lambda have: f"/endpoints/{have.ok}?tab=settings", []),
    "endpoint-edit": (lambda have: f"/endpoints/{have.ok}?edit=1", []),
    "endpoint-new": (lambda have: "/endpoints/~new", []),
    "events": (lambda have: "/events", ["Filter", "Export"]),
    "events-none": (lambda have: "/events?type=none.such&state=dead", []),
    "event": (lambda have: f"/events/{have.event}", ["Replay", "Send again"]),
    "event-received": (lambda have: f"/events/{have.received}", []),
    "event-raw": (lambda have: f"/events/{have.event}?view=raw", []),
    "letters": (lambda have: "/letters", ["Filter", "Redrive all…"]),
    "letters-groups": (lambda have: "/letters?view=groups", []),
    "letter": (lambda have: f"/letters/{have.letter}", ["Retry"]),
    "event-types": (lambda have: "/event-types", []),
    "event-type": (lambda have: "/event-types/invoice.paid", []),
    "nowhere": (lambda have: "/nowhere", []),
}
# Items of the menu "More", each of which opens a dialog.
MORE = {
    "endpoint": ["Show the secret", "Rotate the secret", "Headers", "Recover what failed", "Replay what was never sent", "Disable", "Delete"],
    "event": ["Replay to…", "Copy as curl…"],
}


@pytest.mark.parametrize("screen", SCREENS)
def test_no_text_of_the_portal_stays_in_english(visit, have, screen):
    visitor = visit()
    page = enter(visitor, have)
    expect(page.locator("html")).to_have_attribute("lang", "qq")
    path, buttons = SCREENS[screen]
    visitor.open(f"/portal{path(have)}")
    if screen == "nowhere":
        expect(page.get_by_text("There is no such screen")).to_be_visible()
    else:
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".loading")).to_have_count(0)
    found = left(page)
    for name in buttons:
        page.get_by_role("button", name=f"⟦{name}⟧", exact=True).first.click()
        # Some buttons open a dialog, others a menu: it is there after a frame.
        two_frames(page)
        found += [f"{name}: {one}" for one in left(page)]
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    for name in MORE.get(screen, []):
        page.locator("summary").filter(has_text="More").click()
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        found += [f"{name}: {one}" for one in left(page)]
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
    assert not found, "\n".join(dict.fromkeys(found))


def test_values_stand_where_the_language_wants_them(visit, have):
    page = enter(visit(), have)
    page.goto(f"{have.relay.url}/portal/endpoints/{have.ok}")
    page.get_by_role("button", name="Send an example").click()
    page.get_by_role("dialog").get_by_role("button", name="⟦Send⟧", exact=True).click()
    expect(page.get_by_role("dialog").get_by_text(re.compile(r"⟦(⟦\d+ ms⟧|\d+ ms) until 200 came⟧"))).to_be_visible()


def test_a_noun_has_the_form_of_its_number(visit, have):
    visitor = visit()
    page = enter(visitor, have)
    for number, form in ((1, "⟦1 letter of one⟧"), (2, "⟦2 letters of many⟧")):
        letter = have.relay.call("GET", "/v1/webhooks/dead-letter?limit=1")["data"]
        visitor.answer("/v1/webhooks/dead-letter?**", body={"data": letter, "has_more": False, "iterator": None, "total": number})
        visitor.open("/portal/letters")
        expect(page.get_by_text(form)).to_be_visible()


def test_the_owners_page_and_other_languages_stay_in_english(visit, have):
    visitor = visit()
    page = visitor.sign_in("/endpoints?locale=qq")
    expect(page.get_by_role("heading", level=1)).to_have_text("Endpoints")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for locale, heading in (("de-AT", "Endpoints"), ("qq-AT", "⟦Endpoints⟧"), ("__proto__", "Endpoints")):
        page = enter(visit(), have, locale)
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def build(folder: Path) -> subprocess.CompletedProcess:
    """Builds into memory with the languages of this folder."""
    environment = clean_environment(RELAY_TEXTS=str(folder))
    return subprocess.run(["node", "build.mjs", "--check"], cwd=WEB, env=environment, capture_output=True, text=True, timeout=120)


def test_a_text_that_the_portal_has_not_is_refused(relay, tmp_path):
    (tmp_path / "de.json").write_text(json.dumps({"Endpoints": "Endpunkte", "Endpoint ": "Endpunkt"}))
    refused = build(tmp_path)
    assert refused.returncode != 0
    assert 'de.json has texts that the portal has not: "Endpoint "' in refused.stderr


def test_a_file_without_the_name_of_a_language_is_refused(relay, tmp_path):
    (tmp_path / "German.json").write_text("{}")
    refused = build(tmp_path)
    assert refused.returncode != 0
    assert "the name of a language is needed, such as de.json" in refused.stderr
