"""Where a page sells: what settles an ambiguous currency."""

from __future__ import annotations

from . import currency
from .case import Case
from .lazy import regex

_CODES = regex(rb"urrency(?:_?[cC]ode|ISO|_iso|_id)?[\"']?(?:\s*[:=,]\s*|\s+(?:content|value)=)[\"']([A-Z]{3})[\"']")
_COUNTRY_NAMES = {
    "SWEDEN": "SE",
    "SVERIGE": "SE",
    "NORWAY": "NO",
    "NORGE": "NO",
    "DENMARK": "DK",
    "DANMARK": "DK",
    "UNITED STATES": "US",
    "UNITED STATES OF AMERICA": "US",
    "USA": "US",
    "U.S.A.": "US",
    "CANADA": "CA",
    "AUSTRALIA": "AU",
    "NEW ZEALAND": "NZ",
    "SINGAPORE": "SG",
    "JAPAN": "JP",
    "CHINA": "CN",
    "SWITZERLAND": "CH",
    "INDIA": "IN",
    "ICELAND": "IS",
}
_BREAK = rb"\.?,?(?:\s|&nbsp;|<br ?/?>){1,3}"
# What tells of a country, and how much it says.
_POSTAL = (
    (
        "US",
        3,
        regex(
            rb"[,\s>;](?:A[LKZR]|C[AOT]|DE|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]"
            rb"|T[NX]|UT|V[TA]"
            rb"|W[AVIY]|DC)" + _BREAK + rb"\d{5}(?:-\d{4})?(?=[\s<,.&\"'])"
        ),
    ),
    (
        "US",
        1,
        regex(rb"USPS|Alaska|Hawaii|United States|U\.S\.A|\bUSA\b|contiguous U|[Cc]ontinental U|\bU\.S\. "),
    ),
    ("US", 2, regex(rb"(?:\b1[-. ]?)?\(?8(?:00|88|77|66|55|44|33)(?:\) ?|[-. ])\d{3}[-. ]\d{4}")),
    ("CA", 2, regex(rb"Canad(?:a|ian)\b")),
    (
        "CA",
        3,
        regex(
            rb"\b(?:AB|BC|MB|N[BLST]|ON|PE|QC|SK|YT|Ontario|Quebec|Alberta|Columbia|Manitoba)"
            + _BREAK
            + rb"[A-Z]\d[A-Z][ -]?\d[A-Z]\d"
        ),
    ),
    (
        "AU",
        3,
        regex(rb"\b(?:NSW|VIC|QLD|TAS|ACT)" + _BREAK + rb"\d{4}\b|\bABN[:\s]{1,3}\d\d|\+61[ (]"),
    ),
    ("NZ", 3, regex(rb"Auckland (?:\d{4}|City)|Wellington \d{4}|Christchurch \d{4}|\+64[ (]")),
    ("SG", 3, regex(rb"Singapore \d{6}|\+65[ -]\d{4}")),
    ("HK", 3, regex(rb"Kowloon|\+852[ -]")),
    ("MX", 3, regex(rb"C\.P\. \d{5}|\+52[ (]")),
)


def of(case: Case) -> currency.Place:
    """The place of a page: its languages, its currencies, the seller's country."""
    languages = [*case.head.languages]
    countries: list[str] = []
    codes = [code for code in (currency.code(case.store.currency),) if code]
    for graph in case.graphs:
        languages.extend(graph.languages)
        countries.extend(graph.countries)
        codes.extend(code for code in map(currency.code, graph.currencies) if code)
        codes.extend(code for one in graph.items if (code := currency.code(one.currency)))
    codes.extend(code for one in case.layer if (code := currency.code(one.currency)))
    if not codes:
        found = [match.decode() for match in _CODES.findall(case.page.page[:2_000_000])]
        codes.extend(code for code in found if code in currency.EXPONENTS)
    if case.asked.language:
        languages.append(case.asked.language)
    country = case.asked.country
    if not country and countries:
        one = countries[0].strip().upper()
        country = one if len(one) == 2 else _COUNTRY_NAMES.get(one, "")
    return currency.Place(tuple(languages), case.asked.host, country, case.asked.currency, tuple(dict.fromkeys(codes)))


def addresses(page: bytes) -> tuple[str, ...]:
    """The country of the postal addresses and shipping terms on a page; empty when they do not agree."""
    page = page[:1_500_000]
    points: dict[str, int] = {}
    for country, weight, pattern in _POSTAL:
        found = len({match[-12:] for match in pattern.findall(page)[:6]})
        if found:
            points[country] = points.get(country, 0) + weight * min(found, 2)
    best = sorted(points, key=lambda one: -points[one])
    if not best or points[best[0]] < 2 or (len(best) > 1 and points[best[0]] < 2 * points[best[1]]):
        return ()
    return (best[0],)
