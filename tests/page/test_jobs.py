"""Jobs: the list, one job with its log as it is written, and what can be done with it."""

import base64
import json
import shutil
import subprocess

import pytest
from playwright.sync_api import expect

from page.conftest import SHOTS

pytestmark = pytest.mark.relay()

HOSTILE = "<img src=x onerror=alert(1)>\u202egpj.exe"
STYLED = [
    "[INFO] reading geometry",
    "   • 3 volumes",
    "📐 bounding box 120 × 88 mm",
    "⚠ face 17 has a sliver",
    "✓ mesh written",
    "[ERROR] no elements in volume 1",
    "\x1b[32mgreen\x1b[0m \x1b[38;2;10;10;10mnearly black\x1b[0m \x1b[48;5;226mon yellow\x1b[0m \x1b[7minverse\x1b[0m",
    "\x1b]8;;https://example.com/run\x1b\\the run\x1b]8;;\x1b\\",
    "\x1b]0;title\x07\x1b[2J\x1b[10;10Hmoved",
    HOSTILE,
]


@pytest.fixture(scope="module", autouse=True)
def source(relay):
    relay.call("PUT", "/v1/sources/modal", {"profile": "modal", "secrets": ["whsec_" + "c2VjcmV0" * 5]})


def register(relay, job: str, **fields) -> dict:
    return relay.call("PUT", f"/v1/jobs/{job}", {"source": "modal", "deadline_seconds": 3600} | fields)


def log(relay, job: str, lines: list, first: int = 1, stream: str = "main") -> None:
    for at in range(0, len(lines), 500):
        body = {"stream": stream, "first_seq": first + at, "lines": lines[at : at + 500]}
        relay.call("POST", f"/v1/jobs/{job}/logs", body)


def end(relay, job: str, status: str = "success", **more) -> None:
    body = {"call_id": f"fc-{job}", "status": status, "metadata": {"job_id": job}} | more
    relay.call("POST", "/v1/sources/modal/inject", {"body": body})


def lines_of(page):
    return page.get_by_role("log", name="Lines of the log")


def test_an_empty_list_says_how_a_job_is_registered(visit, relay):
    visitor = visit()
    visitor.answer("/v1/jobs?*", body={"data": [], "done": True})
    page = visitor.sign_in("/jobs")
    expect(page.get_by_text("No job is known yet")).to_be_visible()
    expect(page.get_by_text(f"curl -sS -X PUT {relay.url}/v1/jobs/job-1")).to_be_visible()
    visitor.axe()


def test_the_list_shows_jobs_and_filters_them(visit, relay):
    register(relay, "list-1", run_id="run-1")
    register(relay, "list-2", batch_id="list-batch", metadata={"html": HOSTILE})
    end(relay, "list-2", "failed", error=HOSTILE)
    visitor = visit()
    page = visitor.sign_in("/jobs")
    table = page.get_by_role("grid", name="Jobs")
    expect(table.get_by_role("row").filter(has_text="list-2").get_by_text("Failed")).to_be_visible()
    page.keyboard.press("f")
    page.get_by_role("button", name="State").click()
    page.get_by_role("button", name="Failed").click()
    expect(table.get_by_text("list-1")).to_be_hidden()
    assert "status=failed" in page.url
    page.go_back()
    expect(table.get_by_text("list-1")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="Console")).to_be_visible()


def test_a_new_end_moves_the_list_by_itself(visit, relay):
    register(relay, "moves")
    page = visit().sign_in("/jobs")
    row = page.get_by_role("grid", name="Jobs").get_by_role("row").filter(has_text="moves")
    expect(row.get_by_text("Pending")).to_be_visible()
    end(relay, "moves")
    expect(row.get_by_text("Succeeded")).to_be_visible()


@pytest.mark.parametrize("status", [403, 500])
def test_a_list_that_is_refused_says_why(visit, status):
    visitor = visit()
    visitor.answer("/v1/jobs?*", status, {"detail": "a larger scope is needed"})
    page = visitor.sign_in("/jobs")
    expect(page.get_by_role("alert")).to_contain_text("scope" if status == 403 else "The relay failed")
    visitor.axe()


