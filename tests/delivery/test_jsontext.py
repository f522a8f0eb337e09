"""JSON text is the same with orjson and without."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.delivery import jsontext
from capi_middleware.delivery.jsontext import encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture(params=["with orjson", "without"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(jsontext, "orjson", None)


@given(VALUES)
def test_any_value_reads_back(value: Any) -> None:
    assert json.loads(encode(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": "åäö", "b": [1, 2.5, True, None]}, '{"a":"åäö","b":[1,2.5,true,null]}'),
        ({"a": {3, 1}}, '{"a":[1,3]}'),
        ((1, "x"), '[1,"x"]'),
        (2**70, str(2**70)),
        ("</script>", '"</script>"'),
    ],
    ids=str,
)
def test_text(either: None, value: Any, text: str) -> None:
    assert encode(value) == text


@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}, b"x", object, {"a": 1j}], ids=str)
def test_what_is_no_json(either: None, value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode(value)
