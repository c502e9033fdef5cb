"""Texts of strangers on every screen that shows them: nothing in them is run, and nothing in them moves what surrounds it."""

import json
import re
import shlex
from urllib.parse import quote

import pytest
from page.frames import two_frames
from playwright.sync_api import expect
from support.process import wait_until

pytestmark = pytest.mark.relay()

RUN = "window.struck=1"
PAYLOADS = [
    f"<script>{RUN}</script>", f"<ScRiPt>{RUN}</sCrIpT>", f"<script/src=data:,{RUN}></script>", f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>", f"<img/src=x/onerror={RUN}>", f"\"><img src=x onerror={RUN}>", f"'><img src=x onerror='{RUN}'>",
    f"<svg onload={RUN}>", f"<svg><script>{RUN}</script></svg>", f"<svg><animate onbegin={RUN} attributeName=x dur=1s>", f"<math><mi//xlink:href=\"javascript:{RUN}\">",
    f"<body onload={RUN}>", f"<iframe srcdoc=\"<script>parent.struck=1</script>\">", f"<iframe src=javascript:parent.struck=1>", f"<object data=javascript:{RUN}>",
    f"<embed src=javascript:{RUN}>", f"<a href=javascript:{RUN} id=hit>x</a>", f"javascript:{RUN}", f"JaVaScRiPt:{RUN}", f"java\tscript:{RUN}", f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}", f"<base href=javascript:{RUN}//>", f"<meta http-equiv=refresh content=\"0;url=javascript:{RUN}\">", f"<form action=javascript:{RUN}><button>x",
    f"<input autofocus onfocus={RUN}>", f"<details open ontoggle={RUN}>", f"<video><source onerror={RUN}>", f"<audio src=x onerror={RUN}>", f"<marquee onstart={RUN}>",
    f"<style>@import 'javascript:{RUN}';</style>", "<style>*{display:none!important}</style>", "</style><style>body{visibility:hidden}</style>", f"<link rel=stylesheet href=javascript:{RUN}>",
    "x;background:url(//evil.example/x)", "expression(window.struck=1)", f"<div style=\"width:expression({RUN})\">",
    f"&lt;script&gt;{RUN}&lt;/script&gt;", f"&#60;img src=x onerror={RUN}&#62;", f"\\u003cscript\\u003e{RUN}", f"%3Cscript%3E{RUN}%3C/script%3E", f"<!--><script>{RUN}</script>-->", f"<![CDATA[<script>{RUN}</script>]]>",
    f"{{{{constructor.constructor('{RUN}')()}}}}", f"${{{RUN}}}", f"<%= {RUN} %>", f"#{{{RUN}}}", f"`;{RUN};//", f"';{RUN};//", f"\");{RUN};//",
    "\u202egnp.exe", "\u2066\u2069\u200f\u202dabc\u202c", "a\u200bb\ufeffc", "\u001b[31mred\u001b]8;;javascript:1\u0007link\u001b]8;;\u0007", "\u001b]0;title\u0007\u001b[2J", "nul\u0000byte", "__proto__", "constructor",
    "line\r\nset-cookie: a=b\r\n\r\n<script>window.struck=1</script>", "z" * 3000, "👩‍👩‍👧‍👦" * 200, "ﷺ" * 200, "a\u0301\u0302\u0303" * 100,
]
# Nothing of these may be in a text that is shown, for they reorder or hide what stands beside them.
HIDDEN = re.compile("[\u0000\u001b\u202a-\u202e\u2066-\u2069\u200b\u200f\ufeff]")


def test_there_are_sixty():
    assert len(PAYLOADS) >= 60


@pytest.fixture(scope="module")
def event(relay, receiver) -> dict:
    """An event whose delivery died, as the API has it: the form into which the texts are put."""
    relay.call("POST", "/api/v1/app", {"name": "Shop", "uid": "shop"})
    receiver.hook("/fails", answer=500)
    relay.call("POST", "/api/v1/app/shop/endpoint", {"url": f"{receiver.url}/fails", "delays": [1]})
    id = relay.call("POST", "/api/v1/app/shop/msg", {"eventType": "a.b", "payload": {"a": 1}})["id"].replace("msg_", "evt_")
    return wait_until("the delivery is dead", lambda: (e := relay.call("GET", f"/v1/events/{id}"))["state"] == "dead" and e, 60)


def hostile(event: dict, text: str) -> dict:
    """The event with `text` in every field that a sender, a receiver or a network writes."""
    delivery = event["deliveries"][0]
    attempt = delivery["attempts"][0] | {"response": text, "error_message": text, "url": f"http://x/{text}", "error_class": "connect"}
    return event | {
        "type": text, "source": text, "key": text, "job_id": text, "batch_id": text, "channels": [text], "duplicates": 1, "conflicts": 1,
        "payload": {text: text, "list": [text, {text: [text]}]},
        "request": {
            "method": "POST", "path": f"/in/{text}", "query": text, "caller": text, "received_at": event["created_at"], "bytes": 10, "content_type": text,
            "headers": [{"name": "x-hostile", "value": text}, {"name": text, "value": "1"}], "headers_left_out": 1,
            "verdict": {"profile": "hmac", "scheme": text, "secret": {"position": 1, "fingerprint": "00"}, "timestamp_age_s": 1},
        },
        "deliveries": [delivery | {"attempts": [attempt]}],
    }


WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (one) => window.violations.push(`${one.violatedDirective} ${one.blockedURI} ${one.sample}`));
"""


def harmless(visitor, where: str) -> None:
    page = visitor.page
    found = page.evaluate(
        "[window.struck, window.violations, document.title, document.body.innerText, document.querySelectorAll('main script, main iframe, main object, main embed, main base, main style, #hit').length,"
        " [...document.querySelectorAll('a')].map((one) => one.protocol).filter((one) => !/^https?:$/.test(one))]"
    )
    struck, violations, title, text, elements, protocols = found
    assert struck is None, where
    assert violations == [], where
    assert elements == 0, where
    assert protocols == [], where
    hidden = HIDDEN.search(text)
    assert not hidden, f"{where}: {text[max(0, hidden.start() - 80) : hidden.end() + 40]!r}"
    assert page.evaluate("getComputedStyle(document.querySelector('main')).visibility") == "visible", where
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        # The tables choose their columns once they know their width.
        two_frames(page)
        visitor.fits()


def put_in(visitor, event: dict, text: str) -> None:
    """Answers the requests of the screens with `text` in every field."""
    page, relay = visitor.page, visitor.relay
    page.unroute_all()
    id = event["id"]
    one = hostile(event, text)
    row = {name: value for name, value in one.items() if name not in ("payload", "request", "deliveries")}
    conflict = {"at": event["created_at"], "bytes": 9, "content_type": text, "body": json.dumps({text: text, "more": text}), "body_base64": None}
    sent = {"request": {"method": "POST", "url": f"http://x/{text}", "headers": [{"name": text, "value": text}], "body": text, "body_base64": None, "bytes": 9}}
    found = [{"kind": "event", "id": id, "application": text, "title": text, "event_id": id}]
    for path, body in {
        f"/v1/events/{id}": one,
        f"/v1/events/{id}/conflicts": {"data": [conflict], "kept": 1, "conflicts": 1},
        f"/v1/events/{id}/deliveries/*": sent,
        f"/v1/events/{id}/request": json.dumps({text: text}),
        "/v1/events?*": {"data": [row], "done": True, "iterator": None},
        "/v1/search?*": {"data": found},
    }.items():
        visitor.answer(path, body=body)


def test_sixty_texts_in_every_field_of_events_do_nothing(visit, event):
    visitor = visit()
    page = visitor.page
    page.add_init_script(WATCH)
    visitor.sign_in("/events")
    id = event["id"]
    for n, text in enumerate(PAYLOADS):
        put_in(visitor, event, text)
        name = f"text {n}: {text[:60]!r}"
        visitor.open(f"/events?since=2020-01-01T00:00:00Z&source={quote(text[:1000])}")
        expect(page.locator("[data-row]")).to_have_count(1)
        harmless(visitor, f"the list, {name}")
        attempt = event["deliveries"][0]["attempts"][0]["id"]
        visitor.open(f"/events/{id}?open={attempt}&part=sent&tab=conflicts")
        expect(page.get_by_role("group", name=re.compile("Conflicting request"))).to_be_visible()
        expect(page.get_by_role("table", name="Headers").first).to_be_visible()
        harmless(visitor, f"conflicts and what was sent, {name}")
        page.get_by_role("tab", name="Request").click()
        expect(page.get_by_text("The signature held")).to_be_visible()
        page.get_by_role("button", name="Answer").click()
        harmless(visitor, f"the request and the answer, {name}")
        page.get_by_role("tab", name="Payload").click()
        for view in ("Raw", "Tree"):
            page.get_by_role("group", name="View of Payload").get_by_role("button", name=view).click()
            harmless(visitor, f"the payload as {view}, {name}")
    print(f"\n{len(PAYLOADS)} texts in every field of events: 0 dialogs, 0 reports of the content security policy, 0 of trusted types")


def test_commands_hold_a_strangers_text_as_one_word(visit, event):
    visitor = visit()
    page = visitor.page
    visitor.sign_in("/events")
    text = "'; touch /tmp/struck; echo '$(id)`id`"
    put_in(visitor, event, text)
    visitor.open(f"/events/{event['id']}")
    page.locator("summary").get_by_text("More").click()
    page.get_by_role("button", name="Copy as curl…").click()
    command = page.get_by_role("dialog").locator("pre").inner_text()
    assert "'\\''; touch /tmp/struck; echo '\\''$(id)`id`'" in command
    line = next(line for line in command.splitlines() if line.startswith("printf"))
    assert shlex.split(line)[2] == text


SCREENS = ["/jobs", "/batches", "/letters", "/sources", "/endpoints", "/event-types", "/tasks", "/keys", "/status", "/"]


def test_what_strangers_sent_does_nothing_on_the_other_screens(visit, relay, event):
    """Jobs, batches and refusals with hostile ids, made through the relay itself."""
    ids = []
    for n, text in enumerate(PAYLOADS):
        job = {"job_id": f"{n} {text[:500]}", "application": "shop"}
        status, answer = relay.send("POST", "/v1/jobs", json.dumps(job).encode(), relay.authorization | {"Content-Type": "application/json"})
        if status < 300:
            ids.append(answer["id"])
        relay.send("POST", "/v1/batches", json.dumps({"batch_id": f"{n} {text[:500]}", "application": "shop"}).encode(), relay.authorization | {"Content-Type": "application/json"})
        relay.send("POST", f"/in/{quote(text[:100], safe='')}", b"{}", {})
    visitor = visit()
    page = visitor.page
    page.add_init_script(WATCH)
    visitor.sign_in("/")
    for path in SCREENS:
        visitor.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        harmless(visitor, path)
    for id in ids[:60]:
        visitor.open(f"/jobs/{id}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        harmless(visitor, f"/jobs/{id}")