def test_a_list_is_stale_when_the_relay_does_not_answer(visit, relay):
    register(relay, "stale")
    visitor = visit()
    page = visitor.sign_in("/jobs")
    expect(page.get_by_role("grid", name="Jobs")).to_be_visible()
    visitor.cut("/v1/**")
    end(relay, "stale")
    expect(page.get_by_text("Shown as of")).to_be_visible()
    visitor.axe()


def test_a_job_that_is_not_here_says_so(visit):
    visitor = visit()
    visitor.expected.append("404")
    page = visitor.sign_in("/jobs/job_nothing")
    expect(page.get_by_text("This job is not here")).to_be_visible()
    visitor.axe()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1440])
def test_a_job_is_accessible_and_fits(visit, relay, width, dark):
    register(relay, "styled", webhook={"url": "http://127.0.0.1:9/" + "h" * 200}, metadata={"note": HOSTILE})
    log(relay, "styled", STYLED)
    log(relay, "styled", ["after a hole"], first=len(STYLED) + 13)
    visitor = visit(width=width, dark=dark)
    page = visitor.sign_in("/jobs/styled")
    expect(lines_of(page)).to_contain_text("12 lines missing")
    expect(page.get_by_text("11 messages")).to_be_visible()
    text = lines_of(page).inner_text()
    assert "the run (https://example.com/run)" in text
    assert "moved" in text and "title" not in text and "\x1b" not in text
    assert "<img src=x onerror=alert(1)>U+202Egpj.exe" in text
    visitor.axe()
    visitor.fits()
    visitor.shot(f"job-{width}-{'dark' if dark else 'light'}")


def test_every_colour_can_be_read_in_both_themes(visit, relay):
    register(relay, "colours")
    line = lambda codes: "".join(f"\x1b[{code}mtext {code}\x1b[0m " for code in codes)  # noqa: E731
    palette = [line(f"38;5;{n}" for n in range(at, at + 8)) for at in range(0, 256, 8)]
    log(relay, "colours", [*palette, line([*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)]), line(["7;31", "7;42", "2", "48;2;128;128;128"])])
    for dark in (False, True):
        visitor = visit(dark=dark, height=1600)
        page = visitor.sign_in("/jobs/colours")
        expect(lines_of(page)).to_contain_text("text 48;2;128;128;128")
        visitor.axe()


def test_a_job_shows_its_lines_and_its_end_without_a_single_request(visit, relay, tmp_path):
    """R1.12, R1.17: the lines come one by one, the job ends, and nothing asks for its state."""
    register(relay, "story", webhook={"url": "http://127.0.0.1:9/done"})
    visitor = visit(width=1100, height=760)
    page = visitor.sign_in("/jobs/story")
    expect(lines_of(page)).to_contain_text("Waiting for the job to start…")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    log(relay, "story", ["[INFO] line 1"])
    expect(lines_of(page)).to_contain_text("line 1")
    frames = _record(page, tmp_path)
    visitor.requests.clear()
    for number in range(2, 26):
        word = "[SUCCESS] mesh written" if number == 25 else f"[INFO] line {number} of 25"
        log(relay, "story", [word], first=number)
        expect(lines_of(page)).to_contain_text(word)
    end(relay, "story", result={"elements": 1200})
    expect(page.get_by_role("heading", level=1, name="story").locator("xpath=../..").get_by_text("Succeeded")).to_be_visible()
    expect(page.get_by_text("25 messages")).to_be_visible()
    expect(page.get_by_text("job.succeeded")).to_be_visible()
    _encode(frames, tmp_path)
    print(f"status requests while the job ran and ended: {len(visitor.requests)}")
    assert visitor.requests == []


def _record(page, folder) -> list:
    """Keeps what the page draws from now on. Playwright's own recorder needs an ffmpeg of its own."""
    frames: list = []
    session = page.context.new_cdp_session(page)

    def keep(event: dict) -> None:
        path = folder / f"frame-{len(frames):05}.png"
        path.write_bytes(base64.b64decode(event["data"]))
        frames.append((event["metadata"]["timestamp"], path))
        session.send("Page.screencastFrameAck", {"sessionId": event["sessionId"]})

    session.on("Page.screencastFrame", keep)
    session.send("Page.startScreencast", {"format": "png"})
    return frames


