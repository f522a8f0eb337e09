"""The main job on the demo shop, over WSGI: what is inferred, carried and handed over."""

from __future__ import annotations

import gzip
import json
import logging
import re
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client, TestResponse

from capi_middleware import CapiMiddleware, track
from capi_middleware.demo import Shop
from capi_middleware.events import Event
from capi_middleware.flash import Flash, FlashCodec
from capi_middleware.sandbox import Sandbox
from capi_middleware.settings.state import signing_key

PIXEL = "1234567890"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
NAVIGATION = {
    "User-Agent": AGENT,
    "Accept": "text/html,application/xhtml+xml",
    "Accept-Language": "sv",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Ch-Ua": '"Chromium";v="140"',
}


class Visitor:
    """A browser of sorts: keeps cookies, sends a browser's headers, reads the pixel calls of a page."""

    def __init__(self, app: Any) -> None:
        self.client = Client(app)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers={**NAVIGATION, **headers}, base_url="http://shop.example")

    def post(self, path: str, data: dict[str, Any]) -> TestResponse:
        return self.client.post(path, data=data, headers=NAVIGATION, base_url="http://shop.example")


def calls(response: TestResponse) -> list[tuple[str, dict[str, Any], str]]:
    return calls_in(response.data)


def calls_in(page: bytes) -> list[tuple[str, dict[str, Any], str]]:
    found = re.findall(r"fbq\('track', '(\w+)', (\{.*?\}), \{eventID: '(\w+)'\}\);", page.decode())
    return [(name, json.loads(data), event_id) for name, data, event_id in found]


@pytest.fixture
def wrapped(sandbox: Sandbox, tmp_path: Path) -> Iterator[CapiMiddleware]:
    app = CapiMiddleware(
        LintMiddleware(Shop()),  # type: ignore[arg-type]
        pixel_id=PIXEL,
        access_token="EAAtoken",
        graph_url=sandbox.url,
        state_dir=str(tmp_path),
        currency="SEK",
    )
    yield app
    app.close()


@pytest.fixture
def visitor(wrapped: CapiMiddleware) -> Visitor:
    return Visitor(LintMiddleware(wrapped))  # type: ignore[arg-type]


def server_events(app: CapiMiddleware, sandbox: Sandbox) -> list[tuple[str, str]]:
    assert app.flush(10)
    return [(event.payload["event_name"], event.payload["event_id"]) for event in sandbox.server_events]


def test_page_view(visitor: Visitor, wrapped: CapiMiddleware, sandbox: Sandbox) -> None:
    page = visitor.get("/")
    (name, _, event_id) = calls(page)[0]
    assert name == "PageView"
    assert server_events(wrapped, sandbox) == [("PageView", event_id)]
    assert re.fullmatch(r"fb\.1\.\d+\.\d+", sandbox.server_events[0].payload["user_data"]["fbp"])


def test_product_page(visitor: Visitor, wrapped: CapiMiddleware, sandbox: Sandbox) -> None:
    product = re.search(r'href="(/[^"]*produkt[^"]*|/[^"]*product[^"]*|/p/[^"]*)"', visitor.get("/").text)
    assert product
    page = visitor.get(product[1])
    found = calls(page)
    assert [name for name, _, _ in found] == ["PageView", "ViewContent"]
    assert found[1][1]["currency"] == "SEK"
    assert found[1][1]["value"] > 0


def test_without_a_pixel_id_the_shop_runs_as_if_unwrapped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "capi_middleware"):
        app = CapiMiddleware(Shop(), state_dir=str(tmp_path))
    assert [record.message.partition(":")[0] for record in caplog.records] == ["admin page", "no pixel ID is set"]
    assert "CAPI_PIXEL_ID" in caplog.text
    plain, wrapped = Visitor(Shop()).get("/"), Visitor(app).get("/")
    assert wrapped.data == plain.data
    assert list(wrapped.headers) == list(plain.headers)


def test_attributes_of_the_app_are_reachable(wrapped: CapiMiddleware) -> None:
    assert wrapped.app is not None  # LintMiddleware's


def test_track(sandbox: Sandbox, tmp_path: Path) -> None:
    def shop(environ: Any, start_response: Any) -> list[bytes]:
        assert track(environ, "Lead", value=500, currency="SEK")
        environ["capi.user"]["em"] = "John_Smith@gmail.com"
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<!doctype html><html><head></head><body>Hej</body></html>"]

    app = CapiMiddleware(shop, pixel_id=PIXEL, access_token="t", graph_url=sandbox.url, state_dir=str(tmp_path))
    page = Visitor(app).get("/")
    assert [name for name, _, _ in calls(page)] == ["PageView", "Lead"]
    assert app.flush(10)
    lead = sandbox.server_events[-1].payload
    assert lead["custom_data"] == {"value": 500, "currency": "SEK"}
    digest = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert lead["user_data"]["em"] == [digest]
    assert digest in page.text and "John_Smith" not in page.text
    app.close()


