"""The shop's header fields as they go on to the visitor. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from capi_middleware.page.verdict import LOWER

from .forwarded import Public
from .origin import Origin

_WORD = re.compile(r"\S+")
_HOP = frozenset(
    _WORD.findall("""
    connection keep-alive proxy-authenticate proxy-authorization proxy-authentication-info proxy-connection te
    trailer trailers transfer-encoding upgrade
""")
)
_USUAL_OPTIONS = frozenset(("keep-alive", "close"))
_ADDRESSES = frozenset(("location", "content-location", "refresh", "link"))
_DOMAIN = re.compile(r";\s*domain\s*=\s*\.?([^;]*)", re.IGNORECASE)


def response_fields(
    fields: Sequence[tuple[str, str]], origin: Origin, public: Public, *, chunked: bool
) -> list[tuple[str, str]]:
    """End-to-end fields in their order, duplicates kept; the shop's own address replaced by the public one.

    ``chunked``: the body came in chunks, so a ``Content-Length`` beside it is false (RFC 9112, 6.3).
    """
    dropped = _HOP
    for name, value in fields:
        if LOWER[name] == "connection" and value not in _USUAL_OPTIONS:
            dropped = dropped | {option.strip().lower() for option in value.split(",")}
    out = []
    for field in fields:
        lower = LOWER[field[0]]
        if lower in dropped:
            continue
        if lower in _ADDRESSES:
            field = (field[0], public_address(field[1], origin, public))
        elif lower == "set-cookie":
            field = (field[0], public_cookie(field[1], origin, public))
        elif chunked and lower == "content-length":
            continue
        out.append(field)
    return out


def public_address(value: str, origin: Origin, public: Public) -> str:
    """Each absolute address of the shop's own origin in ``value`` becomes the visitor's; all else stays."""
    if origin.host not in value.lower() or not public.authority:
        return value
    return _own_address(origin).sub(f"{public.scheme}://{public.authority}", value)


def public_cookie(value: str, origin: Origin, public: Public) -> str:
    """A cookie set for the shop's own host name is set for the visitor's host alone: its ``Domain`` goes."""
    found = _DOMAIN.search(value)
    if found is None:
        return value
    domain = found.group(1).strip().lower()
    seen = public.authority.partition(":")[0].lower()
    inside = origin.host == domain or origin.host.endswith("." + domain)
    outside = seen != domain and not seen.endswith("." + domain)
    return value[: found.start()] + value[found.end() :] if inside and outside else value


def _own_address(origin: Origin) -> re.Pattern[str]:
    """``http://shop.internal:8080`` in any case, with or without the default port, at a boundary."""
    pattern = _patterns.get(origin)
    if pattern is None:
        host = re.escape(f"[{origin.host}]" if ":" in origin.host else origin.host)
        default = {"http": 80, "https": 443}[origin.scheme]
        port = f"(?::{origin.port})?" if origin.port == default else f":{origin.port}"
        pattern = re.compile(rf"{origin.scheme}://{host}{port}(?![A-Za-z0-9.:-])", re.IGNORECASE)
        _patterns[origin] = pattern
    return pattern


_patterns: dict[Origin, re.Pattern[str]] = {}
