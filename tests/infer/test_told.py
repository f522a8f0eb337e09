# ruff: noqa: E501
"""What a JSON answer tells of the products that were added."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer.line import Line
from capi_middleware.infer.told import told_of

from .traffic import Shop, data


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"id": 9, "name": "Vas", "price": "459.50", "currency": "SEK"}, {"content_name": "Vas", "value": 459.5, "currency": "SEK"}),
        ({"item": {"sku": "9", "title": "Vas"}}, {"content_name": "Vas"}),
        ({"id": 9, "price": 459.5}, {"value": 459.5, "currency": "SEK"}),
        ({"id": 9, "price": 45950}, {}),
        ({"id": 9, "price": 459}, {}),
        ({"id": 9, "price": "45950"}, {}),
        ({"id": 9, "price": "€36.00"}, {"value": 36.0, "currency": "EUR"}),
        ({"id": 9, "prices": {"price": "45950", "currency_code": "NOK", "currency_minor_unit": 2}}, {"value": 459.5, "currency": "NOK"}),
        ({"id": 9, "prices": {"price": "459", "currency_code": "JPY", "currency_minor_unit": 0}}, {"value": 459.0, "currency": "JPY"}),
        ({"currency": "EUR", "cart": {"lines": [{"id": 8, "price": "1.50"}, {"id": 9, "price": "2.50"}]}}, {"value": 2.5, "currency": "EUR"}),
        ({"selection": {"items": [{"item": "9", "priceEachAsNumber": 199.5}]}}, {"value": 199.5, "currency": "SEK"}),
        ({"id": 8, "name": "Another", "price": "1.50"}, {}),
        ({"id": 9, "price": True, "name": " "}, {}),
        ({"id": 9, "price": float("nan")}, {}),
        ({"id": 9, "price": float("inf")}, {}),
        ({"id": 9, "price": "²", "currency_minor_unit": 2}, {}),
        ([], {}),
        ("text", {}),
        (None, {}),
    ],
)  # fmt: skip
def test_told(document: Any, expected: dict[str, Any]) -> None:
    assert told_of(Line({"product_id": "9"}), document, "SEK") == expected


def test_without_any_currency_there_is_no_price() -> None:
    assert told_of(Line({"product_id": "9"}), {"id": 9, "price": 459.5}, "") == {}


@given(st.recursive(st.none() | st.integers() | st.floats() | st.text(max_size=6), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "price", "name", "currency", "prices", "x"]), inner), max_leaves=50))  # fmt: skip
def test_any_json(document: Any) -> None:
    found = told_of(Line({"product_id": "9"}), document, "SEK")
    assert ("value" in found) == ("currency" in found)


def test_an_add_to_cart_of_a_product_never_shown() -> None:
    shop = Shop(platform="woocommerce")
    answer = {
        "items": [
            {"id": 99, "name": "Vas", "prices": {"price": "45950", "currency_code": "SEK", "currency_minor_unit": 2}}
        ]
    }
    concluded = shop.ask(
        "/wp-json/wc/store/v1/cart/add-item", posted={"id": 99, "quantity": 2}, script=True, status=201, answer=answer
    )
    (event,) = concluded.events
    assert (event.custom_data["value"], event.custom_data["content_name"]) == (919.0, "Vas")
    assert event.sources["value"] == "the answer x quantity"


def test_what_the_shop_has_shown_counts_more() -> None:
    shop = Shop()
    concluded = shop.ask(
        "/cart/add", form={"id": "12", "qty": "1"}, script=True, answer={"success": True, "id": 12, "price": "1.50"}
    )
    assert data(concluded, "AddToCart")["value"] == 99.5


def test_shopifys_minor_units() -> None:
    shop = Shop(platform="shopify", currency="")
    asked: dict[str, Any] = {"form": {"id": "4711", "quantity": "2"}, "script": True}
    answer = {"id": 4711, "title": "Vas", "price": 45950, "quantity": 2}
    told = data(shop.ask("/cart/add.js", cookies={"cart_currency": "SEK"}, answer=answer, **asked), "AddToCart")
    assert (told["value"], told["currency"]) == (919.0, "SEK")
    unsettled = data(shop.ask("/cart/add.js", answer=answer, **asked), "AddToCart")
    assert "value" not in unsettled and "currency" not in unsettled


def test_a_remembered_price_keeps_its_own_currency() -> None:
    shop = Shop(platform="shopify", currency="")
    told = data(
        shop.ask(
            "/cart/add.js", form={"id": "77"}, script=True, answer={"items": []}, cookies={"cart_currency": "EUR"}
        ),
        "AddToCart",
    )
    assert (told["value"], told["currency"]) == (99.5, "SEK")
