"""Pages behind a real cache (nginx's proxy_cache): no two visitors share an ID, and what was cacheable stays so."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from capi_middleware.sandbox import Sandbox
from tests.e2e.browser.nginx import Nginx

from .conftest import SHOP_HOST, Visitor, Wrapped
from .validator import arrive

PAGE = b"<!doctype html><html><head><meta charset=utf-8><title>x</title></head><body><p>y</p></body></html>"
PERSON = {
    "Host": SHOP_HOST,
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept": "text/html,*/*",
    "Accept-Language": "sv",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}
IDS = re.compile(r"\b[0-9a-f]{32}\b")


class Shop:
    """One page with these headers, and 304 where its tag or date is known to the visitor."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = headers
        self.asked: list[tuple[str, str, str]] = []
        self.page = PAGE

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/":
            start_response("204 No Content", [])
            return [b""]
        known = environ.get("HTTP_IF_NONE_MATCH", ""), environ.get("HTTP_IF_MODIFIED_SINCE", "")
        given = dict(self.headers)
        fresh = (known[0] and known[0] == given.get("ETag")) or (known[1] and "Last-Modified" in given and not known[0])
        status = "304 Not Modified" if fresh else "200 OK"
        self.asked.append((status[:3], *known))
        start_response(status, [("Content-Type", "text/html"), *self.headers])
        return [b"" if fresh else self.page]


Front = Callable[..., str]


@pytest.fixture
def front(wrap: Callable[..., Wrapped], tmp_path: Path) -> Iterator[Front]:
    """The shop wrapped, nginx before it; gives the address on which visitors find it."""
    running: list[Nginx] = []

    def start(shop: Shop, more: str = "", **settings: Any) -> str:
        wrapped = wrap(shop, mode="off", **settings)
        running.append(Nginx(tmp_path / f"nginx{len(running)}", urlsplit(wrapped.url).port or 0, more))
        return running[-1].url

    yield start
    for one in running:
        one.stop()


def fetch(address: str, **headers: str) -> requests.Response:
    parts = urlsplit(address)
    return requests.get(f"http://127.0.0.1:{parts.port}/", headers=PERSON | headers, timeout=10)


def test_fifty_visitors_of_one_stored_page(front: Front, sandbox: Sandbox, new_visitor: Callable[..., Visitor]) -> None:
    shop = Shop(("Cache-Control", "public, max-age=300"), ("ETag", '"v1"'))
    address = front(shop, visitor_rate=6000)
    for number in range(50):
        one = new_visitor()
        one.page.goto(f"{address}/")
        assert sandbox.wait(lambda now, number=number: len(now.browser_events) > number)
        one.context.close()
    arrive(sandbox, 50, 50)
    pairs = sandbox.pairs()
    assert [(len(pair.browser), len(pair.server), pair.method) for pair in pairs] == [(1, 1, "id")] * 50
    assert len({pair.event_id for pair in pairs}) == 50
    assert len({pair.browser[0].fbp for pair in pairs}) == 50
    assert len(shop.asked) == 1


def test_a_stored_page_is_the_same_for_all_byte_for_byte(front: Front, sandbox: Sandbox) -> None:
    shop = Shop(("Cache-Control", "public, max-age=300"), ("ETag", '"v1"'))
    address = front(shop)
    answers = [fetch(address) for _ in range(50)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS"] + ["HIT"] * 49
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].content != PAGE
    assert not IDS.findall(answers[0].text)
    for answer in answers:
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in answer.headers
        assert "Vary" not in answer.headers
        assert answer.headers["ETag"] == answers[0].headers["ETag"] != '"v1"'


def test_visitors_of_a_page_for_each_alone(front: Front, sandbox: Sandbox) -> None:
    """It is not stored, and each has an ID of its own."""
    shop = Shop(("Set-Cookie", "sid=1"))
    address = front(shop, "proxy_cache_valid 200 1m; proxy_ignore_headers Set-Cookie;")
    answers = [fetch(address) for _ in range(50)]
    assert {answer.headers["X-Cache"] for answer in answers} <= {"MISS", "BYPASS", "EXPIRED"}
    assert len(shop.asked) == 50
    assert len({IDS.findall(answer.text)[0] for answer in answers}) == 50


def test_a_cache_whose_rules_stand_elsewhere(front: Front, sandbox: Sandbox) -> None:
    """``proxy_cache_valid`` is in no header: carrier = "collect" says so, and the page stays stored."""
    address = front(Shop(), "proxy_cache_valid 200 1m;", carrier="collect")
    answers = [fetch(address) for _ in range(3)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT", "HIT"]
    assert not IDS.findall(answers[0].text)


@pytest.mark.parametrize("validator", [("ETag", '"v1"'), ("ETag", 'W/"v1"'), ("Last-Modified", "")], ids=str)
def test_the_cache_asks_again_and_the_visitor_too(front: Front, sandbox: Sandbox, validator: tuple[str, str]) -> None:
    """Both get 304: nginx from us (with the app's own tag on the inside), the visitor from nginx."""
    name, value = validator
    value = value or "Wed, 21 Oct 2015 07:28:00 GMT"
    shop = Shop(("Cache-Control", "max-age=1"), (name, value))
    address = front(shop, "proxy_cache_revalidate on;")
    first = fetch(address)
    condition = "If-None-Match" if name == "ETag" else "If-Modified-Since"
    assert fetch(address, **{condition: first.headers[name]}).status_code == 304
    time.sleep(2.1)  # nginx counts whole seconds
    again = fetch(address)
    assert again.headers["X-Cache"] == "REVALIDATED"
    assert again.content == first.content
    assert again.headers[name] == first.headers[name]
    assert [status for status, *_ in shop.asked] == ["200", "304"]
    assert shop.asked[1][1 if name == "ETag" else 2] == (value if name == "ETag" else first.headers[name])


def test_a_copy_from_before_the_snippet_is_asked_for_anew(wrap: Callable[..., Wrapped]) -> None:
    shop = Shop(("Cache-Control", "no-cache"), ("ETag", '"v1"'))
    address = wrap(shop).url
    assert fetch(address, **{"If-None-Match": '"v1"'}).status_code == 200
    assert fetch(address, **{"If-None-Match": '"v1-00000000"'}).status_code == 200
    marked = fetch(address).headers["ETag"]
    assert fetch(address, **{"If-None-Match": marked}).status_code == 304
    assert [known for _, known, _ in shop.asked] == ["", "", "", '"v1"']


def test_a_page_that_the_shop_compresses(front: Front, sandbox: Sandbox) -> None:
    import gzip

    shop = Shop(("Cache-Control", "max-age=60"), ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    shop.page = gzip.compress(PAGE)
    address = front(shop)
    answers = [fetch(address, **{"Accept-Encoding": "gzip"}) for _ in range(2)]
    assert [answer.headers["X-Cache"] for answer in answers] == ["MISS", "HIT"]
    assert b"window.capi = " in answers[1].content
    assert answers[1].headers["Content-Encoding"] == "gzip"
