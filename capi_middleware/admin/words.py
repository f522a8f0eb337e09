"""Swedish and English: gettext catalogues, and how each writes numbers and times."""

from __future__ import annotations

import gettext
import json
import time
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

LANGUAGES = {"sv": "Svenska", "en": "English"}
DOMAIN = "capi"


@lru_cache(maxsize=4)
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English is what stands in the code."""
    if language == "en" or language not in LANGUAGES:
        return gettext.NullTranslations()
    catalogue = files("capi_middleware.admin").joinpath("locales", language, "LC_MESSAGES", f"{DOMAIN}.mo")
    with catalogue.open("rb") as file:
        return gettext.GNUTranslations(file)


def choose(cookie: str, accepted: str) -> str:
    """The language chosen before, else the browser's first that we have (RFC 9110 section 12.5.4), else English."""
    if cookie in LANGUAGES:
        return cookie
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"


def number(value: float, language: str, decimals: int = 0) -> str:
    """``1 234,5`` in Swedish (no-break space), ``1,234.5`` in English."""
    text = f"{value:,.{decimals}f}"
    if language == "sv":
        return text.replace(",", "\u00a0").replace(".", ",")
    return text


def percent(share: float | None, language: str) -> str:
    """A share of 1 as a percentage, ``–`` where there is none."""
    if share is None:
        return "–"
    text = number(share * 100, language)
    return f"{text}\u00a0%" if language == "sv" else f"{text}%"


def clock(at: float) -> str:
    """``2026-11-23 20:41:07`` in the server's time zone; both languages write it so."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def moment(at: float, now: float) -> str:
    """The same for a list: ``20:41:07`` of today, ``2026-11-23 20:41`` of any other day."""
    given, today = clock(at), clock(now)
    return given[11:] if given[:10] == today[:10] else given[:16]


def duration(seconds: float, language: str) -> str:
    """``0,4 s``, ``3 min``, ``2 h``."""
    if seconds < 60:
        exact = seconds < 10 and seconds != int(seconds)
        return f"{number(seconds, language, 1 if exact else 0)}\u00a0s"
    if seconds < 7200:
        return f"{number(seconds / 60, language)}\u00a0min"
    return f"{number(seconds / 3600, language)}\u00a0h"


def value(given: Any, language: str = "en") -> str:
    """A value that Meta is told, for people: lists without their brackets, products as ``2 × NK-2004``, amounts as the
    language writes them."""
    if isinstance(given, (list, tuple)):
        return ", ".join(value(one, language) for one in given)
    if isinstance(given, float):
        return number(given, language, 0 if given == int(given) else 2)
    if isinstance(given, Mapping):
        name = str(given.get("id", ""))
        return f"{given.get('quantity', 1)} × {name}" if name else json.dumps(dict(given), ensure_ascii=False)
    return str(given)
