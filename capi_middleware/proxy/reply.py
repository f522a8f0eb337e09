"""The shop's answer, parsed: httptools (llhttp, strict) over our framing rules."""

from __future__ import annotations

from typing import Any, Final

import httptools

from .failure import Failure, GatewayError

MAX_HEAD: Final = 262144
"""Bytes of status line and fields, interim answers included. Servers are trusted with more than visitors are."""

CHUNKED: Final = -1
"""``length`` of a body that comes in chunks."""

_UNTIL_CLOSE: Final = -2


class Reply:
    """One answer being read. ``feed`` bytes until ``head_done``; then body bytes gather in ``parts``.

    ``complete``: the whole message was read. ``surplus``: bytes came after it, so the connection is not to be trusted
    with another request. ``status``: as WSGI takes it. ``fields``: header fields as they came, in order.
    """

    __slots__ = (
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
        self._parser: Any = httptools.HttpResponseParser(self)
        # A response with both framings is read as chunked and its connection dropped (RFC 9112, 6.3): see below.
        self._parser.set_dangerous_leniencies(lenient_chunked_length=True)
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
        self._fed += len(data)
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