@pytest.mark.parametrize("said", ["anna@example.com", ["a"], object(), None])
def test_a_user_that_is_no_mapping_costs_no_event(said: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    def shop(environ: Any, start_response: Any) -> list[bytes]:
        environ["capi.user"] = said
        return page_shop(environ, start_response)

    app = wrap(shop, sandbox, tmp_path)
    assert [name for name, _, _ in calls(Visitor(app).get("/"))] == ["PageView"]
    app.close()


def test_settings_are_compiled_once_however_many_ask_at_once(wrapped: CapiMiddleware) -> None:
    wrapped._shops.clear()
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(wrapped._shop(wrapped._source.current)), daemon=True)
        for _ in range(8)
    ]
    with wrapped._lock:
        for thread in threads:
            thread.start()
        time.sleep(0.2)  # all of them wait to compile
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(shop is found[0] for shop in found)


@pytest.mark.parametrize(("proto", "secure"), [("https", True), ("http", False)])
def test_a_cookie_is_secure_where_the_browser_s_connection_is(
    proto: str, secure: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Behind a front server that ends TLS; here in the answer to a page's script."""
    app = wrap(page_shop, sandbox, tmp_path, trusted_hops=1, mode="off")
    owed = Event(PIXEL, "AddToCart", "c" * 32, 1, "")
    cookie = FlashCodec(signing_key(tmp_path)).dump(Flash((owed,), ({"rule": "x"},)))
    answer = Client(app, use_cookies=False).post(
        "/_shop/collect",
        json={"v": 1, "k": "view", "u": f"{proto}://shop.example/", "i": "0" * 32},
        headers={
            "User-Agent": AGENT,
            "Accept-Language": "sv",
            "Sec-Fetch-Site": "same-origin",
            "Cookie": f"shop_flash={cookie}",
            "X-Forwarded-For": "81.2.69.142",
            "X-Forwarded-Proto": proto,
            "X-Forwarded-Host": "shop.example",
        },
    )
    kept = [
        value for value in answer.headers.getlist("Set-Cookie") if value.startswith("shop_flash=") and "=;" not in value
    ]
    assert len(kept) == 1 and ("; Secure" in kept[0]) == secure
    app.close()


def test_the_shop_never_sees_the_admin_cookie(tmp_path: Path) -> None:
    seen = []

    def shop(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["HTTP_COOKIE"])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    app = CapiMiddleware(shop, state_dir=str(tmp_path))
    Client(app, use_cookies=False).get("/", headers={"Cookie": "a=1; __Host-shop_admin=secret; shop_admin=secret; b=2"})
    assert seen == ["a=1; b=2"]


PAGE = b"<!doctype html><html><head><title>x</title></head><body>Hej</body></html>"


def page_shop(environ: Any, start_response: Any) -> list[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [PAGE]


def wrap(app: Any, sandbox: Sandbox, folder: Path, **keywords: Any) -> CapiMiddleware:
    return CapiMiddleware(
        app, pixel_id=PIXEL, access_token="EAAtoken", graph_url=sandbox.url, state_dir=str(folder), **keywords
    )


def test_what_a_visitor_types_is_hashed_and_held_for_the_visit(sandbox: Sandbox, tmp_path: Path) -> None:
    app = wrap(page_shop, sandbox, tmp_path, advanced_matching=True)
    visitor = Visitor(app)
    visitor.post("/login", {"email": "John_Smith@gmail.com", "password": "hemligt"})
    page = visitor.get("/")
    digest = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert digest in page.text
    assert app.flush(10)
    assert sandbox.server_events[-1].payload["user_data"]["em"] == [digest]
    app.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"John_Smith" not in file.read_bytes() and b"hemligt" not in file.read_bytes()


FETCH = {**NAVIGATION, "Accept": "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}


@pytest.mark.parametrize(("status", "held"), [("200 OK", True), ("401 Unauthorized", False)])
def test_what_a_script_posts_of_the_visitor_is_held_too(
    status: str, held: bool, sandbox: Sandbox, tmp_path: Path
) -> None:
    def shop(environ: Any, start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] != "POST":
            return page_shop(environ, start_response)
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(status, [("Content-Type", "application/json")])
        return [b"{}"]

    app = wrap(shop, sandbox, tmp_path, advanced_matching=True)
    visitor = Visitor(app)
    answer = visitor.client.post(
        "/login", json={"email": "John_Smith@gmail.com"}, headers=FETCH, base_url="http://shop.example"
    )
    assert answer.data == b"{}"
    digest = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    assert (digest in visitor.get("/").text) == held
    app.close()


def test_without_opting_in_nothing_typed_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    app = wrap(page_shop, sandbox, tmp_path)
    visitor = Visitor(app)
    visitor.post("/login", {"email": "John_Smith@gmail.com"})
    visitor.get("/")
    assert app.flush(10)
    assert sandbox.server_events
    assert all("em" not in event.payload["user_data"] for event in sandbox.server_events)
    app.close()


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_the_page_that_shows_a_consent_tool_is_not_touched_and_the_next_one_waits(
    coding: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    html = (
        b'<!doctype html><html><head><script src="https://consent.cookiebot.com/uc.js"></script></head>'
        b"<body></body></html>"
    )
    app = wrap(sending(html, coding), sandbox, tmp_path)
    visitor = Visitor(app)
    assert plain(visitor.get("/")) == html
    second = visitor.get("/")
    assert b'state":"held' in plain(second) and b"fbq('init'" not in plain(second)
    assert "Set-Cookie" not in second.headers
    assert app.flush(5)
    assert sandbox.server_events == []
    app.close()


def sending(html: bytes, coding: str) -> Any:
    """A shop of one page."""
    headers = [("Content-Type", "text/html"), *([("Content-Encoding", coding)] if coding else [])]

    def shop(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("200 OK", headers)
        return [gzip.compress(html) if coding else html]

    return shop


def plain(response: TestResponse) -> bytes:
    return gzip.decompress(response.data) if response.headers.get("Content-Encoding") else response.data


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_what_a_page_shows_is_seen_though_it_is_compressed(coding: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """A pixel of the shop's own, and what its form's fields mean."""
    html = (
        b"<!doctype html><html><head><script>fbq('init', '5555555555')</script></head>"
        b'<body><form><input name="q7" autocomplete="email"></form></body></html>'
    )
    app = wrap(sending(html, coding), sandbox, tmp_path, advanced_matching=True)
    visitor = Visitor(app)
    visitor.get("/")
    health = visitor.client.get("/_shop/health").json
    assert health is not None and health["verdicts"]["OTHER_PIXEL"] == 1
    visitor.post("/", {"q7": "John_Smith@gmail.com"})
    assert app.flush(10)
    assert "em" in sandbox.server_events[-1].payload["user_data"]
    app.close()


@pytest.mark.parametrize(("kept", "injected"), [(9, False), (-9, True)])
@pytest.mark.parametrize("kind", [list, iter])
def test_a_body_that_the_shop_has_damaged_is_no_fault_of_ours(
    kept: int, injected: bool, kind: Any, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And a view that stands in the page has its server leg, though the page has no end."""
    random = "".join(f"<p>{hash(number) ** 7}</p>" for number in range(9000)).encode()
    body = gzip.compress(PAGE.replace(b"Hej", random))[:kept]

    def shop(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html"), ("Content-Encoding", "gzip")])
        return kind([body])

    app = wrap(shop, sandbox, tmp_path)
    visitor = Visitor(app)
    data = visitor.get("/").data
    page = zlib.decompressobj(31).decompress(data)
    assert (b"fbq('init'" in page) == injected
    assert injected or data == body
    health = visitor.client.get("/_shop/health").json
    assert health is not None and health["verdicts"]["DAMAGED"] == 1 and "FAULT_PAGE" not in health["verdicts"]
    assert "a fault of ours" not in caplog.text
    assert server_events(app, sandbox) == [(name, event_id) for name, _, event_id in calls_in(page)]
    app.close()


def test_a_no_takes_back_cookies_and_what_is_unsent(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.down()
    app = wrap(page_shop, sandbox, tmp_path)
    visitor = Visitor(app)
    visitor.get("/")
    said = quote("{stamp:'x',necessary:true,marketing:false,ver:1}")
    visitor.client.set_cookie("CookieConsent", said, domain="shop.example")
    page = visitor.get("/")
    assert any("_fbp=;" in value and "Max-Age=0" in value for value in page.headers.getlist("Set-Cookie"))
    sandbox.up()
    assert app.flush(10)
    assert sandbox.server_events == []
    app.close()
