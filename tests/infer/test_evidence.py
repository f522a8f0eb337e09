# ruff: noqa: E501
"""What an answer proves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer.evidence import Proof, json_proof

YES, NO, UNSURE = Proof.YES, Proof.NO, Proof.UNSURE


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"success": True}, YES),
        ({"success": "<a href=x>Mug</a> in your cart"}, YES),
        ({"success": False}, NO),
        ({"success": 1, "error": "sold out"}, NO),
        ({"success": True, "errors": []}, YES),
        ({"success": True, "errors": {}}, YES),
        ({"ok": True}, YES),
        ({"error": True, "product_url": "x"}, NO),
        ({"error": None, "cart": {"id": 1}}, YES),
        ({"hasError": True}, NO),
        ({"fragments": {"a": "b"}, "cart_hash": "x"}, YES),
        ({"status": "ok"}, YES),
        ({"status": "error"}, NO),
        ({"status": 200, "cart": {"x": 1}}, YES),
        ({"status": 422, "message": "no"}, NO),
        ({"status": "mail_sent"}, YES),
        ({"code": "422"}, NO),
        ({"type": "danger"}, NO),
        ([{"type": "success"}], YES),
        ([{"type": "success"}, {"type": "error"}], NO),
        ({"data": {"addItem": {"__typename": "Order"}}}, UNSURE),
        ({"data": {"addItem": {"__typename": "InsufficientStockError"}}}, NO),
        ({"data": {"add": {"userErrors": [{"message": "x"}], "cart": {"id": 1}}}}, NO),
        ({"data": {"add": {"userErrors": [], "cart": {"id": 1}}}}, YES),
        ({"errors": [{"message": "x"}], "data": None}, NO),
        ({"responses": [{"status": 201}, {"status": 400}]}, NO),
        ({"result": {"success": False}}, NO),
        ({"items_count": 3}, YES),
        ({"items_count": 0}, UNSURE),
        ({"cart": {"items": [{"status": "error"}]}}, YES),
        ({"product": {"error": "x"}}, UNSURE),
        ({"message": "hello"}, UNSURE),
        ({}, UNSURE),
        ([], UNSURE),
        (None, UNSURE),
        ("ok", UNSURE),
        (3, UNSURE),
    ],
)
def test_json(document: Any, expected: Proof) -> None:
    assert json_proof(document).proof is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=True) | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["success", "error", "status", "data", "x"]), inner)
    ),
    max_leaves=30,
)


@given(JSON)
def test_any_json_has_a_verdict_with_a_reason(document: Any) -> None:
    found = json_proof(document)
    assert isinstance(found.proof, Proof) and found.why


def test_deep_json_is_looked_at_to_a_bound() -> None:
    deep: Any = {"error": True}
    for _ in range(500):
        deep = {"data": deep}
    assert json_proof(deep).proof is UNSURE
    wide = [{"x": 1}] * 100_000
    assert json_proof(wide).proof is UNSURE
