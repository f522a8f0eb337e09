"""Rows of the checklist that the whole middleware answers for."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import create_environ

from capi_middleware import CapiMiddleware
from tests.page.row import row
from tests.page.wire import HTML, PAGE, request

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept": "text/html,*/*",
    "Accept-Language": "sv",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}
Wrap = Callable[[Any], CapiMiddleware]


def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [HTML])
    return [PAGE]


@pytest.fixture
def wrap(tmp_path: Path) -> Iterator[Wrap]:
    made: list[CapiMiddleware] = []

    def build(app: Any) -> CapiMiddleware:
        made.append(
            CapiMiddleware(
                app, pixel_id="1234567890", access_token="x", graph_url="http://127.0.0.1:9", state_dir=str(tmp_path)
            )
        )
        return made[-1]

    yield build
    for one in made:
        one.close()


@row("recursion / double wrap")
def test_wrapped_twice(wrap: Wrap) -> None:
    once = request(wrap(LintMiddleware(shop)), headers=BROWSER)
    twice = request(wrap(wrap(LintMiddleware(shop))), headers=BROWSER)
    assert once.body.count(b"window.capi = ") == twice.body.count(b"window.capi = ") == 1


@row("CONNECT/OPTIONS/TRACE, `Upgrade: websocket`, 101")
@pytest.mark.parametrize(
    ("method", "headers"),
    [("OPTIONS", {}), ("TRACE", {}), ("CONNECT", {}), ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"})],
)
def test_called_directly(wrap: Wrap, method: str, headers: dict[str, str]) -> None:
    seen: list[Any] = []
    body = [PAGE]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append((environ, dict(environ), start_response))
        return body

    environ = create_environ(method=method, headers={**BROWSER, **headers})
    before = dict(environ)
    assert wrap(app)(environ, print) is body
    assert seen == [(environ, before, print)]


class Input(io.BytesIO):
    reads = 0

    def read(self, *size: Any) -> bytes:
        self.reads += 1
        return super().read(*size)


@row("wsgi.input")
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"])
def test_the_body_is_read_by_the_app_alone(wrap: Wrap, kind: str) -> None:
    given = Input(b"sku=A-1&quantity=2")
    read: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert given.reads == 0
        read.append(environ["wsgi.input"].read(18))
        return shop(environ, start_response)

    environ = create_environ("/cart/add", method="POST", headers={**BROWSER, "Content-Type": kind})
    environ["wsgi.input"] = given
    environ["CONTENT_LENGTH"] = "18"
    list(wrap(app)(environ, lambda *_: print))
    assert read == [b"sku=A-1&quantity=2"]
    assert given.reads == 1


@row("wsgi.input")
def test_a_body_that_the_app_leaves_is_left(wrap: Wrap) -> None:
    given = Input(b"sku=A-1")
    environ = create_environ("/cart/add", method="POST", headers=BROWSER)
    environ["wsgi.input"] = given
    environ["CONTENT_LENGTH"] = "7"
    list(wrap(shop)(environ, lambda *_: print))
    assert given.reads == 0


@row("hop-by-hop")
def test_no_hop_by_hop_header_is_added(wrap: Wrap) -> None:
    # wsgiref's handler asserts that there is none; the proxy's own rows are in tests/proxy.
    for method in ("GET", "HEAD", "POST"):
        answered = request(wrap(shop), headers=BROWSER, method=method)
        names = {name.lower() for name, _ in answered.headers}
        assert names.isdisjoint({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})


@row("Set-Cookie _fbp/_fbc")
@pytest.mark.parametrize("header", [("Cache-Control", "max-age=60"), ("ETag", '"1"'), ("Surrogate-Key", "x")])
def test_no_cookie_on_what_a_cache_may_keep(wrap: Wrap, header: tuple[str, str]) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [HTML, header])
        return [PAGE]

    answered = request(wrap(app), headers=BROWSER, path="/?fbclid=IwAR0123456789abcdef")
    assert answered.header("Set-Cookie") is None
    assert b"window.capi = " in answered.body


@row("import / construction")
def test_construction_starts_nothing(wrap: Wrap) -> None:
    before = set(threading.enumerate())
    wrap(shop)
    assert set(threading.enumerate()) == before


@row("import / construction")
def test_import_starts_nothing() -> None:
    code = (
        "import threading, socket\n"
        "def no(*a, **k): raise SystemExit('a socket')\n"
        "socket.socket.connect = socket.socket.bind = no\n"
        "import capi_middleware\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
