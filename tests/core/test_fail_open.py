"""Every internal call is made to fail in turn: the shop's bytes and headers must be those of the unwrapped app.

Faults are injected from outside, by a trace function that raises when a given function of ours is entered: nothing is
patched, and no function that a request reaches can be forgotten.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

import capi_middleware
from capi_middleware import CapiMiddleware
from capi_middleware.demo import Shop

PACKAGE = str(Path(capi_middleware.__file__).parent)
APART = (f"{PACKAGE}/demo", f"{PACKAGE}/sandbox")
SHELL = {
    # What stands between the server and the app itself: if these lines raise, so would any middleware's.
    ("middleware.py", "__call__"),
    ("middleware.py", "_nothing"),
    ("middleware.py", "_failed"),
    ("middleware.py", "_count"),
    ("middleware.py", "_place"),
    ("journey.py", "on_start"),
    ("response.py", "*"),
    ("body.py", "read"),
    ("body.py", "_keep"),
    ("body.py", "readinto"),
}
CONTAINED = (f"{PACKAGE}/infer/", f"{PACKAGE}/delivery/", f"{PACKAGE}/admin/traffic.py")
"""Rooms that promise never to raise: a page whose facts cannot be read still gets its PageView, an outbox that cannot
store still lets the pixel's leg go, and figures about the traffic are worth less than the traffic."""
SNIPPET = re.compile(
    rb'\n?<script>\n(?:window\.)?capi = .*?</script>\n<script async src="/_shop/[0-9a-f]{16}\.js"></script>\n'
    rb"|<script>\ncapi\.fired.*?</script>\n",
    re.S,
)
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    "Accept": "text/html",
    "Accept-Language": "sv",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
REQUESTS: dict[str, Callable[[Client], Any]] = {
    "page": lambda client: client.get("/", headers=HEADERS),
    "product": lambda client: client.get("/produkt/vas-havsglas", headers=HEADERS),
    "landing with a click": lambda client: client.get("/?fbclid=IwAR_Ab-1", headers=HEADERS),
    "form": lambda client: client.post("/varukorg/lagg-till", data={"sku": "X", "antal": "1"}, headers=HEADERS),
    "json": lambda client: client.post("/api/varukorg", json={"sku": "X", "antal": 1}, headers=HEADERS),
    "asset": lambda client: client.get("/static/shop.css", headers=HEADERS),
}


class Fault(Exception):
    """Not a fault that anybody could expect."""


def _ours(code: CodeType) -> bool:
    name = code.co_filename
    if not name.startswith(PACKAGE) or name.startswith(APART) or code.co_name.startswith("<"):
        return False
    short = Path(name).name
    return (short, code.co_name) not in SHELL and (short, "*") not in SHELL


def headers(response: TestResponse) -> list[tuple[str, str]]:
    return [pair for pair in response.headers if pair[0] not in ("Date", "Expires")]


def _trace(request: Callable[[], Any], seen: Callable[[CodeType], None]) -> Any:
    main = threading.current_thread()

    def tracer(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and threading.current_thread() is main and _ours(frame.f_code):
            seen(frame.f_code)

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        return request()
    finally:
        sys.settrace(before)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", REQUESTS)
def test_every_internal_call_fails_in_turn(name: str, tmp_path: Path) -> None:
    request = REQUESTS[name]
    plain = request(Client(Shop()))
    app = CapiMiddleware(Shop(), pixel_id="1234567890", state_dir=str(tmp_path), graph_url="http://127.0.0.1:9")
    try:
        request(Client(app))  # what happens only once has happened
        reached: set[CodeType] = set()
        _trace(lambda: request(Client(app)), reached.add)
        assert len(reached) > 10
        missed = 0
        for code in sorted(reached, key=lambda code: (code.co_filename, code.co_firstlineno)):
            spent = []

            def fail(entered: CodeType, code: CodeType = code, spent: list[CodeType] = spent) -> None:
                if entered is code and not spent:
                    spent.append(code)
                    raise Fault(code.co_qualname)

            answer = _trace(lambda fail=fail: request(Client(app)), fail)  # type: ignore[misc]
            where = f"{Path(code.co_filename).name}:{code.co_qualname}"
            if not spent:  # what is done for one page in many (a look for consent tools)
                missed += 1
                continue
            assert answer.status == plain.status, where
            if code.co_filename.startswith(CONTAINED) and answer.data != plain.data:
                assert SNIPPET.sub(b"", answer.data) == plain.data, where
                continue
            if code.co_filename.startswith(CONTAINED) and headers(answer) != headers(plain):
                assert {name for name, _ in set(headers(answer)) - set(headers(plain))} <= {
                    "Set-Cookie",
                    "Server-Timing",
                }
                continue
            assert answer.data == plain.data, where
            assert headers(answer) == headers(plain), where
        assert missed < len(reached) / 4
    finally:
        app.close()
