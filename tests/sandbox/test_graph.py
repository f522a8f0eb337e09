"""What the events endpoint takes and refuses, with Meta's codes: one row, one case."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from capi_middleware.sandbox import Fault, Sandbox

from .conftest import PIXEL, TOKEN, event

NOW = int(time.time())
DAY = 86400
GOOD_PURCHASE = {"event_name": "Purchase", "custom_data": {"value": 10, "currency": "SEK"}}


def post(
    session: requests.Session, sandbox: Sandbox, events: Any, path: str = f"/v25.0/{PIXEL}/events", **more: Any
) -> requests.Response:
    body = {"data": events, "access_token": TOKEN} | more
    return session.post(f"{sandbox.url}{path}", json=body, timeout=10)


def refusal(answer: requests.Response) -> tuple[int, int, int]:
    """HTTP status, code, subcode; the body's shape is checked on the way."""
    error = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id", "is_transient"} <= error.keys()
    assert isinstance(error["message"], str) and error["message"]
    return answer.status_code, error["code"], error.get("error_subcode", 0)


def test_a_good_event_is_received(sandbox: Sandbox, session: requests.Session) -> None:
    answer = post(session, sandbox, [event()])
    assert answer.status_code == 200
    body = answer.json()
    assert (body["events_received"], body["messages"]) == (1, [])
    assert body["fbtrace_id"].startswith("A")
    (received,) = sandbox.server_events
    assert (received.event_name, received.event_id, received.fbp) == ("ViewContent", "event-1", "fb.1.1700000000000.42")


GOOD: Mapping[str, Mapping[str, Any]] = {
    "seven-days-less-an-hour": {"event_time": NOW - 7 * DAY + 3600},
    "in-store-after-two-months": {"action_source": "physical_store", "event_time": NOW - 61 * DAY},
    "time-as-text": {"event_time": str(NOW)},
    "purchase-whole": GOOD_PURCHASE,
    "value-as-text": {"custom_data": {"value": "142.52", "currency": "usd"}},
    "contents-with-ids": {"custom_data": {"contents": [{"id": "a", "quantity": 1}]}},
    "custom-event": {"event_name": "Rented", "custom_data": {"anything": {"deep": [1]}}},
    "page-view": {"event_name": "PageView"},
    "no-event-id": {"event_id": ...},
    "number-as-event-id": {"event_id": 12345},
    "user-ip-and-agent": {"user_data": {"client_user_agent": "x", "client_ip_address": "192.0.2.1"}},
    "user-email-without-agent": {"user_data": {"em": ["0" * 64]}},
    "user-names": {"user_data": {"fn": ["0" * 64], "ln": ["0" * 64]}},
    "user-name-and-zip": {"user_data": {"fn": ["0" * 64], "zp": ["0" * 64]}},
    "user-external-id": {"user_data": {"external_id": "a"}},
    "user-fbc": {"user_data": {"fbc": "fb.1.1.a"}},
}


@pytest.mark.parametrize("changes", [pytest.param(row, id=name) for name, row in GOOD.items()])
def test_it_takes(sandbox: Sandbox, session: requests.Session, changes: Mapping[str, Any]) -> None:
    answer = post(session, sandbox, [event(**changes)])
    assert answer.status_code == 200, answer.text
    assert len(sandbox.server_events) == 1


