"""The server under the stand-in: connections kept alive, cut, refused, and back on the same port."""

from __future__ import annotations

import json

import pytest
import requests

from capi_middleware.sandbox import Fault, Sandbox

from .conftest import PIXEL, TOKEN, event


def send(session: requests.Session, sandbox: Sandbox, **changes: object) -> requests.Response:
    body = {"data": [event(**changes)], "access_token": TOKEN}
    return session.post(f"{sandbox.url}/v25.0/{PIXEL}/events", json=body, timeout=10)


def test_down_refuses_and_up_is_back_on_the_same_port(sandbox: Sandbox, session: requests.Session) -> None:
    assert send(session, sandbox).status_code == 200
    address = sandbox.url
    sandbox.down()
    with pytest.raises(requests.ConnectionError):
        send(session, sandbox)
    sandbox.up()
    assert sandbox.url == address
    assert send(session, sandbox).status_code == 200


def test_connections_are_kept_alive(sandbox: Sandbox, session: requests.Session) -> None:
    for _ in range(3):
        assert "Connection" not in send(session, sandbox).headers


def test_a_dropped_request_gets_no_answer_and_the_next_one_does(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fail("graph", Fault(drop=True, times=1))
    with pytest.raises(requests.ConnectionError):
        send(session, sandbox)
    assert sandbox.server_events == []
    assert send(session, sandbox).status_code == 200


def test_a_lost_answer_leaves_the_events_counted(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fail("graph", Fault(lost=True, times=1))
    with pytest.raises(requests.ConnectionError):
        send(session, sandbox)
    assert [one.event_id for one in sandbox.server_events] == ["event-1"]


def test_chunked_bodies_are_read(sandbox: Sandbox, session: requests.Session) -> None:
    whole = json.dumps({"data": [event()], "access_token": TOKEN}).encode()
    pieces = (whole[at : at + 50] for at in range(0, len(whole), 50))
    answer = session.post(
        f"{sandbox.url}/v25.0/{PIXEL}/events", data=pieces, headers={"Content-Type": "application/json"}, timeout=10
    )
    assert answer.json()["events_received"] == 1
