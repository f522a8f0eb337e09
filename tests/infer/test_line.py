# ruff: noqa: E501
"""Which products, and how many, a request speaks of."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer.body import Body
from capi_middleware.infer.line import clean_id, lines_of, quantity_of

FORM = "application/x-www-form-urlencoded"


def found(content: Any, content_type: str = FORM) -> list[tuple[str, float | None]]:
    raw = urlencode(content).encode() if content_type == FORM else json.dumps(content).encode()
    return [(line.content_id, line.quantity) for line in lines_of(Body(raw, content_type))]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"product_id": "43", "quantity": "2", "option[218]": "4"}, [("43", 2)]),
        ({"id": "43"}, [("43", None)]),
        ({"Product_Code": "AB-1", "Quantity": "1"}, [("AB-1", 1)]),
        ({"artikelnr": "17", "antal": "1,5"}, [("17", 1.5)]),
        ({"lineItems[a][id]": "1", "lineItems[a][quantity]": "2", "lineItems[b][id]": "3", "lineItems[b][quantity]": "1"}, [("1", 2), ("3", 1)]),
        ({"id[1]": "12", "qty[1]": "1", "id[2]": "13", "qty[2]": "4"}, [("12", 1), ("13", 4)]),
        ({"quantity[4711]": "1", "quantity[4712]": "0", "add-to-cart": "30"}, [("4711", 1)]),
        ({"sylius_shop_add_to_cart[cartItem][variant]": "M-1", "sylius_shop_add_to_cart[cartItem][quantity]": "3"}, [("M-1", 3)]),
        ({"email": "a@b.se"}, []),
        ({"id": "not an id with spaces", "qty": "1"}, []),
        ({"id": "0", "qty": "1"}, []),
        ({"qty[²]": "1"}, []),
        ({"product_id": "12", "variation_id": "77", "quantity": "1"}, [("12", 1)]),
    ],
)  # fmt: skip
def test_forms(fields: dict[str, str], lines: list[tuple[str, float | None]]) -> None:
    assert found(fields) == lines


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        ({"id": 12, "quantity": 2}, [("12", 2)]),
        ({"items": [{"id": 1, "quantity": 1}, {"id": 2, "quantity": 3}]}, [("1", 1), ("2", 3)]),
        ({"cartId": "c", "lines": [{"merchandiseId": "gid://shopify/ProductVariant/77", "quantity": 1}]}, [("77", 1)]),
        ({"id": "cart-9", "lines": [{"variantId": "77", "quantity": 1}]}, [("77", 1)]),
        ({"productVariant": "/api/v2/shop/product-variants/M-1", "quantity": 1}, [("M-1", 1)]),
        ({"product": {"id": 5}, "quantity": 2}, [("5", None)]),
        ({"params": {"product_id": 15, "add_qty": 1}}, [("15", 1)]),
        (
            {"query": 'mutation { add(items: [{sku: "A", quantity: 1}, {sku: "B", quantity: 2}]) }'},
            [("A", 1), ("B", 2)],
        ),
        ({"query": 'mutation { add(sku: "A", quantity: 2) { id } }'}, [("A", 2)]),
        ({"query": "{ cart { id } }"}, []),
        ([{"variables": {"sku": "A", "qty": 1}, "query": "x"}], [("A", 1)]),
        ({"message": "hi"}, []),
        ([], []),
    ],
)
def test_json(document: Any, lines: list[tuple[str, float | None]]) -> None:
    assert found(document, "application/json") == lines


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (12, "12"), (12.0, "12"), (12.5, ""), (True, ""), (None, ""), ("", ""), ("0", ""), (" A-1 ", "A-1"),
        ("a b", ""), ("<b>", ""), ("x" * 101, ""), ("gid://shopify/Product/9", "9"), ("/api/p/M-1/", "M-1"), ([], ""),
    ],
)  # fmt: skip
def test_clean_id(raw: Any, clean: str) -> None:
    assert clean_id(raw) == clean


@pytest.mark.parametrize(
    ("raw", "quantity"),
    [
        ("2", 2),
        ("1,5", 1.5),
        (3, 3),
        ("-1", None),
        ("1e999", None),
        ("nan", None),
        ("x", None),
        (True, None),
        ("9999999", None),
    ],
)
def test_quantity(raw: Any, quantity: float | None) -> None:
    assert quantity_of(raw) == quantity


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [FORM, "application/json", "multipart/form-data; boundary=x", "application/graphql", "", "text/plain"]
    ),
)
def test_any_body(content: bytes, content_type: str) -> None:
    body = Body(content, content_type)
    lines_of(body)
    assert isinstance(body.operations, tuple)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "qty", "x"]), inner),
        max_leaves=40,
    )
)
def test_any_json(document: Any) -> None:
    assert len(found(document, "application/json")) <= 50
