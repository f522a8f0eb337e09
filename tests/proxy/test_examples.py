"""What stands in examples/proxy works as it stands there."""

from __future__ import annotations

import gzip
import re
import shutil
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from capi_middleware.settings import load
from tests.proxy.caddy_front import caddy
from tests.proxy.conftest import Proxy
from tests.proxy.nginx_front import nginx
from tests.proxy.wire import OK, Client, Conversation, Request, Shop, client, free_port, get

EXAMPLES = Path(__file__).parents[2] / "examples" / "proxy"


def test_settings_are_valid() -> None:
    loaded = load(EXAMPLES / "capi.toml", environ={"CAPI_ACCESS_TOKEN": "EAA"})
    assert not loaded.problems
    assert loaded.settings.proxy.upstream == "http://127.0.0.1:8000"
    assert loaded.settings.visit.trusted_hops == 1


def test_settings_with_sites_are_valid(tmp_path: Path) -> None:
    """The part that is commented out, too."""
    text = (EXAMPLES / "capi.toml").read_text()
    (tmp_path / "capi.toml").write_text(re.sub(r"^# (\[\[site|host|meta|proxy)", r"\1", text, flags=re.MULTILINE))
    loaded = load(tmp_path / "capi.toml", environ={"CAPI_ACCESS_TOKEN": "EAA", "CAPI_TOKEN_BUTIK": "EAA"})
    assert not loaded.problems
    assert [site.proxy.upstream for site in loaded.settings.sites] == ["http://10.0.0.7:8000"]


Front = tuple[int, int, ssl.SSLContext]  # port for HTTPS, port for HTTP, the authority that a visitor trusts


def replaced(name: str, changes: dict[str, str]) -> str:
    """The example, with this machine's ports and folders."""
    text = (EXAMPLES / name).read_text()
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return text


@contextmanager
def behind_nginx(folder: Path, proxy: int, shop: int) -> Iterator[Front]:
    authority = trustme.CA()
    certificate = authority.issue_cert("shop.example")
    certificate.cert_chain_pems[0].write_to_path(folder / "fullchain.pem")
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    plain, port = free_port(), free_port()
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{proxy};",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{shop};",
        "/etc/ssl/shop.example": str(folder),
    }
    with nginx(folder / "nginx", replaced("nginx.conf", changes), port):
        yield port, plain, trust


@contextmanager
def behind_caddy(folder: Path, proxy: int, shop: int) -> Iterator[Front]:
    changes = {" 127.0.0.1:8080": f" 127.0.0.1:{proxy}", " 127.0.0.1:8000": f" 127.0.0.1:{shop}"}
    plain, port = free_port(), free_port()
    with caddy(folder / "caddy", replaced("Caddyfile", changes), plain, port) as authority:
        yield port, plain, ssl.create_default_context(cafile=str(authority))


@pytest.fixture(params=[behind_nginx, behind_caddy], ids=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, tmp_path: Path, shop: Shop) -> Iterator[Front]:
    """A front server with its example's configuration, before the proxy with its own."""
    shutil.copy(EXAMPLES / "capi.toml", tmp_path)
    proxy = Proxy(tmp_path, f"http://127.0.0.1:{shop.port}", environ={"CAPI_ACCESS_TOKEN": "EAA"})
    try:
        with request.param(tmp_path, proxy.port, shop.port) as running:
            yield running
    finally:
        proxy.kill()


@pytest.fixture
def visitor(front: Front) -> Iterator[Client]:
    """A connection to the front server."""
    with client(front[0], front[2], "shop.example") as one:
        yield one


def test_the_visitor_is_known_behind_it(front: Front, visitor: Client, shop: Shop) -> None:
    """Whatever the visitor says of itself; path, host and cookies come as they were sent."""
    forged = "".join(
        f"{name}\r\n"
        for name in (
            "X-Forwarded-For: 6.6.6.6",
            "X-Forwarded-Host: evil.example",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Port: 666",
            "Forwarded: for=6.6.6.6;host=evil.example;proto=http",
            "Cookie: a=1",
        )
    )
    visitor.send(get("/a%2Fb?c=d", host="shop.example", extra=forged))
    assert visitor.answer().body == b"ok"
    request = shop.request
    assert request.target == "/a%2Fb?c=d"
    assert request.one("Host") == "shop.example"
    assert request.one("X-Forwarded-Proto") == "https"
    assert request.one("X-Forwarded-For") == "127.0.0.1, 127.0.0.1"
    assert request.one("X-Forwarded-Host") == "shop.example"
    assert "6.6.6.6" not in request.raw.decode() and "evil" not in request.raw.decode()
    assert request.one("X-Forwarded-Port") in ("443", str(front[0]))
    assert request.one("Cookie") == "a=1"


def test_uploads_and_large_answers(visitor: Client, shop: Shop) -> None:
    shop.answer = OK.replace(b"Content-Length: 2\r\n\r\nok", b"Content-Length: 900000\r\n\r\n") + b"x" * 900_000
    visitor.send(get("/up", "shop.example", "Content-Length: 500000\r\n", "POST") + b"y" * 500_000)
    assert len(visitor.answer().body) == 900_000
    assert len(shop.request.body) == 500_000


def test_web_socket_goes_straight_to_the_shop(visitor: Client, shop: Shop) -> None:
    def echo(conversation: Conversation, request: Request) -> bool:
        conversation.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        conversation.send(conversation.read(4).upper())
        return False

    shop.script = echo
    visitor.send(get("/ws", "shop.example", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"))
    assert visitor.answer().status == 101
    visitor.send(b"ping")
    assert visitor.conversation.read(4) == b"PING"
    assert shop.request.one("Forwarded") == "", "capi-middleware was not in between"


def test_pages_are_compressed(visitor: Client, shop: Shop) -> None:
    page = b"<!doctype html><html><head><title>x</title></head><body>" + b"<p>y</p>" * 500 + b"</body></html>"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
    shop.answer = head + page
    visitor.send(get("/", "shop.example", "Accept-Encoding: gzip\r\n"))
    answer = visitor.answer()
    assert answer.one("Content-Encoding") == "gzip"
    assert gzip.decompress(answer.body).endswith(b"</body></html>")


def test_plain_http_is_sent_to_https(front: Front) -> None:
    with client(front[1]) as one:
        one.send(get("/x", host="shop.example"))
        answer = one.answer()
        assert answer.status in (301, 308)
        assert urlsplit(answer.one("Location"))._replace(netloc="").geturl() == "https:///x"
