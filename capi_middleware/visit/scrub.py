"""URLs as they may leave: without fragment, without what names or admits a person."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from urllib.parse import unquote

from capi_middleware.settings import Settings

SECRET_PARAMETERS = (
    "*token*", "*passw*", "pwd", "*secret*", "*signature*", "sig", "*apikey*", "*api_key*", "*auth*", "otp", "pin",
    "code", "state", "sid", "*session*", "*sessid*", "jwt", "*nonce*", "key", "hash", "*hmac*", "*mail*", "epost*",
    "*phone*", "telefon*", "mobil*", "tel", "ssn", "*personnummer*", "*firstname*", "*first_name*", "*lastname*",
    "*last_name*", "fname", "lname", "fullname", "full_name", "*birth*", "dob", "*street*", "*address*", "*iban*",
    "*card_number*", "*cardnumber*", "cvc", "cvv", "user", "username", "login", "em", "ph",
)  # fmt: skip
"""Query parameters whose values never leave, as patterns (case does not count); ``[visit] scrub`` adds to them."""
KEPT = ("fbclid", "gclid", "utm_*", "discount*", "promo_code", "coupon_code", "ref")
_EMAIL = re.compile(r"[^\s/?&=#@,;:]{1,64}(?:@|%40)[^\s/?&=#@,;:]{1,190}\.[A-Za-z]{2,24}", re.IGNORECASE)
_LONG_SECRET = re.compile(r"(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|EAA[A-Za-z0-9]{30,})")
"""JSON Web Tokens and Meta's own access tokens, wherever they stand."""
REDACTED = "redacted"


def scrub_url(url: str, settings: Settings) -> str:
    """``url`` (absolute, as a browser shows it) without fragment and user info, with the values of secret parameters
    and anything that looks like an e-mail address replaced by ``redacted``. Never raises."""
    url = url.partition("#")[0]
    base, mark, query = url.partition("?")
    if "@" in base or "%40" in base:
        base = _EMAIL.sub(REDACTED, _without_user(base))
    if "eyJ" in base or "EAA" in base:
        base = _LONG_SECRET.sub(REDACTED, base)
    return base + mark + _query(query, settings.visit.scrub, settings.visit.keep) if mark and query else base


def _without_user(base: str) -> str:
    scheme, slashes, rest = base.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme + slashes + authority.rpartition("@")[2] + slash + path


def _query(query: str, scrub: tuple[str, ...], keep: tuple[str, ...]) -> str:
    parts = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if not equals:
            value = name
        if value and (_secret_name(name, scrub, keep) if equals else False):
            parts.append(f"{name}={REDACTED}")
        elif "@" in pair or "%40" in pair or "eyJ" in pair or "EAA" in pair:
            parts.append(_LONG_SECRET.sub(REDACTED, _EMAIL.sub(REDACTED, pair)))
        else:
            parts.append(pair)
    return "&".join(parts)


@lru_cache(maxsize=4096)
def _secret_name(name: str, scrub: tuple[str, ...], keep: tuple[str, ...]) -> bool:
    plain = unquote(name[:100]).lower()
    return bool(_patterns(SECRET_PARAMETERS + scrub).fullmatch(plain)) and not _patterns(KEPT + keep).fullmatch(plain)


@lru_cache(maxsize=64)
def _patterns(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(translate(glob.lower()) for glob in globs))
