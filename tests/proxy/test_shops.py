"""Many shops in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

from capi_middleware import CapiMiddleware
from capi_middleware.proxy.shops import Shops
from capi_middleware.settings import SettingsSource
from capi_middleware.visit.address import bare_host
from tests.proxy.conftest import Proxy
from tests.proxy.wire import Conversation, Request, Shop, ask, get, wait_for

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Shop.Example:8080", "shop.example"),
        ("shop.example.", "shop.example"),
        ("shop.example.:80", "shop.example"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ],
)
def test_bare_host(authority: str, host: str) -> None:
    assert bare_host(authority) == host


@pytest.fixture
def other() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


def visit(shops: Shops, host: str, path: str = "/") -> tuple[str, bytes]:
    environ = EnvironBuilder(path=path, base_url=f"http://{host}/").get_environ()
    iterable, status, _ = run_wsgi_app(shops, environ, buffered=True)
    return status, b"".join(iterable)


def settings(path: Path, sites: dict[str, int], default: int = 0) -> SettingsSource:
    text = f'[proxy]\nupstream = "http://127.0.0.1:{default}"\n' if default else ""
    for host, port in sites.items():
        text += f'[[site]]\nhost = "{host}"\nproxy = {{ upstream = "http://127.0.0.1:{port}" }}\n'
    path.write_text(text)
    return SettingsSource(path, state_dir=str(path.parent))


class TestRouting:
    def test_each_host_has_its_shop(self, tmp_path: Path, shop: Shop, other: Shop) -> None:
        shops = Shops(settings(tmp_path / "s.toml", {"a.test": shop.port, "b.test": other.port}), 8)
        assert visit(shops, "a.test")[0] == "200 OK"
        assert visit(shops, "B.test:81", "/x")[0] == "200 OK"
        assert [request.target for request in shop.requests] == ["/"]
        assert [request.target for request in other.requests] == ["/x"]
        shops.close()

    def test_unknown_host_is_no_shop(self, tmp_path: Path, shop: Shop) -> None:
        shops = Shops(settings(tmp_path / "s.toml", {"a.test": shop.port}), 8)
        status, body = visit(shops, "c.test")
        assert status == "404 Not Found"
        assert b"no shop at this address" in body
        assert not shop.requests

    def test_unknown_host_is_the_default_shop(self, tmp_path: Path, shop: Shop, other: Shop) -> None:
        shops = Shops(settings(tmp_path / "s.toml", {"a.test": shop.port}, default=other.port), 8)
        visit(shops, "c.test")
        assert len(other.requests) == 1
        shops.close()

    @pytest.mark.parametrize(
        ("visit_settings", "fields", "chosen"),
        [
            ("", {"X-Forwarded-Host": "b.test", "Forwarded": "host=b.test"}, "a.test"),
            ("trusted_hops = 1", {"X-Forwarded-Host": "B.test:8443"}, "b.test"),
            ("trusted_hops = 1", {"X-Forwarded-Host": "b.test, a.test"}, "a.test"),
            ("trusted_hops = 1", {"Forwarded": "host=b.test"}, "a.test"),
            ("trusted_hops = 1\nforwarded = true", {"X-Forwarded-Host": "b.test"}, "a.test"),
            ("trusted_hops = 1\nforwarded = true", {"Forwarded": "for=1.2.3.4;host=b.test"}, "b.test"),
            ('trusted_proxies = ["127.0.0.0/8"]', {"X-Forwarded-Host": "b.test"}, "b.test"),
            ('trusted_proxies = ["10.0.0.0/8"]', {"X-Forwarded-Host": "b.test"}, "a.test"),
        ],
    )
    def test_whoever_is_believed_chooses_the_shop_for_all_parts(
        self, tmp_path: Path, shop: Shop, other: Shop, visit_settings: str, fields: dict[str, str], chosen: str
    ) -> None:
        """The shop that is asked, the Host that it gets, the links in its answer and the settings of the middleware."""
        own = f"http://127.0.0.1:{other.port}"
        page = f'<!doctype html><html><head></head><body><a href="{own}/x">'.encode()
        for one in (shop, other):
            one.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
        text = f'[visit]\n{visit_settings}\n[consent]\nmode = "off"\n'
        for host, port, pixel in (("a.test", shop.port, "1111111111"), ("b.test", other.port, "2222222222")):
            text += f'[[site]]\nhost = "{host}"\nproxy = {{ upstream = "http://127.0.0.1:{port}" }}\n'
            text += f'meta = {{ pixel_id = "{pixel}", access_token = "EAAx" }}\n'
        (tmp_path / "s.toml").write_text(text)
        source = SettingsSource(tmp_path / "s.toml", state_dir=str(tmp_path))
        shops = Shops(source, 8)
        app = CapiMiddleware(shops, tmp_path / "s.toml", state_dir=str(tmp_path))
        environ = EnvironBuilder(
            base_url="http://a.test/", headers={**fields, "User-Agent": CHROME, "Accept": "text/html"}
        ).get_environ()
        environ["REMOTE_ADDR"] = "127.0.0.1"
        iterable, _, _ = run_wsgi_app(app, environ, buffered=True)
        body = b"".join(iterable)
        asked = (shop if chosen == "a.test" else other).request
        assert bare_host(asked.one("Host")) == bare_host(asked.one("X-Forwarded-Host")) == chosen
        assert (b"2222222222" in body) == (chosen == "b.test")
        assert (b"1111111111" in body) == (chosen == "a.test")
        if chosen == "b.test":
            assert f'<a href="http://{asked.one("Host")}/x">'.encode() in body
        app.close()
        shops.close()

    def test_a_change_is_noticed_without_a_restart(self, tmp_path: Path, shop: Shop, other: Shop) -> None:
        path = tmp_path / "s.toml"
        source = settings(path, {"a.test": shop.port, "b.test": shop.port})
        shops = Shops(source, 8)
        visit(shops, "a.test", "/1")
        visit(shops, "b.test", "/2")
        assert shop.connections == 1
        settings(path, {"a.test": other.port, "b.test": shop.port, "c.test": other.port})
        assert source.poll()
        visit(shops, "a.test", "/3")
        visit(shops, "b.test", "/4")
        visit(shops, "c.test", "/5")
        assert [request.target for request in shop.requests] == ["/1", "/2", "/4"]
        assert [request.target for request in other.requests] == ["/3", "/5"]
        assert shop.connections == 1, "an unchanged shop keeps its connections"
        shops.close()

    def test_a_thousand_hosts(self, tmp_path: Path, shop: Shop) -> None:
        shops = Shops(settings(tmp_path / "s.toml", {f"shop{number}.test": shop.port for number in range(1000)}), 8)
        visit(shops, "shop0.test")
        for number in range(1000):
            assert visit(shops, f"shop{number}.test")[0] == "200 OK"
        assert {request.one("Host") for request in shop.requests} == {f"shop{number}.test" for number in range(1000)}
        shops.close()


class TestFairness:
    def test_a_slow_shop_leaves_threads_for_the_others(self, tmp_path: Path, shop: Shop, other: Shop) -> None:
        go_on = threading.Event()

        def slow(conversation: Conversation, request: Request) -> None:
            go_on.wait(10)
            conversation.send(shop.answer)

        shop.script = slow  # type: ignore[assignment]
        (tmp_path / "s.toml").write_text("")
        source = settings(tmp_path / "s.toml", {"slow.test": shop.port, "quick.test": other.port})
        shops = Shops(source, threads=8)
        visit(shops, "quick.test")
        statuses: list[str] = []
        visitors = [threading.Thread(target=lambda: statuses.append(visit(shops, "slow.test")[0])) for _ in range(12)]
        for visitor in visitors:
            visitor.start()
        assert wait_for(lambda: len(statuses) == 8)
        assert statuses == ["503 Service Unavailable"] * 8
        assert shops.busy == 4
        assert visit(shops, "quick.test")[0] == "200 OK"
        go_on.set()
        for visitor in visitors:
            visitor.join()
        assert statuses.count("200 OK") == 4
        assert shops.busy == 0
        shops.close()

    def test_a_streamed_answer_counts_until_its_end(self, tmp_path: Path, shop: Shop) -> None:
        shop.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000
        shops = Shops(settings(tmp_path / "s.toml", {"a.test": shop.port}), threads=8)
        environ = EnvironBuilder(base_url="http://a.test/").get_environ()
        iterable: Any = shops(environ, lambda status, headers, *rest: lambda data: None)
        assert shops.busy == 1
        next(iter(iterable))
        iterable.close()
        iterable.close()
        assert shops.busy == 0
        shops.close()

    def test_alone_a_shop_has_all_threads(self, tmp_path: Path, shop: Shop) -> None:
        go_on = threading.Event()
        shop.script = lambda conversation, request: go_on.wait(10) and conversation.send(shop.answer)  # type: ignore
        shops = Shops(settings(tmp_path / "s.toml", {}, default=shop.port), threads=4)
        statuses: list[str] = []
        visitors = [threading.Thread(target=lambda: statuses.append(visit(shops, "x.test")[0])) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        assert wait_for(lambda: len(shop.requests) == 4)
        go_on.set()
        for visitor in visitors:
            visitor.join()
        assert statuses == ["200 OK"] * 4
        shops.close()


def test_idle_connections_are_closed_in_time(tmp_path: Path, shop: Shop, other: Shop) -> None:
    shops = Shops(settings(tmp_path / "s.toml", {"a.test": shop.port, "b.test": other.port}), threads=4)
    visit(shops, "a.test")
    lane = next(iter(shops._lanes.values()))
    lane.upstream.pool.keep = 0.05
    time.sleep(0.1)
    shops._swept = 0.0
    visit(shops, "b.test")
    assert not lane.upstream.pool._idle
    shops.close()


def test_whole_process(tmp_path: Path, shop: Shop, other: Shop) -> None:
    """From the file, as an agency would write it."""
    (tmp_path / "capi.toml").write_text(
        f'[[site]]\nhost = "a.test"\n[site.proxy]\nupstream = "http://127.0.0.1:{shop.port}"\n'
        f'[[site]]\nhost = "b.test"\n[site.proxy]\nupstream = "http://127.0.0.1:{other.port}"\n'
    )
    proxy = Proxy(tmp_path)
    try:
        assert ask(proxy.port, get(host="a.test")).status == 200
        assert ask(proxy.port, get("/b", host="b.test")).status == 200
        assert ask(proxy.port, get(host="c.test")).status == 404
        assert "2 shops by host name" in proxy.log
    finally:
        assert proxy.stop() == 0
    assert [request.target for request in other.requests] == ["/b"]
