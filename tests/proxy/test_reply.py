"""One answer being read, whole and in pieces."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capi_middleware.proxy.failure import GatewayError
from capi_middleware.proxy.reply import Reply

_names = st.sampled_from(
    [
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "X-A",
        "Set-Cookie",
        "X\tB",
        "X\x00B",
    ]
)
_values = st.one_of(
    st.sampled_from(
        ["0", "2", "5", "+2", "2,2", " 2 ", "chunked", "close", "Keep-Alive", "upgrade", "", "a\tb", "\x00"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=5),
)
_fields = st.lists(st.tuples(_names, st.sampled_from([":", ": ", " :", ":\t"]), _values), max_size=4)
_lines = st.sampled_from(
    [
        "1.1 200 OK",
        "1.1 204 No Content",
        "1.1 304 ",
        "1.0 200 OK",
        "1.1 200",
        "1.1 103 Early",
        "1.1 600 x",
        "1.1 200 å",
        "2.0 200 OK",
    ]
).map("HTTP/{}".format)


def read(data: bytes, size: int, method: str = "GET") -> tuple[Any, ...] | str:
    """What is known of the answer at the end of ``data``, which comes in pieces of ``size`` bytes."""
    reply = Reply(method)
    try:
        for at in range(0, len(data), size):
            reply.feed(data[at : at + size])
    except GatewayError as error:
        return error.failure.code
    keep = reply.keep and not reply.surplus
    return reply.head_done, reply.complete, keep, reply.status, reply.fields, b"".join(reply.parts), reply.length


@given(_lines, _fields, st.binary(max_size=8), st.sampled_from(["\r\n", "\n"]), st.sampled_from(["GET", "HEAD"]))
@example("HTTP/1.1 200 OK", [("Content-Length", ": ", "2")], b"ok", "\r\n", "GET")
@example("HTTP/1.1 200 OK", [("Content-Length", ": ", "2")], b"okHTTP/1.1 200 OK", "\r\n", "GET")
@example("HTTP/1.1 200 OK", [("Content-Length", ": ", "2"), ("Connection", ": ", "close")], b"ok+", "\r\n", "GET")
@example("HTTP/1.1 200 OK", [("Content-Length", ": ", "0")], b"", "\r\n", "GET")
@example("HTTP/1.1 200 OK", [("Content-Length", ": ", "0"), ("Upgrade", ": ", "h2c")], b"", "\r\n", "GET")
def test_in_one_piece_it_means_what_it_means_byte_by_byte(
    line: str, fields: list[tuple[str, str, str]], body: bytes, end: str, method: str
) -> None:
    """Byte by byte llhttp alone reads it: the quick way through lets nothing pass that llhttp does not."""
    head = end.join([line, *("".join(field) for field in fields), "", ""]).encode("latin-1")
    assert read(head + body, 1 << 20, method) == read(head + body, 1, method)


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_body_in_pieces_is_counted(size: int) -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
    assert read(data, size) == (True, True, True, "200 OK", [("Content-Length", "10")], b"0123456789", 0)
    assert read(data[:-1], size)[1:3] == (False, True)
    assert read(data + b"!", size)[1:3] == (True, False)
