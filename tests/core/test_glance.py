"""A script's GET of which nothing was expected, and its answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, create_environ

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


def asked(app: Any, path: str, tmp_path: Path, **headers: str) -> list[str]:
    """Names of the events that Meta is told of."""
    with Sandbox() as sandbox:
        wrapped = CapiMiddleware(
            app, pixel_id=PIXEL, access_token="EAAtoken", graph_url=sandbox.url, state_dir=str(tmp_path)
        )
        Client(wrapped).get(path, headers={**FETCH, **headers}, base_url="http://shop.example")
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


def test_an_app_that_begins_late_is_followed_all_the_same(tmp_path: Path) -> None:
    """PEP 3333 lets an app call ``start_response`` when its first bytes are asked for."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("302 Found", [("Location", "/varukorg")])
        yield b""

    assert asked(app, "/varukorg/lagg-till?product_id=12&antal=2", tmp_path) == ["AddToCart"]


def test_an_answer_that_has_passed_is_passed_anew_after_an_error_of_the_app(tmp_path: Path) -> None:
    """PEP 3333, "The start_response() Callable": with ``exc_info`` an app may begin again."""
    begun = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        try:
            raise LookupError("stock")
        except LookupError:
            start_response("500 Oops", [("Content-Type", "text/html")], sys.exc_info())
        return [b"<!doctype html><html><head></head><body>no</body></html>"]

    wrapped = CapiMiddleware(app, pixel_id=PIXEL, access_token="EAAtoken", state_dir=str(tmp_path))
    environ = create_environ("/api/lager", "http://shop.example", headers=FETCH)
    body = b"".join(wrapped(environ, lambda *said: begun.append((said[0], len(said)))))
    wrapped.close()
    assert begun == [("200 OK", 2), ("500 Oops", 3)]
    assert body == b"<!doctype html><html><head></head><body>no</body></html>"


def test_headers_that_are_none_are_left_to_the_server(tmp_path: Path) -> None:
    begun: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [7])
        return [b"{}"]

    wrapped = CapiMiddleware(app, pixel_id=PIXEL, access_token="EAAtoken", state_dir=str(tmp_path))
    environ = create_environ("/api/lager", "http://shop.example", headers=FETCH)
    assert wrapped(environ, lambda *said: begun.append(said)) == [b"{}"]
    wrapped.close()
    assert begun == [("200 OK", [7])]


def test_a_referer_that_is_no_address_costs_nothing(tmp_path: Path) -> None:
    app = answering("302 Found", ("Location", "/varukorg"))
    assert asked(app, "/varukorg/lagg-till?product_id=12&antal=2", tmp_path, Referer="http://[") == ["AddToCart"]
