"""Credentials tried against the stand-in of Meta, which answers as Meta does: no event may come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from capi_middleware.delivery import try_access
from capi_middleware.sandbox import Fault, Listener, Sandbox
from capi_middleware.settings import Secret
from capi_middleware.settings.settings import MetaSettings

PIXEL, TOKEN = "1234567890", "EAAcanaryTOKEN0123456789abcdef"


@pytest.fixture
def meta() -> Iterator[Sandbox]:
    with Sandbox(tokens={PIXEL: TOKEN, "9876543210": "EAAother0123456789"}) as running:
        yield running


def settings(meta: Sandbox, pixel_id: str = PIXEL, token: str = TOKEN) -> MetaSettings:
    return MetaSettings(pixel_id=pixel_id, access_token=Secret(token), graph_url=meta.url, test_event_code="TEST1")


def test_good_credentials_and_nothing_counts(meta: Sandbox) -> None:
    trial = try_access(settings(meta), "https://shop.example/")
    assert (trial.ok, trial.verdict.code, trial.verdict.subcode) == (True, 100, 2804003)
    assert meta.server_events == []


@pytest.mark.parametrize(
    ("pixel_id", "token", "code", "subcode"),
    [
        pytest.param(PIXEL, "EAAunknown0123456789", 190, 0, id="token-unknown"),
        pytest.param("1111111111", TOKEN, 100, 33, id="pixel-unknown"),
        pytest.param("9876543210", TOKEN, 100, 33, id="token-of-another-pixel"),
    ],
)
def test_bad_credentials(meta: Sandbox, pixel_id: str, token: str, code: int, subcode: int) -> None:
    trial = try_access(settings(meta, pixel_id, token), "https://shop.example/")
    assert not trial.ok
    assert (trial.verdict.code, trial.verdict.subcode) == (code, subcode)
    assert token not in trial.words + trial.answer


def test_no_answer_is_no_verdict_on_the_token(meta: Sandbox) -> None:
    meta.fail("graph", Fault(drop=True))
    trial = try_access(settings(meta), "https://shop.example/")
    assert not trial.ok and trial.verdict.code == 0


def test_the_token_travels_in_the_body_alone() -> None:
    seen: list[dict[str, Any]] = []

    def meta(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        seen.append({**environ, "body": body})
        start_response("400 Bad Request", [("Content-Type", "application/json")])
        return [b'{"error": {"code": 100, "error_subcode": 2804003}}']

    with Listener(meta) as listener:
        given = MetaSettings(pixel_id=PIXEL, access_token=Secret(TOKEN), graph_url=listener.url)
        assert try_access(given, "https://shop.example/").ok
    (call,) = seen
    assert TOKEN.encode() in call.pop("body")
    assert TOKEN not in str(call)
