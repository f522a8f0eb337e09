"""Answers to a page's script that a rule wants to see: however they come, they are seen, and pass as they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client, TestResponse

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox
from tests.core.test_glance import FETCH
from tests.core.test_middleware import PIXEL

RULES = """
[[rule]]
event = "AddToCart"
method = "POST"
path = "/cart/add"
data = { content_ids = "form:id" }
when = { json = { success = true } }

[[rule]]
event = "Lead"
method = "POST"
path = "/lead"
data = { content_name = "response-json:cart" }
"""
JSON = ("Content-Type", "application/json")
Start = Callable[..., Any]
Shape = Callable[[bytes, Start], Iterable[bytes]]


def answer(pad: int = 0) -> bytes:
    return json.dumps({"success": True, "cart": "x" * pad}).encode()


def posted(shape: Shape, tmp_path: Path, body: bytes, path: str = "/cart/add") -> tuple[TestResponse, list[str]]:
    """The answer as the visitor gets it, and the names of the events that Meta is told of."""

    def shop(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        return shape(body, start_response)

    (tmp_path / "shop.toml").write_text(RULES)
    with Sandbox() as sandbox:
        app: Any = CapiMiddleware(
            LintMiddleware(shop),  # type: ignore[arg-type]
            tmp_path / "shop.toml",
            pixel_id=PIXEL,
            access_token="EAAtoken",
            graph_url=sandbox.url,
            state_dir=str(tmp_path),
        )
        client = Client(LintMiddleware(app))
        got = client.post(path, data={"id": "A1"}, headers=FETCH, base_url="http://shop.example")
        got.get_data()
        got.close()
        assert app.flush(10)
        app.close()
        return got, [event.payload["event_name"] for event in sandbox.server_events]


def whole(body: bytes, start: Start) -> Iterable[bytes]:
    start("200 OK", [JSON, ("Content-Length", str(len(body)))])
    return [body]


def iterated(body: bytes, start: Start) -> Iterable[bytes]:
    start("200 OK", [JSON, ("Content-Length", str(len(body)))])
    return iter([body])


def in_pieces(body: bytes, start: Start) -> Iterable[bytes]:
    start("200 OK", [JSON])
    return iter([b"", body[:3], b"", body[3:]])


def begun_late(body: bytes, start: Start) -> Iterator[bytes]:
    start("200 OK", [JSON])
    yield body[:3]
    yield body[3:]


def written(body: bytes, start: Start) -> Iterable[bytes]:
    write = start("200 OK", [JSON])
    write(body)
    return []


@pytest.mark.parametrize("shape", [whole, iterated, in_pieces, begun_late])
def test_both_legs(shape: Shape, tmp_path: Path) -> None:
    got, events = posted(shape, tmp_path, answer())
    assert got.data == answer()
    assert events == ["AddToCart"]
    assert "Server-Timing" in got.headers


@pytest.mark.parametrize("shape", [whole, iterated])
def test_a_large_cart_in_one_piece(shape: Shape, tmp_path: Path) -> None:
    got, events = posted(shape, tmp_path, answer(200_000))
    assert got.data == answer(200_000)
    assert events == ["AddToCart"]


def test_a_large_cart_that_is_compressed(tmp_path: Path) -> None:
    def compressed(body: bytes, start: Start) -> Iterable[bytes]:
        start("200 OK", [JSON, ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))])
        return [body]

    body = gzip.compress(answer(200_000))
    got, events = posted(compressed, tmp_path, body)
    assert got.data == body
    assert events == ["AddToCart"]
    body = gzip.compress(answer(2_000_000))
    got, events = posted(compressed, tmp_path, body)
    assert (got.data, events) == (body, []), "more than is read"


@pytest.mark.parametrize(
    ("shape", "size"), [(in_pieces, 100_000), (begun_late, 100_000), (written, 0), (whole, 300_000)]
)
def test_what_is_not_kept_proves_nothing(shape: Shape, size: int, tmp_path: Path) -> None:
    got, events = posted(shape, tmp_path, answer(size))
    assert (got.data, events) == (answer(size), [])


@pytest.mark.parametrize("shape", [in_pieces, begun_late, written])
def test_what_needs_no_proof_counts_on_the_server_where_no_header_can_tell_it(shape: Shape, tmp_path: Path) -> None:
    got, events = posted(shape, tmp_path, answer(100_000), path="/lead")
    assert got.data == answer(100_000)
    assert events == ["Lead"]
    assert "Server-Timing" not in got.headers and "Set-Cookie" not in got.headers


@pytest.mark.parametrize("shape", [whole, in_pieces, begun_late])
def test_an_empty_answer(shape: Shape, tmp_path: Path) -> None:
    got, events = posted(shape, tmp_path, b"", path="/lead")
    assert (got.data, events) == (b"", ["Lead"])
