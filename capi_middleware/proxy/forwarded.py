"""Who asked, and how, told to the shop: ``X-Forwarded-*`` and ``Forwarded`` (RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PART = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_HOST = re.compile(r"[A-Za-z0-9._~%!$&'()*+;=:\[\]-]{1,255}")
_DIGITS = re.compile(r"[0-9]{1,5}")


def public_scheme(environ: Mapping[str, Any], trusted_hops: int) -> str:
    """``http`` or ``https`` as the visitor sees it: the trusted front server's word, else our own connection's."""
    if trusted_hops:
        said = _hop(environ.get("HTTP_X_FORWARDED_PROTO", ""), trusted_hops).lower()
        if said in ("http", "https"):
            return said
    scheme: str = environ.get("wsgi.url_scheme", "http")
    return scheme


def public_host(environ: Mapping[str, Any], trusted_hops: int) -> str:
    """Host and port as the visitor sees them: a trusted ``X-Forwarded-Host``, else ``Host``; "" where neither is."""
    if trusted_hops:
        said = _hop(environ.get("HTTP_X_FORWARDED_HOST", ""), trusted_hops)
        if said and _HOST.fullmatch(said):
            return said
    host: str = environ.get("HTTP_HOST", "")
    return host


def forwarded_lines(environ: Mapping[str, Any], trusted_hops: int) -> list[str]:
    """The header lines, without their CRLF.

    Without trusted hops whatever the client claims is dropped. With N of them the N right-most entries are kept,
    which our own front servers wrote, and the peer is appended: a forged entry further left never reaches the shop.
    """
    address: str = environ.get("REMOTE_ADDR", "")
    scheme = public_scheme(environ, trusted_hops)
    host = public_host(environ, trusted_hops)
    chain = address
    elements = _element(address, host, scheme)
    if trusted_hops:
        before = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        chain = ", ".join([*before[-trusted_hops:], address])
        inbound = [part.strip() for part in _PART.findall(environ.get("HTTP_FORWARDED", "")) if part.strip()]
        elements = ", ".join([*inbound[-trusted_hops:], elements])
    return [
        f"X-Forwarded-For: {chain}",
        f"X-Forwarded-Proto: {scheme}",
        f"X-Forwarded-Host: {host}",
        f"X-Forwarded-Port: {_port(environ, host, scheme, trusted_hops)}",
        f"Forwarded: {elements}",
    ]


def _element(address: str, host: str, scheme: str) -> str:
    node = f'"[{address}]"' if ":" in address else address or "unknown"
    return f'for={node};host="{host}";proto={scheme}' if host else f"for={node};proto={scheme}"


def _port(environ: Mapping[str, Any], host: str, scheme: str, trusted_hops: int) -> str:
    if trusted_hops:
        said = _hop(environ.get("HTTP_X_FORWARDED_PORT", ""), trusted_hops)
        if _DIGITS.fullmatch(said):
            return said
    port = host.rpartition(":")[2]
    if ":" in host and _DIGITS.fullmatch(port):
        return port
    return "443" if scheme == "https" else "80"


def _hop(value: str, trusted_hops: int) -> str:
    """What the outermost of our own front servers wrote; where only one of them writes the field, its word."""
    entries = value.split(",")
    return entries[-trusted_hops if len(entries) >= trusted_hops else 0].strip()
