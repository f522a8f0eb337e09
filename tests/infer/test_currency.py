"""Currencies are read or configured, never guessed."""

from __future__ import annotations

import pytest

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
