"""Currencies are read or configured, never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer import currency, money
from capi_middleware.infer.currency import EXPONENTS, Place, code, settle

CODES = {
    "SEK": "SEK",
    "sek": "SEK",
    " eur ": "EUR",
    "€": "EUR",
    "zł": "PLN",
    "Kč": "CZK",
    "UAN": "UAH",
    "RUR": "RUB",
    "SKR": "SEK",
    "kr": "",
    "$": "",
    "¥": "",
    "XYZ": "",
    "": "",
    "All": "ALL",
}
SETTLED = [
    ("kr", Place(("sv",)), "SEK", "language"),
    ("kr", Place(("sv-SE",)), "SEK", "language"),
    ("kr", Place(("nb-NO",)), "NOK", "language"),
    ("kr.", Place(("da",)), "DKK", "language"),
    ("kr", Place(("is",)), "ISK", "language"),
    ("kr", Place((), "butik.se"), "SEK", "domain"),
    ("kr", Place(("en",), "shop.no"), "NOK", "domain"),
    ("kr", Place(("en",), "shop.example"), "", ""),
    ("kr", Place(("en",), "shop.example", currency="SEK"), "SEK", "settings"),
    ("kr", Place(("en",), "shop.example", country="DK"), "DKK", "settings"),
    ("kr", Place(("sv",), "shop.example", currency="DKK"), "DKK", "settings"),
    ("kr", Place(("de",), codes=("NOK",)), "NOK", "page"),
    ("kr", Place(("de",), codes=("NOK", "SEK")), "", ""),
    ("$", Place(("en-US",)), "USD", "language"),
    ("$", Place(("en_CA",)), "CAD", "language"),
    ("$", Place(("en",), "shop.com.au"), "AUD", "domain"),
    ("$", Place(("en",), "shop.com"), "", ""),
    ("$", Place(("en",), "shop.com", addresses=("US",)), "USD", "address"),
    ("$", Place(("en",), "shop.co"), "", ""),
    ("$", Place(("sv",), "shop.se", currency="SEK"), "", ""),
    ("¥", Place(("ja",)), "JPY", "language"),
    ("¥", Place(("zh-CN",)), "CNY", "language"),
    ("€", Place(("sv",), "shop.se", currency="SEK"), "EUR", "mark"),
    ("Ft", Place(("hu",), "bolt.example"), "HUF", "language"),
    ("ft", Place((), "bolt.hu"), "HUF", "domain"),
    ("ft", Place(("en",), "shop.example"), "", ""),
    ("KM", Place(("bs",), "trgovina.example"), "BAM", "language"),
    ("din.", Place((), "radnja.rs"), "RSD", "domain"),
    ("", Place(currency="SEK"), "SEK", "settings"),
    ("", Place(codes=("EUR",)), "EUR", "page"),
    ("", Place(("sv",), "shop.se"), "", ""),
]


@pytest.mark.parametrize(("raw", "expected"), CODES.items(), ids=repr)
def test_code(raw: str, expected: str) -> None:
    assert code(raw) == expected


@pytest.mark.parametrize(("mark", "place", "expected", "why"), SETTLED, ids=lambda one: str(one)[:60])
def test_settle(mark: str, place: Place, expected: str, why: str) -> None:
    assert settle(mark, place) == (expected, why)


@pytest.mark.parametrize(("one", "digits"), [("JPY", 0), ("ISK", 0), ("KWD", 3), ("SEK", 2), ("CLF", 4)])
def test_exponents(one: str, digits: int) -> None:
    assert EXPONENTS[one] == digits


_PIECES = [
    "199",
    "1 299,00",
    "12",
    " ",
    "kr",
    "KR",
    "kr.",
    "SEK",
    "sek",
    "$",
    "US$",
    "€",
    "zł",
    "ft",
    "R",
    "s/",
    "Rs.",
    ",-",
    ":-",
    "-",
    "euro",
    "fr.",
    "size",
    "of",
    "for",
    "GB",
    "All",
    "&euro;",
    "&amp;pound;",
    "(",
    ")",
    ".",
    ":",
    "km",
    "UAN",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=6))
def test_the_quick_look_misses_no_mark(pieces: list[str]) -> None:
    text = "".join(pieces)
    if any(amount.mark for amount in money.amounts(text)):
        assert currency.may_mark(text)


@pytest.mark.parametrize("text", ["12 items", "2014", "size 38 of 40", "Rated 4.5 (12)"])
def test_the_quick_look_passes_by_what_is_no_money(text: str) -> None:
    assert not currency.may_mark(text)
