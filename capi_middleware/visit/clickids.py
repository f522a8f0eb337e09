"""The cookies ``_fbp`` and ``_fbc``, own code (Meta, "ClickID and the fbp and fbc parameters")."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote_plus, urlsplit

from capi_middleware.events import new_event_id
from capi_middleware.settings import Settings

from .cookies import set_cookie
from .domain import cookie_domain, same_site, subdomain_index
from .visit import Asker, ClickIds, Visit

MAX_AGE = 7_776_000
"""Seconds; Meta's 90 days."""
_TAIL = r"(?:\.(?:AQ|Ag|Aw|BA|BQ|Bg|[A-Za-z0-9_-]{8}))"
"""The appendix by which Meta's own libraries mark their work; never written by us, always forwarded."""
_FBP = re.compile(r"fb\.\d{1,2}\.\d{10,16}\.\d{1,20}" + _TAIL + "?", re.ASCII)
_FBC = re.compile(r"fb\.\d{1,2}\.\d{10,16}\.([A-Za-z0-9._~-]{1,500})", re.ASCII)
_ENDS_IN_TAIL = re.compile(r"(.+?)" + _TAIL)
_FBCLID = re.compile(r"[A-Za-z0-9._~-]{1,500}")
"""Meta publishes no alphabet; this one can neither end a cookie nor start a header."""


def random_id() -> int:
    """Up to 18 digits, as the browser's library writes. Of an event ID's making, which asks the system for nothing."""
    return int(new_event_id()[:16], 16) % 10**18


def click_ids(visit: Visit, settings: Settings, now: float, entropy: Callable[[], int] = random_id) -> ClickIds:
    """What both legs send as fbp and fbc, and the cookies to set for it.

    Nothing at all without consent: then existing cookies are not read either. Robots and prefetches get none.
    ``now``: Unix seconds.
    """
    if not visit.consent.allowed or visit.asker is Asker.ROBOT or visit.asker is Asker.PREFETCH:
        return ClickIds()
    cookies = visit.cookies
    fbp = valid_fbp(cookies.get("_fbp", ""))
    fbc = valid_fbc(cookies.get("_fbc", ""))
    fbclid = _parameter(visit.query) if "fbclid=" in visit.query else ""
    if not fbclid and not fbc:
        fbclid = _referring_click(visit, settings)
    clicked = bool(fbclid) and fbc.split(".", 3)[-1] != fbclid and fbclid not in payloads(fbc)
    if fbp and not clicked:
        return ClickIds(fbp, fbc, ())
    return _mint(visit, settings, now, entropy, fbp, fbc, fbclid if clicked else "")


def _mint(
    visit: Visit, settings: Settings, now: float, entropy: Callable[[], int], fbp: str, fbc: str, fbclid: str
) -> ClickIds:
    domain = cookie_domain(visit.host, settings.visit.domain)
    start = f"fb.{subdomain_index(domain, visit.host)}.{int(now * 1000)}."
    secure = visit.scheme == "https"
    cookies = []
    if not fbp:
        fbp = start + str(entropy())
        cookies.append(set_cookie("_fbp", fbp, max_age=MAX_AGE, domain=domain, secure=secure))
    if fbclid:
        fbc = start + fbclid
        cookies.append(set_cookie("_fbc", fbc, max_age=MAX_AGE, domain=domain, secure=secure))
    return ClickIds(fbp, fbc, tuple(cookies))


def forget_click_ids(visit: Visit, settings: Settings) -> tuple[str, ...]:
    """``Set-Cookie`` values that remove both cookies (withdrawal), host-only copies included."""
    domain = cookie_domain(visit.host, settings.visit.domain)
    domains = ("", domain) if domain else ("",)
    return tuple(
        set_cookie(name, "", max_age=0, domain=place)
        for name in ("_fbp", "_fbc")
        if name in visit.cookies
        for place in domains
    )


@lru_cache(4096)
def valid_fbp(value: str) -> str:
    """The value itself where it is a well-formed fbp (with or without Meta's appendix), else ""."""
    return value if value and _FBP.fullmatch(value) else ""


def valid_fbc(value: str) -> str:
    """The value itself where it is a well-formed fbc, else ""."""
    return value if value and _FBC.fullmatch(value) else ""


def without_tail(fbp: str) -> str:
    """An fbp without the appendix of Meta's libraries: the same browser with and without them."""
    return ".".join(fbp.split(".")[:4])


def payloads(fbc: str) -> tuple[str, ...]:
    """The fbclids that an fbc may stand for: an fbclid that ends in a dot and eight characters cannot be told from an
    appendix, so both readings count."""
    whole = _FBC.fullmatch(fbc)
    if not whole:
        return ()
    cut = _ENDS_IN_TAIL.fullmatch(whole.group(1))
    return (whole.group(1), cut.group(1)) if cut else (whole.group(1),)


def _referring_click(visit: Visit, settings: Settings) -> str:
    """The landing page may have sent the visitor on without the click's ID: then the referring page of the same shop
    has it."""
    if "fbclid=" not in visit.referrer:
        return ""
    parts = urlsplit(visit.referrer)
    return _parameter(parts.query) if same_site(visit.host, parts.hostname or "", settings.visit.domain) else ""


def _parameter(query: str) -> str:
    for pair in query.split("&"):
        if pair.startswith("fbclid="):
            value = pair[7:]
            if "%" in value or "+" in value:
                value = unquote_plus(value)
            if _FBCLID.fullmatch(value):
                return value
    return ""
