"""The pure parts: environ in, bytes out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.proxy.failure import Failure, GatewayError, error_page, prefers_swedish
from capi_middleware.proxy.forwarded import Public, forwarded_lines, seen_by_visitor
from capi_middleware.proxy.links import LinkedBody, LinkPatterns
from capi_middleware.proxy.options import parse_listen
from capi_middleware.proxy.origin import parse_origin
from capi_middleware.proxy.request import EMPTY, framing, refuse, request_head, request_target
from capi_middleware.proxy.response import public_address, public_cookie, response_fields
from capi_middleware.settings.settings import VisitSettings
from tests.proxy.wire import split_head


def environ(**more: Any) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "shop.test",
        "wsgi.url_scheme": "http",
        "wsgi.input_terminated": True,
        **more,
    }


def lines(asked: dict[str, Any], **visit: Any) -> list[str]:
    trust = VisitSettings(**visit)
    return forwarded_lines(asked, trust, seen_by_visitor(asked, trust))


class TestForwarded:
    def test_ipv6_is_quoted(self) -> None:
        told = lines(environ(REMOTE_ADDR="2001:db8::1", HTTP_HOST="[::1]:81"))
        assert told[0] == "X-Forwarded-For: 2001:db8::1"
        assert told[3] == "X-Forwarded-Port: 81"
        assert told[4] == 'Forwarded: for="[2001:db8::1]";host="[::1]:81";proto=http'

    def test_two_hops(self) -> None:
        chain = environ(
            HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.7, 10.0.0.1",
            HTTP_X_FORWARDED_PROTO="ftp, https, http",
            HTTP_X_FORWARDED_HOST="evil.test, www.shop.test, inner",
        )
        assert lines(chain, trusted_hops=2)[0] == "X-Forwarded-For: 203.0.113.7, 10.0.0.1, 192.0.2.1"
        assert seen_by_visitor(chain, VisitSettings(trusted_hops=2)) == Public("https", "www.shop.test")

    def test_only_one_of_two_hops_writes_the_scheme(self) -> None:
        trust = VisitSettings(trusted_hops=2)
        assert seen_by_visitor(environ(HTTP_X_FORWARDED_PROTO="https"), trust).scheme == "https"

    def test_a_scheme_that_is_none_is_not_believed(self) -> None:
        trust = VisitSettings(trusted_hops=1)
        assert seen_by_visitor(environ(HTTP_X_FORWARDED_PROTO="ftp"), trust).scheme == "http"

    @pytest.mark.parametrize("host", ["evil host", 'a"b', "a,b", "a/b", "a\r\nb", ""])
    def test_host_that_is_none_is_not_believed(self, host: str) -> None:
        trust = VisitSettings(trusted_hops=1)
        assert seen_by_visitor(environ(HTTP_X_FORWARDED_HOST=host), trust).authority in ("shop.test", "b")

    FORGED_X = {"HTTP_X_FORWARDED_FOR": "6.6.6.6", "HTTP_X_FORWARDED_HOST": "evil.test", "HTTP_X_FORWARDED_PORT": "6"}
    FORWARDED = 'for=6.6.6.6;host=evil.test, for="[2001:db8::7]:99";host=www.shop.test;proto=https'

    def test_where_forwarded_is_read_the_other_fields_are_written_anew_from_it(self) -> None:
        told = lines(environ(HTTP_FORWARDED=self.FORWARDED, **self.FORGED_X), trusted_hops=1, forwarded=True)
        assert told == [
            "X-Forwarded-For: [2001:db8::7]:99, 192.0.2.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: www.shop.test",
            "X-Forwarded-Port: 443",
            'Forwarded: for="[2001:db8::7]:99";host="www.shop.test";proto=https, '
            'for=192.0.2.1;host="www.shop.test";proto=https',
        ]

    def test_where_it_is_not_read_a_visitors_forwarded_does_not_pass_for_a_proxys(self) -> None:
        told = lines(environ(HTTP_FORWARDED="for=6.6.6.6;host=evil.test", HTTP_X_FORWARDED_FOR="::7"), trusted_hops=1)
        assert told[0] == "X-Forwarded-For: ::7, 192.0.2.1"
        assert (
            told[4] == 'Forwarded: for="[::7]";host="shop.test";proto=http, for=192.0.2.1;host="shop.test";proto=http'
        )

    @pytest.mark.parametrize(
        ("peer", "chain", "host"),
        [
            ("10.0.0.9", "X-Forwarded-For: 203.0.113.7, 10.0.0.8, 10.0.0.9", "www.shop.test"),
            ("192.0.2.1", "X-Forwarded-For: 192.0.2.1", "shop.test"),
        ],
    )
    def test_trusted_networks_instead_of_hops(self, peer: str, chain: str, host: str) -> None:
        asked = environ(
            REMOTE_ADDR=peer,
            HTTP_X_FORWARDED_FOR="6.6.6.6, 203.0.113.7, 10.0.0.8",
            HTTP_X_FORWARDED_HOST="www.shop.test",
        )
        told = lines(asked, trusted_proxies=("10.0.0.0/8",))
        assert (told[0], told[2]) == (chain, f"X-Forwarded-Host: {host}")

    @given(st.text(st.characters(max_codepoint=255), max_size=60), st.booleans())
    def test_no_field_of_a_visitors_breaks_out_of_its_line(self, value: str, forwarded: bool) -> None:
        asked = environ(
            HTTP_FORWARDED=value, HTTP_X_FORWARDED_FOR=value, HTTP_X_FORWARDED_HOST=value, HTTP_X_FORWARDED_PORT=value
        )
        told = lines(asked, trusted_hops=1, forwarded=forwarded)
        try:
            head = request_head(asked, "/", "shop.test", EMPTY, told)
        except GatewayError:
            return
        names = [name for name, _ in split_head(head)[1]]
        assert names[-5:] == [line.partition(":")[0] for line in told]
        assert len(names) == len(set(names))


class TestHead:
    @given(
        st.dictionaries(
            st.from_regex(r"[A-Z][A-Z0-9]{0,8}(_[A-Z0-9]{1,5}){0,2}", fullmatch=True),
            st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30),
            max_size=8,
        ),
        st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30),
    )
    def test_no_environ_makes_a_second_request(self, fields: dict[str, str], target: str) -> None:
        """Whatever a server lets through: what we send is one request as an independent parser reads it, or none."""
        asked = environ(REQUEST_URI="/" + target, **{f"HTTP_{name}": value for name, value in fields.items()})
        asked["HTTP_HOST"] = fields.get("HOST", "shop.test")
        try:
            refuse(asked)
            head = request_head(asked, request_target(asked), asked["HTTP_HOST"], EMPTY, ())
        except GatewayError:
            return
        line, sent = split_head(head)
        assert line == f"GET /{target} HTTP/1.1"
        assert len(line.split(" ")) == 3
        assert head.count(b"\r\n\r\n") == 1
        assert not {"content-length", "transfer-encoding"} & {name.lower() for name, _ in sent}

    def test_environment_of_the_process_is_no_header(self) -> None:
        head = request_head(environ(HTTP_PROXY="http://evil"), "/", "shop.test", EMPTY, ())
        assert b"evil" not in head

    def test_name_that_is_none(self) -> None:
        with pytest.raises(GatewayError):
            request_head({**environ(), "HTTP_A:B": "1"}, "/", "shop.test", EMPTY, ())


class TestTarget:
    def test_quoted_where_the_server_keeps_no_raw_one(self) -> None:
        asked = environ(PATH_INFO="/caf\xc3\xa9 x/%41?", QUERY_STRING="a=%C3%A5&b")
        assert request_target(asked) == "/caf%C3%A9%20x/%2541%3F?a=%C3%A5&b"

    @pytest.mark.parametrize(
        ("raw", "target"),
        [
            ("http://evil.test", "/"),
            ("http://evil.test?x", "/?x"),
            ("HTTPS://user@evil.test:1/a//b?c", "/a//b?c"),
            ("//evil.test/a", "//evil.test/a"),
        ],
    )
    def test_absolute_form(self, raw: str, target: str) -> None:
        assert request_target(environ(REQUEST_URI=raw)) == target

    @pytest.mark.parametrize("raw", ["a", "*", "/a b", "/a\nb", "/\x00", "http:/a", "javascript:x"])
    def test_refused(self, raw: str) -> None:
        with pytest.raises(GatewayError):
            request_target(environ(REQUEST_URI=raw))


class TestFraming:
    def test_http_2_without_length(self) -> None:
        assert framing(environ(REQUEST_METHOD="POST", SERVER_PROTOCOL="HTTP/2")).length is None
        assert framing(environ(SERVER_PROTOCOL="HTTP/2")) == EMPTY

    def test_chunks_that_cannot_be_trusted(self) -> None:
        with pytest.raises(GatewayError) as error:
            framing(environ(HTTP_TRANSFER_ENCODING="chunked", **{"capi.unsafe_chunks": True}))
        assert error.value.failure is Failure.LENGTH_REQUIRED

    def test_chunks_without_an_end(self) -> None:
        with pytest.raises(GatewayError):
            framing(environ(HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": False}))


class TestResponseFields:
    PUBLIC = Public("https", "www.shop.test")

    def test_app_list_is_not_changed(self) -> None:
        fields = [("Connection", "X-A"), ("X-A", "1"), ("X-B", "2")]
        kept = list(fields)
        assert response_fields(fields, parse_origin("http://a"), self.PUBLIC, chunked=False) == [("X-B", "2")]
        assert fields == kept

    @pytest.mark.parametrize(
        ("origin", "value", "expected"),
        [
            ("http://in.test", "http://in.test:80/a", "https://www.shop.test/a"),
            ("http://in.test", "HTTP://IN.TEST/a", "https://www.shop.test/a"),
            ("http://in.test:8080", "http://in.test/a", "http://in.test/a"),
            ("http://in.test:8080", "http://in.test:80800/a", "http://in.test:80800/a"),
            ("http://[::1]:8080", "http://[::1]:8080/a", "https://www.shop.test/a"),
            ("https://in.test", "http://in.test/a", "http://in.test/a"),
        ],
    )
    def test_address(self, origin: str, value: str, expected: str) -> None:
        assert public_address(value, parse_origin(origin), self.PUBLIC) == expected

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("a=1; Domain=shop.internal", "a=1"),
            ("a=1;domain=.internal;Path=/", "a=1;Path=/"),
            ("a=domain=x; Path=/", "a=domain=x; Path=/"),
            ("a=1; Domain=other.test", "a=1; Domain=other.test"),
            ("a=1; Domain=shop.test", "a=1; Domain=shop.test"),
        ],
    )
    def test_cookie(self, value: str, expected: str) -> None:
        assert public_cookie(value, parse_origin("http://shop.internal"), self.PUBLIC) == expected


class _Pieces:
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def __next__(self) -> bytes:
        return next(self._pieces)


class TestLinks:
    PATTERNS = LinkPatterns(parse_origin("http://in.test:81"), Public("https", "www.shop.test"))

    @given(
        st.lists(
            st.sampled_from([b"http://in.test:81", b"http:\\/\\/in.test:81", b"/", b"0", b"ht", b'"', b"http:", b"x"])
        ),
        st.lists(st.integers(1, 12), min_size=1),
    )
    def test_any_cut_gives_the_same(self, words: list[bytes], cuts: list[int]) -> None:
        page = b"".join(words)
        pieces, at = [], 0
        for index in range(len(page)):
            size = cuts[index % len(cuts)]
            pieces.append(page[at : at + size])
            at += size
        linked: Any = LinkedBody(_Pieces(pieces), self.PATTERNS)  # type: ignore[arg-type]
        assert b"".join(linked) == self.PATTERNS.replace(page)

    def test_page_without_links_is_the_same_object(self) -> None:
        page = b"<html>http://other.test</html>"
        assert self.PATTERNS.replace(page) is page


class TestPages:
    @pytest.mark.parametrize(
        ("header", "swedish"),
        [
            ("sv-SE,sv;q=0.9,en;q=0.8", True),
            ("en-US,en;q=0.9,sv;q=0.8", False),
            ("sv;q=0", False),
            ("", False),
            ("de, sv;q=0.1", True),
            ("sv;q=x", False),
        ],
    )
    def test_language(self, header: str, swedish: bool) -> None:
        assert prefers_swedish(header) is swedish

    @pytest.mark.parametrize("failure", Failure, ids=lambda failure: failure.code)
    @pytest.mark.parametrize("language", ["sv", "en"])
    def test_each_says_what_is_wrong_in_both_languages(self, failure: Failure, language: str) -> None:
        page = error_page(failure, environ(HTTP_ACCEPT="text/html", HTTP_ACCEPT_LANGUAGE=language))
        fields = dict(page.headers)
        text = page.body.decode()
        assert (failure.value.sv if language == "sv" else failure.value.en).split(".")[0] in text
        assert failure.value.sv != failure.value.en
        assert fields["Content-Length"] == str(len(page.body))
        assert page.request_id in text
        assert ("Retry-After" in fields) is (failure is Failure.BUSY)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        (":8080", ("127.0.0.1", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:1", ("0.0.0.0", 1)),
        ("[::]:443", ("::", 443)),
    ],
)
def test_listen(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "a:b", "::1:80", "127.0.0.1:99999", "127.0.0.1:-1"])
def test_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match="Write host and port"):
        parse_listen(text)
