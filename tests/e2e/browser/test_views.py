"""Views: each page shown is one PageView from the browser and one from the server, whatever brought the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import SHOP_HOST, Certificate, Visitor, Wrapped
from tests.e2e.validator import Expected, check

from .conftest import NewVisitor, OpenShop, both_legs, watch


class Quiet(WSGIRequestHandler):
    """Sends each piece of a page as it is made, and keeps no log."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:
        pass


LAMP = {"value": 249.0, "currency": "SEK", "content_ids": ["1"]}


@pytest.mark.parametrize("tls", [pytest.param(True, id="https"), pytest.param(False, id="http")])
def test_a_page_for_one_visitor(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, tls: bool) -> None:
    visitor.page.goto(open_shop(tls=tls).url + "/p/1")
    check(sandbox, [Expected("PageView", "/p/1"), Expected("ViewContent", "/p/1", LAMP)], visitor)


@pytest.mark.parametrize("tls", [pytest.param(True, id="https"), pytest.param(False, id="http")])
def test_a_page_that_a_cache_may_store(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, tls: bool) -> None:
    visitor.page.goto(open_shop(tls=tls).url + "/cached/p/1")
    check(sandbox, [Expected("PageView", "/cached/p/1"), Expected("ViewContent", "/cached/p/1", LAMP)], visitor)


def test_a_page_from_the_browsers_cache(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop()
    visitor.page.goto(shop.url + "/cached/about")
    both_legs(sandbox, 1)
    visitor.page.click("#home")
    both_legs(sandbox, 2)
    visitor.page.click("#about")
    check(sandbox, [Expected("PageView", "/cached/about"), "PageView", Expected("PageView", "/cached/about")], visitor)
    assert shop.shop.requests.count("GET /cached/about") == 1


def test_two_visitors_of_one_stored_page(open_shop: OpenShop, sandbox: Sandbox, new_visitor: NewVisitor) -> None:
    shop = open_shop()
    for _ in range(2):
        new_visitor().page.goto(shop.url + "/cached/about")
    pairs = check(sandbox, ["PageView", "PageView"])
    assert len({pair.browser[0].fbp for pair in pairs}) == 2


def test_a_page_from_a_service_worker(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """It keeps pages that have IDs in them, and shows them without asking the shop: the view has an ID of its own."""
    shop = open_shop()
    visitor.page.goto(shop.url + "/")
    visitor.page.evaluate("navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)")
    visitor.page.goto(shop.url + "/cart")
    check(sandbox, ["PageView", "PageView"], visitor)
    visitor.page.goto(shop.url + "/cart")
    check(sandbox, ["PageView", "PageView", Expected("PageView", "/cart")], visitor)
    assert shop.shop.requests.count("GET /cart") == 1


def test_back_without_a_page_cache(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop()
    visitor.page.goto(shop.url + "/cached/about")
    both_legs(sandbox, 1)
    visitor.page.goto(shop.url + "/cart")
    visitor.page.go_back()
    check(sandbox, ["PageView", "PageView", Expected("PageView", "/cached/about")], visitor)


def test_back_to_a_kept_page_is_no_second_view(open_shop: OpenShop, sandbox: Sandbox, keeping_visitor: Visitor) -> None:
    shop, page = open_shop(), keeping_visitor.page
    page.goto(shop.url + "/p/1")
    page.evaluate("window.addEventListener('pageshow', (event) => { window.restored = event.persisted; })")
    page.goto(shop.url + "/cart")
    page.go_back(wait_until="commit")
    assert page.evaluate("window.restored"), "the browser has not kept the page"
    check(sandbox, ["PageView", "ViewContent", Expected("PageView", "/cart")], keeping_visitor)


def test_back_to_a_kept_page_is_a_view_where_the_shop_says_so(
    open_shop: OpenShop, sandbox: Sandbox, keeping_visitor: Visitor
) -> None:
    shop, page = open_shop(back_forward="view"), keeping_visitor.page
    page.goto(shop.url + "/cached/about")
    both_legs(sandbox, 1)
    page.goto(shop.url + "/cart")
    both_legs(sandbox, 2)
    page.go_back(wait_until="commit")
    check(sandbox, ["PageView", Expected("PageView", "/cart"), Expected("PageView", "/cached/about")], keeping_visitor)


def test_a_prerendered_page_counts_when_it_is_shown(
    open_shop: OpenShop, sandbox: Sandbox, certificate: Certificate, meta_port: int, tmp_path: Path
) -> None:
    shop = open_shop()
    shop.shop.home = """<script type="speculationrules">{"prerender": [{"urls": ["/cart"], "eagerness": "immediate"}]}
        </script><script>setTimeout(() => { location.href = '/cart'; }, 1500);</script>"""
    watch(sandbox, certificate, meta_port, shop.url + "/", tmp_path / "profile", 2)
    pairs = check(sandbox, [Expected("PageView", "/"), Expected("PageView", "/cart")])
    assert shop.shop.requests.count("GET /cart") == 1
    assert pairs[1].server[0].received_at - pairs[0].server[0].received_at > 1, "counted before it was shown"


def test_a_prefetched_page_counts_when_it_is_opened(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop()
    shop.shop.home = '<link rel="prefetch" href="/p/1">'
    visitor.page.goto(shop.url + "/")
    check(sandbox, [Expected("PageView", "/")], visitor)
    visitor.page.click("#first")
    check(sandbox, [Expected("PageView", "/"), Expected("PageView", "/p/1"), "ViewContent"], visitor)


def test_a_rule_that_reads_the_page_itself_holds_for_stored_pages(
    open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor
) -> None:
    """Whoever gets the page from a cache is told what the rule made of it when it was rendered."""
    rule = {
        "event": "ViewContent",
        "path": "/cached/p/<id>",
        "data": {"content_ids": "path:id", "content_name": "css:h1", "content_category": "const:Möbler"},
    }
    visitor.page.goto(open_shop(rules=[rule]).url + "/cached/p/2")
    data = {"content_ids": ["2"], "content_name": "Stol", "content_category": "Möbler"}
    check(sandbox, ["PageView", Expected("ViewContent", "/cached/p/2", data)], visitor)


def test_a_view_that_is_asked_about_before_its_page_has_been_read(
    wrap: Callable[..., Wrapped], sandbox: Sandbox, visitor: Visitor
) -> None:
    """The first view of a product that says nothing to machines, on a page that a cache may store: the shop is still
    writing it when its browser asks."""
    asked = threading.Event()

    def slow(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("ETag", 'W/"1"')])
        icon = '<link rel="icon" href="data:,">'
        head = f'<head><meta charset="utf-8">{icon}<title>Lampa</title></head>'
        yield f'<!doctype html><html lang="sv">{head}<body>'.encode()
        assert asked.wait(10), "the browser has not asked"
        form = '<form method="post" action="/cart/add"><input type="hidden" name="product_id" value="1">'
        button = "<button>Lägg i varukorgen</button></form>"
        yield f'<main><h1>Lampa</h1><p class="price">249 kr</p>{form}{button}</main></body></html>'.encode()

    wrapped = wrap(slow, currency="SEK", mode="off").app

    def heard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = wrapped(environ, start_response)
        if environ["PATH_INFO"] == "/_shop/collect":
            asked.set()
        return answer

    with make_server("127.0.0.1", 0, heard, threaded=True, request_handler=Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        visitor.page.goto(f"http://{SHOP_HOST}:{server.server_port}/p/1")
        check(sandbox, [Expected("PageView", "/p/1"), Expected("ViewContent", "/p/1", LAMP)], visitor)
        server.shutdown()
