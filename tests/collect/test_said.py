"""What pages say of their own events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.collect.said import said_data


@pytest.mark.parametrize(
    ("given_data", "kept"),
    [
        pytest.param({"value": 5, "currency": "sek"}, {"value": 5, "currency": "SEK"}, id="value and currency"),
        pytest.param({"value": "5.50", "currency": "SEK"}, {"value": 5.5, "currency": "SEK"}, id="a number as text"),
        pytest.param({"value": 5}, {}, id="a value without a currency"),
        pytest.param({"value": -1, "currency": "SEK"}, {"currency": "SEK"}, id="a negative value"),
        pytest.param({"value": True, "currency": "SEK"}, {"currency": "SEK"}, id="a value that is none"),
        pytest.param({"value": 10**400, "currency": "SEK"}, {"currency": "SEK"}, id="a number beyond all measure"),
        pytest.param({"value": "inf", "n": float("nan"), "currency": "SEK"}, {"currency": "SEK"}, id="no numbers"),
        pytest.param({"currency": "kronor"}, {}, id="no currency"),
        pytest.param({"content_ids": [1, "b", None, {}]}, {"content_ids": ["1", "b"]}, id="ids as texts"),
        pytest.param({"content_ids": "a"}, {"content_ids": ["a"]}, id="one id"),
        pytest.param(
            {"contents": [{"id": 1, "quantity": "2", "item_price": 3}, {"quantity": 1}, "x"]},
            {"contents": [{"id": "1", "quantity": 2, "item_price": 3}]},
            id="contents with ids only",
        ),
        pytest.param({"contents": "x"}, {}, id="contents that are none"),
        pytest.param({"step": "two", "done": True, "n": 3}, {"step": "two", "done": True, "n": 3}, id="own keys"),
        pytest.param({"nested": {"a": 1}, "list": [1], "none": None}, {}, id="nested values"),
        pytest.param({"bad key": 1, "<b>": 1, "": 1}, {}, id="keys with spaces and signs"),
        pytest.param({"text": "x" * 900}, {"text": "x" * 500}, id="a long text"),
    ],
)
def test_kept(given_data: dict[str, Any], kept: dict[str, Any]) -> None:
    assert said_data(given_data) == kept


def test_no_more_than_thirty_keys() -> None:
    assert len(said_data({f"k{number}": 1 for number in range(99)})) == 30


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(-(10**400)) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["value", "currency", "content_ids", "contents", "num_items", "anything"]) | st.text(max_size=12)


@given(st.dictionaries(KEYS, JSON, max_size=8))
def test_anything_becomes_something_that_can_be_sent(data: dict[str, Any]) -> None:
    json.dumps(said_data(data), allow_nan=False)