BAD: Mapping[str, tuple[Mapping[str, Any], int]] = {
    "older-than-seven-days": ({"event_time": NOW - 7 * DAY - 60}, 2804003),
    "in-store-older-than-62-days": ({"action_source": "physical_store", "event_time": NOW - 63 * DAY}, 2804003),
    "in-the-future": ({"event_time": NOW + 3600}, 2804004),
    "time-in-milliseconds": ({"event_time": NOW * 1000}, 2804004),
    "time-missing": ({"event_time": ...}, 0),
    "time-is-no-number": ({"event_time": "today"}, 0),
    "time-is-a-fraction": ({"event_time": NOW + 0.5}, 0),
    "purchase-without-anything": ({"event_name": "Purchase"}, 2804009),
    "purchase-without-value": ({"event_name": "Purchase", "custom_data": {"currency": "SEK"}}, 2804009),
    "purchase-without-currency": ({"event_name": "Purchase", "custom_data": {"value": 1}}, 2804023),
    "value-without-currency": ({"custom_data": {"value": 10}}, 2804023),
    "value-with-empty-currency": ({"custom_data": {"value": 10, "currency": ""}}, 2804023),
    "contents-without-id": ({"custom_data": {"contents": [{"id": "a"}, {"quantity": 1}]}}, 2804008),
    "contents-of-text": ({"custom_data": {"contents": ["a"]}}, 2804008),
    "contents-no-list": ({"custom_data": {"contents": {"id": "a"}}}, 0),
    "value-is-no-number": ({"custom_data": {"value": "12,5 kr", "currency": "SEK"}}, 0),
    "currency-is-none": ({"custom_data": {"currency": "kr"}}, 0),
    "name-missing": ({"event_name": ...}, 0),
    "name-empty": ({"event_name": " "}, 0),
    "action-source-missing": ({"action_source": ...}, 0),
    "action-source-unknown": ({"action_source": "web"}, 0),
    "action-source-no-text": ({"action_source": ["website"]}, 0),
    "website-without-url": ({"event_source_url": ...}, 0),
    "custom-data-no-object": ({"custom_data": [1]}, 0),
    "user-data-missing": ({"user_data": ...}, 0),
    "user-data-empty": ({"user_data": {}}, 2804050),
    "user-agent-alone": ({"user_data": {"client_user_agent": "x"}}, 2804050),
    "user-empty-keys-do-not-count": ({"user_data": {"client_user_agent": "x", "em": [], "fbp": ""}}, 2804050),
    "user-place-and-agent": (
        {"user_data": dict.fromkeys(("ct", "country", "st", "zp", "client_user_agent"), "x")},
        2804050,
    ),
    "user-birthday-and-agent": ({"user_data": {"db": "x", "client_user_agent": "x"}}, 2804050),
    "user-first-name-and-gender": ({"user_data": {"fn": "x", "ge": "x"}}, 2804050),
    "user-last-name-and-gender": ({"user_data": {"ln": "x", "ge": "x"}}, 2804050),
}


@pytest.mark.parametrize(("changes", "subcode"), [pytest.param(*row, id=name) for name, row in BAD.items()])
def test_it_refuses(sandbox: Sandbox, session: requests.Session, changes: Mapping[str, Any], subcode: int) -> None:
    answer = post(session, sandbox, [event(**changes)])
    assert refusal(answer) == (400, 100, subcode)
    assert "data[0]" in json.dumps(answer.json()["error"])
    assert sandbox.server_events == []


def test_one_bad_event_refuses_the_whole_batch(sandbox: Sandbox, session: requests.Session) -> None:
    batch = [event(event_id=str(number)) for number in range(10)]
    batch[7]["event_time"] = NOW - 8 * DAY
    answer = post(session, sandbox, batch)
    assert refusal(answer) == (400, 100, 2804003)
    assert answer.json()["error"]["error_data"]["blame_field_specs"] == [["data[7][event_time]"]]
    assert sandbox.server_events == []
    (call,) = sandbox.calls
    assert (call.status, call.subcode, len(call.event_ids)) == (400, 2804003, 10)


def test_a_thousand_events_are_taken_and_one_more_is_not(sandbox: Sandbox, session: requests.Session) -> None:
    batch = [event(event_id=str(number)) for number in range(1000)]
    assert post(session, sandbox, batch).json()["events_received"] == 1000
    assert refusal(post(session, sandbox, [*batch, event()])) == (400, 100, 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(None, id="missing"),
        pytest.param([], id="empty"),
        pytest.param({}, id="object"),
        pytest.param("[", id="broken"),
        pytest.param('[{"a": NaN}]', id="not-a-number"),
        pytest.param([1], id="numbers"),
    ],
)
def test_data_must_be_events(sandbox: Sandbox, session: requests.Session, data: Any) -> None:
    assert refusal(post(session, sandbox, data)) == (400, 100, 0)


