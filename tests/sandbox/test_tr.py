"""The pixel's endpoint: both methods, a picture of 43 bytes, and what is read from the wire."""

from __future__ import annotations

import pytest
import requests

from capi_middleware.sandbox import Sandbox

WIRE = {
    "id": "1234567890",
    "ev": "ViewContent",
    "dl": "https://www.shop.test/p#top",
    "rl": "https://www.shop.test/",
    "if": "false",
    "ts": "1700000000123",
    "cd[content_ids]": '["NK-1","NK-2"]',
    "cd[value]": "12.50",
    "cd[content_name]": "Mugg [Fjäll]",
    "ud[em]": "0" * 64,
    "fbp": "fb.1.1700000000000.42",
    "eid": "event-1",
    "rqm": "GET",
}


@pytest.mark.parametrize("path", ["/tr", "/tr/"])
@pytest.mark.parametrize("method", ["GET", "POST", "multipart"])
def test_an_event_is_read(sandbox: Sandbox, session: requests.Session, path: str, method: str) -> None:
    address = f"{sandbox.url}{path}"
    if method == "GET":
        answer = session.get(address, params=WIRE, timeout=10)
    elif method == "POST":
        answer = session.post(address, data=WIRE, timeout=10)
    else:
        answer = session.post(address, files={key: (None, text) for key, text in WIRE.items()}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"], len(answer.content)) == (200, "image/gif", 43)
    (event,) = sandbox.browser_events
    assert (event.pixel_id, event.event_name, event.event_id) == ("1234567890", "ViewContent", "event-1")
    assert event.event_time == 1700000000.123
    assert event.custom_data == {
        "content_ids": ["NK-1", "NK-2"],
        "value": "12.50",
        "content_name": "Mugg [Fjäll]",
    }
    assert event.user_data == {"em": "0" * 64}
    assert event.parameters == tuple(WIRE.items())


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        pytest.param({"eid": "x"}, "x", id="given"),
        pytest.param({"eid": ""}, "", id="empty"),
        pytest.param({}, None, id="absent"),
    ],
)
def test_an_absent_id_is_not_an_empty_one(
    sandbox: Sandbox, session: requests.Session, wire: dict[str, str], expected: str | None
) -> None:
    session.get(f"{sandbox.url}/tr", params={"id": "1", "ev": "Lead"} | wire, timeout=10)
    assert sandbox.browser_events[0].event_id == expected


@pytest.mark.parametrize("wire", [{"id": "1"}, {"ev": "Lead"}, {}])
def test_what_names_no_event_is_answered_and_not_counted(
    sandbox: Sandbox, session: requests.Session, wire: dict[str, str]
) -> None:
    assert session.get(f"{sandbox.url}/tr", params=wire, timeout=10).status_code == 200
    assert sandbox.browser_events == []


def test_broken_json_stays_text(sandbox: Sandbox, session: requests.Session) -> None:
    session.get(f"{sandbox.url}/tr", params={"id": "1", "ev": "Lead", "cd[a]": "[1", "ts": "x"}, timeout=10)
    assert sandbox.browser_events[0].custom_data == {"a": "[1"}
