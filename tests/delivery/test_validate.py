"""What Meta would refuse is found before it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.delivery.validate import mend, oldest_allowed
from capi_middleware.events import graph_event
from tests.delivery.make import event

NOW = 1_700_000_000.0


def payload(**changes: Any) -> dict[str, Any]:
    made = graph_event(event(event_time=int(NOW)))
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def test_a_good_event_passes_unchanged() -> None:
    made = payload(custom_data={"value": 1.5, "currency": "SEK", "contents": [{"id": "a"}]})
    before = repr(made)
    assert mend(made, NOW) == "" and repr(made) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"event_name": "x" * 51},
        {"event_name": ""},
        {"event_name": "<b>"},
        {"event_time": None},
        {"event_time": 1.5},
        {"event_time": True},
        {"user_data": None},
        {"event_source_url": ""},
        {"user_data": {"fbp": "fb.1.1.1"}},
        {"user_data": {"client_user_agent": "M"}},
        {"user_data": {"client_user_agent": "M", "ct": ["a"], "zp": ["b"], "country": ["c"], "st": ["d"], "ge": ["e"]}},
        {"user_data": {"client_user_agent": "M", "db": ["a"]}},
        {"custom_data": {"currency": "kr"}},
        {"custom_data": {"currency": "sek", "value": 1}},
        {"custom_data": {"value": "9", "currency": "SEK"}},
        {"custom_data": {"value": float("nan"), "currency": "SEK"}},
        {"custom_data": {"value": float("inf"), "currency": "SEK"}},
        {"custom_data": {"value": True, "currency": "SEK"}},
        {"custom_data": []},
        {"event_name": "Purchase"},
        {"event_name": "Purchase", "custom_data": {"value": 1.0}},
        {"event_name": "Purchase", "custom_data": {"currency": "SEK"}},
    ],
    ids=str,
)
def test_refused(changes: dict[str, Any]) -> None:
    assert mend(payload(**changes), NOW)


@pytest.mark.parametrize(
    "keys",
    [{"client_ip_address": "1.2.3.4"}, {"fbp": "f"}, {"external_id": ["x"]}, {"em": ["x"]}, {"fn": ["a"], "ln": ["b"]}],
    ids=str,
)
def test_enough_is_known(keys: dict[str, Any]) -> None:
    assert mend(payload(user_data={"client_user_agent": "M", **keys}), NOW) == ""


def test_the_forbidden_pairs_of_names() -> None:
    for keys in ({"fn": ["a"], "ge": ["f"]}, {"ln": ["a"], "ge": ["f"]}):
        assert mend(payload(action_source="email", user_data=keys), NOW)


def test_value_without_currency_is_stripped() -> None:
    made = payload(custom_data={"value": 5.0})
    assert mend(made, NOW) == "" and "custom_data" not in made


def test_items_without_id_are_stripped() -> None:
    made = payload(custom_data={"contents": [{"quantity": 1}, {"id": "a"}, "b"], "content_name": "x"})
    assert mend(made, NOW) == "" and made["custom_data"]["contents"] == [{"id": "a"}]
    made = payload(custom_data={"contents": [{"quantity": 1}], "content_name": "x"})
    assert mend(made, NOW) == "" and made["custom_data"] == {"content_name": "x"}


def test_a_time_in_the_future_becomes_now() -> None:
    made = payload(event_time=int(NOW) + 61)
    assert mend(made, NOW) == "" and made["event_time"] == int(NOW)
    made = payload(event_time=int(NOW) + 59)
    assert mend(made, NOW) == "" and made["event_time"] == int(NOW) + 59


def test_age() -> None:
    week, two_days = 7 * 86400, 2 * 86400
    assert NOW - week < oldest_allowed(NOW, False, "drop") <= NOW - week + 7200
    assert NOW - two_days < oldest_allowed(NOW, True, "drop") <= NOW - two_days + 7200
    assert oldest_allowed(NOW, True, "send") == oldest_allowed(NOW, False, "drop")