def _encode(frames: list, folder) -> None:
    """Makes a film of the frames, each as long as it was to be seen, if there is an ffmpeg."""
    if not shutil.which("ffmpeg") or len(frames) < 2:
        return
    listed = list(frames)
    text = []
    for (at, path), (until, _) in zip(listed, listed[1:] + [(listed[-1][0] + 2, None)], strict=True):
        text += [f"file '{path}'", f"duration {max(until - at, 0.02):.3f}"]
    (folder / "frames.txt").write_text("\n".join([*text, f"file '{listed[-1][1]}'"]))
    SHOTS.mkdir(parents=True, exist_ok=True)
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(folder / "frames.txt")]
    subprocess.run([*command, "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2,fps=20", "-c:v", "libvpx-vp9", "-b:v", "600k", str(SHOTS / "job.webm")], check=True, timeout=120)


def test_the_terminal_follows_its_end_only_from_there(visit, relay):
    register(relay, "scrolls")
    log(relay, "scrolls", [f"line {n}" for n in range(1, 201)])
    page = visit().sign_in("/jobs/scrolls")
    box = lines_of(page)
    expect(box).to_contain_text("line 200")
    log(relay, "scrolls", ["line 201"], first=201)
    expect(box).to_contain_text("line 201")
    box.evaluate("(box) => { box.scrollTop = 400 }")
    expect(box).not_to_contain_text("line 201")
    log(relay, "scrolls", [f"line {n}" for n in range(202, 416)], first=202)
    new = page.get_by_role("button", name="↓ 214 new")
    expect(new).to_be_visible()
    new.click()
    expect(box).to_contain_text("line 415")
    expect(new).to_be_hidden()


def test_search_goes_over_the_whole_log(visit, relay):
    register(relay, "long")
    log(relay, "long", [f"line {n}{' needle' if n % 500 == 7 else ''}" for n in range(1, 2501)])
    visitor = visit()
    page = visitor.sign_in("/jobs/long")
    box = lines_of(page)
    expect(page.get_by_text("1,000 messages")).to_be_visible()
    expect(page.get_by_role("button", name="Show 1,500 earlier lines")).to_be_visible()
    page.keyboard.press("s")
    page.keyboard.type("needle")
    expect(page.get_by_text("5 found")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("5 of 5")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("4 of 5")).to_be_visible()
    expect(box.locator("mark")).to_have_text("needle")
    expect(box).to_contain_text("line 1507 needle")
    visitor.axe()
    page.keyboard.press("Tab")
    box.focus()
    page.keyboard.press("n")
    page.keyboard.press("n")
    expect(page.get_by_text("1 of 5")).to_be_visible()
    expect(box).to_contain_text("line 7 needle")
    # The address names the line now, for the next person.
    assert "line=main%3A7" in page.url
    other = visitor.context.new_page()
    other.goto(page.url)
    expect(other.locator(".t-row.here")).to_contain_text("line 7 needle")


def test_levels_wrapping_times_copy_and_download(visit, relay):
    register(relay, "tools")
    log(relay, "tools", [*STYLED, "x" * 3000, "last"])
    visitor = visit()
    page = visitor.sign_in("/jobs/tools")
    box = lines_of(page)
    expect(box).to_contain_text("last")
    page.get_by_label("Level").select_option("error")
    expect(box.locator(".t-row")).to_have_count(1)
    expect(box).to_contain_text("[ERROR] no elements")
    page.get_by_label("Level").select_option("")
    page.get_by_role("button", name="Wrap").click()
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert box.locator(".t-row").filter(has_text="xxx").bounding_box()["height"] > 40
    page.get_by_role("button", name="Times").click()
    expect(box.locator(".t-time").first).to_contain_text(":")
    visitor.axe()
    page.get_by_role("button", name="Copy the whole log").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("[INFO] reading geometry\n") and copied.endswith("last\n")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the whole log").click()
    assert download.value.suggested_filename == "tools.log"
    assert "x" * 3000 in download.value.path().read_text()


