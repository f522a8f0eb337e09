from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from capi_middleware.sandbox import Sandbox

PIXEL = "1234567890"
TOKEN = "EAAsandboxtoken"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tokens={PIXEL: TOKEN, "2222222222": "EAAother"}) as running:
        yield running


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


def event(**changes: Any) -> dict[str, Any]:
    """A good website event; a key changed to ``...`` is left out."""
    whole: dict[str, Any] = {
        "event_name": "ViewContent",
        "event_time": int(time.time()),
        "event_id": "event-1",
        "action_source": "website",
        "event_source_url": "https://www.shop.test/p/1",
        "user_data": {"client_user_agent": "Mozilla/5.0", "fbp": "fb.1.1700000000000.42"},
    }
    whole.update(changes)
    return {key: value for key, value in whole.items() if value is not ...}
