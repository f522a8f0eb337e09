"""A script's GET of which nothing was expected, and its answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox
from tests.core.test_middleware import AGENT, PIXEL

FETCH = {
    "User-Agent": AGENT,
    "Accept": "*/*",
    "Accept-Language": "sv",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Referer": "http://shop.example/produkt/mugg",
}


def asked(app: Any, path: str, tmp_path: Path) -> list[str]:
    """Names of the events that Meta is told of."""
    with Sandbox() as sandbox:
        wrapped = CapiMiddleware(
            app, pixel_id=PIXEL, access_token="EAAtoken", graph_url=sandbox.url, state_dir=str(tmp_path)
        )
        Client(wrapped).get(path, headers=FETCH, base_url="http://shop.example")
        assert wrapped.flush(10)
        wrapped.close()
        return [event.payload["event_name"] for event in sandbox.server_events]


def answering(status: str, *headers: tuple[str, str]) -> Any:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, list(headers))
        return [b"{}"]

    return app


def test_json_is_nobodys_business(tmp_path: Path) -> None:
    assert asked(answering("200 OK", ("Content-Type", "application/json")), "/api/lager?sku=12", tmp_path) == []


@pytest.mark.parametrize("status", ["302 Found", "303 See Other"])
def test_a_redirect_to_the_cart_is_looked_at(status: str, tmp_path: Path) -> None:
    app = answering(status, ("Location", "/varukorg"))
    assert asked(app, "/varukorg/lagg-till?product_id=12&antal=2", tmp_path) == ["AddToCart"]


def test_a_redirect_elsewhere_is_nothing(tmp_path: Path) -> None:
    app = answering("302 Found", ("Location", "/logga-in"))
    assert asked(app, "/varukorg/lagg-till?product_id=12&antal=2", tmp_path) == []
