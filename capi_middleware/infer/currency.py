"""Currencies: what is read from a code or a symbol, and how an ambiguous one is settled. Never guessed.

Codes and exponents are ISO 4217's; codes that left it lately are kept, since shops still print them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from .lazy import regex

_TABLE = """
2 AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
2 CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
2 INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
2 NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
2 SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
2 HRK BYR LTL LVL EEK SKK VEF ZWL SLL CUC
0 BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
3 BHD IQD JOD KWD LYD OMR TND
4 CLF UYW
"""
EXPONENTS: dict[str, int] = {code: int(row[0]) for row in _TABLE.split("\n") if row for code in row[1:].split()}

# Codes that shops write and ISO does not know.
_ALIASES = {
    "UAN": "UAH",
    "RUR": "RUB",
    "SKR": "SEK",
    "SFR": "CHF",
    "DKR": "DKK",
    "NKR": "NOK",
    "RMB": "CNY",
    "NTD": "TWD",
}

# A symbol with one meaning.
_SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "zł": "PLN",
    "zl": "PLN",
    "kč": "CZK",
    "kčs": "CZK",
    "₽": "RUB",
    "руб": "RUB",
    "руб.": "RUB",
    "р.": "RUB",
    "р": "RUB",
    "₴": "UAH",
    "грн": "UAH",
    "грн.": "UAH",
    "₹": "INR",
    "₩": "KRW",
    "원": "KRW",
    "₪": "ILS",
    "₺": "TRY",
    "tl": "TRY",
    "lei": "RON",
    "лв": "BGN",
    "лв.": "BGN",
    "ден": "MKD",
    "дин": "RSD",
    "rsd": "RSD",
    "kn": "HRK",
    "฿": "THB",
    "₫": "VND",
    "đ": "VND",
    "₱": "PHP",
    "₦": "NGN",
    "₸": "KZT",
    "тг": "KZT",
    "₡": "CRC",
    "₲": "PYG",
    "₼": "AZN",
    "₾": "GEL",
    "r$": "BRL",
    "s/": "PEN",
    "s/.": "PEN",
    "rm": "MYR",
    "rp": "IDR",
    "nt$": "TWD",
    "hk$": "HKD",
    "s$": "SGD",
    "a$": "AUD",
    "au$": "AUD",
    "c$": "CAD",
    "ca$": "CAD",
    "cdn$": "CAD",
    "nz$": "NZD",
    "us$": "USD",
    "u$s": "USD",
    "mx$": "MXN",
    "円": "JPY",
    "yen": "JPY",
    "元": "CNY",
    "sfr": "CHF",
    "sfr.": "CHF",
    "р.-": "RUB",
    "br": "BYN",
    "ر.س": "SAR",
    "د.إ": "AED",
    "ج.م": "EGP",
    "د.ك": "KWD",
    "euro": "EUR",
    "euros": "EUR",
    "dkr": "DKK",
    "nkr": "NOK",
    "skr": "SEK",
}

# A symbol with several meanings, and which country or language settles it.
_AMBIGUOUS: dict[str, frozenset[str]] = {
    "kr": frozenset({"SEK", "NOK", "DKK", "ISK"}),
    "$": frozenset(
        {
            "USD",
            "CAD",
            "AUD",
            "NZD",
            "SGD",
            "HKD",
            "TWD",
            "MXN",
            "ARS",
            "CLP",
            "COP",
            "UYU",
            "JMD",
            "BBD",
            "TTD",
            "DOP",
            "FJD",
            "BRL",
        }
    ),
    "¥": frozenset({"JPY", "CNY"}),
    "fr": frozenset({"CHF", "XOF", "XAF", "XPF"}),
    "rs": frozenset({"INR", "PKR", "LKR", "NPR", "MUR", "SCR"}),
    "r": frozenset({"ZAR"}),
    "元": frozenset({"CNY", "TWD"}),
    "lei": frozenset({"RON", "MDL"}),
    ":-": frozenset({"SEK", "NOK", "DKK", "EUR", "CHF"}),
    "ft": frozenset({"HUF"}),
    "km": frozenset({"BAM"}),
    "din": frozenset({"RSD"}),
}
_MEASURES = frozenset({"ft", "km", "din", "din."})
"""Money in its own country alone: elsewhere feet, kilometres, a German norm."""
_SAME = {
    "kr.": "kr",
    "kr:": "kr",
    "kronor": "kr",
    "kroner": "kr",
    "krónur": "kr",
    "￥": "¥",
    "fr.": "fr",
    "rs.": "rs",
    "din.": "din",
    "＄": "$",
    "﹩": "$",
    "dollars": "$",
    ",-": ":-",
}

_COUNTRIES = """
SE SEK NO NOK DK DKK IS ISK FO DKK GL DKK US USD CA CAD AU AUD NZ NZD SG SGD HK HKD TW TWD MX MXN AR ARS CL CLP CO COP
UY UYU BR BRL JM JMD BB BBD TT TTD DO DOP FJ FJD JP JPY CN CNY CH CHF LI CHF IN INR PK PKR LK LKR NP NPR MU MUR ZA ZAR
PH PHP BW BWP GB GBP UK GBP PL PLN CZ CZK HU HUF RU RUB UA UAH TR TRY IL ILS RO RON MD MDL BG BGN RS RSD BA BAM KR KRW
TH THB VN VND NG NGN KZ KZT PE PEN MY MYR ID IDR AE AED SA SAR EG EGP KW KWD BY BYN MK MKD PR USD EC USD SV USD PA USD
AT EUR BE EUR CY EUR DE EUR EE EUR ES EUR FI EUR FR EUR GR EUR HR EUR IE EUR IT EUR LT EUR LU EUR LV EUR MT EUR NL EUR
PT EUR SI EUR SK EUR
"""
COUNTRIES: dict[str, str] = dict(zip(_COUNTRIES.split()[::2], _COUNTRIES.split()[1::2], strict=True))

# Languages that are spoken in one currency's land, as far as the ambiguous symbols go.
_LANGUAGES = {
    "sv": "SE", "nb": "NO", "nn": "NO", "no": "NO", "da": "DK", "is": "IS", "fo": "DK", "ja": "JP", "zh": "CN",
    "ro": "RO", "hi": "IN", "ta": "IN", "af": "ZA", "hu": "HU", "bs": "BA", "sr": "RS",
}  # fmt: skip

_WORDS = sorted({*_SYMBOLS, *_AMBIGUOUS, *_SAME} - {":-", ",-"}, key=len, reverse=True)
_MARK = "|".join(re.escape(word) for word in _WORDS)
_AFTER = regex(rf"\s?(?:({_MARK})(?![^\W\d_])|([A-Za-z]{{3}})(?![A-Za-z]))", re.I)
_BEFORE = regex(rf"(?:(?<![^\W\d_])({_MARK})|(?<![A-Za-z])([A-Za-z]{{3}}))[\s:]{{0,2}}-?\s?$", re.I)
_LOCALE = regex(r"([A-Za-z]{2,3})(?:[-_](?:[A-Za-z]{4}[-_])?([A-Za-z]{2}))?(?![A-Za-z])")


class Place(NamedTuple):
    """What a page tells of where it sells. ``languages``: ``sv``, ``sv-SE``, ``en_US``, strongest first.
    ``host``: for its country code. ``country`` and ``currency``: the owner's settings, "" when not set.
    ``codes``: currencies that the page names elsewhere. ``addresses``: the countries of the postal addresses on it."""

    languages: tuple[str, ...] = ()
    host: str = ""
    country: str = ""
    currency: str = ""
    codes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_SPOKEN = frozenset(
    {
        "sek",
        "nok",
        "dkk",
        "isk",
        "eur",
        "usd",
        "gbp",
        "chf",
        "pln",
        "czk",
        "huf",
        "cad",
        "aud",
        "nzd",
        "skr",
        "nkr",
        "dkr",
    }
)


def code(raw: object) -> str:
    """The ISO code that a currency field means (``sek``, ``€``, ``UAN``), "" when it means none."""
    text = str(raw or "").strip()
    if len(text) > 24:
        return ""
    upper = text.upper()
    upper = _ALIASES.get(upper, upper)
    if upper in EXPONENTS:
        return upper
    found = _SYMBOLS.get(text.lower(), "")
    return "" if text.lower() in _AMBIGUOUS else found


def may_measure(mark: str) -> bool:
    """Is a written mark one that counts other things than money, too?"""
    return mark.lower() in _MEASURES


_NAMED = regex(rb"urrency(?:_?[cC]ode|ISO|_iso|_id)?[\"']?(?:\s*[:=,]\s*|\s+(?:content|value)=)[\"']([A-Z]{3})[\"']")


def named(page: bytes) -> tuple[str, ...]:
    """The ISO codes that a page's scripts and tags call its currency, each once."""
    found = dict.fromkeys(match.decode("ascii") for match in _NAMED.findall(page))
    return tuple(code for code in found if code in EXPONENTS)


