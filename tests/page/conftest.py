"""Values that the room's tests share."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.page import Judge, Snippet
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import MetaSettings
from capi_middleware.visit import Answer, Asker, Consent, Visit

PIXEL = "1234567890"


def visit(**more: Any) -> Visit:
    values: dict[str, Any] = {
        "method": "GET",
        "scheme": "https",
        "host": "shop.example",
        "path": "/",
        "query": "",
        "url": "https://shop.example/",
        "source_url": "https://shop.example/",
        "referrer": "",
        "address": "192.0.2.1",
        "user_agent": "Mozilla/5.0",
        "cookies": {},
        "asker": Asker.PERSON,
        "reason": "",
        "consent": Consent(Answer.GRANTED, True, "test", "test"),
    }
    return Visit(**values | more)


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(meta=MetaSettings(pixel_id=PIXEL))


@pytest.fixture(scope="session")
def judge(settings: Settings) -> Judge:
    return Judge(settings)


@pytest.fixture(scope="session")
def snippet(settings: Settings) -> Snippet:
    return Snippet(settings)
