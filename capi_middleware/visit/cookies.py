"""The ``Cookie`` request header as a mapping, and single ``Set-Cookie`` values."""

from __future__ import annotations

MAX_HEADER = 16_384
"""Characters of the header that are read; browsers cap it near 8 KiB and servers near 16."""


def read_cookies(header: str) -> dict[str, str]:
    """Names to values as sent (RFC 6265 section 5.4): surrounding quotes removed, percent-encoding kept, as each tool
    encodes in its own way. Of two cookies with one name the first wins: browsers send the more specific path first.

    ``header`` is WSGI text (latin-1); values that are UTF-8 come out as text.
    """
    found: dict[str, str] = {}
    if not header.isascii():
        header = header.encode("latin-1", "replace").decode("utf-8", "replace")
    for part in header[:MAX_HEADER].split(";"):
        name, equals, value = part.partition("=")
        if equals:
            name = name.strip()
            if name and name not in found:
                value = value.strip()
                if len(value) > 1 and value[0] == '"' == value[-1]:
                    value = value[1:-1]
                found[name] = value
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
    if any(not "!" <= octet <= "~" or octet in '",;\\' for octet in name + value + domain):
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