def test_an_escape_that_is_cut_by_a_batch_is_one(visit, relay):
    register(relay, "cut")
    page = visit().sign_in("/jobs/cut")
    log(relay, "cut", ["before \x1b[3"])
    expect(lines_of(page)).to_contain_text("before")
    log(relay, "cut", ["1mred\x1b[0m plain"], first=2)
    expect(lines_of(page).locator(".t-fore")).to_have_text("red")
    assert "1mred" not in lines_of(page).inner_text()


class Pushes:
    """The live connection of a page, in the relay's place: the test pushes what it wants, and no line is lost in between."""

    def __init__(self, page) -> None:
        self._page = page
        self._socket = None
        self._heard: set[str] = set()
        page.route_web_socket("**/live?*", self._open)

    def _open(self, socket) -> None:
        self._socket, self._heard = socket, set()
        socket.on_message(lambda text: self._answer(socket, json.loads(text)))

    def _answer(self, socket, message: dict) -> None:
        if message["action"].startswith("subscribe"):
            socket.send(json.dumps({"event": "subscribed", "action": message["action"], "job_id": message.get("job_id"), "status": "started", "type": "modal"}))
            self._heard.add(message.get("job_id"))

    def push(self, **message) -> None:
        self._socket.send(json.dumps(message))

    def lines(self, job: str, first: int, lines: list, stream: str = "main") -> None:
        """Pushes lines of a job, once the page has subscribed to it: nobody is sent lines before."""
        for _ in range(1000):
            if job in self._heard:
                break
            self._page.wait_for_timeout(20)
        assert job in self._heard, "the page did not subscribe"
        entries = [{"seq": n, "stream": stream, "message": line, "timestamp": "2026-11-27T12:00:00.000Z"} for n, line in enumerate(lines, first)]
        self.push(event="log_lines", job_id=job, lines=entries)


def test_a_line_that_comes_late_takes_its_place(visit, relay):
    job = register(relay, "late")["id"]
    visitor = visit()
    pushes = Pushes(visitor.page)
    page = visitor.sign_in("/jobs/late")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    texts = lines_of(page).locator(".t-text")
    pushes.lines(job, 5, ["five"])
    pushes.lines(job, 8, ["eight"])
    expect(lines_of(page)).to_contain_text("2 lines missing")
    pushes.lines(job, 6, ["six", "seven"])
    expect(texts).to_have_text(["five", "six", "seven", "eight"])
    # Lines that are sent again change nothing, and lines of the beginning come to stand before.
    pushes.lines(job, 1, ["one", "two", "three", "four", "five", "six"])
    expect(texts).to_have_text(["one", "two", "three", "four", "five", "six", "seven", "eight"])


def test_missing_lines_are_looked_for_again(visit, relay):
    job = register(relay, "misses")["id"]
    log(relay, "misses", ["one", "two", "three"])
    visitor = visit()
    pushes = Pushes(visitor.page)
    page = visitor.sign_in("/jobs/misses")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    pushes.lines(job, 1, ["one"])
    pushes.lines(job, 3, ["three"])
    page.get_by_role("button", name="Look again").click()
    expect(lines_of(page).locator(".t-text")).to_have_text(["one", "two", "three"])


def test_lines_that_were_missing_at_the_beginning_close_the_hole(visit, relay):
    job = register(relay, "begins-late")["id"]
    log(relay, "begins-late", ["four", "five", "six"], first=4)
    visitor = visit()
    pushes = Pushes(visitor.page)
    page = visitor.sign_in("/jobs/begins-late")
    pushes.lines(job, 4, ["four"])
    pushes.lines(job, 6, ["six"])
    page.get_by_role("button", name="Look again").click()
    expect(lines_of(page)).to_contain_text("3 lines missing")
    pushes.lines(job, 1, ["one", "two", "three"])
    expect(lines_of(page).locator(".t-text")).to_have_text(["one", "two", "three", "four", "five", "six"])
    expect(lines_of(page)).not_to_contain_text("missing")


