"""URLs as they may leave: without fragment, without what names or admits a person."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import VisitSettings

from .per_settings import PerSettings

SECRET_PARAMETERS = (
    "*token*", "*passw*", "pwd", "*secret*", "*signature*", "sig", "sign", "*apikey*", "*api_key*", "auth", "auth_*",
    "*_auth", "oauth*", "otp", "pin", "code", "state", "sid", "*session*", "*sessid*", "jwt", "*nonce*", "key",
    "*_key", "hash", "*hmac*", "*mail", "mail*", "*email*", "*e-mail*", "epost*", "*phone*", "telefon*", "mobil*",
    "tel", "ssn", "*personnummer*", "pnr", "*firstname*", "*first_name*", "*lastname*", "*last_name*", "fname",
    "lname", "fullname", "full_name", "*birth*", "dob", "*street*", "address", "address*", "*_address", "*iban*",
    "*card_number*", "*cardnumber*", "cvc", "cvv", "user", "username", "login", "em", "ph", "mc_eid", "_kx", "_ke",
    "_hsenc", "vero_id", "oly_enc_id", "wickedid", "*_subscriber*", "ml_subscriber*",
)  # fmt: skip
"""Query parameters whose values never leave, as patterns (case does not count); ``[visit] scrub`` adds to them."""
KEPT = ("fbclid", "gclid", "utm_*", "promo_code", "coupon_code", "discount_code")
"""Not secret though a pattern above may say so; ``[visit] keep`` adds to them."""
REDACTED = "redacted"
LONGEST = 2_048
"""Characters of a URL that are sent; longer ones are cut, between parameters where that can be."""
_AT = re.compile(r"@|%40")
_LOCAL = re.compile(r"[^\s/?&=#@,;:<>\"()]{1,100}")
_DOMAIN = re.compile(r"[^\W_][\w-]{0,62}(?:\.[\w-]{1,63}){0,40}\.[^\W\d_]{2,24}")
_GAP = r"(?:[\s().-]|%20|%28|%29){0,3}"
_PHONE = re.compile(rf"(?<![\w+])(?:\+|%2B){_GAP}\d(?:{_GAP}\d){{7,14}}(?!\w)", re.IGNORECASE)
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=%[0-9A-Fa-f]{2}))"
_LONG_SECRET = re.compile(_START + r"(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|EAA[A-Za-z0-9]{30,})")
"""JSON Web Tokens and Meta's own access tokens, wherever they stand."""
_ADMITS = re.compile(r"/[^/]*(?:reset|activat|verif|confirm|unsubscribe|invit|magic|token)[^/]*/", re.IGNORECASE)
_TOKEN_SEGMENT = re.compile(r"(?<=/)(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{12,}(?=/|$)")
_SESSION_SEGMENT = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?;]*", re.IGNORECASE)
_ENCODED = re.compile(r"%(?:40|2[Bb])").search
_MOST_NAMES = 4_096


class Scrubbed(NamedTuple):
    """``url`` as it may leave; ``removed``: names of parameters whose values went, ``path`` where the path did."""

    url: str
    removed: tuple[str, ...]


class Scrubber:
    """Scrubs under one shop's patterns."""

    __slots__ = ("_keep", "_names", "_scrub")

    def __init__(self, settings: VisitSettings) -> None:
        self._scrub = _patterns(SECRET_PARAMETERS + settings.scrub)
        self._keep = _patterns(KEPT + settings.keep)
        self._names: dict[str, bool] = {}

    def url(self, url: str) -> str:
        """See :func:`scrub_url`."""
        if "#" in url:
            url = url[: url.index("#")]
        if len(url) > LONGEST:
            url = _cut(url)
        base, mark, query = url.partition("?")
        base = _known_base(base) if len(base) <= 256 else _base(base)
        if not query:
            return base
        pairs = query.split("&")
        if _hinted(query):
            return base + mark + "&".join([self._pair(pair) for pair in pairs])
        for pair in pairs:
            if self._secret(pair):
                return base + mark + "&".join([self._pair(pair) for pair in pairs])
        return base + mark + query

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if value and self._secret(pair):
            return f"{name}={REDACTED}"
        return scrub_text(name) + equals + scrub_text(value)

    def _secret(self, pair: str) -> bool:
        """Whether the name before ``=`` is one whose value never leaves."""
        name = pair[: pair.find("=")]
        known = self._names.get(name)
        if known is None:
            plain = unquote(name[:100]).lower()
            known = self._scrub.fullmatch(plain) is not None and self._keep.fullmatch(plain) is None
            if len(self._names) >= _MOST_NAMES:
                self._names = {}
            self._names[name] = known
        return known


_scrubber = PerSettings(Scrubber)


def scrub_url(url: str, settings: Settings) -> str:
    """``url`` (absolute, as a browser shows it) without fragment and user information, with the values of secret
    parameters, tokens and anything that looks like an e-mail address or international phone number replaced by
    ``redacted``. Never raises."""
    return _scrubber(settings.visit).url(url)


def _cut(url: str) -> str:
    cut = url[:LONGEST]
    return cut[: cut.rindex("&")] if "&" in cut else cut


def preview_scrub(url: str, settings: Settings) -> Scrubbed:
    """The scrubbed URL and what was taken out of it (``explain``, ``check``)."""
    clean = scrub_url(url, settings)
    before, after = url.partition("#")[0][:LONGEST].partition("?"), clean.partition("?")
    removed = [] if before[0] == after[0] else ["path"]
    if before[2]:
        pairs = zip(before[2].split("&"), after[2].split("&"), strict=False)
        removed += [unquote(old.partition("=")[0]) for old, new in pairs if old != new]
    return Scrubbed(clean, tuple(removed))


def _hinted(text: str) -> bool:
    """Whether anything in it may be an address, a number or a token."""
    return "@" in text or "+" in text or "eyJ" in text or "EAA" in text or ("%" in text and _ENCODED(text) is not None)


def scrub_text(text: str) -> str:
    """Free text (a search string, a page's title) without e-mail addresses, phone numbers and tokens."""
    if not _hinted(text):
        return text
    return _PHONE.sub(REDACTED, _without_addresses(_LONG_SECRET.sub(REDACTED, text)))


def _without_addresses(text: str) -> str:
    """From each ``@`` to both sides, so that the cost is linear in the text whatever stands in it."""
    pieces: list[str] = []
    done = 0
    for at in _AT.finditer(text):
        if at.start() < done:
            continue
        domain = _DOMAIN.match(text, at.end())
        local = _LOCAL.match(text[max(done, at.start() - 100) : at.start()][::-1]) if domain else None
        if domain and local:
            pieces += [text[done : at.start() - local.end()], REDACTED]
            done = domain.end()
    return "".join([*pieces, text[done:]]) if pieces else text


def _base(base: str) -> str:
    if "@" in base or "%40" in base:
        scheme, slashes, rest = base.partition("://")
        authority, slash, path = rest.partition("/")
        base = scheme + slashes + authority.rpartition("@")[2] + slash + path
    base = scrub_text(base)
    if ";" in base:
        base = _SESSION_SEGMENT.sub("", base)
    admits = _ADMITS.search(base, 8)
    if admits:
        base = base[: admits.end()] + _TOKEN_SEGMENT.sub(REDACTED, base[admits.end() - 1 :])[1:]
    return base


_known_base = lru_cache(maxsize=4_096)(_base)


@lru_cache(maxsize=64)
def _patterns(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob.lower()) for glob in globs))
