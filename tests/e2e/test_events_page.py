"""The sandbox's events page in Chromium: it fills by itself, and shows what came over the wire as text."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Page

from capi_middleware.sandbox import Sandbox

from .conftest import PIXEL, TOKEN, Visitor


@pytest.fixture
def page(sandbox: Sandbox, visitor: Visitor) -> Iterator[Page]:
    visitor.page.goto(f"{sandbox.url}/")
    visitor.page.wait_for_selector(".empty:visible")
    yield visitor.page
    assert visitor.errors == []


def send(sandbox: Sandbox, **changes: Any) -> requests.Response:
    event = {
        "event_name": "ViewContent",
        "event_time": int(time.time()),
        "event_id": "one",
        "action_source": "website",
        "event_source_url": "http://www.shop.test/p",
        "user_data": {"client_user_agent": "x", "fbp": "fb.1.1.1"},
        "custom_data": {"content_name": "<img src=x onerror=alert(1)>", "value": 12.5, "currency": "SEK"},
    }
    body = {"data": [event | changes], "access_token": TOKEN}
    return requests.post(f"{sandbox.url}/v25.0/{PIXEL}/events", json=body, timeout=10)


def fire(sandbox: Sandbox) -> None:
    wire = {"id": PIXEL, "ev": "ViewContent", "eid": "one", "dl": "http://www.shop.test/p", "fbp": "fb.1.1.1"}
    requests.get(f"{sandbox.url}/tr/", params=wire, timeout=10)


def test_events_appear_by_themselves_and_pair_up(sandbox: Sandbox, page: Page) -> None:
    send(sandbox)
    page.wait_for_selector(".result.server")
    fire(sandbox)
    page.wait_for_selector(".result.deduplicated")
    assert page.locator(".event").count() == 1
    assert page.inner_text("[data-figure=deduplicated]") == "1"
    assert "<img src=x" in page.inner_text(".what")
    assert page.locator(".rows img").count() == 0


def test_a_row_opens_to_both_legs(sandbox: Sandbox, page: Page) -> None:
    send(sandbox)
    fire(sandbox)
    page.wait_for_selector(".result.deduplicated")
    page.click(".row")
    assert "12.5" in page.inner_text(".leg.server")
    assert "nothing arrived" not in page.inner_text(".more")
    send(sandbox, event_id="two")
    page.wait_for_selector(".result.server")
    assert page.locator(".more:visible").count() == 1  # what was opened stays open


def test_filters(sandbox: Sandbox, page: Page) -> None:
    send(sandbox)
    page.wait_for_selector(".event")
    page.click("[data-filter=browser]")
    assert page.locator(".event").count() == 0
    page.click("[data-filter=server]")
    assert page.locator(".event").count() == 1


def test_making_meta_ill_and_well_again(sandbox: Sandbox, page: Page) -> None:
    page.click(".moods button:has-text('token refused')")
    page.wait_for_selector(".moods button.ill[aria-pressed=true]")
    assert send(sandbox).status_code == 401
    page.wait_for_selector(".refused li:has-text('190')")
    page.click(".moods button:has-text('healthy')")
    page.wait_for_selector(".moods button:not(.ill)[aria-pressed=true]")
    assert send(sandbox).status_code == 200


def test_clear(sandbox: Sandbox, page: Page) -> None:
    send(sandbox)
    page.wait_for_selector(".event")
    page.click(".clear")
    page.wait_for_selector(".empty:visible")
    assert sandbox.server_events == []
