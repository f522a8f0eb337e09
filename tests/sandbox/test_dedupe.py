"""Deduplication as Meta documents it: one rule, one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.sandbox import BrowserEvent, ServerEvent, deduplicate

HOUR = 3600.0
_BROWSER = BrowserEvent(
    pixel_id="1",
    event_name="Purchase",
    event_id="a",
    event_time=0.0,
    received_at=0.0,
    url="",
    referrer="",
    fbp="fb.1.1.1",
    fbc="",
    custom_data={},
    user_data={},
    parameters=(),
    method="GET",
    client_ip_address="",
    client_user_agent="",
)
_SERVER = ServerEvent(
    pixel_id="1",
    event_name="Purchase",
    event_id="a",
    event_time=0,
    received_at=0.0,
    url="",
    referrer="",
    fbp="fb.1.1.1",
    fbc="",
    custom_data={},
    user_data={},
    payload={},
)


def browser(at: float = 0.0, **changes: Any) -> BrowserEvent:
    return replace(_BROWSER, received_at=at, **changes)


def server(at: float = 0.0, **changes: Any) -> ServerEvent:
    return replace(_SERVER, received_at=at, **changes)


def tell(*events: BrowserEvent | ServerEvent) -> list[tuple[str, str, int]]:
    """Status, method and count of each pair, in order of arrival."""
    numbered = [replace(event, number=number) for number, event in enumerate(events)]
    pairs = deduplicate(
        [event for event in numbered if isinstance(event, BrowserEvent)],
        [event for event in numbered if isinstance(event, ServerEvent)],
    )
    return [(pair.status, pair.method, pair.counted) for pair in pairs]


APART = [("browser", "none", 1), ("server", "none", 1)]
CASES: dict[str, tuple[Sequence[BrowserEvent | ServerEvent], list[tuple[str, str, int]]]] = {
    "same-name-and-id": ([browser(), server(2)], [("deduplicated", "id", 1)]),
    "server-first": ([server(), browser(2)], [("deduplicated", "id", 1)]),
    "other-id": ([browser(), server(2, event_id="b")], APART),
    "other-name": ([browser(), server(2, event_name="Lead")], APART),
    "other-case-of-the-name": (
        [browser(), server(2, event_name="purchase")],
        APART,
    ),
    "other-pixel": ([browser(), server(2, pixel_id="2")], APART),
    "one-id-for-two-names": (
        [browser(), server(1), browser(2, event_name="Lead"), server(3, event_name="Lead")],
        [("deduplicated", "id", 1)] * 2,
    ),
    "repeats-within-48-hours": ([browser(), server(1), browser(HOUR), server(47 * HOUR)], [("deduplicated", "id", 1)]),
    "after-48-hours-anew": (
        [browser(), server(1), browser(48.1 * HOUR), server(48.2 * HOUR)],
        [("deduplicated", "id", 1)] * 2,
    ),
    "window-from-the-first-event": (
        [browser(), server(47 * HOUR), server(49 * HOUR)],
        [("deduplicated", "id", 1), ("server", "none", 1)],
    ),
    "twice-from-the-server-alone-counts-twice": ([server(), server(1)], [("server", "none", 2)]),
    "twice-from-the-browser-alone-counts-twice": ([browser(), browser(1)], [("browser", "none", 2)]),
    "fallback-by-fbp": ([browser(event_id=None), server(5)], [("deduplicated", "fbp", 1)]),
    "fallback-server-without-id": ([browser(), server(5, event_id=None)], [("deduplicated", "fbp", 1)]),
    "fallback-by-external-id": (
        [
            browser(event_id=None, fbp="", user_data={"external_id": "x"}),
            server(5, fbp="", user_data={"external_id": ["y", "x"]}),
        ],
        [("deduplicated", "external_id", 1)],
    ),
    "fallback-never-server-first": (
        [server(), browser(5, event_id=None)],
        [("server", "none", 1), ("browser", "none", 1)],
    ),
    "fallback-not-after-48-hours": (
        [browser(event_id=None), server(49 * HOUR)],
        APART,
    ),
    "fallback-not-between-two-browser-events": ([browser(event_id=None)] * 2, [("browser", "none", 1)] * 2),
    "fallback-not-between-two-server-events": ([server(event_id=None)] * 2, [("server", "none", 1)] * 2),
    "fallback-needs-the-same-name": (
        [browser(event_id=None), server(5, event_name="Lead")],
        APART,
    ),
    "fallback-needs-the-same-visitor": (
        [browser(event_id=None), server(5, fbp="fb.1.1.2")],
        APART,
    ),
    "fallback-never-for-two-ids-that-differ": (
        [browser(), server(5, event_id="b")],
        APART,
    ),
    "fallback-takes-one-browser-event-once": (
        [browser(event_id=None), server(5), server(6, event_id="b")],
        [("deduplicated", "fbp", 1), ("server", "none", 1)],
    ),
    "empty-id-is-no-id": ([browser(event_id=""), server(5, event_id="")], [("deduplicated", "fbp", 1)]),
}


@pytest.mark.parametrize(("events", "expected"), [pytest.param(*row, id=name) for name, row in CASES.items()])
def test_rule(events: Sequence[BrowserEvent | ServerEvent], expected: list[tuple[str, str, int]]) -> None:
    assert tell(*events) == expected


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        pytest.param(browser(0), server(1), "browser", id="browser-first"),
        pytest.param(server(0), browser(299), "browser", id="browser-favoured-within-five-minutes"),
        pytest.param(server(0), browser(301), "server", id="server-kept-after-five-minutes"),
    ],
)
def test_whose_event_is_kept(first: Any, second: Any, kept: str) -> None:
    both = (first, second)
    (pair,) = deduplicate(
        [event for event in both if isinstance(event, BrowserEvent)],
        [event for event in both if isinstance(event, ServerEvent)],
    )
    assert pair.kept == kept


ids = st.sampled_from(["a", "b", "", None])
fields: dict[str, Any] = {
    "event_id": ids,
    "event_name": st.sampled_from(["Lead", "Purchase"]),
    "fbp": st.sampled_from(["", "fb.1.1.1", "fb.1.1.2"]),
    "at": st.floats(0, 100 * HOUR),
}


@given(
    st.lists(st.fixed_dictionaries(fields).map(lambda row: browser(**row)), max_size=12),
    st.lists(st.fixed_dictionaries(fields).map(lambda row: server(**row)), max_size=12),
)
def test_each_event_is_in_exactly_one_pair(left: list[BrowserEvent], right: list[ServerEvent]) -> None:
    left = [replace(event, number=number) for number, event in enumerate(left)]
    right = [replace(event, number=100 + number) for number, event in enumerate(right)]
    pairs = deduplicate(left, right)
    assert sorted(leg.number for pair in pairs for leg in pair.legs) == [leg.number for leg in (*left, *right)]
    assert all(pair.counted >= 1 for pair in pairs)
    assert [pair.received_at for pair in pairs] == sorted(pair.received_at for pair in pairs)