ENCODINGS = {
    "json": lambda whole: {"json": {"data": whole, "access_token": TOKEN}},
    "json-bearer": lambda whole: {"json": {"data": whole}, "headers": {"Authorization": f"Bearer {TOKEN}"}},
    "json-token-in-query": lambda whole: {"json": {"data": whole}, "params": {"access_token": TOKEN}},
    "form": lambda whole: {"data": {"data": json.dumps(whole), "access_token": TOKEN}},
    "multipart": lambda whole: {"files": {"data": (None, json.dumps(whole)), "access_token": (None, TOKEN)}},
    "sdk-list-of-texts": lambda whole: {"json": {"data": [json.dumps(one) for one in whole], "access_token": TOKEN}},
    "form-list-of-texts": lambda whole: {
        "data": {"data": json.dumps([json.dumps(one) for one in whole]), "access_token": TOKEN}
    },
}


@pytest.mark.parametrize("encode", [pytest.param(row, id=name) for name, row in ENCODINGS.items()])
def test_it_reads(sandbox: Sandbox, session: requests.Session, encode: Any) -> None:
    names = ["Åsa", "<b>"]
    whole = [event(event_id=name, custom_data={"content_name": name}) for name in names]
    answer = session.post(f"{sandbox.url}/v25.0/{PIXEL}/events", timeout=10, **encode(whole))
    assert answer.status_code == 200, answer.text
    assert [one.custom_data["content_name"] for one in sandbox.server_events] == names
    assert sandbox.calls[0].body and sandbox.calls[0].event_ids == tuple(names)


def test_the_sdk_of_meta_itself_is_understood(sandbox: Sandbox, session: requests.Session) -> None:
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData

    made = Event(
        event_name="Lead",
        event_time=NOW,
        event_id="sdk",
        event_source_url="https://www.shop.test/",
        action_source=ActionSource.WEBSITE,
        user_data=UserData(email="a@example.com", client_user_agent="x"),
    )
    parameters = EventRequest(pixel_id=PIXEL, events=[made]).get_params()
    assert post(session, sandbox, parameters["data"]).json()["events_received"] == 1


@pytest.mark.parametrize(
    ("path", "token", "expected"),
    [
        pytest.param(f"/v25.0/{PIXEL}/events", "EAAwrong", (401, 190, 0), id="token-unknown"),
        pytest.param(f"/v25.0/{PIXEL}/events", "", (400, 104, 0), id="token-missing"),
        pytest.param(f"/v25.0/{PIXEL}/events", "EAAother", (400, 100, 33), id="token-of-another-pixel"),
        pytest.param("/v25.0/999999999/events", TOKEN, (400, 100, 33), id="pixel-unknown"),
        pytest.param(f"/{PIXEL}/events", TOKEN, (400, 2500, 0), id="no-version"),
        pytest.param(f"/latest/{PIXEL}/events", TOKEN, (400, 2500, 0), id="no-such-version"),
    ],
)
def test_address_and_token(
    sandbox: Sandbox, session: requests.Session, path: str, token: str, expected: tuple[int, int, int]
) -> None:
    answer = session.post(f"{sandbox.url}{path}", json={"data": [event()], "access_token": token}, timeout=10)
    assert refusal(answer) == expected
    assert not token or token not in answer.text
    assert sandbox.server_events == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_only_post(sandbox: Sandbox, session: requests.Session, method: str) -> None:
    answer = session.request(method, f"{sandbox.url}/v25.0/{PIXEL}/events", params={"access_token": TOKEN}, timeout=10)
    assert refusal(answer) == (400, 100, 33)