_LETTERS = regex(r"[a-z]+")
_MARK_WORDS = frozenset(
    {found for word in _WORDS if (found := word.rstrip(".:")).isascii() and found.isalpha()}
    | {code.lower() for code in (*EXPONENTS, *_ALIASES)}
)


def may_mark(text: str) -> bool:
    """A quick look at whether a text can hold a currency, or the dash that stands for one, at all."""
    if not text.isascii() or "$" in text or "-" in text or "&" in text or "/" in text:
        return True
    return not _MARK_WORDS.isdisjoint(_LETTERS.findall(text.lower()))


@lru_cache(1024)
def mark_after(text: str) -> str:
    """The code or symbol that a text begins with, as written; "" when none."""
    found = _AFTER.match(text)
    written = _written(found)
    return "" if written.lower() == "r" else written  # a rand's R stands before its amount


@lru_cache(1024)
def mark_before(text: str) -> str:
    """The code or symbol that a text ends with, as written; "" when none."""
    found = _BEFORE.search(text[-12:])
    written = _written(found)
    if written.lower() == "r" and found is not None and (found.start() > 0 or len(text) > 12):
        return ""  # a rand's R begins the text: "R 199"
    return written


def _written(found: re.Match[str] | None) -> str:
    if not found:
        return ""
    if found[1]:
        return found[1]
    letters = found[2].upper()
    if found[2] != letters and found[2].lower() not in _SPOKEN:
        return ""  # "All", "top", "try" are words
    return found[2] if letters in EXPONENTS or letters in _ALIASES else ""