def test_fifty_thousand_lines_cost_little(visit, relay):
    """1,000 lines a second for ten seconds above 40,000 that are held: few nodes, little memory, short tasks."""
    job = register(relay, "many")["id"]
    visitor = visit()
    pushes = Pushes(visitor.page)
    page = visitor.sign_in("/jobs/many")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    heap = lambda: {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}  # noqa: E731
    before = heap()["JSHeapUsedSize"]
    line = "[INFO] pass {} of 50000: residual 0.000731, 120 elements refined"
    for first in range(1, 40_001, 1000):
        pushes.lines(job, first, [line.format(n) for n in range(first, first + 1000)])
    expect(page.get_by_text("40,000 messages")).to_be_visible()
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.evaluate(
        """() => { window.long = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) window.long += one.duration; })
            .observe({ type: "longtask" }); }"""
    )
    started = page.evaluate("performance.now()")
    for n in range(100):
        first = 40_001 + n * 100
        pushes.lines(job, first, [line.format(k) for k in range(first, first + 100)])
        # The pace of a fast job: this is what is measured, and nothing is awaited by it.
        page.wait_for_timeout(100)
    expect(page.get_by_text("50,000 messages")).to_be_visible()
    took = page.evaluate("performance.now()") - started
    long = page.evaluate("window.long")
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    session.send("HeapProfiler.collectGarbage")
    grown = heap()["JSHeapUsedSize"] - before
    nodes = page.evaluate("document.querySelectorAll('*').length")
    print(f"50,000 lines: {nodes} elements, heap +{grown / 1e6:.1f} MB, {long / took:.0%} of {took / 1000:.1f} s in long tasks at CPU/4")
    assert nodes <= 400
    assert grown <= 30e6
    assert long / took <= 0.25


def test_a_job_is_cancelled_after_a_question(visit, relay):
    register(relay, "cancels")
    visitor = visit()
    page = visitor.sign_in("/jobs/cancels")
    page.get_by_role("button", name="Cancel job").click()
    dialog = page.get_by_role("dialog")
    visitor.axe()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Cancel job")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("dialog", name="The job is cancelled")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Cancel job")).to_be_disabled()
    assert relay.call("GET", "/v1/jobs/cancels")["status"] == "cancelled"


def test_an_end_is_reported_to_the_digit(visit, relay):
    register(relay, "ends")
    visitor = visit()
    page = visitor.sign_in("/jobs/ends")
    page.get_by_role("button", name="Report its end").click()
    dialog = page.get_by_role("dialog")
    body = dialog.get_by_label("Body")
    expect(dialog.get_by_text("profile modal")).to_be_visible()
    given = json.loads(body.input_value())
    assert given["metadata"]["job_id"] == "ends"
    body.fill("{")
    expect(dialog.get_by_role("button", name="Report")).to_be_disabled()
    visitor.axe()
    body.fill(json.dumps(given).replace('"result": {}', '"result": {"n": 12345678901234567890}'))
    dialog.get_by_role("button", name="Report").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".head").get_by_text("Succeeded")).to_be_visible()
    assert relay.call("GET", "/v1/jobs/ends/result") == {"n": 12345678901234567890}


def test_notices_are_replayed_after_their_receivers_were_counted(visit, relay, receiver):
    hook = receiver.hook("/notice")
    register(relay, "replays", webhook={"url": hook.url})
    end(relay, "replays")
    hook.wait_for(1)
    visitor = visit()
    page = visitor.sign_in("/jobs/replays")
    expect(page.get_by_text("job.succeeded")).to_be_visible()
    expect(page.get_by_text("1 attempt")).to_be_visible()
    page.get_by_role("button", name="Replay notices").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 receiver")).to_be_visible()
    visitor.axe()
    dialog.get_by_role("button", name="Replay 1 notice").click()
    expect(dialog.get_by_text("Sent again")).to_be_visible()
    hook.wait_for(2)


def test_a_small_scope_is_offered_nothing_that_it_may_not(visit, relay):
    register(relay, "reads")
    key = relay.call("POST", "/v1/keys", {"name": "reader", "scope": "read"})["key"]
    page = visit().sign_in("/jobs/reads", key)
    for name in ("Cancel job", "Report its end", "Replay notices"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
