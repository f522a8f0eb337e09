"""Where values come from, as it is written in rules."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings.condition import PatternError
from capi_middleware.settings.value import SOURCES, css_parts, value


@pytest.mark.parametrize(
    ("written", "sources"),
    [
        ("css:.price", ["css:.price"]),
        ("css:.price | jsonld:offers.price", ["css:.price", "jsonld:offers.price"]),
        ("css:.price|meta:product:price:amount", ["css:.price", "meta:product:price:amount"]),
        ("json:a || b | form:x", ["json:a || b", "form:x"]),
        ("json:a[?b == 'c'] | [0]", ["json:a[?b == 'c'] | [0]"]),
        (["query:id", "const:1"], ["query:id", "const:1"]),
        ("const:Röda muggar | kök", ["const:Röda muggar | kök"]),
        ("meta:product:retailer_item_id", ["meta:product:retailer_item_id"]),
    ],
)
def test_sources(written: Any, sources: list[str]) -> None:
    assert list(map(str, value(written).sources)) == sources


def test_fixed_and_removed() -> None:
    assert value(99.5).fixed == 99.5
    assert value(True).fixed is True
    assert value(False).remove


@pytest.mark.parametrize(
    ("written", "wrong", "right"),
    [
        ("SEK", "names no source", '"const:SEK"'),
        ("ccs:.price", "no source ccs", "Did you mean css?"),
        ("css:p::before", "no CSS selector", "Write it as"),
        ("path:idd", "no variable idd", "Did you mean id? The path has id."),
        ("json:a[", "no JMESPath", "jmespath.org"),
        ("json:a[?b == `c`]", "backticks", "'text'"),
        ("css:..price", "no CSS selector", ".price"),
        ({"a": 1}, "not a source", "css:.price"),
        ([], "not a source", "css:.price"),
        ([1, 2], "not a source", "css:.price"),
    ],
)
def test_error(written: Any, wrong: str, right: str) -> None:
    with pytest.raises(PatternError) as caught:
        value(written, frozenset({"id"}))
    assert wrong in caught.value.wrong
    assert right in caught.value.right


def test_attribute() -> None:
    assert css_parts("[data-sku]@data-sku") == ("[data-sku]", "data-sku")
    assert css_parts("a[href='x@y.z']") == ("a[href='x@y.z']", "")


@given(st.text(max_size=40), st.sampled_from(sorted(SOURCES)))
def test_any_text_is_a_source_or_an_error(text: str, kind: str) -> None:
    try:
        found = value(f"{kind}:{text}")
    except PatternError as error:
        assert error.wrong and error.right
    else:
        assert found.sources
