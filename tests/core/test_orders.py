"""Journeys that end away from the visitor: payment providers' notices, coded answers, fragments that tell."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
BROWSER = {"User-Agent": AGENT, "Accept": "text/html", "Accept-Language": "sv", "Sec-Fetch-Site": "same-origin"}
OPENS = {**BROWSER, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FETCHES = {**BROWSER, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "application/json"}
PROVIDER = {"User-Agent": "PaymentProvider/2.0"}
RULES = [
    {"event": "AddPaymentInfo", "method": "POST", "path": "/betala", "remember": "response-json:order"},
    {
        "event": "Purchase",
        "notice": True,
        "path": "/betalning/notis",
        "when": {"status": 200},
        "data": {"order_id": "json:order", "value": "json:belopp", "currency": "json:valuta"},
    },
]


def page(body: str, title: str = "Butik") -> Response:
    return Response(
        f"<!doctype html><html lang=sv><head><title>{title}</title></head><body>{body}</body></html>",
        mimetype="text/html",
        headers={"Cache-Control": "private, no-store"},
    )


def shop(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    request = Request(environ)
    request.get_data()
    answers: dict[str, Callable[[], Response]] = {
        "/": lambda: page("<h1>Butik</h1>"),
        "/kassa": lambda: page("<h1>Kassa</h1><p>Totalt: 299,00 kr</p>"),
        "/betala": lambda: Response(json.dumps({"order": "A-1", "success": True}), mimetype="application/json"),
        "/betalning/notis": lambda: Response("ok"),
        "/kassa/tack": lambda: page("<h1>Tack</h1><p>Ordernummer: A-1</p><p>Totalt: 299,00 kr</p>"),
        "/kassa/tack/tagged": lambda: tagged("<h1>Tack</h1><p>Ordernummer: A-2</p><p>Totalt: 299,00 kr</p>"),
        "/muggar": lambda: tagged("<h1>Muggar</h1>"),
        "/cart/add": lambda: coded({"success": True}),
        "/basket/add": lambda: Response(request.args["says"], mimetype=request.args.get("as", "text/html")),
        "/checkout/line-item/add": lambda: Response(""),
        "/checkout/offcanvas": lambda: Response(
            f'<div class="alert alert-{request.args.get("says")}">Varan</div>', mimetype="text/html"
        ),
    }
    return answers.get(request.path, lambda: Response("no", 404))()(environ, start_response)


def tagged(body: str) -> Response:
    """As Express and others answer: an entity tag, and not a word on storing."""
    answer = page(body)
    del answer.headers["Cache-Control"]
    answer.set_etag("1f-abc", weak=True)
    return answer


def coded(document: Any) -> Response:
    body = gzip.compress(json.dumps(document).encode())
    return Response(body, mimetype="application/json", headers={"Content-Encoding": "gzip"})


@pytest.fixture
def wrap(wrapping: Callable[..., CapiMiddleware]) -> Callable[..., CapiMiddleware]:
    return partial(wrapping, shop, rules=RULES)


def carried(answer: TestResponse) -> list[str]:
    """Names of the events in the Server-Timing header."""
    found = re.search(r'desc="([^"]+)"', answer.headers.get("Server-Timing", ""))
    return [row[0] for row in json.loads(base64.b64decode(found[1]))] if found else []


def sent(app: CapiMiddleware, sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    assert app.flush(10)
    return [event.payload for event in sandbox.server_events if event.event_name == name]


def buy(app: CapiMiddleware) -> Client:
    visitor = Client(app)
    visitor.get("/kassa", headers=OPENS)
    answer = visitor.post("/betala", json={"how": "card"}, headers=FETCHES)
    assert carried(answer) == ["AddPaymentInfo"]
    return visitor


NOTICE = {"order": "A-1", "belopp": 299.0, "valuta": "SEK"}


def test_a_visitor_who_never_comes_back_from_paying(wrap: Any, sandbox: Sandbox) -> None:
    """Half of some shops' PayPal sales end there (reference: peers, pain 9)."""
    app = wrap()
    visitor = buy(app)
    fbp = visitor.get_cookie("_fbp", domain="localhost")
    assert Client(app).post("/betalning/notis", json=NOTICE, headers=PROVIDER).data == b"ok"
    (purchase,) = sent(app, sandbox, "Purchase")
    assert purchase["custom_data"] == {"order_id": "A-1", "value": 299.0, "currency": "SEK"}
    assert purchase["user_data"]["client_user_agent"] == AGENT
    assert fbp is not None and purchase["user_data"]["fbp"] == fbp.value
    assert purchase["event_source_url"].endswith("/betala")


def test_a_receipt_is_no_stored_page(wrap: Any, sandbox: Sandbox) -> None:
    """Other pages of the same server keep their tags, and their IDs come from collect."""
    app = wrap()
    visitor = Client(app)
    listing = visitor.get("/muggar", headers=OPENS)
    assert listing.headers["ETag"].startswith('W/"1f-abc-') and "fbq('track'" not in listing.text
    receipt = visitor.get("/kassa/tack/tagged", headers=OPENS)
    assert "ETag" not in receipt.headers and receipt.headers["Cache-Control"] == "private, no-cache"
    (purchase,) = sent(app, sandbox, "Purchase")
    assert purchase["custom_data"] == {"order_id": "A-2", "value": 299.0, "currency": "SEK"}
    assert purchase["event_id"] in receipt.text


