"""Who asked, and how, told to the shop: ``X-Forwarded-*`` and ``Forwarded`` (RFC 7239).

The shop is told what the middleware believes, by the same settings: of the two kinds of fields the one that ``[visit]
forwarded`` names is read, and the other is written anew from it, so that no claim of a visitor's passes for a proxy's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from capi_middleware.settings.settings import VisitSettings
from capi_middleware.visit.address import elements, last_said, shown_authority, shown_scheme, trusted_hops

_PLAIN = re.compile(r"[0-9A-Za-z._-]+")
_QUOTED = re.compile(r"[0-9A-Za-z._:\[\]-]+")
_DIGITS = re.compile(r"[0-9]{1,5}")


class Public(NamedTuple):
    """What the visitor sees in place of the shop's own address. ``authority``: host and port, as in ``Host``."""

    scheme: str
    authority: str


def trust_of(visit: VisitSettings) -> VisitSettings:
    """Of ``[visit]`` what says who is believed, and nothing else: shops that agree in it can share connections."""
    return VisitSettings(
        trusted_hops=visit.trusted_hops, trusted_proxies=visit.trusted_proxies, forwarded=visit.forwarded
    )


def seen_by_visitor(environ: Mapping[str, Any], trust: VisitSettings) -> Public:
    """Scheme, host and port as the visitor sees them: a trusted front server's word, else our own connection's."""
    return Public(shown_scheme(environ, trust), shown_authority(environ, trust))


def forwarded_lines(environ: Mapping[str, Any], trust: VisitSettings, public: Public) -> list[str]:
    """The header lines, without their CRLF.

    Without trusted hops whatever the client claims is dropped. With N of them the N right-most entries are kept,
    which our own front servers wrote, and the peer is appended: a forged entry further left never reaches the shop.
    """
    peer: str = environ.get("REMOTE_ADDR", "")
    hops = trusted_hops(environ, trust)
    if not hops:
        return [f"X-Forwarded-For: {peer}", *_shown(public), f"Forwarded: {_element(peer, public)}"]
    if trust.forwarded:
        before = [element.get("for", "unknown") for element in elements(environ.get("HTTP_FORWARDED", ""))[-hops:]]
        port = ""
    else:
        before = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()][-hops:]
        port = last_said(environ.get("HTTP_X_FORWARDED_PORT"), hops)
    chain = [*before, peer]
    told = ", ".join(_element(address, public) for address in chain)
    return [f"X-Forwarded-For: {', '.join(chain)}", *_shown(public, port), f"Forwarded: {told}"]


@lru_cache(maxsize=1024)
def _shown(public: Public, port: str = "") -> tuple[str, str, str]:
    """The lines that all visitors of one host share. ``port``: as a trusted front server gives it."""
    scheme, host = public
    if not _DIGITS.fullmatch(port):
        given = host.rpartition(":")[2]
        usual = "443" if scheme == "https" else "80"
        port = given if ":" in host and _DIGITS.fullmatch(given) else usual
    return f"X-Forwarded-Proto: {scheme}", f"X-Forwarded-Host: {host}", f"X-Forwarded-Port: {port}"


def _element(address: str, public: Public) -> str:
    scheme, host = public
    return f'for={_node(address)};host="{host}";proto={scheme}' if host else f"for={_node(address)};proto={scheme}"


def _node(address: str) -> str:
    """RFC 7239, 6: an IPv6 address, or one with a port, stands in quotes; what is no address is not passed on."""
    if _PLAIN.fullmatch(address):
        return address
    if not _QUOTED.fullmatch(address):
        return "unknown"
    return f'"[{address}]"' if address.count(":") > 1 and "[" not in address else f'"{address}"'
