"""The first view of a page that a cache may store: its browser may ask before the page has been read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client, run_wsgi_app
from werkzeug.test import EnvironBuilder as Builder

from capi_middleware import CapiMiddleware
from capi_middleware.infer.facts import later
from capi_middleware.sandbox import Sandbox

from .test_middleware import NAVIGATION

VIEW_ID = "0123456789abcdef0123456789abcdef"
HOST = "http://shop.example"
HEAD = b'<!doctype html><html lang="sv"><head><meta charset="utf-8"><title>Lampa Alva</title></head><body>'
REST = (
    '<main><h1>Lampa Alva</h1><p class="price">249 kr</p><form method="post" action="/cart/add">'
    '<input type="hidden" name="product_id" value="L-1"><input name="quantity" value="1">'
    "<button>Lägg i varukorgen</button></form></main></body></html>"
).encode()
LAMP = {
    "content_ids": ["L-1"],
    "content_name": "Lampa Alva",
    "content_type": "product",
    "value": 249,
    "currency": "SEK",
}


def stored(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """A product without any markup for machines, and a tag as Express gives one to every answer."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("ETag", 'W/"1"')])
    yield HEAD
    yield REST


@pytest.fixture
def wrap(wrapping: Callable[..., CapiMiddleware]) -> Callable[..., CapiMiddleware]:
    return lambda app=stored: wrapping(app, mode="off")


def ask(app: CapiMiddleware, kind: str, path: str = "/lampor/alva", **more: Any) -> Any:
    message = {"v": 1, "k": kind, "u": f"{HOST}{path}", "r": "", "i": VIEW_ID, **more}
    headers = {**NAVIGATION, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    return json.loads(Client(app).post("/_shop/collect", json=message, headers=headers, base_url=HOST).text)


def opened(app: CapiMiddleware, path: str = "/lampor/alva") -> Iterator[bytes]:
    """The page's bytes as they come."""
    body, _, headers = run_wsgi_app(app, Builder(path, HOST, headers=NAVIGATION).get_environ())
    assert headers["ETag"].startswith('W/"1-'), "the page is not for many visitors"
    return iter(body)


def seen(app: CapiMiddleware, sandbox: Sandbox) -> list[tuple[str, str, dict[str, Any]]]:
    assert app.flush(10)
    payloads = [event.payload for event in sandbox.server_events]
    return [(one["event_name"], one["event_id"], one.get("custom_data", {})) for one in payloads]


def test_the_browser_asks_while_the_page_still_comes(wrap: Callable[..., CapiMiddleware], sandbox: Sandbox) -> None:
    """It is told to ask again, however often, and then both legs have one ID, once."""
    go = threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        for number, chunk in enumerate(stored(environ, start_response)):
            if number:
                assert go.wait(10)
            yield chunk

    app = wrap(slow)
    page = opened(app)
    assert b"<script" in next(page)
    rest: list[bytes] = []
    reading = threading.Thread(target=lambda: rest.extend(page))
    reading.start()
    first = ask(app, "view")
    assert ([row[0] for row in first["events"]], first.get("need")) == (["PageView"], True)
    early = ask(app, "page", p="", l=0)
    assert (early["events"], early.get("need")) == ([], True)
    go.set()
    reading.join(10)
    answers = [ask(app, "page", p="", l=0), ask(app, "page", p="", l=0)]
    assert answers[0] == answers[1], "an answer that was lost on the way is given once more"
    [[name, data, event_id]] = answers[0]["events"]
    assert (name, data, "need" in answers[0]) == ("ViewContent", LAMP, False)
    assert seen(app, sandbox) == [("PageView", VIEW_ID, {}), ("ViewContent", event_id, LAMP)]


def test_a_page_read_in_short_at_first(wrap: Callable[..., CapiMiddleware], sandbox: Sandbox) -> None:
    """What a part of it says is known when the page has left, not when the rest has been read as well."""

    def shelf(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("ETag", 'W/"1"')])
        name = environ["PATH_INFO"].rpartition("/")[2].title()
        product = {
            "@context": "https://schema.org",
            "@type": "Product",
            "name": f"Lampa {name}",
            "sku": f"L-{name}",
            "offers": {"@type": "Offer", "price": "249.00", "priceCurrency": "SEK"},
        }
        script = f'<script type="application/ld+json">{json.dumps(product)}</script>'
        main = f"<main><h1>Lampa {name}</h1><p>{'Lyser. ' * 400}</p></main>"
        return [HEAD.replace(b"Lampa Alva", name.encode()), f"{main}{script}</body></html>".encode()]

    app = wrap(shelf)
    for name in ("alva", "bo", "cajsa", "doris", "ebba"):
        list(opened(app, f"/lampor/{name}"))
        assert later.wait(10)
    go = threading.Event()
    assert later.put("busy", lambda: go.wait(10))
    try:
        list(opened(app, "/lampor/frida"))
        assert len(later._keys) == 2, "the page was not read in short"
        answer = ask(app, "view", "/lampor/frida")
    finally:
        go.set()
    assert [row[0] for row in answer["events"]] == ["PageView", "ViewContent"]
    assert later.wait(10)
    assert [(name, data.get("value")) for name, _, data in seen(app, sandbox)] == [
        ("PageView", None),
        ("ViewContent", 249.0),
    ]


def test_another_process_has_read_the_page(wrap: Callable[..., CapiMiddleware], sandbox: Sandbox) -> None:
    one, other = wrap(), wrap()
    assert ask(other, "view")["need"]
    list(opened(one))
    assert one._memory.flush() and other._memory.flush()
    [[name, data, event_id]] = ask(other, "page", p="", l=0)["events"]
    assert (name, data) == ("ViewContent", LAMP)
    assert one.flush(10)
    assert seen(other, sandbox) == [("PageView", VIEW_ID, {}), ("ViewContent", event_id, LAMP)]


def test_a_view_that_nobody_could_answer_is_counted(wrap: Callable[..., CapiMiddleware]) -> None:
    """A page from a cache in front of us, which no process has read: ``health`` says how many such views there were."""
    app = wrap()
    assert ask(app, "view")["need"] and ask(app, "page", p="", l=0)["need"]
    counts = lambda: {k: v for k, v in app._counts.items() if k.startswith("VIEW_")}  # noqa: E731
    assert counts() == {"VIEW_UNREAD": 1}
    list(opened(app))
    assert ask(app, "page", p="", l=0)["events"]
    assert counts() == {"VIEW_UNREAD": 1, "VIEW_READ_LATER": 1}


def test_a_page_that_is_no_products_is_asked_about_once(wrap: Callable[..., CapiMiddleware]) -> None:
    def about(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("ETag", 'W/"1"')])
        return [b"<!doctype html><html><head><title>Om oss</title></head><body><h1>Om oss</h1></body></html>"]

    app = wrap(about)
    list(opened(app, "/om"))
    answer = ask(app, "view", "/om")
    assert ([row[0] for row in answer["events"]], answer.get("need")) == (["PageView"], None)
