"""The validator itself: a hand-made page with both legs passes, and each single thing that is wrong is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
import requests
from werkzeug.wrappers import Request, Response

from capi_middleware.sandbox import BrowserEvent, Pair, Sandbox, ServerEvent

from .conftest import PIXEL, TOKEN, Visitor
from .validator import Expected, check, check_server_only, faults_of, unmatched

BASE_CODE = """<script>!function(w,d,n,u,f,s,t){if(w.fbq)return;f=w.fbq=function(){f.callMethod?
f.callMethod.apply(f,arguments):f.queue.push(arguments)};w._fbq=w._fbq||f;f.push=f;f.loaded=!0;f.version='2.0';f.queue=[];
s=d.createElement(n);s.async=!0;s.src=u;t=d.getElementsByTagName(n)[0];t.parentNode.insertBefore(s,t)}
(window,document,'script','https://connect.facebook.net/en_US/fbevents.js');
fbq('init','%s');fbq('track','ViewContent',{value:7.5,content_ids:['a']},{eventID:'one'});</script>"""
FBP = "fb.1.1700000000000.42"


class HandMade:
    """A page with the base code; its server leg is sent to Graph as the page is answered."""

    def __init__(self, graph_url: str) -> None:
        self.graph_url = graph_url

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.path != "/p":
            return Response(status=204)(environ, start_response)
        event = {
            "event_name": "ViewContent",
            "event_id": "one",
            "event_time": int(time.time()),
            "action_source": "website",
            "event_source_url": request.url,
            "user_data": {"client_user_agent": request.user_agent.string, "fbp": FBP},
            "custom_data": {"value": 7.5, "currency": "SEK", "content_ids": ["a"]},
        }
        answer = requests.post(
            f"{self.graph_url}/v25.0/{PIXEL}/events", json={"data": [event], "access_token": TOKEN}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        page = BASE_CODE.replace("value:7.5", "value:7.5,currency:'SEK'") % PIXEL
        response = Response(
            f"<!doctype html><html><head>{page}</head><body>Product</body></html>", mimetype="text/html"
        )
        response.set_cookie("_fbp", FBP)
        return response(environ, start_response)


def test_both_legs_of_a_hand_made_page_pass(
    sandbox: Sandbox, visitor: Visitor, serve: Callable[[WSGIApplication], str]
) -> None:
    shop = serve(HandMade(sandbox.url))
    visitor.page.goto(f"{shop}/p")
    pairs = check(sandbox, [Expected("ViewContent", "/p", {"value": 7.5})], visitor)
    assert [pair.counted for pair in pairs] == [1]


def test_a_blocked_script_leaves_the_server_leg(
    sandbox: Sandbox, visitor: Visitor, serve: Callable[[WSGIApplication], str]
) -> None:
    shop = serve(HandMade(sandbox.url))
    visitor.context.route("**/fbevents.js", lambda route: route.abort())
    visitor.page.goto(f"{shop}/p")
    check_server_only(sandbox, [Expected("ViewContent", "/p")])


BROWSER = BrowserEvent(
    pixel_id=PIXEL,
    event_name="AddToCart",
    event_id="one",
    event_time=1000.5,
    received_at=1001.0,
    url="http://www.shop.test/p#top",
    referrer="",
    fbp=FBP,
    fbc="",
    custom_data={"value": "7.5", "contents": [{"id": "a", "quantity": 2}]},
    user_data={},
    parameters=(),
    method="GET",
    client_ip_address="127.0.0.1",
    client_user_agent="x",
    number=1,
)
SERVER = ServerEvent(
    pixel_id=PIXEL,
    event_name="AddToCart",
    event_id="one",
    event_time=1000,
    received_at=1002.0,
    url="http://www.shop.test/p",
    referrer="",
    fbp=FBP,
    fbc="",
    custom_data={"value": 7.50, "contents": [{"id": "a", "quantity": 2.0}]},
    user_data={},
    payload={},
    number=2,
)


def pair(browser: Iterable[BrowserEvent], server: Iterable[ServerEvent], method: str = "id") -> Pair:
    return Pair(PIXEL, "AddToCart", "one", tuple(browser), tuple(server), method)  # type: ignore[arg-type]


def test_a_right_pair_has_no_fault() -> None:
    assert faults_of(pair([BROWSER], [SERVER])) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(pair([BROWSER], []), "0 server legs", id="unpaired-browser"),
        pytest.param(pair([], [SERVER]), "0 browser legs", id="unpaired-server"),
        pytest.param(pair([BROWSER, BROWSER], [SERVER]), "2 browser legs", id="browser-twice"),
        pytest.param(pair([BROWSER], [SERVER, SERVER]), "2 server legs", id="server-twice"),
        pytest.param(pair([BROWSER], [SERVER], "fbp"), "matched by fbp", id="matched-by-fallback"),
        pytest.param(pair([BROWSER], [replace(SERVER, fbp="other")]), "_fbp", id="other-fbp"),
        pytest.param(pair([replace(BROWSER, fbp="")], [replace(SERVER, fbp="")]), "_fbp", id="no-fbp"),
        pytest.param(pair([BROWSER], [replace(SERVER, event_time=1031)]), "s apart", id="too-late"),
        pytest.param(pair([BROWSER], [replace(SERVER, custom_data={"value": 8})]), "custom data", id="other-data"),
        pytest.param(pair([BROWSER], [replace(SERVER, url="http://other.test/p")]), "page", id="other-shop"),
    ],
)
def test_each_wrong_pair_is_found(wrong: Pair, said: str) -> None:
    assert any(said in fault for fault in faults_of(wrong)), faults_of(wrong)


def test_missing_and_surplus_events_are_found() -> None:
    pairs = [pair([BROWSER], [SERVER])]
    assert unmatched([Expected("AddToCart", "/p", {"value": 7.50})], pairs) == []
    assert len(unmatched([], pairs)) == 1
    assert len(unmatched([Expected("AddToCart"), Expected("AddToCart")], pairs)) == 1
    assert len(unmatched([Expected("AddToCart", "/q")], pairs)) == 2
    assert len(unmatched([Expected("AddToCart", "/p", {"value": 8})], pairs)) == 2
    assert json.dumps(unmatched([Expected("Purchase", "/x")], []))
