"""Amounts as shops write them: the table of documented cases, and that nothing makes the reader raise or hang."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer import currency, money

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

HUMAN = {
    "1 299,00 kr": "1299.00",
    "1&nbsp;299,00&nbsp;kr": "1299.00",
    "1\u202f299 kr": "1299",
    "1\u00a0299 kr": "1299",
    "1\u2009299 kr": "1299",
    "1.299,-": "1299",
    "1 299:-": "1299",
    "299:50": "299.50",
    "SEK 1,299.00": "1299.00",
    "1.299,00 €": "1299.00",
    "12.990 kr": "12990",
    "EUR 6,99": "6.99",
    "36,00 EUR": "36.00",
    "9 900,00 zł": "9900.00",
    "47 405Р": "47405",
    "21 777 Kč": "21777",
    "CHF 1’299.–": "1299",
    "Från 199 kr": "199",
    "från 199 kr": "199",
    "ab 199 €": "199",
    "à partir de 199 €": "199",
    "799 kr Ord. 999 kr": "799",
    "Ord. 999 kr 799 kr": "799",
    "Was $30.00 Now $20.00": "20.00",
    "2 för 50 kr": "50",
    "1€40": "1.40",
    "1'299.00": "1299.00",
    "&amp;nbsp;1&amp;nbsp;299 kr": "1299",
    "199–299 kr": "199",
    "$1,234,567.89": "1234567.89",
    "Rs. 1,29,900": "129900",
    "0.999": "0.999",
    "34.992001": "34.992001",
    "$.99": "0.99",
    "kr. 499,00": "499.00",
    "1299kr": "1299",
    "SEK100": "100",
    "-25% 100 kr": "100",
    "Phone 12 64GB 8 990 kr": "8990",
    "12 stk à 25 kr": "25",
    "Cable 6 ft $12.99": "12.99",
    "KWD 12.500": "12.500",
    "5.000 OMR": "5",
    "BHD 1,250.500": "1250.500",
    "3.250 د.ك": "3.250",
    "49,900 TND": "49.900",
    "TND 49.900": "49.900",
    "25,000 IQD": "25000",
    "12 990 Ft": "12990",
    "٩٩ ر.س": "99",
    "¥1,299": "1299",
}
NOTHING = ("", "kr", "abc", "−100 kr", "-100 kr", "-25 %", "12:30 - 13:30", "15.08.2017", "&nbsp;", "—")
MACHINE = {
    "1299": "1299",
    "1299.5": "1299.5",
    "729,00": "729.00",
    "1.299": "1.299",
    "19.9900": "19.9900",
    "1,299.00": "1299.00",
    "1 299,00": "1299.00",
    "$12.00": "12.00",
    "1,250.500": "1250.500",
    "1.299,00 €": "1299.00",
}


@pytest.mark.parametrize(("text", "value"), HUMAN.items(), ids=HUMAN)
def test_human(text: str, value: str) -> None:
    amount = money.human(text)
    assert amount is not None
    assert amount.value == Decimal(value)


@pytest.mark.parametrize("text", NOTHING, ids=repr)
def test_no_price(text: str) -> None:
    assert money.human(text) is None


@pytest.mark.parametrize(("text", "value"), MACHINE.items(), ids=MACHINE)
def test_machine(text: str, value: str) -> None:
    amount = money.machine(text)
    assert amount is not None
    assert amount.value == Decimal(value)


@pytest.mark.parametrize("raw", [1299, 1299.0, 12.5, Decimal("3.50")])
def test_json_numbers_are_taken_as_they_are(raw: int | float | Decimal) -> None:
    amount = money.machine(raw)
    assert amount is not None
    assert amount.value == Decimal(str(raw))


@pytest.mark.parametrize("raw", [None, True, -1, float("nan"), float("inf"), 1e300, [], {}, "x" * 10_000])
def test_machine_nothing(raw: object) -> None:
    assert money.machine(raw) is None


def test_a_price_per_kilogram_gives_way() -> None:
    amount = money.human("890 kr/kg 89 kr")
    assert amount is not None
    assert amount.value == 89
    alone = money.human("890 kr/kg")
    assert alone is not None
    assert alone.unit


@PATIENT
@given(st.text(max_size=500))
def test_never_raises(text: str) -> None:
    for amount in money.amounts(text):
        assert 0 <= amount.value <= money.LARGEST
    money.machine(text)


@PATIENT
@given(
    whole=st.integers(0, 99_999_999),
    cents=st.integers(0, 99),
    group=st.sampled_from([" ", ".", "'", "\u00a0", "\u202f", ""]),
    mark=st.sampled_from(["kr", "SEK", "€", "zł"]),
)
def test_what_is_written_is_read(whole: int, cents: int, group: str, mark: str) -> None:
    written = f"{whole:,}".replace(",", group) + f",{cents:02} {mark}"
    amount = money.human(written)
    assert amount is not None
    assert amount.value == Decimal(f"{whole}.{cents:02}")
    assert amount.mark == mark


@PATIENT
@given(whole=st.integers(0, 99_999_999), cents=st.integers(0, 99))
def test_english_writing(whole: int, cents: int) -> None:
    amount = money.human(f"${whole:,}.{cents:02}")
    assert amount is not None
    assert amount.value == Decimal(f"{whole}.{cents:02}")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["1 ", "1.", "kr ", "1kr", "&nbsp;", "- ", "ord. ", "1 111 "])
def test_linear(piece: str) -> None:
    text = piece * 200_000
    money.human(text)


@PATIENT
@given(st.text(max_size=60))
def test_currency_never_raises(text: str) -> None:
    assert currency.code(text) == "" or currency.code(text) in currency.EXPONENTS
    code, _ = currency.settle(text, currency.Place(("sv",), "shop.se"))
    assert code == "" or code in currency.EXPONENTS
