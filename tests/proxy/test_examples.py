"""What stands in examples/proxy works as it stands there."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from capi_middleware.settings import load
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


class TestNginx:
    @pytest.fixture
    def visitor(self, tmp_path: Path, shop: Shop) -> Iterator[tuple[int, ssl.SSLContext]]:
        """nginx.conf with this machine's ports and a certificate of the test's."""
        authority = trustme.CA()
        certificate = authority.issue_cert("shop.example")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "fullchain.pem")
        certificate.private_key_pem.write_to_path(tmp_path / "privkey.pem")
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        trust.check_hostname = False
        (tmp_path / "capi.toml").write_text((EXAMPLES / "capi.toml").read_text())
        proxy = Proxy(tmp_path, f"http://127.0.0.1:{shop.port}", environ={"CAPI_ACCESS_TOKEN": "EAA"})
        port = free_port()
        text = (EXAMPLES / "nginx.conf").read_text()
        for before, after in {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{proxy.port};",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{shop.port};",
            "/etc/ssl/shop.example": str(tmp_path),
        }.items():
            assert before in text
            text = text.replace(before, after)
        try:
            with nginx(tmp_path / "nginx", text, port):
                yield port, trust
        finally:
            proxy.kill()

    def test_the_visitor_is_known_behind_it(self, visitor: tuple[int, ssl.SSLContext], shop: Shop) -> None:
        with client(*visitor) as one:
            one.send(get("/a%2Fb?c=d", host="shop.example", extra="X-Forwarded-For: 6.6.6.6\r\nCookie: a=1\r\n"))
            assert one.answer().body == b"ok"
        request = shop.request
        assert request.target == "/a%2Fb?c=d"
        assert request.one("Host") == "shop.example"
        assert request.one("X-Forwarded-Proto") == "https"
        assert request.one("X-Forwarded-For") == "127.0.0.1, 127.0.0.1"
        assert request.one("Cookie") == "a=1"

    def test_uploads_and_large_answers(self, visitor: tuple[int, ssl.SSLContext], shop: Shop) -> None:
        shop.answer = OK.replace(b"Content-Length: 2\r\n\r\nok", b"Content-Length: 900000\r\n\r\n") + b"x" * 900_000
        with client(*visitor) as one:
            one.send(get("/up", "shop.example", "Content-Length: 500000\r\n", "POST") + b"y" * 500_000)
            assert len(one.answer().body) == 900_000
        assert len(shop.request.body) == 500_000

    def test_web_socket_goes_straight_to_the_shop(self, visitor: tuple[int, ssl.SSLContext], shop: Shop) -> None:
        def echo(conversation: Conversation, request: Request) -> bool:
            conversation.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
            conversation.send(conversation.read(4).upper())
            return False

        shop.script = echo
        with client(*visitor) as one:
            one.send(get("/ws", "shop.example", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
            assert one.answer().status == 101
            one.send(b"ping")
            assert one.conversation.read(4) == b"PING"
        assert shop.request.one("Forwarded") == "", "capi-middleware was not in between"

    def test_plain_http_is_sent_to_https(self, visitor: tuple[int, ssl.SSLContext], tmp_path: Path) -> None:
        listens = re.findall(r"listen 127\.0\.0\.1:(\d+);", (tmp_path / "nginx" / "nginx.conf").read_text())
        one = Client(int(listens[0]))
        one.send(get("/x", host="shop.example"))
        assert one.answer().one("Location") == "https://shop.example/x"
        one.close()
