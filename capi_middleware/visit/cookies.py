"""The ``Cookie`` request header as a mapping, and single ``Set-Cookie`` values."""

from __future__ import annotations

import re

_OCTETS = re.compile(r"[!#-+\--:<-\[\]-~]*", re.ASCII)
"""What a cookie may hold (RFC 6265 section 4.1.1): all that is visible but ``",;\\``."""

MAX_HEADER = 16_384
"""Characters of the header that are read; browsers cap it near 8 KiB and servers near 16."""


def read_cookies(header: str) -> dict[str, str]:
    """Names to values as sent (RFC 6265 section 5.4): surrounding quotes removed, percent-encoding kept, as each tool
    encodes in its own way. Of two cookies with one name the first wins: browsers send the more specific path first.

    ``header`` is WSGI text (latin-1); values that are UTF-8 come out as text.
    """
    if not header.isascii():
        header = header.encode("latin-1", "replace").decode("utf-8", "replace")
    if len(header) > MAX_HEADER:
        header = header[:MAX_HEADER]
    parts = header.split("; ")
    if '"' in header or len(parts) != header.count(";") + 1 or header.count(" ") != len(parts) - 1:
        return _read_carefully(header)
    parts.reverse()  # so that the first of two wins
    return {name: value for name, equals, value in [part.partition("=") for part in parts] if equals and name}


def _read_carefully(header: str) -> dict[str, str]:
    """With quotes, or with spaces elsewhere than browsers put them."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if equals and name and name not in found:
            value = value.strip()
            found[name] = value[1:-1] if len(value) > 1 and value[0] == '"' == value[-1] else value
    return found


def set_cookie(
    name: str,
    value: str,
    *,
    max_age: int | None = None,
    domain: str = "",
    secure: bool = False,
    http_only: bool = False,
) -> str:
    """One ``Set-Cookie`` value, ``Path=/`` and ``SameSite=Lax``; without ``max_age`` (seconds) it goes with the
    browser's session. ``value`` must hold cookie octets only (RFC 6265
    section 4.1.1), which all our own formats do; anything else raises ``ValueError``, so that nothing a visitor sent
    can add an attribute or a header."""
    if not _OCTETS.fullmatch(name + value + domain):
        raise ValueError(f"cookie {name!r} would hold characters that a cookie may not hold")
    parts = [f"{name}={value}", "Path=/", "SameSite=Lax"]
    if domain:
        parts.insert(1, f"Domain={domain}")
    if max_age is not None:
        parts.insert(1, f"Max-Age={max_age}")
    if secure:
        parts.append("Secure")
    if http_only:
        parts.append("HttpOnly")
    return "; ".join(parts)
