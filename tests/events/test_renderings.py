"""One event as Graph's ``data`` entry and as the browser's call: Meta's field names, nothing empty, nothing that breaks
out of a script element."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.events import Event, Visitor, graph_event, pixel_call, script_json

BARE = Event("1234567890", "PageView", "e1", 1_700_000_000, "https://shop.example/")


def test_the_least_that_graph_gets() -> None:
    assert graph_event(BARE) == {
        "event_name": "PageView",
        "event_time": 1_700_000_000,
        "event_id": "e1",
        "action_source": "website",
        "event_source_url": "https://shop.example/",
        "user_data": {},
    }


def test_all_that_graph_can_get() -> None:
    visitor = Visitor("192.0.2.1", "Mozilla/5.0", "fb.1.1.2", "fb.1.1.abc", {"em": ("a" * 64, "b" * 64), "ph": ()})
    event = BARE._replace(
        event_name="Purchase",
        visitor=visitor,
        custom_data={"value": 1.5, "currency": "SEK"},
        referrer_url="https://www.example/",
        data_processing_options=("LDU", 1, 1000),
        action_source="app",
    )
    assert graph_event(event) == {
        "event_name": "Purchase",
        "event_time": 1_700_000_000,
        "event_id": "e1",
        "action_source": "app",
        "event_source_url": "https://shop.example/",
        "user_data": {
            "em": ["a" * 64, "b" * 64],
            "client_ip_address": "192.0.2.1",
            "client_user_agent": "Mozilla/5.0",
            "fbp": "fb.1.1.2",
            "fbc": "fb.1.1.abc",
        },
        "custom_data": {"value": 1.5, "currency": "SEK"},
        "referrer_url": "https://www.example/",
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 1,
        "data_processing_options_state": 1000,
    }


def test_what_is_sent_is_a_copy_that_may_be_mended() -> None:
    event = BARE._replace(custom_data={"value": 1.5})
    del graph_event(event)["custom_data"]["value"]
    assert event.custom_data == {"value": 1.5}


def test_a_page_view_as_the_base_code_writes_it() -> None:
    assert pixel_call(BARE) == "fbq('track', 'PageView', {}, {eventID: 'e1'});"


def test_an_event_with_data() -> None:
    event = BARE._replace(event_name="AddToCart", custom_data={"content_ids": ["a", "b"], "value": 9.5})
    assert pixel_call(event) == (
        """fbq('track', 'AddToCart', {"content_ids":["a","b"],"value":9.5}, {eventID: 'e1'});"""
    )


def test_a_name_that_is_not_metas_goes_through_track_custom() -> None:
    assert pixel_call(BARE._replace(event_name="Wishlist_2")).startswith("fbq('trackCustom', 'Wishlist_2', {}, ")


@pytest.mark.parametrize(
    ("event_id", "quoted"),
    [("order-1001", "'order-1001'"), ("it's", "'it\\u0027s'"), ('a"b', "'a\"b'"), ("å", "'\\u00e5'"), ("", "''")],
)
def test_an_id_as_a_javascript_string(event_id: str, quoted: str) -> None:
    assert pixel_call(BARE._replace(event_id=event_id)) == f"fbq('track', 'PageView', {{}}, {{eventID: {quoted}}});"


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "&lt;", "'", "\u2028", "å", "\ud800"])
def test_json_is_pure_ascii_and_cannot_leave_its_script(text: str) -> None:
    written = script_json({"name": text})
    assert written.isascii() and not set("<>&'") & set(written) and json.loads(written) == {"name": text}


def test_a_number_that_javascript_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json(float("nan"))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_any_json_comes_back(value: Any) -> None:
    assert json.loads(script_json(value)) == value
