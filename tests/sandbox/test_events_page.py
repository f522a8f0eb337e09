"""The events page: its figures, its notes, and its buttons."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from capi_middleware.sandbox import Sandbox
from capi_middleware.sandbox.events_page import MOODS

from .conftest import PIXEL, TOKEN, event


def send(session: requests.Session, sandbox: Sandbox, **changes: Any) -> requests.Response:
    body = {"data": [event(**changes)], "access_token": TOKEN}
    return session.post(f"{sandbox.url}/v25.0/{PIXEL}/events", json=body, timeout=10)


def fire(session: requests.Session, sandbox: Sandbox, **changes: Any) -> None:
    wire = {"id": PIXEL, "ev": "ViewContent", "eid": "event-1", "fbp": "fb.1.1700000000000.42"} | changes
    session.get(f"{sandbox.url}/tr/", params=wire, timeout=10)


def read(session: requests.Session, sandbox: Sandbox) -> dict[str, Any]:
    data: dict[str, Any] = session.get(f"{sandbox.url}/events.json", timeout=10).json()
    return data


def test_a_pair_is_one_row(sandbox: Sandbox, session: requests.Session) -> None:
    send(session, sandbox)
    fire(session, sandbox)
    data = read(session, sandbox)
    assert data["overview"] == {
        "counted": 1,
        "deduplicated": 1,
        "browser": 0,
        "server": 0,
        "twice": 0,
        "refused": 0,
    }
    (row,) = data["events"]
    assert (row["status"], row["method"], row["notes"]) == ("deduplicated", "id", [])


def test_what_stands_alone_is_counted_apart(sandbox: Sandbox, session: requests.Session) -> None:
    send(session, sandbox, event_id="server-only")
    fire(session, sandbox, eid="browser-only")
    fire(session, sandbox, eid="browser-only")
    send(session, sandbox, event_time=5)
    data = read(session, sandbox)
    assert data["overview"] == {
        "counted": 3,
        "deduplicated": 0,
        "browser": 2,
        "server": 1,
        "twice": 1,
        "refused": 1,
    }
    assert [row["status"] for row in data["events"]] == ["browser", "server"]
    assert data["refused"][0]["subcode"] == 2804003


@pytest.mark.parametrize(
    ("of_server", "of_browser", "said"),
    [
        pytest.param({}, {"fbp": "other"}, "disagree on _fbp", id="other-fbp"),
        pytest.param({}, {"cd[value]": "1"}, "same parameters", id="other-parameters"),
        pytest.param({"event_id": ...}, None, "Without an event ID", id="no-id"),
        pytest.param({"event_time": int(time.time()) - 7200}, None, "an hour late", id="late"),
        pytest.param({"user_data": {"em": ["asa@example.se"]}}, None, "not hashed: em", id="plain-email"),
    ],
)
def test_notes(
    sandbox: Sandbox,
    session: requests.Session,
    of_server: dict[str, Any],
    of_browser: dict[str, Any] | None,
    said: str,
) -> None:
    send(session, sandbox, **of_server)
    if of_browser is not None:
        fire(session, sandbox, **of_browser)
    (row,) = read(session, sandbox)["events"]
    assert any(said in note for note in row["notes"]), row["notes"]


def test_nobodys_data_is_shown(sandbox: Sandbox, session: requests.Session) -> None:
    send(session, sandbox, user_data={"em": ["asa@example.se"], "client_ip_address": "192.0.2.77", "fbp": "fb.1.1.1"})
    text = session.get(f"{sandbox.url}/events.json", timeout=10).text
    assert "asa@" not in text and "192.0.2.77" not in text and TOKEN not in text


def test_nothing_new_is_no_answer(sandbox: Sandbox, session: requests.Session) -> None:
    revision = read(session, sandbox)["revision"]
    address = f"{sandbox.url}/events.json?revision={revision}"
    assert session.get(address, timeout=10).status_code == 204
    fire(session, sandbox)
    assert session.get(address, timeout=10).status_code == 200


@pytest.mark.parametrize("mood", MOODS)
def test_a_mood_is_set_and_taken_away(sandbox: Sandbox, session: requests.Session, mood: str) -> None:
    assert session.post(f"{sandbox.url}/control", json={"mood": mood}, timeout=10).status_code == 204
    assert read(session, sandbox)["mood"] == mood
    session.post(f"{sandbox.url}/control", json={"mood": "healthy"}, timeout=10)
    assert send(session, sandbox).status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param({"json": {"mood": "angry"}}, 400, id="no-such-mood"),
        pytest.param({"json": ["mood"]}, 400, id="no-object"),
        pytest.param({"data": {"mood": "down"}}, 415, id="a-form-of-another-site"),
    ],
)
def test_buttons_take_only_what_they_know(
    sandbox: Sandbox, session: requests.Session, sent: dict[str, Any], status: int
) -> None:
    assert session.post(f"{sandbox.url}/control", timeout=10, **sent).status_code == status
    assert read(session, sandbox)["mood"] == "healthy"


def test_clear_forgets(sandbox: Sandbox, session: requests.Session) -> None:
    send(session, sandbox)
    session.post(f"{sandbox.url}/control", json={"clear": True}, timeout=10)
    assert read(session, sandbox)["events"] == [] and sandbox.calls == []


@pytest.mark.parametrize("path", ["/", "/static/events.js", "/static/events.css", "/static/mark.svg"])
def test_the_page_and_its_files(sandbox: Sandbox, session: requests.Session, path: str) -> None:
    assert session.get(f"{sandbox.url}{path}", timeout=10).status_code == 200


@pytest.mark.parametrize("path", ["/static/fbevents.js", "/static/../record.py", "/static/%2e%2e/record.py", "/x"])
def test_nothing_else_is_served(sandbox: Sandbox, session: requests.Session, path: str) -> None:
    assert session.get(f"{sandbox.url}{path}", timeout=10).status_code == 404
