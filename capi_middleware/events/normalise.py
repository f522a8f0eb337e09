"""What Meta's matching expects of each ``user_data`` key (Meta, "Customer Information Parameters").

Each function takes text and returns the normalised text, or "" where it cannot be what the key asks for: a hash of
garbage is worse than no hash. ``country`` is an ISO 3166 code, "" where unknown.
"""

from __future__ import annotations

import re
import string
import time
import unicodedata
from collections.abc import Callable
from datetime import date

from .countries import country_code, phone_plan
from .states import state_code

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@.]{2,}")
_EXTENSION = re.compile(r"(?:;?\s*ext\b|\bx\d|\bankn|;|#|,).*", re.IGNORECASE)
_PUNCTUATION = {ord(mark): None for mark in string.punctuation + string.whitespace + "\xa0\u2009\u202f\u3000"}
_GENDERS = {"f": "f", "female": "f", "woman": "f", "girl": "f", "m": "m", "male": "m", "man": "m", "boy": "m"}
_DATES = (
    (re.compile(r"(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})"), "ymd"),
    (re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})"), "slash"),
    (re.compile(r"(\d{1,2})[.-](\d{1,2})[.-](\d{4})"), "dmy"),
)
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")


def clean(text: str) -> str:
    """NFC (Meta's own vector for Valéry needs it), without invisible and control characters, trimmed."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else " " if mark.isspace() else "" for mark in text)
    return text.strip()


def email(text: str, country: str) -> str:
    """Lower case; one ``@``, a dot in the domain, no space inside."""
    text = text.lower()
    return text if len(text) <= 254 and _EMAIL.fullmatch(text) else ""


def phone(text: str, country: str) -> str:
    """Digits with the country's calling code and without leading zeros: ``46701234567``. A national number gets the
    code of ``country``."""
    text = _EXTENSION.sub("", text)
    international = text.lstrip("( ").startswith(("+", "00"))
    plan = phone_plan(country)
    if international and not text.lstrip("( +0").startswith(("39", "378")):  # Italy dials its zero from abroad too
        text = re.sub(r"\(\s*0\s*\)", "", text)
    digits = "".join(str(unicodedata.digit(mark)) for mark in text if mark.isdigit())
    if digits.startswith("00"):
        international = True
    if plan and not international:
        digits = _with_code(digits, plan.code, plan.prefix, plan.lengths)
    digits = digits.lstrip("0")
    return digits if 7 <= len(digits) <= 15 else ""


def _with_code(digits: str, code: str, prefix: str, lengths: tuple[int, ...]) -> str:
    if prefix == "":
        return code + digits if len(digits) in lengths else digits
    if prefix in ("1", "8") and digits.startswith(prefix) and len(digits) - 1 in lengths:
        return code + digits[1:]
    if len(digits) in lengths:
        return code + digits
    for trunk in (prefix, "0"):
        if trunk.startswith("0") and digits.startswith(trunk):
            return code + digits[len(trunk) :]
    return digits


def name(text: str, country: str) -> str:
    """First and last names: lower case without ASCII punctuation and spaces, other scripts kept."""
    return text.lower().translate(_PUNCTUATION)


def gender(text: str, country: str) -> str:
    """``f`` or ``m``."""
    return _GENDERS.get(text.lower(), "")


def birth_date(text: str, country: str) -> str:
    """YYYYMMDD of a real date since 1900. ``5/6/1997`` is read as in the US unless the country is known to be
    another."""
    for pattern, order in _DATES:
        found = (_COMPACT_DATE if text.isdigit() else pattern).fullmatch(text)
        if not found:
            continue
        first, second, third = (int(part) for part in found.groups())
        if order == "ymd":
            return _date(first, second, third)
        if order == "dmy":
            return _date(third, second, first)
        month_first = not country or country.lower() in ("us", "ph", "fm", "mh", "pw")
        tries = ((first, second), (second, first)) if month_first else ((second, first), (first, second))
        return _date(third, *tries[0]) or _date(third, *tries[1])
    return ""


def _date(year: int, month: int, day: int) -> str:
    try:
        born = date(year, month, day)
    except ValueError:
        return ""
    return born.strftime("%Y%m%d") if year >= 1900 and born <= date(*time.gmtime()[:3]) else ""


def city(text: str, country: str) -> str:
    """Lower-case letters of any script, nothing else."""
    return "".join(mark for mark in text.lower() if mark.isalpha() or unicodedata.category(mark) in ("Mn", "Mc"))


def ascii_city(text: str) -> str:
    """The form that Meta's pixel makes of a city (``göteborg`` becomes ``gteborg``); sent beside :func:`city`, as it
    is not published which of them Meta's index holds."""
    return "".join(mark for mark in text.lower() if mark.isascii() and mark.isalnum())


def state(text: str, country: str) -> str:
    """The two-letter code of a state or province of the US or Canada, else the letters of the name."""
    letters = city(text, country)
    return (state_code(letters) if country.lower() in ("", "us", "ca") else "") or letters


def postal_code(text: str, country: str) -> str:
    """Lower case without spaces and dashes; of a US ZIP+4 the first five; without a country prefix (``SE-411 05``)."""
    text = "".join(text.lower().split())
    text = re.sub(r"^[a-z]{1,2}-(?=\d)", "", text)
    if re.fullmatch(r"\d{5}-\d{4}", text):
        text = text[:5]
    text = text.replace("-", "")
    return text if 2 <= len(text) <= 12 and text.isalnum() else ""


def country(text: str, country: str) -> str:
    """ISO 3166-1 alpha-2, lower case; from names and alpha-3 too."""
    return country_code(text)


def external_id(text: str, country: str) -> str:
    """Lower case without spaces, as Meta's pixel does."""
    return "".join(text.lower().split())


NORMALISERS: dict[str, Callable[[str, str], str]] = {
    "em": email,
    "ph": phone,
    "fn": name,
    "ln": name,
    "ge": gender,
    "db": birth_date,
    "ct": city,
    "st": state,
    "zp": postal_code,
    "country": country,
    "external_id": external_id,
}