def test_no_trailing_slash(sandbox: Sandbox, session: requests.Session) -> None:
    assert post(session, sandbox, [event()], path=f"/v25.0/{PIXEL}/events/").status_code == 404
    assert sandbox.server_events == []


def test_any_pixel_and_token_do_where_none_are_named(session: requests.Session) -> None:
    with Sandbox() as free:
        assert post(session, free, [event()]).status_code == 200
        assert refusal(post(session, free, [event()], access_token="")) == (400, 104, 0)
        assert refusal(post(session, free, [event()], path="/v25.0/shop/events")) == (400, 100, 33)


def test_appsecret_proof_is_demanded_where_a_secret_is_set(session: requests.Session) -> None:
    with Sandbox(app_secret="s3cr3t") as strict:
        proof = hmac.new(b"s3cr3t", TOKEN.encode(), hashlib.sha256).hexdigest()
        assert post(session, strict, [event()], appsecret_proof=proof).status_code == 200
        assert refusal(post(session, strict, [event()], appsecret_proof="00")) == (400, 104, 0)
        assert refusal(post(session, strict, [event()])) == (400, 104, 0)


def test_test_events_are_marked_and_still_counted(sandbox: Sandbox, session: requests.Session) -> None:
    assert post(session, sandbox, [event()], test_event_code="TEST123").status_code == 200
    assert sandbox.server_events[0].test_event_code == "TEST123"


def test_usage_is_told_in_a_header(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.app.usage = 97
    usage = json.loads(post(session, sandbox, [event()]).headers["X-App-Usage"])
    assert usage == {"call_count": 97, "total_cputime": 97, "total_time": 97}


FAULTS: Mapping[str, tuple[Fault, tuple[int, int, int]]] = {
    "rate-limit": (Fault(code=4, subcode=1504022), (400, 4, 1504022)),
    "user-rate-limit": (Fault(code=17), (400, 17, 0)),
    "ad-account-rate-limit": (Fault(code=80004), (400, 80004, 0)),
    "unknown": (Fault(code=1), (500, 1, 0)),
    "service-down": (Fault(code=2), (503, 2, 0)),
    "token-expired": (Fault(code=190, subcode=463), (401, 190, 463)),
    "permission-missing": (Fault(code=200), (403, 200, 0)),
    "blocked": (Fault(code=368), (403, 368, 0)),
    "other-status": (Fault(code=190, status=400), (400, 190, 0)),
}


@pytest.mark.parametrize(("fault", "expected"), [pytest.param(*row, id=name) for name, row in FAULTS.items()])
def test_a_fault_answers(
    sandbox: Sandbox, session: requests.Session, fault: Fault, expected: tuple[int, int, int]
) -> None:
    sandbox.fail("graph", fault)
    answer = post(session, sandbox, [event()])
    assert refusal(answer) == expected
    assert answer.json()["error"]["is_transient"] is (fault.code in (1, 2, 4, 17, 80004))
    assert sandbox.server_events == [] and sandbox.calls[0].by_fault
    sandbox.fail("graph", None)
    assert post(session, sandbox, [event()]).status_code == 200


def test_a_gateways_page_is_no_json(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fail("graph", Fault(status=503, retry_after=7, times=1))
    answer = post(session, sandbox, [event()])
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert answer.headers["Retry-After"] == "7"
    assert post(session, sandbox, [event()]).status_code == 200


def test_a_slow_answer_comes_late(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fail("graph", Fault(delay=0.4, times=1))
    started = time.monotonic()
    assert post(session, sandbox, [event()]).status_code == 200
    assert time.monotonic() - started >= 0.4


def test_a_transient_flag_overrides(sandbox: Sandbox, session: requests.Session) -> None:
    sandbox.fail("graph", Fault(code=100, transient=True))
    assert post(session, sandbox, [event()]).json()["error"]["is_transient"] is True


def test_a_place_that_does_not_exist_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="graph, script, config, plugin, tr"):
        sandbox.fail("grahp", Fault(drop=True))  # type: ignore[arg-type]
