"""What counts as a message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.collect import Handed, Kind, read_message

ID = "0123456789abcdef0123456789abcdef"
VIEW = {"v": 1, "k": "view", "u": "https://shop.example/p/1?a=b", "r": "https://shop.example/", "i": ID}


def read(message: Any) -> Any:
    return read_message(json.dumps(message).encode())


def test_a_view() -> None:
    message = read(VIEW)
    assert (message.kind, message.url, message.referrer, message.view_id) == (Kind.VIEW, VIEW["u"], VIEW["r"], ID)


def test_a_report() -> None:
    message = read({"v": 1, "k": "report", "u": VIEW["u"], "s": "queued", "e": [["PageView", ID], ["Lead", "order-7"]]})
    assert message.handed is Handed.QUEUED
    assert message.rows == (("PageView", ID), ("Lead", "order-7"))


def test_a_report_from_under_prototype() -> None:
    rows = json.dumps([json.dumps(["PageView", ID])])
    assert read({"v": 1, "k": "report", "u": VIEW["u"], "s": "handed", "e": rows}).rows == (("PageView", ID),)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"v": 2}, id="another version"),
        pytest.param({"k": "delete"}, id="another kind"),
        pytest.param({"k": None}, id="no kind"),
        pytest.param({"i": "short"}, id="a short ID"),
        pytest.param({"i": ID.upper()}, id="an ID of other letters"),
        pytest.param({"i": 5}, id="an ID that is a number"),
        pytest.param({"u": "/p/1"}, id="no absolute address"),
        pytest.param({"u": "javascript:alert(1)"}, id="an address of another kind"),
        pytest.param({"u": "https://shop.example/\n"}, id="an address with a line break"),
        pytest.param({"u": "https://shop.example/" + "x" * 3000}, id="a long address"),
        pytest.param({"u": "https://[::1"}, id="an address that cannot be read"),
        pytest.param({"k": "track", "n": "<script>", "d": {}}, id="a name with signs"),
        pytest.param({"k": "track", "n": "Lead", "d": [1]}, id="data that is a list"),
        pytest.param({"k": "report", "s": "delivered", "e": []}, id="a claim that no page can make"),
        pytest.param({"k": "report", "s": "handed", "e": [["PageView"]]}, id="half a row"),
    ],
)
def test_refused(change: dict[str, Any]) -> None:
    assert read({**VIEW, **change}) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 30_000, id="depth"),
        pytest.param(
            b'{"v":1,"k":"track","u":"https://a.b/","i":"%s","n":"Lead","d":{"x":NaN}}' % ID.encode(), id="NaN"
        ),
    ],
)
def test_no_message(body: bytes) -> None:
    assert read_message(body) is None


@given(st.binary(max_size=300))
def test_random_bytes_are_no_message_and_no_fault(body: bytes) -> None:
    assert read_message(body) is None


KEYS = st.sampled_from(["v", "k", "u", "r", "i", "t", "p", "n", "d", "s", "e"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.sampled_from([1, ID, "view", "track", VIEW["u"]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=11))
def test_random_messages_are_no_fault(message: dict[str, Any]) -> None:
    read({"v": 1, "u": VIEW["u"], "i": ID, **message})
