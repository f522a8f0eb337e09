"""Where a page sells: what settles an ambiguous currency."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from . import currency
from .case import Case
from .lazy import regex

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
_FIGURES = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
_BREAK = rb"\.?,?(?:\s|&nbsp;|<br ?/?>){1,3}"


class _Trace(NamedTuple):
    """What tells of a country. ``weight``: how much it says. ``words``: one of them stands in every match.
    ``figures``: its digits (as ``0``, anything else a space), by which it is looked for instead: the patterns alone
    would cost milliseconds. ``back``: how far before its digits it may begin."""

    country: str
    weight: int
    pattern: re.Pattern[bytes]
    words: tuple[bytes, ...] = ()
    figures: tuple[bytes, ...] = ()
    back: int = 0


_TRACES = (
    _Trace(
        "US",
        3,
        regex(
            rb"[,\s>;](?:A[LKZR]|C[AOT]|DE|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]"
            rb"|T[NX]|UT|V[TA]"
            rb"|W[AVIY]|DC)" + _BREAK + rb"\d{5}(?:-\d{4})?(?=[\s<,.&\"'])"
        ),
        figures=(b" 00000",),
        back=24,
    ),
    _Trace(
        "US",
        1,
        regex(rb"USPS|Alaska|Hawaii|United States|U\.S\.A|\bUSA\b|contiguous U|[Cc]ontinental U|\bU\.S\. "),
        (b"USPS", b"Alaska", b"Hawaii", b"United States", b"U.S.", b"USA", b"contiguous U", b"ontinental U"),
    ),
    _Trace(
        "US",
        2,
        regex(rb"(?:\b1[-. ]?)?\(?8(?:00|88|77|66|55|44|33)(?:\) ?|[-. ])\d{3}[-. ]\d{4}"),
        figures=(b"000 000 0000", b"000  000 0000"),
        back=4,
    ),
    _Trace("CA", 2, regex(rb"Canad(?:a|ian)\b"), (b"Canad",)),
    _Trace(
        "CA",
        3,
        regex(
            rb"\b(?:AB|BC|MB|N[BLST]|ON|PE|QC|SK|YT|Ontario|Quebec|Alberta|Columbia|Manitoba)"
            + _BREAK
            + rb"[A-Z]\d[A-Z][ -]?\d[A-Z]\d"
        ),
        figures=(b" 0 0 0", b" 0  0 0"),
        back=34,
    ),
    _Trace(
        "AU",
        3,
        regex(rb"\b(?:NSW|VIC|QLD|TAS|ACT)" + _BREAK + rb"\d{4}\b|\bABN[:\s]{1,3}\d\d|\+61[ (]"),
        (b"NSW", b"VIC", b"QLD", b"TAS", b"ACT", b"ABN", b"+61"),
    ),
    _Trace(
        "NZ",
        3,
        regex(rb"Auckland (?:\d{4}|City)|Wellington \d{4}|Christchurch \d{4}|\+64[ (]"),
        (b"Auckland ", b"Wellington ", b"Christchurch ", b"+64"),
    ),
    _Trace("SG", 3, regex(rb"Singapore \d{6}|\+65[ -]\d{4}"), (b"Singapore ", b"+65")),
    _Trace("HK", 3, regex(rb"Kowloon|\+852[ -]"), (b"Kowloon", b"+852")),
    _Trace("MX", 3, regex(rb"C\.P\. \d{5}|\+52[ (]"), (b"C.P. ", b"+52")),
)
_MOST_FIGURES = 5_000
_MOST_TRACES = 6


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
        codes.extend(currency.named(case.page.page[:2_000_000]))
    if case.asked.language:
        languages.append(case.asked.language)
    country = case.asked.country
    if not country and countries:
        one = countries[0].strip().upper()
        country = one if len(one) == 2 else _COUNTRY_NAMES.get(one, "")
    return currency.Place(tuple(languages), case.asked.host, country, case.asked.currency, tuple(dict.fromkeys(codes)))


def addresses(page: bytes) -> tuple[str, ...]:
    """The country of the postal addresses and shipping terms on a page; empty when they do not agree."""
    page = page[:1_000_000]
    figures = page.translate(_FIGURES)
    points: dict[str, int] = {}
    for trace in _TRACES:
        found = len({match[0][-12:] for match in islice(_matches(trace, page, figures), _MOST_TRACES)})
        if found:
            points[trace.country] = points.get(trace.country, 0) + trace.weight * min(found, 2)
    best = sorted(points, key=lambda one: -points[one])
    if not best or points[best[0]] < 2 or (len(best) > 1 and points[best[0]] < 2 * points[best[1]]):
        return ()
    return (best[0],)


def _matches(trace: _Trace, page: bytes, figures: bytes) -> Iterator[re.Match[bytes]]:
    if trace.words:
        if any(word in page for word in trace.words):
            yield from trace.pattern.finditer(page)
        return
    places = sorted(place for shape in trace.figures for place in islice(_places(figures, shape), _MOST_FIGURES))
    ended = 0
    for place in places:
        match = trace.pattern.search(page, max(ended, place - trace.back), place + 24)
        if match:
            ended = match.end()
            yield match


def _places(figures: bytes, shape: bytes) -> Iterator[int]:
    place = figures.find(shape)
    while place >= 0:
        yield place
        place = figures.find(shape, place + 1)
