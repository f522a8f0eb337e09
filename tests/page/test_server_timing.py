"""The header carrier."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.events import Event
from capi_middleware.page.server_timing import LARGEST, server_timing

ID = "0123456789abcdef0123456789abcdef"


def decoded(value: str) -> Any:
    """As the script reads it."""
    found = re.fullmatch(r'capi;desc="([A-Za-z0-9_=-]*)"', value)
    assert found
    return json.loads(base64.urlsafe_b64decode(found.group(1)))


def event(**more: Any) -> Event:
    return Event("1", "AddToCart", ID, 1, "https://shop.example/", **more)


def test_name_data_and_id() -> None:
    value = server_timing([event(custom_data={"value": 9.5, "currency": "SEK"})])
    assert decoded(value) == [["AddToCart", {"value": 9.5, "currency": "SEK"}, ID]]


def test_several_events_in_one_entry() -> None:
    assert len(decoded(server_timing([event(), event()]))) == 2


def test_events_without_a_browser_leg_stay_out() -> None:
    assert server_timing([event(browser=False)]) == ""


def test_a_custom_event_says_so() -> None:
    custom = event()._replace(event_name="Sizes")
    assert decoded(server_timing([event(), custom])) == [["AddToCart", {}, ID], ["Sizes", {}, ID, 1]]


def test_sealed_events_come_after_the_others() -> None:
    assert decoded(server_timing([event()], ["sealed", "too"])) == [["AddToCart", {}, ID], "sealed", "too"]
    assert decoded(server_timing([event(browser=False)], ["sealed"])) == ["sealed"]


def test_not_one_byte_more_than_it_takes() -> None:
    value = server_timing([event(custom_data={"content_name": "å", "value": 1})])
    text = '[["AddToCart",{"content_name":"\\u00e5","value":1},"' + ID + '"]]'
    assert value == f'capi;desc="{base64.urlsafe_b64encode(text.encode()).decode()}"'


def test_what_is_no_number_is_a_fault_and_no_header() -> None:
    with pytest.raises(ValueError):
        server_timing([event(custom_data={"value": float("nan")})])


def test_exactly_as_large_as_a_header_may_be() -> None:
    assert len(server_timing([], ["x" * 2237])) == LARGEST
    assert server_timing([], ["x" * 2238]) == ""


def test_no_events_no_header() -> None:
    assert server_timing([]) == ""


def test_larger_than_a_header_may_be() -> None:
    assert server_timing([event(custom_data={"content_name": "x" * LARGEST})]) == ""


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=40), max_size=5))
def test_any_text_survives_and_cannot_leave_the_quotes(data: dict[str, str]) -> None:
    value = server_timing([event(custom_data=data)])
    assert decoded(value) == [["AddToCart", data, ID]]
    assert value.isascii() and "\n" not in value
