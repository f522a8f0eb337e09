"""A WSGI request as the bytes that go to the shop. Pure: ``environ`` in, bytes out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from .failure import Failure, GatewayError

MAX_TARGET = 8192
MAX_HEAD = 65536
MAX_FIELDS = 200
MAX_FIELD = 16384

IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
"""RFC 9110, 9.2.2, without TRACE, which is refused."""

_REFUSED = frozenset(("CONNECT", "TRACE", "TRACK"))
_BODYLESS = frozenset(("GET", "HEAD", "OPTIONS", "DELETE"))
_USUAL = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_BAD_TARGET = re.compile(r"[\x00-\x20\x7f]")
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/!$&'()*+,;=:@~._|^\"<>`{}\[\]\\-]*")
"""A decoded path in which there is nothing to quote."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_HOST = re.compile(r"[^A-Za-z0-9._~%!$&'()*+;=:\[\]-]")
_WORD = re.compile(r"\S+")
_DIGITS = re.compile(r"[0-9]{1,18}")

# Written by us (host, framing, forwarding), of one hop only (RFC 9110, 7.6.1), or dangerous (httpoxy).
_OURS = frozenset(
    _WORD.findall("""
    HTTP_HOST HTTP_CONTENT_LENGTH HTTP_CONTENT_TYPE HTTP_CONNECTION HTTP_KEEP_ALIVE HTTP_PROXY
    HTTP_PROXY_CONNECTION HTTP_PROXY_AUTHENTICATE HTTP_PROXY_AUTHORIZATION HTTP_TE HTTP_TRAILER HTTP_TRAILERS
    HTTP_TRANSFER_ENCODING HTTP_UPGRADE HTTP_HTTP2_SETTINGS HTTP_EXPECT HTTP_FORWARDED HTTP_X_FORWARDED
    HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_PROTO HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_PORT HTTP_X_FORWARDED_BY
    HTTP_X_FORWARDED_SERVER HTTP_X_FORWARDED_SCHEME HTTP_X_FORWARDED_SSL HTTP_X_FORWARDED_PREFIX HTTP_X_REAL_IP
""")
)
_NAMES_KEPT = 500


class _Names(dict[str, str]):
    """``HTTP_ACCEPT_LANGUAGE`` is ``Accept-Language``; remembered for the usual ones. Raises :class:`GatewayError`."""

    def __missing__(self, key: str) -> str:
        name = "-".join(part.capitalize() for part in key[5:].split("_"))
        if not _METHOD.fullmatch(name):
            raise GatewayError(Failure.BAD_REQUEST, "header name")
        if len(self) < _NAMES_KEPT and len(key) < 60:
            self[key] = name
        return name


_names = _Names({"HTTP_ETAG": "ETag", "HTTP_DNT": "DNT"})


class Framing(NamedTuple):
    """How the request's body is sent: ``length`` bytes, or in chunks where ``length`` is None."""

    length: int | None

    @property
    def empty(self) -> bool:
        return self.length == 0


EMPTY = Framing(0)


class Asked(NamedTuple):
    """A request that may go on: its target and its body's framing."""

    target: str
    body: Framing


CHECKED = "capi.asked"
"""The environ key of an :class:`Asked`: what the door has looked at is not looked at again."""


def check(environ: Mapping[str, Any]) -> Asked:
    """Raise :class:`GatewayError` for what must not be forwarded at all."""
    refuse(environ)
    return Asked(request_target(environ), framing(environ))


def refuse(environ: Mapping[str, Any]) -> None:
    """Raise :class:`GatewayError` for what must not be forwarded at all."""
    method = environ["REQUEST_METHOD"]
    if method not in _USUAL:
        if method in _REFUSED:
            raise GatewayError(Failure.METHOD)
        if not _METHOD.fullmatch(method):
            raise GatewayError(Failure.BAD_REQUEST, "method")
    host = environ.get("HTTP_HOST", "")
    if _BAD_HOST.search(host):  # a comma: two Host fields, joined by the server
        raise GatewayError(Failure.BAD_REQUEST, "Host")


def request_target(environ: Mapping[str, Any]) -> str:
    """Path and query, byte for byte as the visitor sent them (each byte a latin-1 character).

    Where the server keeps no raw address the decoded path is quoted anew, which loses ``%2F``. Raises
    :class:`GatewayError`.
    """
    raw: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    if not raw:
        raw = _quoted(environ)
    elif raw[0] != "/":
        absolute = _ABSOLUTE.match(raw)
        if absolute:
            raw = raw[absolute.end() :]
            raw = raw if raw.startswith("/") else "/" + raw
        elif raw != "*" or environ["REQUEST_METHOD"] != "OPTIONS":
            raise GatewayError(Failure.BAD_REQUEST, "request target")
    if len(raw) > MAX_TARGET:
        raise GatewayError(Failure.URI_TOO_LONG)
    if _BAD_TARGET.search(raw):
        raise GatewayError(Failure.BAD_REQUEST, "request target")
    return raw


def _quoted(environ: Mapping[str, Any]) -> str:
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    query = environ.get("QUERY_STRING", "")
    if _PLAIN_PATH.fullmatch(path):
        return f"{path}?{query}" if query else path
    quoted = quote(path.encode("latin-1"), safe="/!$&'()*+,;=:@~-._|^\"<>`{}[]\\")
    if quoted == "*" and environ["REQUEST_METHOD"] == "OPTIONS":
        return quoted
    if not quoted.startswith("/"):
        raise GatewayError(Failure.BAD_REQUEST, "request target")
    return f"{quoted}?{query}" if query else quoted


def framing(environ: Mapping[str, Any]) -> Framing:
    """The body's framing from what the server decoded; exactly one of length and chunks goes on (RFC 9112, 6).

    Raises :class:`GatewayError` where both are claimed or the length is no number.
    """
    length: str = environ.get("CONTENT_LENGTH") or ""
    coding: str = environ.get("HTTP_TRANSFER_ENCODING", "")
    if coding:
        if length:
            raise GatewayError(Failure.BAD_REQUEST, "both Content-Length and Transfer-Encoding")
        if coding.strip().lower() != "chunked" or not environ.get("wsgi.input_terminated"):
            raise GatewayError(Failure.BAD_REQUEST, "Transfer-Encoding")
        return _chunked(environ)
    if length:
        if not _DIGITS.fullmatch(length):
            raise GatewayError(Failure.BAD_REQUEST, "Content-Length")
        return Framing(int(length))
    if environ["REQUEST_METHOD"] not in _BODYLESS and environ.get("SERVER_PROTOCOL", "").startswith("HTTP/2"):
        return _chunked(environ)
    return EMPTY


def _chunked(environ: Mapping[str, Any]) -> Framing:
    """A server that ends the stream in the same way when the visitor breaks off as at its end says so by
    ``capi.unsafe_chunks``: half an upload would pass for a whole one, so a length is asked for."""
    if environ.get("capi.unsafe_chunks"):
        raise GatewayError(Failure.LENGTH_REQUIRED)
    return Framing(None)


def request_head(
    environ: Mapping[str, Any], target: str, host: str, body: Framing, forwarded: Sequence[str], upgrade: str = ""
) -> bytes:
    """Request line and header fields, ready to send.

    ``host``: the ``Host`` field's value. ``forwarded``: lines that tell who asked. ``upgrade``: the protocol
    asked for, only where a tunnel can be made. Raises :class:`GatewayError` for heads that are too large or
    hold control characters.
    """
    method = environ["REQUEST_METHOD"]
    connection: str = environ.get("HTTP_CONNECTION", "")
    dropped = _OURS
    if connection and connection.lower() not in ("keep-alive", "close"):
        dropped = _OURS | {_key(name) for name in connection.split(",")}
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{_names[key]}: {value}" for key, value in environ.items() if key[:5] == "HTTP_" and key not in dropped]
    if len(lines) > MAX_FIELDS:
        raise GatewayError(Failure.FIELDS_TOO_LARGE)
    content_type = environ.get("CONTENT_TYPE")
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    if body.length is None:
        lines.append("Transfer-Encoding: chunked")
    elif body.length or environ.get("CONTENT_LENGTH") or method not in _BODYLESS:
        lines.append(f"Content-Length: {body.length}")
    if upgrade:
        lines += ["Connection: Upgrade", f"Upgrade: {upgrade}"]
    lines += forwarded
    plain = "".join(lines)
    if len(plain) > MAX_FIELD and any(len(line.partition(": ")[2]) > MAX_FIELD for line in lines):
        raise GatewayError(Failure.FIELDS_TOO_LARGE)
    if not plain.isprintable() and _CONTROL.search(plain):
        raise GatewayError(Failure.BAD_REQUEST, "control character in the header")
    lines.append("\r\n")
    head = "\r\n".join(lines).encode("latin-1")
    if len(head) > MAX_HEAD:
        raise GatewayError(Failure.FIELDS_TOO_LARGE)
    return head


def _key(name: str) -> str:
    return "HTTP_" + name.strip().upper().replace("-", "_")