def test_the_notice_reaches_another_process(wrap: Any, sandbox: Sandbox) -> None:
    here, there = wrap(), wrap()
    buy(here)
    for thread in threading.enumerate():
        if thread.name == "capi-orders":
            thread.join(10)
    Client(there).post("/betalning/notis", json=NOTICE, headers=PROVIDER)
    assert len(sent(there, sandbox, "Purchase")) == 1


def test_a_notice_that_comes_twice_and_before_the_thank_you_page(wrap: Any, sandbox: Sandbox) -> None:
    app = wrap()
    visitor = buy(app)
    for _ in range(3):
        Client(app).post("/betalning/notis", json=NOTICE, headers=PROVIDER)
    thanks = visitor.get("/kassa/tack", headers=OPENS)
    assert "Purchase" in thanks.text, "only the page has a browser's half"
    ids = {purchase["event_id"] for purchase in sent(app, sandbox, "Purchase")}
    assert len(ids) == 1, "under one ID, so Meta counts it once"


def test_a_notice_after_the_thank_you_page_adds_nothing(wrap: Any, sandbox: Sandbox) -> None:
    app = wrap()
    visitor = buy(app)
    visitor.get("/kassa/tack", headers=OPENS)
    Client(app).post("/betalning/notis", json=NOTICE, headers=PROVIDER)
    assert len(sent(app, sandbox, "Purchase")) == 1


@pytest.mark.parametrize("notice", [{"order": "B-2", "belopp": 299.0, "valuta": "SEK"}, {"belopp": 299.0}, {}])
def test_a_notice_of_nobodys_order_is_nothing(wrap: Any, sandbox: Sandbox, notice: dict[str, Any]) -> None:
    app = wrap()
    buy(app)
    Client(app).post("/betalning/notis", json=notice, headers=PROVIDER)
    assert sent(app, sandbox, "Purchase") == []


def test_what_the_order_came_to_may_come_from_the_checkout(wrap: Any, sandbox: Sandbox) -> None:
    app = wrap()
    buy(app)
    Client(app).post("/betalning/notis", json={"order": "A-1"}, headers=PROVIDER)
    (purchase,) = sent(app, sandbox, "Purchase")
    assert (purchase["custom_data"]["value"], purchase["custom_data"]["currency"]) == (299.0, "SEK")


def test_without_consent_nobody_is_kept(wrap: Any, sandbox: Sandbox, tmp_path: Path) -> None:
    app = wrap(mode="required")
    visitor = Client(app)
    visitor.get("/kassa", headers=OPENS)
    visitor.post("/betala", json={}, headers=FETCHES)
    Client(app).post("/betalning/notis", json=NOTICE, headers=PROVIDER)
    assert sent(app, sandbox, "Purchase") == []
    assert not list((tmp_path / "orders").glob("*")) if (tmp_path / "orders").exists() else True


def test_a_coded_json_answer_is_read(wrap: Any, sandbox: Sandbox) -> None:
    app = wrap(rules=[])
    answer = Client(app).post("/cart/add", data={"id": "12", "quantity": "1"}, headers=FETCHES)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.data)) == {"success": True}, "its bytes are the shop's"
    assert carried(answer) == ["AddToCart"]
    assert answer.headers.getlist("Content-Length") == [str(len(answer.data))]
    assert len(sent(app, sandbox, "AddToCart")) == 1


@pytest.mark.parametrize(("says", "count"), [("success", 1), ("danger", 0)])
def test_a_fragment_tells_whether_it_succeeded(wrap: Any, sandbox: Sandbox, says: str, count: int) -> None:
    """Shopware's off-canvas cart: the add answers 200 and nothing, either way."""
    app = wrap(rules=[], platform="shopware6")
    visitor = Client(app)
    form = {"lineItems[a][id]": "12", "lineItems[a][quantity]": "1"}
    added = visitor.post("/checkout/line-item/add", data=form, headers=FETCHES)
    assert "Server-Timing" not in added.headers
    shown = visitor.get(f"/checkout/offcanvas?says={says}", headers={**FETCHES, "Accept": "text/html"})
    assert shown.text.startswith('<div class="alert'), "its bytes are the shop's"
    assert carried(shown) == ["AddToCart"] * count
    visitor.get("/", headers=OPENS)
    assert len(sent(app, sandbox, "AddToCart")) == count


@pytest.mark.parametrize(
    ("says", "kind", "count"),
    [
        ('<div class="minicart"><span class="cart-count">2</span></div>', "text/html", 1),
        ('<div class="alert alert-success">Added</div>', "text/html", 1),
        ('<div class="alert alert-danger">Sold out</div><span class="cart-count">2</span>', "text/html", 0),
        ('{"success": true}', "text/html", 1),
        ('{"success": true}', "text/javascript", 1),
        ('{"error": "sold out"}', "text/plain", 0),
        ("<p>?</p>", "text/html", 0),
        ("OK", "text/plain", 0),
    ],
)
def test_answers_to_a_script_in_any_type(wrap: Any, sandbox: Sandbox, says: str, kind: str, count: int) -> None:
    app = wrap(rules=[])
    answer = Client(app).post(
        "/basket/add", query_string={"says": says, "as": kind}, data={"id": "12", "qty": "1"}, headers=FETCHES
    )
    assert answer.text == says, "its bytes are the shop's"
    assert carried(answer) == ["AddToCart"] * count
    assert len(sent(app, sandbox, "AddToCart")) == count
