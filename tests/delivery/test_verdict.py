"""The table of verdicts: one row, one test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from capi_middleware.delivery.verdict import MAX_WAIT, Kind, Verdict, judge, unreachable, untrusted


def verdict(status: int, body: Any = b"", **headers: str) -> Verdict:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = CaseInsensitiveDict({key.replace("_", "-"): value for key, value in headers.items()})
    return judge(status, named, text, 10)


def refused(code: int, subcode: int = 0, status: int = 400, **more: Any) -> Verdict:
    return verdict(status, {"error": {"message": "no", "code": code, "error_subcode": subcode, **more}})


@pytest.mark.parametrize(
    ("code", "subcode", "status", "kind"),
    [
        (1, 0, 500, Kind.FEW),
        (1, 99, 400, Kind.FEW),
        (2, 0, 503, Kind.RETRY),
        (4, 0, 400, Kind.THROTTLED),
        (4, 1504022, 400, Kind.THROTTLED),
        (4, 1504039, 400, Kind.THROTTLED),
        (17, 0, 400, Kind.THROTTLED),
        (17, 2446079, 400, Kind.THROTTLED),
        (32, 0, 400, Kind.THROTTLED),
        (341, 0, 400, Kind.THROTTLED),
        (368, 0, 400, Kind.HOLD),
        (613, 0, 400, Kind.THROTTLED),
        (613, 1487742, 400, Kind.THROTTLED),
        (613, 5044001, 400, Kind.THROTTLED),
        (80000, 0, 400, Kind.THROTTLED),
        (80001, 0, 400, Kind.THROTTLED),
        (80002, 0, 400, Kind.THROTTLED),
        (80003, 0, 400, Kind.THROTTLED),
        (80004, 0, 400, Kind.THROTTLED),
        (80005, 0, 400, Kind.THROTTLED),
        (80006, 0, 400, Kind.THROTTLED),
        (80008, 0, 400, Kind.THROTTLED),
        (80009, 0, 400, Kind.THROTTLED),
        (80014, 0, 400, Kind.THROTTLED),
        (10, 0, 403, Kind.HOLD),
        (10, 0, 400, Kind.HOLD),
        (200, 0, 403, Kind.HOLD),
        (200, 0, 400, Kind.HOLD),
        (230, 0, 400, Kind.HOLD),
        (299, 0, 400, Kind.HOLD),
        (3, 0, 400, Kind.HOLD),
        (102, 0, 401, Kind.HOLD),
        (104, 0, 400, Kind.HOLD),
        (190, 0, 401, Kind.HOLD),
        (190, 0, 400, Kind.HOLD),
        (190, 452, 400, Kind.HOLD),
        (190, 458, 400, Kind.HOLD),
        (190, 459, 400, Kind.HOLD),
        (190, 460, 400, Kind.HOLD),
        (190, 463, 400, Kind.HOLD),
        (190, 464, 400, Kind.HOLD),
        (190, 465, 400, Kind.HOLD),
        (190, 467, 400, Kind.HOLD),
        (190, 492, 400, Kind.HOLD),
        (294, 0, 400, Kind.HOLD),
        (100, 33, 400, Kind.HOLD),
        (100, 2804003, 400, Kind.OLD),
        (100, 2804004, 400, Kind.FUTURE),
        (100, 2804008, 400, Kind.POISON),
        (100, 2804009, 400, Kind.POISON),
        (100, 2804023, 400, Kind.POISON),
        (100, 2804050, 400, Kind.POISON),
        (100, 2804001, 400, Kind.POISON),
        (100, 2804007, 400, Kind.POISON),
        (100, 2804016, 400, Kind.POISON),
        (100, 2804017, 400, Kind.POISON),
        (100, 2804019, 400, Kind.POISON),
        (100, 2804048, 400, Kind.POISON),
        (100, 2804043, 400, Kind.POISON),
        (100, 0, 400, Kind.POISON),
        (100, 1234, 400, Kind.POISON),
        (300, 0, 400, Kind.POISON),
        (5000, 0, 500, Kind.FEW),
        (5000, 0, 400, Kind.FEW),
        (-1, 0, 400, Kind.FEW),
        (999, 0, 500, Kind.FEW),
        (999, 0, 400, Kind.POISON),
        (999, 0, 401, Kind.HOLD),
        (999, 0, 403, Kind.HOLD),
        (0, 0, 400, Kind.POISON),
    ],
)
def test_graph_error(code: int, subcode: int, status: int, kind: Kind) -> None:
    found = refused(code, subcode, status, fbtrace_id="T1")
    assert (found.kind, found.code, found.subcode, found.trace) == (kind, code, subcode, "T1")
    assert found.reason


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, Kind.RETRY),
        (502, Kind.RETRY),
        (503, Kind.RETRY),
        (408, Kind.RETRY),
        (425, Kind.RETRY),
        (429, Kind.THROTTLED),
        (401, Kind.HOLD),
        (403, Kind.HOLD),
        (404, Kind.HOLD),
        (405, Kind.HOLD),
        (410, Kind.HOLD),
        (300, Kind.HOLD),
        (301, Kind.HOLD),
        (302, Kind.HOLD),
        (413, Kind.SPLIT),
        (414, Kind.SPLIT),
        (400, Kind.POISON),
        (422, Kind.POISON),
        (199, Kind.RETRY),
    ],
)
def test_status_without_json(status: int, kind: Kind) -> None:
    assert verdict(status, b"<html>no</html>").kind is kind


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: refused(190), ["the access token is not valid", "Events Manager"]),
        (lambda: refused(190, 463), ["expired", "Events Manager"]),
        (lambda: refused(190, 467), ["revoked"]),
        (lambda: refused(104), ["app secret", "Events Manager"]),
        (lambda: refused(10), ["permission", "Events Manager"]),
        (lambda: refused(100, 33), ["pixel ID", "access token"]),
        (lambda: refused(100, 2804009), ["Purchase", "value"]),
        (lambda: refused(368), ["policy"]),
        (lambda: refused(4), ["less often"]),
        (lambda: refused(2), ["down for the moment"]),
        (lambda: refused(100, is_transient=True), ["will pass"]),
        (lambda: refused(5000), ["inside Meta"]),
        (lambda: refused(999, 0, 413), ["too large"]),
        (lambda: refused(999, 0, 401), ["refuses access", "no"]),
        (lambda: verdict(200, b"<html>"), ["captive portal", "proxy"]),
        (lambda: verdict(199), ["makes no sense", "199"]),
        (lambda: verdict(400), ["refused", "400"]),
        (lambda: verdict(401), ["access token", "401"]),
        (lambda: verdict(404), ["graph_url", "404"]),
        (lambda: verdict(413), ["too large"]),
        (lambda: verdict(429), ["less often"]),
        (lambda: verdict(500), ["Meta answered", "500"]),
        (lambda: unreachable("no route to host"), ["no route to host"]),
        (lambda: untrusted("self-signed"), ["self-signed", "clock", "certificates", "proxy"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_reason_says_what_to_look_at(answer: Callable[[], Verdict], words: list[str]) -> None:
    found = answer()
    assert all(word in found.reason for word in words), found.reason


def test_a_connection_that_is_not_secure_is_tried_again_after_five_minutes() -> None:
    assert untrusted("expired").wait == 300


def test_an_error_without_a_readable_code() -> None:
    found = verdict(400, {"error": {"code": "abc", "error_subcode": True, "fbtrace_id": 7}})
    assert (found.kind, found.code, found.subcode, found.trace) == (Kind.POISON, 0, 0, "")


def test_a_code_written_as_text_is_read() -> None:
    assert verdict(400, {"error": {"code": "190", "error_subcode": "463"}})[:3] == (Kind.HOLD, 190, 463)


def test_too_large_with_a_graph_error() -> None:
    assert refused(999, 0, 413).kind is Kind.SPLIT


def test_transient_overrides_100() -> None:
    assert refused(100, 0, 400, is_transient=True).kind is Kind.RETRY
    assert refused(100, 0, 400, is_transient=False).kind is Kind.POISON
    assert refused(4, 0, 400, is_transient=True).kind is Kind.THROTTLED


def test_429_with_any_error_is_throttling() -> None:
    assert refused(999, 0, 429).kind is Kind.THROTTLED


def test_success() -> None:
    found = verdict(200, {"events_received": 10, "messages": [], "fbtrace_id": "A1"})
    assert found == Verdict(Kind.DONE, trace="A1")


def test_fewer_received_is_done_with_a_warning() -> None:
    found = verdict(200, {"events_received": 9, "messages": ["one was odd"]})
    assert found.kind is Kind.DONE and "9 of 10" in found.reason and "one was odd" in found.reason


def test_fewer_received_and_no_word_why() -> None:
    assert verdict(200, {"events_received": 9}).reason == "Meta says it received 9 of 10 events."


def test_what_meta_says_of_a_success_is_kept_within_bounds() -> None:
    assert verdict(200, {"events_received": 10, "messages": ["one", "two"]}).reason == "one; two"
    assert verdict(200, {"events_received": 10, "messages": ["x" * 400]}).reason == "x" * 300
    assert verdict(200, {"events_received": 10, "fbtrace_id": "A" * 200}).trace == "A" * 100


@pytest.mark.parametrize(
    "body",
    [b"<html>Log in to the Wi-Fi</html>", b'{"events_rec', b"", b"[]", b"{}", b"null", b'{"events_received": "10"}'],
    ids=["captive portal", "cut JSON", "empty", "list", "object", "null", "text"],
)
def test_success_without_metas_answer_is_unknown(body: bytes) -> None:
    assert verdict(200, body).kind is Kind.RETRY


def test_error_in_a_200_is_an_error() -> None:
    assert verdict(200, {"error": {"code": 190}}).kind is Kind.HOLD


def test_no_answer() -> None:
    assert unreachable("timeout").kind is Kind.RETRY
    assert untrusted("certificate").kind is Kind.HOLD


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", 7), ("0", 0), ("-5", 0), ("abc", 0), ("1000000000", 3600), ("", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0)],
)
def test_retry_after(value: str, wait: float) -> None:
    assert verdict(429, b"", Retry_After=value).wait == wait
    assert verdict(503, b"", Retry_After=value).wait == wait


@pytest.mark.parametrize(
    "error",
    [{"code": 1}, {"code": 2}, {"code": 4}, {"code": 5000}, {"code": 100, "is_transient": True}],
    ids=str,
)
def test_retry_after_beside_a_graph_error(error: dict[str, Any]) -> None:
    assert verdict(400, {"error": error}, Retry_After="7").wait == 7
    assert verdict(400, {"error": error}).wait == 0


def test_retry_after_of_a_500_without_json() -> None:
    assert verdict(500, b"", Retry_After="7").wait == 7


def test_a_dead_token_asks_for_no_wait_of_its_own() -> None:
    assert refused(190).wait == 0


def test_retry_after_as_a_date() -> None:
    assert 25 <= verdict(503, b"", Retry_After=formatdate(time.time() + 30, usegmt=True)).wait <= 31


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"X_App_Usage": '{"call_count": 20, "total_time": 79}'}, 0, 0),
        ({"X_App_Usage": '{"call_count": 80}'}, 0, 0),
        ({"X_App_Usage": '{"call_count": 80.5}'}, 5, 5),
        ({"X_App_Usage": '{"total_cputime": 94}'}, 5, 5),
        ({"X_App_Usage": '{"total_time": 94}'}, 5, 5),
        ({"X_App_Usage": '{"call_count": 95}'}, 60, 60),
        ({"X_Business_Use_Case": '{"1": [{"call_count": 95}]}'}, 60, 60),
        ({"X_Ad_Account_Usage": '{"acc_id_util_pct": 100, "reset_time_duration": 120}'}, 120, 120),
        ({"X_Business_Use_Case_Usage": '{"1": [{"call_count": 96, "estimated_time_to_regain_access": 5}]}'}, 300, 300),
        ({"X_Business_Use_Case_Usage": "nonsense"}, 0, 0),
        ({"X_App_Usage": '{"call_count": true}'}, 0, 0),
        ({"X_App_Usage": "[1]"}, 0, 0),
    ],
    ids=[
        "low",
        "80",
        "above 80",
        "processor",
        "time",
        "95",
        "use case",
        "account",
        "business",
        "nonsense",
        "boolean",
        "list",
    ],
)
def test_usage_headers(headers: dict[str, str], low: float, high: float) -> None:
    assert low <= verdict(200, {"events_received": 10}, **headers).wait <= high


def test_throttling_waits_as_long_as_meta_says() -> None:
    usage = '{"1": [{"estimated_time_to_regain_access": 3}]}'
    found = judge(400, CaseInsensitiveDict({"X-Business-Use-Case-Usage": usage}), b'{"error": {"code": 80004}}', 1)
    assert found.wait == 180


@pytest.mark.parametrize("usage", ['{"call_count": 20}', '{"estimated_time_to_regain_access": 1%s}' % ("0" * 400)])
def test_throttling_without_a_time_that_can_be_read_waits_as_a_failure_does(usage: str) -> None:
    found = judge(400, CaseInsensitiveDict({"X-App-Usage": usage}), b'{"error": {"code": 80004}}', 1)
    assert (found.kind, found.wait) == (Kind.THROTTLED, 0)


def test_blocked_for_policy_waits_an_hour() -> None:
    assert refused(368).wait >= 3600


def test_words_of_meta_only_where_the_code_is_unknown() -> None:
    assert "Ogiltig parameter" in refused(100, 7, error_user_msg="Ogiltig parameter").reason
    assert "Ogiltig" not in refused(190, 463, error_user_msg="Ogiltig").reason


def test_metas_words_are_one_clean_line() -> None:
    odd = "one\r\ntwo\x1b[31m\u202ethree"
    assert verdict(400, {"error": {"code": 100, "message": odd, "fbtrace_id": "A\n1"}})[3:5] == (
        "one  two [31m three",
        "A 1",
    )
    assert verdict(200, {"events_received": 10, "messages": [odd]}).reason == "one  two [31m three"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"error_user_msg": "long", "error_user_title": "short", "message": "raw"}, "long"),
        ({"error_user_msg": "", "error_user_title": "short", "message": "raw"}, "short"),
        ({"error_user_title": None, "message": "raw"}, "raw"),
        ({"message": "x" * 400}, "x" * 300),
        ({"message": ""}, "refused without a reason"),
    ],
    ids=["message for people", "title", "message", "long", "nothing"],
)
def test_which_of_metas_words(said: dict[str, Any], reason: str) -> None:
    assert verdict(400, {"error": {"code": 100, "error_subcode": 7, **said}}).reason == reason


def test_metas_clock_is_read() -> None:
    assert verdict(200, {"events_received": 10}, Date="Thu, 01 Jan 2026 00:00:00 GMT").server_time == 1767225600
    assert verdict(200, {"events_received": 10}, Date="soon").server_time == 0


@given(st.integers(100, 599), st.binary(max_size=200), st.dictionaries(st.text(max_size=9), st.text(max_size=20)))
def test_any_answer_has_a_verdict(status: int, body: bytes, headers: dict[str, str]) -> None:
    assert isinstance(judge(status, CaseInsensitiveDict(headers), body, 3).kind, Kind)


_LARGE = st.integers(-(10**400), 10**400)
_USAGE = st.dictionaries(
    st.sampled_from(["call_count", "acc_id_util_pct", "estimated_time_to_regain_access", "reset_time_duration"]),
    _LARGE | st.floats() | st.none() | st.text(max_size=5),
)


@given(_USAGE, st.text(max_size=40), st.text(max_size=20), st.sampled_from([200, 400, 429, 503]))
def test_any_header_has_a_verdict(usage: dict[str, Any], date: str, after: str, status: int) -> None:
    headers = CaseInsensitiveDict({"Date": date, "Retry-After": after, "X-App-Usage": json.dumps(usage)})
    found = judge(status, headers, b'{"events_received": 3}' if status == 200 else b'{"error": {"code": 4}}', 3)
    assert 0 <= found.wait <= MAX_WAIT


@pytest.mark.parametrize("code", [10**9, -(10**9), 10**30, -(10**30), "9" * 30, "9" * 5000])
def test_a_code_is_one_that_a_column_holds(code: Any) -> None:
    """PostgreSQL's INTEGER has 32 bits. What cannot be written would be tried again, and nothing else, for ever."""
    found = refused(code, code)
    assert all(-(1 << 31) <= number < 1 << 31 for number in (found.code, found.subcode))


@pytest.mark.parametrize(("code", "kept"), [((1 << 31) - 1, True), (1 - (1 << 31), True), (1 << 31, False)])
def test_the_largest_code_that_a_column_holds(code: int, kept: bool) -> None:
    assert refused(100, code).subcode == (code if kept else 0)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KEYS = st.sampled_from(
    ["message", "code", "error_subcode", "is_transient", "error_user_msg", "fbtrace_id", "events_received"]
)


@given(st.integers(100, 599), st.dictionaries(_KEYS, _JSON))
def test_any_error_has_a_verdict(status: int, error: dict[str, Any]) -> None:
    for body in ({"error": error}, error):
        found = judge(status, CaseInsensitiveDict(), json.dumps(body).encode(), 3)
        assert isinstance(found.kind, Kind) and isinstance(found.reason, str)
