"""What the visitor gets: rows 1, 6, 8, 10, 11, 12, 15 and 18 of the checklist, with raw sockets on both sides."""

from __future__ import annotations

import threading
import time

import pytest

from tests.proxy.conftest import Proxy
from tests.proxy.wire import Conversation, Request, Shop, ask, client, get, wait_for

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def hang_up_after(data: bytes) -> object:
    def script(conversation: Conversation, request: Request) -> bool:
        conversation.send(data)
        return False

    return script


class TestHopByHop:
    def test_dropped_on_the_way_out(self, port: int, shop: Shop) -> None:
        shop.answer = (
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n"
            b"Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X-T\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n"
        )
        answer = ask(port, get())
        names = {name.lower() for name, _ in answer.fields}
        assert answer.one("X-Kept") == "1"
        assert not names & {"x-mine", "keep-alive", "proxy-authenticate", "upgrade", "trailer"}

    def test_order_and_duplicates_kept(self, port: int, shop: Shop, server: str) -> None:
        shop.answer = (
            b"HTTP/1.1 200 OK\r\nSet-Cookie: b=2; Path=/\r\nVia: 1.1 a\r\nLink: </x>; rel=preload\r\n"
            b"Set-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\nLink: </y>\r\nVary: Cookie\r\nVary: Accept\r\n"
            b"Content-Length: 0\r\n\r\n"
        )
        answer = ask(port, get())
        assert answer.all("Set-Cookie") == ["b=2; Path=/", "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]
        assert answer.all("Link") == ["</x>; rel=preload", "</y>"]
        assert answer.all("Vary") == ["Cookie", "Accept"]
        assert answer.all("Via") == ["1.1 a"]
        if server != "granian":  # its header map groups equal names
            names = [name for name, _ in answer.fields if name in ("Set-Cookie", "Via", "Link", "Vary")]
            assert names == ["Set-Cookie", "Via", "Link", "Set-Cookie", "Link", "Vary", "Vary"]

    def test_server_and_date_once(self, port: int, shop: Shop) -> None:
        date = "Tue, 01 Sep 2026 00:00:00 GMT"
        shop.answer = f"HTTP/1.1 200 OK\r\nServer: shop/1\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()
        answer = ask(port, get())
        assert (answer.all("Server"), answer.all("Date")) == (["shop/1"], [date])

    @pytest.mark.parametrize("value", [b"\xc3\xa5", b"\xe5\xff"], ids=["utf-8", "latin-1"])
    def test_bytes_that_are_not_ascii(self, port: int, shop: Shop, server: str, value: bytes) -> None:
        shop.answer = b"HTTP/1.1 200 OK\r\nX-Name: %b\r\nContent-Length: 0\r\n\r\n" % value
        answer = ask(port, get())
        assert answer.status == 200 and answer.whole
        if server != "granian" or value == b"\xc3\xa5":  # granian writes UTF-8 alone
            assert answer.one("X-Name").encode("latin-1") == value


class TestFraming:
    @pytest.mark.parametrize("size", [0, 1, 50_000, 262_143, 262_144, 262_145, 3_000_000])
    def test_length(self, port: int, shop: Shop, size: int) -> None:
        body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        shop.answer = HEAD + b"Content-Length: %d\r\n\r\n" % size + body
        answer = ask(port, get())
        assert answer.body == body
        assert answer.one("Content-Length") == str(size)

    def test_chunks_with_extensions_and_trailers(self, port: int, shop: Shop) -> None:
        shop.answer = (
            HEAD + b'Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2;c="d"\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n'
        )
        answer = ask(port, get())
        assert (answer.body, answer.whole) == (b"abcde", True)
        assert not answer.all("X-Trailer")

    def test_large_chunked(self, port: int, shop: Shop) -> None:
        piece = b"x" * 65_000
        shop.answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (len(piece), piece) * 20
        shop.answer += b"0\r\n\r\n"
        assert len(ask(port, get()).body) == 1_300_000

    def test_until_close(self, port: int, shop: Shop) -> None:
        shop.script = hang_up_after(HEAD + b"\r\nabc" + b"d" * 300_000)  # type: ignore[assignment]
        answer = ask(port, get())
        assert (len(answer.body), answer.whole) == (300_003, True)

    def test_http_1_0_shop(self, port: int, shop: Shop) -> None:
        shop.script = hang_up_after(b"HTTP/1.0 200 OK\r\n\r\nold")  # type: ignore[assignment]
        answer = ask(port, get())
        assert (answer.line, answer.body) == ("HTTP/1.1 200 OK", b"old")

    def test_chunks_win_over_length_and_the_connection_is_dropped(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
        assert ask(port, get()).body == b"abcde"
        shop.answer = HEAD + b"Content-Length: 2\r\n\r\nok"
        assert ask(port, get()).body == b"ok"
        assert shop.connections == 2

    @pytest.mark.parametrize("code", [204, 304])
    def test_bodyless(self, port: int, shop: Shop, code: int) -> None:
        shop.answer = b'HTTP/1.1 %d X\r\nETag: "a"\r\nX-Kept: 1\r\n\r\n' % code
        with client(port) as one:
            for _ in range(2):
                one.send(get())
                answer = one.answer()
                assert (answer.status, answer.one("X-Kept"), answer.one("ETag")) == (code, "1", '"a"')
                assert not answer.all("Transfer-Encoding")

    def test_head_keeps_the_length_and_sends_nothing(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Content-Length: 1234\r\n\r\n"
        with client(port) as one:
            one.send(get(method="HEAD"))
            answer = one.answer("HEAD")
            assert answer.one("Content-Length") == "1234"
            shop.answer = HEAD + b"Content-Length: 2\r\n\r\nok"
            one.send(get())
            assert one.answer().body == b"ok"

    def test_head_with_chunks(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        with client(port) as one:
            one.send(get(method="HEAD"))
            assert one.answer("HEAD").status == 200
            one.send(get(method="HEAD"))
            assert one.answer("HEAD").status == 200

    def test_interim_answers_are_dropped(self, port: int, shop: Shop) -> None:
        shop.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + HEAD
        shop.answer += b"Content-Length: 2\r\n\r\nok"
        answer = ask(port, get())
        assert (answer.status, answer.body, answer.all("Link")) == (200, b"ok", [])

    def test_range_and_conditions_pass(self, port: int, shop: Shop) -> None:
        shop.answer = (
            b'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nETag: "x"\r\nAccept-Ranges: bytes\r\n'
            b"Last-Modified: Tue, 01 Sep 2026 00:00:00 GMT\r\nContent-Length: 2\r\n\r\nab"
        )
        answer = ask(port, get(extra="Range: bytes=0-1\r\n"))
        assert (answer.status, answer.one("Content-Range"), answer.one("ETag")) == (206, "bytes 0-1/10", '"x"')
        assert answer.one("Accept-Ranges") == "bytes"
        assert answer.one("Last-Modified")

    def test_encoded_body_untouched(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\n\x8b\x00\x80a"
        answer = ask(port, get(extra="Accept-Encoding: br\r\n"))
        assert (answer.one("Content-Encoding"), answer.body) == ("br", b"\x8b\x00\x80a")


CUT = {
    "length, small": HEAD + b"Content-Length: 10\r\n\r\nabc",
    "length, large": HEAD + b"Content-Length: 1000000\r\n\r\n" + b"x" * 400_000,
    "chunks, in a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "chunks, between": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
    "chunks, last line missing": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n",
    "chunks, large": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 8,
    "chunks, garbage": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabXX5\r\n",
    "html, length": HEAD.replace(b"plain", b"html") + b"Content-Length: 99\r\n\r\n<!doctype html><html><head>",
    "html, chunks": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<html\r\n",
}


class TestCutShort:
    """A body cut short is never passed on as complete."""

    @pytest.mark.parametrize("name", CUT)
    def test_breaks_off_too(self, port: int, shop: Shop, name: str) -> None:
        shop.script = hang_up_after(CUT[name])  # type: ignore[assignment]
        with client(port) as one:
            one.send(get())
            try:
                answer = one.answer()
            except ConnectionError:
                return
            assert not answer.whole or answer.status == 502
            if answer.status != 502:
                assert one.closed()


MALFORMED = {
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "status in words": b"HTTP/1.1 OK\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "negative length": HEAD + b"Content-Length: -2\r\n\r\n",
    "length list": HEAD + b"Content-Length: 2, 2\r\n\r\nab",
    "unknown coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nab",
    "coding before chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": HEAD + b"X : 1\r\nContent-Length: 0\r\n\r\n",
    "nul": HEAD + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "bare CR": HEAD + b"X: a\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
    "head without end": HEAD + b"X: " + b"a" * 300_000,
    "unasked upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "silence": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Type: te",
}


class TestBadShop:
    @pytest.mark.parametrize("name", MALFORMED)
    def test_502(self, port: int, shop: Shop, name: str) -> None:
        shop.script = hang_up_after(MALFORMED[name])  # type: ignore[assignment]
        answer = ask(port, get())
        assert answer.status == 502
        assert b"evil" not in answer.body
        assert len(shop.requests) == 1

    def test_bytes_after_an_answer_are_nobodys(self, port: int, shop: Shop) -> None:
        """What a shop sends beyond its answer is not taken for the next visitor's."""
        evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
        for first in (HEAD + b"Content-Length: 2\r\n\r\nok", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            shop.answer = first + evil
            ask(port, get("/1"))
            shop.answer = HEAD + b"Content-Length: 4\r\n\r\ngood"
            assert ask(port, get("/2")).body == b"good"

    def test_late_bytes_after_an_answer_are_nobodys(self, port: int, shop: Shop) -> None:
        def late(conversation: Conversation, request: Request) -> None:
            conversation.send(HEAD + b"Content-Length: 2\r\n\r\nok")
            time.sleep(0.1)
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL")

        shop.script = late  # type: ignore[assignment]
        ask(port, get("/1"))
        time.sleep(0.3)
        shop.script = None
        assert ask(port, get("/2")).body == b"ok"

    def test_head_answered_with_a_body(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Content-Length: 4\r\n\r\nBODY"
        with client(port) as one:
            one.send(get(method="HEAD"))
            assert one.answer("HEAD").status == 200
            shop.answer = HEAD + b"Content-Length: 2\r\n\r\nok"
            one.send(get())
            assert one.answer().body == b"ok"


class TestKeptConnections:
    """Row 11."""

    def test_reused(self, port: int, shop: Shop) -> None:
        for _ in range(5):
            ask(port, get())
        assert shop.connections == 1

    def test_not_reused_when_the_shop_closes(self, port: int, shop: Shop) -> None:
        shop.answer = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\nok"
        for _ in range(3):
            assert ask(port, get()).body == b"ok"
        assert shop.connections == 3

    def _dies_on_second(self, shop: Shop) -> None:
        """A shop that takes a second request on a connection and closes without a word: the race of row 11."""
        served: dict[int, int] = {}

        def script(conversation: Conversation, request: Request) -> bool:
            served[id(conversation)] = served.get(id(conversation), 0) + 1
            if served[id(conversation)] == 2:
                return False
            conversation.send(HEAD + b"Content-Length: 2\r\n\r\nok")
            return True

        shop.script = script

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
    def test_idempotent_is_tried_once_more(self, port: int, shop: Shop, method: str) -> None:
        self._dies_on_second(shop)
        ask(port, get("/1"))
        assert ask(port, get("/2", method=method), method).status == 200
        assert [request.target for request in shop.requests] == ["/1", "/2", "/2"]
        assert shop.connections == 2

    @pytest.mark.parametrize("body", [b"", b"abc"])
    def test_post_is_never_sent_twice(self, port: int, shop: Shop, body: bytes) -> None:
        self._dies_on_second(shop)
        ask(port, get("/1"))
        raw = get("/order", extra=f"Content-Length: {len(body)}\r\n", method="POST") + body
        assert ask(port, raw).status == 502
        assert [request.target for request in shop.requests] == ["/1", "/order"]

    def test_get_is_not_tried_for_ever(self, port: int, shop: Shop) -> None:
        shop.script = lambda conversation, request: False
        assert ask(port, get()).status == 502
        assert len(shop.requests) == 1

    def test_no_second_try_once_bytes_have_come(self, port: int, shop: Shop) -> None:
        ask(port, get("/1"))
        shop.script = hang_up_after(b"HTTP/1.1 2")  # type: ignore[assignment]
        assert ask(port, get("/2")).status == 502
        assert [request.target for request in shop.requests] == ["/1", "/2"]

    def test_post_after_the_shop_closed_an_idle_connection(self, port: int, shop: Shop) -> None:
        ask(port, get("/1"))
        requests = shop.requests
        shop.reset()
        time.sleep(0.05)
        assert ask(port, get("/2", extra="Content-Length: 1\r\n", method="POST") + b"x").status == 200
        assert len(requests) + len(shop.requests) == 2


class TestFailures:
    """Row 12."""

    def test_refused(self, port: int, shop: Shop, front: Proxy) -> None:
        time.sleep(1.1)  # no more than 20 lines a second are written, and the tests before may have used them up
        answer = ask(port, get(host="refused.test", extra="Accept: text/html\r\nAccept-Language: sv-SE,sv;q=0.9\r\n"))
        assert answer.status == 502
        text = answer.body.decode()
        assert "tar inte emot anslutningar" in text and '<html lang="sv">' in text
        assert "127.0.0.1" not in text
        reference = text.partition("Ärende: ")[2][:12]
        assert wait_for(lambda: f"{reference}: refused (http://127.0.0.1:1)" in front.log)

    def test_in_english_and_plain_text(self, port: int, shop: Shop) -> None:
        answer = ask(port, get(host="refused.test", extra="Accept: application/json\r\n"))
        assert answer.one("Content-Type") == "text/plain; charset=utf-8"
        assert b"does not accept connections" in answer.body
        assert answer.one("Cache-Control") == "no-store"

    def test_unknown_name(self, port: int, shop: Shop) -> None:
        answer = ask(port, get(host="nowhere.test"))
        assert answer.status == 502
        assert b"cannot be looked up" in answer.body

    def test_no_answer_in_time(self, port: int, shop: Shop) -> None:
        done = threading.Event()
        shop.script = lambda conversation, request: done.wait(5) and False
        answer = ask(port, get(host="quick.test"))
        done.set()
        assert answer.status == 504
        assert b"did not answer in time" in answer.body
        assert len(shop.requests) == 1

    def test_body_stops(self, port: int, shop: Shop) -> None:
        """Within a body only silence counts, and it breaks the answer off."""
        done = threading.Event()

        def script(conversation: Conversation, request: Request) -> bool:
            for _ in range(5):
                conversation.send(b"x" * 100_000 if _ == 0 else b"y")
                time.sleep(0.2)
            done.wait(5)
            return False

        shop.script = script
        head = HEAD + b"Content-Length: 1000000\r\n\r\n"
        original = shop.script

        def with_head(conversation: Conversation, request: Request) -> bool | None:
            conversation.send(head)
            return original(conversation, request)

        shop.script = with_head
        answer = ask(port, get(host="quick.test"))
        done.set()
        assert (answer.status, answer.whole) == (200, False)
        assert len(answer.body) == 100_004

    def test_head_gets_no_body(self, port: int, shop: Shop) -> None:
        with client(port) as one:
            one.send(get(host="refused.test", method="HEAD"))
            assert one.answer("HEAD").status == 502
            one.send(get())
            assert one.answer().body == b"ok"


class TestStreaming:
    """Row 8 and 13: nothing waits for the end, nobody holds the shop up for nothing."""

    def test_first_piece_arrives_before_the_second_is_made(self, port: int, shop: Shop) -> None:
        go_on = threading.Event()

        def script(conversation: Conversation, request: Request) -> bool:
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            go_on.wait(5)
            conversation.send(b"data: 2\n\n")
            return False

        shop.script = script
        with client(port) as one:
            one.send(get())
            seen = b""
            while b"data: 1" not in seen:
                seen += one.sock.recv(1000)
            go_on.set()
            while b"data: 2" not in seen:
                seen += one.sock.recv(1000)

    def test_visitor_leaves_and_the_shop_is_let_go(self, port: int, shop: Shop) -> None:
        gone = threading.Event()

        def script(conversation: Conversation, request: Request) -> bool:
            conversation.send(HEAD + b"Content-Length: 100000000\r\n\r\n")
            try:
                while True:
                    conversation.send(b"x" * 65536)
            except OSError:
                gone.set()
            return False

        shop.script = script
        with client(port) as one:
            one.send(get())
            one.sock.recv(1000)
        assert gone.wait(10)


class TestRewriting:
    """Row 10."""

    @pytest.fixture
    def own(self, shop: Shop) -> str:
        return f"http://127.0.0.1:{shop.port}"

    @pytest.mark.parametrize("name", ["Location", "Content-Location", "Refresh", "Link"])
    def test_own_address_in_fields(self, port: int, shop: Shop, own: str, name: str) -> None:
        template = {"Refresh": "5; url={}/x?y=1", "Link": "<{}/a>; rel=next, <https://other.test/>"}.get(
            name, "{}/x?y=1"
        )
        shop.answer = f"HTTP/1.1 302 Found\r\n{name}: {template.format(own)}\r\nContent-Length: 0\r\n\r\n".encode()
        assert ask(port, get(host="www.shop.test:81")).one(name) == template.format("http://www.shop.test:81")

    def test_public_scheme_is_the_visitors(self, port: int, shop: Shop, own: str) -> None:
        shop.answer = f"HTTP/1.1 302 Found\r\nLocation: {own}/x\r\nContent-Length: 0\r\n\r\n".encode()
        answer = ask(port, get(host="trusted.test", extra="X-Forwarded-Proto: https\r\n"))
        assert answer.one("Location") == "https://trusted.test/x"

    @pytest.mark.parametrize(
        "value",
        [
            "/relative",
            "//127.0.0.1/x",
            "http://127.0.0.1:1/x",
            "https://elsewhere.test/?u=http%3A%2F%2F127.0.0.1",
            "http://127.0.0.1.evil.test/",
        ],
    )
    def test_other_addresses_stay(self, port: int, shop: Shop, value: str) -> None:
        shop.answer = f"HTTP/1.1 302 Found\r\nLocation: {value}\r\nContent-Length: 0\r\n\r\n".encode()
        assert ask(port, get()).one("Location") == value

    def test_cookie_domain_of_the_upstream_goes(self, port: int, shop: Shop) -> None:
        shop.answer = (
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Domain=127.0.0.1; Path=/x; Secure; HttpOnly\r\n"
            b"Set-Cookie: b=2; Path=/; domain=.shop.test; SameSite=Lax\r\nContent-Length: 0\r\n\r\n"
        )
        assert ask(port, get(host="www.shop.test")).all("Set-Cookie") == [
            "a=1; Path=/x; Secure; HttpOnly",
            "b=2; Path=/; domain=.shop.test; SameSite=Lax",
        ]

    def test_links_in_pages(self, port: int, shop: Shop, own: str) -> None:
        page = (
            f'<!doctype html><html><head><link href="{own}/a.css"></head><body><a href="{own}">x</a>'
            f'<script>var b = "{own.replace("/", chr(92) + "/")}\\/cart";</script>{own}0 {own}.evil</body></html>'
        ).encode()
        shop.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b" % (len(page), page)
        body = ask(port, get(host="www.shop.test")).body
        assert b'href="http://www.shop.test/a.css"' in body
        assert b'href="http://www.shop.test">' in body
        assert b'"http:\\/\\/www.shop.test\\/cart"' in body
        assert own.encode() + b"0 " + own.encode() + b".evil" in body

    def test_links_across_pieces(self, port: int, shop: Shop, own: str) -> None:
        half = len(own) // 2
        pieces = [b"<!doctype html><html><body>", own[:half].encode(), own[half:].encode(), b"/x</body></html>"]

        def script(conversation: Conversation, request: Request) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                conversation.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                time.sleep(0.05)
            conversation.send(b"0\r\n\r\n")

        shop.script = script  # type: ignore[assignment]
        body = ask(port, get(host="www.shop.test")).body
        assert body == b"<!doctype html><html><body>http://www.shop.test/x</body></html>"

    def test_other_types_untouched(self, port: int, shop: Shop, own: str) -> None:
        page = own.encode()
        shop.answer = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(page), page)
        assert ask(port, get(host="www.shop.test")).body == page


class TestWebSocket:
    """Row 15."""

    ASK = get(
        "/ws",
        extra="Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\nSec-WebSocket-Version: 13\r\n",
    )

    @pytest.mark.parametrize("front", ["waitress", "granian"], indirect=True)
    def test_refused_with_a_hint_where_no_tunnel_can_be(self, port: int, shop: Shop, front: Proxy) -> None:
        answer = ask(port, self.ASK)
        assert answer.status == 501
        assert b"WebSocket" in answer.body
        assert not shop.requests
        assert "docs/proxy.md" in front.log

    @pytest.mark.parametrize("front", ["gunicorn"], indirect=True)
    def test_tunnelled(self, port: int, shop: Shop) -> None:

        def script(conversation: Conversation, request: Request) -> bool:
            conversation.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n<")
            for _ in range(3):
                conversation.send(conversation.read(4).upper())
            return False

        shop.script = script
        with client(port) as one:
            one.send(self.ASK)
            assert one.answer().status == 101
            assert one.conversation.read(1) == b"<"
            for word in (b"ping", b"\x00\xff\x01\x02", b"last"):
                one.send(word)
                assert one.conversation.read(4) == word.upper()
            assert one.closed()
        request = shop.request
        assert (request.one("Upgrade"), request.one("Connection")) == ("websocket", "Upgrade")
        assert request.one("Sec-WebSocket-Key") == "abc"

    @pytest.mark.parametrize("front", ["gunicorn"], indirect=True)
    def test_refused_by_the_shop(self, port: int, shop: Shop) -> None:
        shop.answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
        answer = ask(port, self.ASK)
        assert (answer.status, answer.body) == (403, b"no")

    def test_other_upgrades_are_ignored(self, port: int, shop: Shop) -> None:
        answer = ask(port, get(extra="Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"))
        assert answer.status == 200
        assert shop.request.one("Upgrade") == ""
        assert shop.request.one("HTTP2-Settings") == ""
