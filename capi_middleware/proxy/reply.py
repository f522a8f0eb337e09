"""The shop's answer, parsed: httptools (llhttp, strict) over our framing rules.

Most answers have a plain head that comes in one piece and names its length. Those are read by one pattern, which lets
through less than llhttp does, at a third of the cost; all else is llhttp's.
"""

from __future__ import annotations

import re
from typing import Any, Final

import httptools

from capi_middleware.page.verdict import LOWER

from .failure import Failure, GatewayError

MAX_HEAD: Final = 262144
"""Bytes of status line and fields, interim answers included. Servers are trusted with more than visitors are."""

CHUNKED: Final = -1
"""``length`` of a body that comes in chunks."""

_UNTIL_CLOSE: Final = -2

_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2}) ([ -~]*+)\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+\r\n)++)\r\n"
)
_DIGITS = re.compile(r"[0-9]{1,15}")
_FRAMING = frozenset(("content-length", "transfer-encoding", "connection", "upgrade"))


class Reply:
    """One answer being read. ``feed`` bytes until ``head_done``; then body bytes gather in ``parts``.

    ``complete``: the whole message was read. ``surplus``: bytes came after it, so the connection is not to be trusted
    with another request. ``status``: as WSGI takes it. ``fields``: header fields as they came, in order.
    """

    __slots__ = (
        "_counted",
        "_fed",
        "_head_request",
        "_parser",
        "code",
        "complete",
        "fields",
        "head_done",
        "keep",
        "left",
        "parts",
        "reason",
        "surplus",
    )

    def __init__(self, method: str) -> None:
        self._head_request = method == "HEAD"
        self._parser: Any = None
        self._counted = False
        self._fed = 0
        self.code = 0
        self.reason = ""
        self.fields: list[tuple[str, str]] = []
        self.parts: list[bytes] = []
        self.head_done = False
        self.complete = False
        self.surplus = False
        self.keep = False
        self.left = _UNTIL_CLOSE

    @property
    def status(self) -> str:
        """``200 OK``; a space stands even where the shop gave no reason, as WSGI wants it."""
        return f"{self.code} {self.reason}"

    @property
    def until_close(self) -> bool:
        """The body ends where the connection ends: that it is whole cannot be known."""
        return self.left == _UNTIL_CLOSE

    @property
    def length(self) -> int:
        """Bytes of body still to come; negative where the head does not tell."""
        return self.left

    @property
    def begun(self) -> bool:
        """Whether any byte has come."""
        return self._fed > 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the shop. Raises :class:`GatewayError` for what is no proper HTTP/1.x answer."""
        begun, self._fed = self._fed, self._fed + len(data)
        if self._counted:
            self._count(data)
            return
        if not begun and self._plain(data):
            return
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
            # A response with both framings is read as chunked and its connection dropped (RFC 9112, 6.3): see below.
            self._parser.set_dangerous_leniencies(lenient_chunked_length=True)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise GatewayError(Failure.UPGRADED) from None
        except httptools.HttpParserError as error:
            if self.complete or (self.head_done and self._head_request):
                self.surplus = True
                return
            cause = error.__context__
            if isinstance(cause, GatewayError):
                raise cause from None
            raise GatewayError(Failure.MALFORMED, str(error)) from None
        if not self.head_done and self._fed > MAX_HEAD:
            raise GatewayError(Failure.MALFORMED, f"more than {MAX_HEAD} bytes of header")

    def _plain(self, data: bytes) -> bool:
        """Whether the answer's head stands whole and plain at the beginning of ``data``; it is read then."""
        found = None if self._head_request else _PLAIN_HEAD.match(data)
        if found is None:
            return False
        code, reason, head = found.groups()
        fields, length, connection = [], "", ""
        for line in head.decode("latin-1")[:-2].split("\r\n"):
            name, _, value = line.partition(":")
            value = value.strip(" \t")
            lower = LOWER[name]
            if lower in _FRAMING:
                if lower == "content-length" and not length and _DIGITS.fullmatch(value):
                    length = value
                elif lower == "connection" and not connection and value.lower() in ("close", "keep-alive"):
                    connection = value.lower()
                else:
                    return False
            fields.append((name, value))
        if not length or code in (b"204", b"304"):
            return False
        self._counted = self.head_done = True
        self.code, self.reason, self.fields = int(code), reason.decode("latin-1"), fields
        self.keep = connection != "close"
        self.left = int(length)
        self._count(data[found.end() :])
        return True

    def _count(self, data: bytes) -> None:
        """Body bytes of an answer whose length alone says where it ends."""
        left = self.left
        if len(data) > left:
            self.surplus = True
            data = data[:left]
        if data:
            self.parts.append(data)
        self.left = left - len(data)
        self.complete = not self.left

    # What httptools calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.surplus = True

    def on_status(self, status: bytes) -> None:
        if not self.complete:
            self.reason += status.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:  # else a trailer, which WSGI cannot carry
            self.fields.append((name.decode("latin-1"), value.decode("latin-1").strip(" \t")))

    def on_headers_complete(self) -> None:
        if self.head_done:
            return
        code = self._parser.get_status_code()
        if code < 200:
            if code == 101:
                raise GatewayError(Failure.UPGRADED)
            return
        self.code = code
        self.head_done = True
        self._frame(self._parser.get_http_version())
        if self._head_request:
            self.complete = True

    def on_body(self, body: bytes) -> None:
        if self.complete:
            self.surplus = True
        else:
            self.parts.append(body)
            if self.left > 0:
                self.left -= len(body)

    def on_message_complete(self) -> None:
        if self.head_done:
            self.complete = True
        else:  # an interim answer (RFC 9110, 15.2): 100, 102, 103 are for us and dropped
            self.fields.clear()
            self.reason = ""

    def _frame(self, version: str) -> None:
        lengths: list[str] = []
        codings: list[str] = []
        connection = ""
        for name, value in self.fields:
            lower = name.lower()
            if lower == "content-length":
                lengths.append(value)
            elif lower == "transfer-encoding":
                codings.append(value)
            elif lower == "connection":
                connection += f",{value.lower()}"
        options = {option.strip() for option in connection.split(",")}
        self.keep = "close" not in options and (version == "1.1" or "keep-alive" in options)
        bodyless = self.code in (204, 304)
        if codings and not bodyless:
            if len(codings) > 1 or codings[0].lower() != "chunked" or version == "1.0":
                raise GatewayError(Failure.MALFORMED, f"Transfer-Encoding {', '.join(codings)!r}")
            self.left = CHUNKED
            if lengths:
                self.keep = False
        elif bodyless or self._head_request:
            self.left = 0
        elif lengths:
            self.left = int(lengths[0])
        else:
            self.keep = False
