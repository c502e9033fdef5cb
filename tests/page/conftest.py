"""The page in a real browser, over `relay dev`.

Every test has a browser's context of its own, which fails the test for what no page may do: a script's error, a dialog of the
browser, a report of the content security policy, a request to another host.

PAGE_SOURCES=1 serves the page from `web/src`, as `npm run dev` does, instead of what is built into the relay;
PAGE_SOURCES=minified does so with the minified scripts that `npm run build` writes.
PAGE_SHOTS=<folder> keeps the screenshots that tests take; the default is `ci/page` below cargo's target folder.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

from support import packages
from support.process import ROOT, TARGET, Failed, Process, clean_environment, free_port, listens, wait_until
from support.relay import Relay

HERE = Path(__file__).resolve().parent
SHOTS = Path(os.environ.get("PAGE_SHOTS", TARGET / "ci" / "page"))
# Without these, Chromium looks up hosts of its maker when it starts.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        raise Failed("chromium is needed and not found (Debian: apt-get install chromium), or set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The script that judges accessibility."""
    return (packages.node(HERE) / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def relay(relay) -> Iterator[Relay]:
    """The module's relay, with the page from its sources if PAGE_SOURCES asks for them: as they are, or minified."""
    sources = os.environ.get("PAGE_SOURCES")
    if sources not in ("1", "minified"):
        yield relay
        return
    port, web = free_port(), ROOT / "web"
    command = ["node", "build.mjs", "--serve", relay.url, *(["--minified"] if sources == "minified" else [])]
    process = Process(command, cwd=web, env=clean_environment(PORT=str(port)), log=TARGET / f"page-{port}.log")
    try:
        direct, relay.url = relay.url, f"http://127.0.0.1:{port}"
        wait_until("the page is served", lambda: listens(port))
        yield relay
        relay.url = direct
    finally:
        process.end()


class Visitor:
    """Somebody before the page: opens screens, and notices what no page may do."""

    def __init__(self, context: BrowserContext, relay: Relay, axe: str) -> None:
        self.context = context
        self.relay = relay
        self.page: Page = context.new_page()
        # Requests of the page to the relay, as "GET /v1/events".
        self.requests: list[str] = []
        # What no page may do.
        self.faults: list[str] = []
        self._left = False
        # Parts of messages of the console that the test causes itself, such as a refused request.
        self.expected: list[str] = []
        self._axe = axe
        page = self.page
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._fault(f"script error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _fault(self, fault: str) -> None:
        if not self._left:
            self.faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._fault(f"console: {message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog) -> None:
        self._fault(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("data", "blob"):
            return
        if parts.netloc != urlsplit(self.relay.url).netloc:
            self._fault(f"request to another host: {request.url}")
        self.requests.append(f"{request.method} {parts.path}")

    def leave(self) -> None:
        """Ends the visit. The page may still ask for what the test answered in the relay's place: what the relay says to
        that is no fault."""
        self.context.cookies()  # Whatever the browser has told until now has been heard once it answers.
        self._left = True
        for page in self.context.pages:
            # An answer may still be under way.
            page.unroute_all(behavior="ignoreErrors")
        self.context.unroute_all(behavior="ignoreErrors")
        self.context.close()

    def judge(self) -> None:
        """Fails for what no page may do."""
        faults = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert not faults, "\n".join(faults)

    def sign_in(self, path: str = "/", key: str | None = None) -> Page:
        """Opens a screen by a link with a code, made with an API key (the administrator's unless it is given)."""
        headers = {"Authorization": f"Bearer {key or self.relay.admin}"}
        status, made = self.relay.send("POST", "/v1/sessions/codes", None, headers)
        assert status == 201, made
        self.page.goto(f"{self.relay.url}{path}#code={made['code']}")
        self.page.get_by_role("navigation", name="Screens").or_(
            self.page.get_by_role("button", name="Open the navigation")
        ).first.wait_for()
        return self.page

    def open(self, path: str) -> Page:
        """Goes to another screen by its address, as a pasted link does."""
        self.page.goto(self.relay.url + path)
        return self.page

    def answer(self, path: str, status: int = 200, body: object = None, headers: dict[str, str] | None = None) -> None:
        """Answers requests to paths that match the glob `path` in the relay's place."""

        def respond(route: Route) -> None:
            route.fulfill(
                status=status,
                headers={"content-type": "application/json"} | (headers or {}),
                body=body if isinstance(body, str) else json.dumps(body),
            )

        self.expected.append(str(status))
        self.page.route(f"{self.relay.url}{path}", respond)

    def cut(self, path: str = "/**") -> None:
        """Breaks requests to matching paths, as a lost connection does."""
        self.expected += ["ERR_FAILED", "ERR_CONNECTION", "WebSocket"]
        self.page.route(f"{self.relay.url}{path}", lambda route: route.abort())

    def axe(self, of: str | None = None) -> None:
        """Fails for every violation of the rules of accessibility, of any impact."""
        self.page.evaluate(self._axe)
        # Animations of colours are over before contrast is judged.
        found = self.page.evaluate(
            """async (of) => {
              document.getAnimations().forEach((one) => one.finish());
              const result = await axe.run(of ?? document, { resultTypes: ["violations"] });
              return result.violations.map((one) => `${one.impact} ${one.id}: ` + one.nodes.map((node) =>
                `${node.target} ${node.html.slice(0, 200)} ${node.failureSummary.slice(0, 300)}`).join(" | "));
            }""",
            of,
        )
        assert not found, "\n".join(found)

    def everywhere(self, of: str | None = None) -> None:
        """Judges what is shown in both themes and three widths: by the rules of accessibility, and that nothing is wider than the window."""
        faults = []
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme)
            for width in (1440, 900, 360):
                self.page.set_viewport_size({"width": width, "height": 900})
                for judge in (lambda: self.axe(of), self.fits):
                    try:
                        judge()
                    except AssertionError as error:
                        faults.append(f"{scheme}, {width} px: {error}")
        assert not faults, "\n".join(faults)

    def fits(self) -> None:
        """Fails if the page scrolls sideways."""
        wide = self.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] <= wide[1], f"the page is {wide[0]} px wide in a window of {wide[1]} px"
        dialog = self.page.evaluate("(({ scrollWidth, clientWidth } = {}) => [scrollWidth ?? 0, clientWidth ?? 0])(document.querySelector('dialog[open]') ?? undefined)")
        assert dialog[0] <= dialog[1], f"the dialog is {dialog[0]} px wide in {dialog[1]} px"

    def shot(self, name: str, whole: bool = False) -> Path:
        """Keeps a screenshot under this name."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=whole)
        return path


@pytest.fixture
def visit(browser: Browser, relay: Relay, axe_source: str) -> Iterator:
    """Makes visitors: `visit()` or `visit(width=360, dark=True)`. Judges them when the test is over."""
    visitors: list[Visitor] = []

    def come(width: int = 1440, height: int = 900, dark: bool = False, **options) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Berlin",
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        context.set_default_timeout(15_000)
        visitor = Visitor(context, relay, axe_source)
        visitors.append(visitor)
        return visitor

    yield come
    for visitor in visitors:
        visitor.leave()
    for visitor in visitors:
        visitor.judge()
