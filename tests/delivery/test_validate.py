"""What Meta would refuse is found before it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.delivery.entry import Entry, Evidence, State
from capi_middleware.delivery.validate import may_be_sent, mend, oldest_allowed
from capi_middleware.events import graph_event
from capi_middleware.settings.settings import DeliverySettings
from tests.delivery.make import event

NOW = 1_700_000_000.0


def payload(**changes: Any) -> dict[str, Any]:
    made = graph_event(event(event_time=int(NOW)))
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("hours", "browser", "evidence", "late", "sent"),
    [
        (46, True, Evidence.NONE, "drop", True),
        (48, True, Evidence.NONE, "drop", False),
        (48, True, Evidence.HANDED, "drop", False),
        (48, True, Evidence.BLOCKED, "drop", True),
        (48, True, Evidence.BLOCKED | Evidence.HANDED, "drop", False),
        (48, True, Evidence.NONE, "send", True),
        (48, False, Evidence.NONE, "drop", True),
        (168, False, Evidence.NONE, "send", False),
    ],
)
def test_what_may_be_sent_again(hours: int, browser: bool, evidence: Evidence, late: str, sent: bool) -> None:
    entry = Entry(1, "1", "Lead", "id", int(NOW) - hours * 3600, NOW, State.DEAD, browser, evidence, *([0.0] * 2), NOW,
                  0, 0, "", "", "", "")  # fmt: skip
    assert may_be_sent(entry, DeliverySettings(late=late), NOW) is sent


def test_an_event_as_old_as_may_be_may_still_be_sent() -> None:
    for age, sent in ((0, True), (1, False)):
        when = int(oldest_allowed(NOW, False, "send")) - age
        entry = Entry(1, "1", "Lead", "id", when, NOW, State.DEAD, False, Evidence.NONE, *([0.0] * 2), NOW,
                      0, 0, "", "", "", "")  # fmt: skip
        assert may_be_sent(entry, DeliverySettings(), NOW) is sent


def test_a_good_event_passes_unchanged() -> None:
    made = payload(custom_data={"value": 1.5, "currency": "SEK", "contents": [{"id": "a"}]})
    before = repr(made)
    assert mend(made, NOW) == "" and repr(made) == before


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"event_name": "x" * 51}, "name"),
        ({"event_name": ""}, "name"),
        ({"event_name": "<b>"}, "name"),
        ({"event_time": None}, "time"),
        ({"event_time": 1.5}, "time"),
        ({"event_time": True}, "time"),
        ({"user_data": None}, "user data"),
        ({"event_source_url": ""}, "event_source_url"),
        ({"user_data": {"fbp": "fb.1.1.1"}}, "user agent"),
        ({"user_data": {"client_user_agent": "M"}}, "too little"),
        (
            {"user_data": dict.fromkeys(("client_user_agent", "ct", "zp", "country", "st", "ge"), ["a"])},
            "too little",
        ),
        ({"user_data": {"client_user_agent": "M", "db": ["a"]}}, "too little"),
        ({"user_data": {"client_user_agent": "M", "em": []}}, "too little"),
        ({"custom_data": {"currency": "kr"}}, "currency"),
        ({"custom_data": {"currency": "sek", "value": 1}}, "currency"),
        ({"custom_data": {"currency": 7}}, "currency"),
        ({"custom_data": {"value": "9", "currency": "SEK"}}, "value"),
        ({"custom_data": {"value": float("nan"), "currency": "SEK"}}, "value"),
        ({"custom_data": {"value": float("inf"), "currency": "SEK"}}, "value"),
        ({"custom_data": {"value": True, "currency": "SEK"}}, "value"),
        ({"custom_data": []}, "custom_data"),
        ({"event_name": "Purchase"}, "Purchase"),
        ({"event_name": "Purchase", "custom_data": {"value": 1.0}}, "Purchase"),
        ({"event_name": "Purchase", "custom_data": {"currency": "SEK"}}, "Purchase"),
    ],
    ids=str,
)
def test_refused(changes: dict[str, Any], word: str) -> None:
    assert word in mend(payload(**changes), NOW)


def test_a_purchase_with_value_and_currency_passes() -> None:
    made = payload(event_name="Purchase", custom_data={"value": 0, "currency": "SEK"})
    assert mend(made, NOW) == "" and made["custom_data"] == {"value": 0, "currency": "SEK"}


def test_an_event_of_another_source_needs_no_page_and_no_browser() -> None:
    made = payload(action_source="email", event_source_url=None, user_data={"em": ["a"]})
    assert mend(made, NOW) == ""


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
    for nothing in ([{"quantity": 1}], [], "a", {"id": "a"}, 7):
        made = payload(custom_data={"contents": nothing, "content_name": "x"})
        assert mend(made, NOW) == "" and made["custom_data"] == {"content_name": "x"}


def test_a_time_in_the_future_becomes_now() -> None:
    made = payload(event_time=int(NOW) + 61)
    assert mend(made, NOW) == "" and made["event_time"] == int(NOW)
    made = payload(event_time=int(NOW) + 60)
    assert mend(made, NOW) == "" and made["event_time"] == int(NOW) + 60


def test_age() -> None:
    week, two_days = 7 * 86400, 2 * 86400
    assert NOW - week < oldest_allowed(NOW, False, "drop") <= NOW - week + 7200
    assert NOW - two_days < oldest_allowed(NOW, True, "drop") <= NOW - two_days + 7200
    assert oldest_allowed(NOW, True, "send") == oldest_allowed(NOW, False, "drop")
    assert oldest_allowed(NOW, True, "drop") == NOW - 47 * 3600, "an hour before Meta stops to pair"
    assert oldest_allowed(NOW, False, "send") == NOW - (week - 3600), "an hour before Meta refuses the whole batch"
