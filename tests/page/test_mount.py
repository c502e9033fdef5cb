"""The page below a path, as a stage or a base path of a domain of its own puts it: https://api.example.com/relay/x/.

`relay dev` serves at the root only. The proxy here does what API Gateway and `api` do with a base path: it takes the path away, and the
HTML loads its files below it (`functions/api/src/page/html.rs`).
"""

import http.client
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.relay()

PREFIX = "/relay/x"


class Proxy:
    """Serves what is at `upstream` below PREFIX, live connections too, and keeps the paths of requests that went elsewhere."""

    def __init__(self, upstream: str) -> None:
        host = urlsplit(upstream).netloc
        self.outside: list[str] = []
        self.upgrades: list[str] = []
        outside, upgrades = self.outside, self.upgrades

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                if not self.path.startswith(PREFIX):
                    outside.append(self.path)
                    self.send_error(404)
                    return
                path = self.path.removeprefix(PREFIX) or "/"
                path = path if path.startswith("/") else f"/{path}"
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "accept-encoding")}
                headers["Host"] = host
                if self.headers.get("Upgrade"):
                    upgrades.append(path)
                    return self.tunnel(path, headers)
                connection = http.client.HTTPConnection(host, timeout=60)
                connection.request(self.command, path, self.rfile.read(int(self.headers.get("Content-Length", 0))), headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.headers.get_content_type() == "text/html":
                    body = body.replace(b'"/assets/', f'"{PREFIX}/assets/'.encode())
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def tunnel(self, path: str, headers: dict[str, str]) -> None:
                name, port = host.split(":")
                other = socket.create_connection((name, int(port)))
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                other.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())

                def pump(source: socket.socket, sink: socket.socket) -> None:
                    try:
                        while part := source.recv(65_536):
                            sink.sendall(part)
                    except OSError:
                        pass
                    for one in (source, sink):
                        try:
                            one.shutdown(socket.SHUT_RDWR)
                        except OSError:
                            pass

                threading.Thread(target=pump, args=(other, self.connection), daemon=True).start()
                pump(self.connection, other)
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def proxy(relay):
    proxy = Proxy(relay.url)
    direct, relay.url = relay.url, proxy.origin + PREFIX
    yield proxy
    relay.url = direct
    proxy.close()


@pytest.fixture(autouse=True)
def stays_below(proxy):
    """Nothing is asked for outside the path."""
    yield
    assert proxy.outside == []


def inside(page) -> None:
    """Every link stays below the path, also one that is opened in another tab."""
    hrefs = page.eval_on_selector_all("a[href^='/']", "links => links.map((link) => link.getAttribute('href'))")
    assert [href for href in hrefs if not href.startswith(PREFIX)] == []


def test_every_screen_of_the_menu_is_below_the_path(visit, relay):
    visitor = visit()
    page = visitor.sign_in("/")
    expect(page).to_have_url(f"{relay.url}/")
    navigation = page.get_by_role("navigation", name="Screens")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    for name in navigation.get_by_role("link").all_inner_texts():
        navigation.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        expect(navigation.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        assert urlsplit(page.url).path.startswith(PREFIX)
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        inside(page)
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(f"{relay.url}/events")
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Health")).to_be_visible()


def test_a_deep_link_is_loaded_anew(visit, relay):
    relay.call("PUT", "/v1/sources/below", {"profile": "hmac", "secrets": ["x" * 40]})
    visitor = visit()
    page = visitor.sign_in("/sources/below?act=limits")
    expect(page.get_by_role("heading", level=1, name="below")).to_be_visible()
    page.reload()
    expect(page).to_have_url(f"{relay.url}/sources/below?act=limits")
    expect(page.get_by_role("heading", level=1, name="below", include_hidden=True)).to_be_attached()
    visitor.open("/events?since=2026-01-01T00:00:00Z&type=no.such")
    expect(page.get_by_role("heading", level=1, name="Events")).to_be_visible()
    page.reload()
    expect(page).to_have_url(re.compile(re.escape(f"{relay.url}/events?") + ".*type=no.such"))
    inside(page)


def test_a_live_connection_goes_below_the_path_where_none_is_named(visit, proxy, relay):
    visitor = visit()
    page = visitor.page

    def unnamed(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"url": None})

    page.route(f"{relay.url}/v1/live/tickets", unnamed)
    visitor.sign_in("/events")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    assert any(path.startswith("/live?ticket=") for path in proxy.upgrades)


def test_without_live_connections_lists_are_asked_for(visit, relay):
    visitor = visit()
    page = visitor.page
    visitor.answer("/v1/live/tickets", 503, {"detail": "no live connections"})
    visitor.sign_in("/events")
    expect(page.get_by_role("status").filter(has_text="Every 10 s")).to_be_visible(timeout=30_000)


def test_a_key_signs_in_and_signing_out_stays(visit, relay):
    visitor = visit()
    page = visitor.page
    page.goto(f"{relay.url}/tasks")
    page.get_by_label("API key").fill(relay.admin)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Tasks")).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    # What was asked for in the moment of signing out is refused.
    visitor.expected.append("401")
    page.get_by_label("Settings and session").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You have signed out.")).to_be_visible()
    expect(page).to_have_url(f"{relay.url}/tasks")


@pytest.mark.parametrize("path", ["/portal", "/"])
def test_the_portal_is_below_the_path(visit, relay, path):
    headers = relay.authorization | {"Content-Type": "application/json"}
    relay.send("POST", "/api/v1/app", b'{"name":"Acme","uid":"acme"}', headers)
    status, made = relay.send("POST", "/api/v1/auth/app-portal-access/acme", b"{}", headers)
    assert status == 200, made
    code = made["url"].split("#code=")[1]
    visitor = visit()
    page = visitor.page
    page.goto(f"{relay.url}{path}#code={code}")
    expect(page).to_have_url(f"{relay.url}/portal/endpoints")
    expect(page.get_by_role("banner")).to_contain_text("Acme")
    inside(page)
    page.get_by_role("link", name="Event types").click()
    expect(page).to_have_url(f"{relay.url}/portal/event-types")
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Event types")).to_be_visible()