@lru_cache(1024)
def without_mark(text: str) -> str:
    """A text without the currency that it ends with."""
    found = _BEFORE.search(text[-12:])
    return text[: len(text) - len(text[-12:]) + found.start()].rstrip() if found and _written(found) else text.rstrip()


@lru_cache(1024)
def without_leading_mark(text: str) -> str:
    """A text without the currency that it begins with."""
    found = _AFTER.match(text)
    return text[found.end() :] if found and _written(found) else text


def settle(mark: str, place: Place) -> tuple[str, str]:
    """The ISO code that a written mark means at this place, and by what it was settled; ``("", "")`` when nothing
    settles it. An empty mark is settled by the owner's setting alone, or by the only code the page names."""
    mark = mark.strip()
    key = _SAME.get(mark.lower(), mark.lower())
    meanings = _AMBIGUOUS.get(key)
    if meanings is None:
        read = code(mark)
        if read:
            return read, "mark"
        if place.currency:
            return place.currency, "settings"
        return (place.codes[0], "page") if len(set(place.codes)) == 1 else ("", "")
    if place.currency in meanings:
        return place.currency, "settings"
    for name, candidates in _evidence(place):
        fitting = [one for one in candidates if one in meanings]
        if fitting and len(set(fitting)) == 1:
            return fitting[0], name
    return ("", "") if key not in _SYMBOLS else (_SYMBOLS[key], "mark")


def _evidence(place: Place) -> Iterable[tuple[str, list[str]]]:
    yield "page", list(place.codes)
    regions = [found[2].upper() for one in place.languages if (found := _LOCALE.match(one)) and found[2]]
    yield "language", [COUNTRIES[region] for region in regions if region in COUNTRIES]
    yield "settings", [COUNTRIES[place.country]] if place.country in COUNTRIES else []
    ending = place.host.rpartition(".")[2].upper()
    yield "domain", [COUNTRIES[ending]] if len(ending) == 2 and ending in COUNTRIES and ending not in _GENERIC else []
    yield "address", [COUNTRIES[one] for one in place.addresses if one in COUNTRIES]
    spoken = [
        _LANGUAGES[found[1].lower()]
        for one in place.languages
        if (found := _LOCALE.match(one)) and found[1].lower() in _LANGUAGES
    ]
    yield "language", [COUNTRIES[region] for region in spoken]


# Country codes that the whole world registers names under.
_GENERIC = frozenset(
    {"CO", "IO", "TV", "ME", "CC", "WS", "TO", "AI", "LY", "FM", "LI", "PR", "ST", "SH", "GG", "NU", "EU"}
)
