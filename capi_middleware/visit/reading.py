"""From a WSGI environ to a :class:`Visit`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from capi_middleware.settings import Settings

from .address import Origin, client_address, is_inside, read_origin
from .asker import judge_asker
from .census import count_visit
from .consent import resolve_consent
from .cookies import read_cookies
from .scrub import scrub_url
from .visit import Asker, Visit

IGNORE_COOKIE = "shop_uncounted"
"""Set by the admin page in browsers whose visits do not count: the owner's own."""
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~!$&'()*+,;=:@-]*")
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_LONGEST_HOST = 300
"""Characters; more are no host, and not worth remembering."""
_QUERY_UNSAFE = re.compile(r"[^!-~]")


def read_visit(environ: Mapping[str, Any], settings: Settings, now: float, remember: bool = True) -> Visit:
    """Who is asking, from where, and whether Meta may be told. Copies the few strings it needs.

    ``now``: Unix seconds. ``remember``: False for a look that leaves no trace in figures and memories (``explain``).
    Never raises on anything that a client can send.
    """
    method = environ.get("REQUEST_METHOD") or "GET"
    origin = read_origin(environ, settings.visit)
    scheme, authority, host = _shown(environ, origin)
    raw_path = (environ.get("SCRIPT_NAME") or "") + (environ.get("PATH_INFO") or "") or "/"
    query = environ.get("QUERY_STRING") or ""
    path, shown = _known_path(raw_path) if len(raw_path) <= 256 else _path(raw_path)
    if not query.isascii() or " " in query:
        query = _QUERY_UNSAFE.sub(lambda found: quote(found.group().encode("latin-1", "replace")), query)
    url = f"{scheme}://{authority}{shown}?{query}" if query else f"{scheme}://{authority}{shown}"
    user_agent = environ.get("HTTP_USER_AGENT") or ""
    cookies = read_cookies(environ.get("HTTP_COOKIE") or "")
    address = client_address(environ, origin, cookies, settings)
    asker, reason = judge_asker(environ, method, user_agent, settings)
    if IGNORE_COOKIE in cookies:
        asker, reason = Asker.ROBOT, "ignored_browser"
    elif settings.visit.ignore_addresses and is_inside(address, settings.visit.ignore_addresses):
        asker, reason = Asker.ROBOT, "ignored_address"
    trusted = remember and asker is not Asker.ROBOT
    visit = Visit(  # by position: a third of the cost
        method,
        scheme,
        host,
        path,
        query,
        url,
        scrub_url(url, settings),
        _referrer(environ, settings),
        address,
        user_agent,
        cookies,
        asker,
        reason,
        resolve_consent(environ, cookies, host, settings, now, trusted, address),
    )
    if remember and asker is not Asker.SCRIPT:
        count_visit(visit)
    return visit


def _path(raw: str) -> tuple[str, str]:
    """The decoded path, and the path as a browser's address bar has it. A slash stands before it whatever came: else
    ``@evil.example`` would name another host."""
    if raw[:1] != "/":
        raw = "/" + raw
    if _PLAIN_PATH.fullmatch(raw):
        return raw, raw
    octets = raw.encode("latin-1", "replace")
    return octets.decode("utf-8", "replace"), quote(octets, safe="/~!$&'()*+,;=:@")


_known_path = lru_cache(maxsize=4_096)(_path)


def _shown(environ: Mapping[str, Any], origin: Origin) -> tuple[str, str, str]:
    """Scheme and authority as the visitor's browser has them, and the host in it."""
    scheme = origin.scheme or environ.get("wsgi.url_scheme") or "http"
    authority = origin.authority or environ.get("HTTP_HOST") or ""
    shown = _place(scheme, authority[:_LONGEST_HOST])
    if shown is None:
        name, port = environ.get("SERVER_NAME") or "localhost", environ.get("SERVER_PORT") or ""
        usual = "443" if scheme.lower() == "https" else "80"
        shown = _place(scheme, f"{name}:{port}" if port and port != usual else name)
    return shown or ("https" if scheme.lower() == "https" else "http", "localhost", "localhost")


@lru_cache(1024)
def _place(scheme: str, authority: str) -> tuple[str, str, str] | None:
    """The same of these two, None where the second is no host."""
    found = _HOST.fullmatch(authority)
    if found is None or int(found[1] or 0) > 65_535 or not _can_be_read(f"//{authority}"):
        return None
    authority = authority.lower()
    host = authority if authority.endswith("]") else authority.rpartition(":")[0] or authority
    return "https" if scheme.lower() == "https" else "http", authority, host.rstrip(".")


def _can_be_read(url: str) -> bool:
    """Brackets are what :func:`urllib.parse.urlsplit` stumbles over."""
    if "[" in url or "]" in url:
        try:
            urlsplit(url)
        except ValueError:
            return False
    return True


def _referrer(environ: Mapping[str, Any], settings: Settings) -> str:
    referrer = environ.get("HTTP_REFERER") or ""
    if not referrer.startswith(("https://", "http://")) or len(referrer) > 8_192 or not _can_be_read(referrer):
        return ""
    if not referrer.isascii() or " " in referrer:
        referrer = _QUERY_UNSAFE.sub(lambda found: quote(found.group().encode("latin-1", "replace")), referrer)
    return scrub_url(referrer, settings)
