"""What an app says of itself, whatever its values are."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware, track
from capi_middleware.sandbox import Sandbox
from capi_middleware.tracking import TRACKED, tracked
from tests.core.test_middleware import NAVIGATION, PIXEL


class Lazy:
    """As a framework's translation: its text is known when it is asked for."""

    def __str__(self) -> str:
        return "Mugg"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("9.50"), 9.5),
        (Decimal("9"), 9.0),
        (Fraction(1, 2), 0.5),
        (True, True),
        (("A", "B"), ["A", "B"]),
        ({"A"}, ["A"]),
        ([{"id": UUID(int=7), "item_price": Decimal("5")}], [{"id": str(UUID(int=7)), "item_price": 5.0}]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (date(2026, 9, 1), "2026-09-01"),
        (Lazy(), "Mugg"),
    ],
)
def test_what_is_no_json_is_made_such(value: Any, sent: Any) -> None:
    environ: dict[str, Any] = {TRACKED: []}
    assert track(environ, "Lead", it=value)
    (found,) = tracked(environ)
    assert found.custom_data == {"it": sent}
    assert json.loads(json.dumps(found.custom_data)) == found.custom_data


class Unwilling:
    def __str__(self) -> str:
        raise LookupError("no row")


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), {(1, 2): 3}, Unwilling()])
def test_what_cannot_be_sent_is_refused_with_a_word(value: Any, caplog: pytest.LogCaptureFixture) -> None:
    environ: dict[str, Any] = {TRACKED: []}
    assert not track(environ, "Lead", it=value)
    assert tracked(environ) == ()
    assert "cannot be written as JSON" in caplog.text


@pytest.mark.parametrize("name", ["Fel!", "x" * 51, "", None, 5])
def test_a_name_that_cannot_be_sent_is_refused_with_a_word(name: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert not track({TRACKED: []}, name)
    assert "not an event name" in caplog.text


def test_a_number_is_a_key_too() -> None:
    environ: dict[str, Any] = {TRACKED: []}
    assert track(environ, "Purchase", event_key=17) and track(environ, "Purchase", event_key="17")
    assert [found.key for found in tracked(environ)] == ["17", "17"]


def test_an_app_that_is_not_wrapped_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert not track({}, "Lead")
    assert "did not pass CapiMiddleware" in caplog.text


@pytest.mark.parametrize("status", ["200 OK", "303 See Other"])
def test_a_decimal_costs_no_page_its_events(status: str, tmp_path: Path) -> None:
    def shop(environ: Any, start_response: Any) -> list[bytes]:
        assert track(environ, "Lead", value=Decimal("9.50"), currency="SEK")
        start_response(status, [("Content-Type", "text/html"), ("Location", "/tack")])
        return [b"<!doctype html><html><head></head><body>Hej</body></html>"]

    with Sandbox() as sandbox:
        app = CapiMiddleware(shop, pixel_id=PIXEL, access_token="t", graph_url=sandbox.url, state_dir=str(tmp_path))
        Client(app).get("/", headers=NAVIGATION)
        assert app.flush(10)
        app.close()
        lead = next(event.payload for event in sandbox.server_events if event.payload["event_name"] == "Lead")
    assert lead["custom_data"] == {"value": 9.5, "currency": "SEK"}
