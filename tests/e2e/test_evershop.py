"""A real shop that is not ours and not Python behind the proxy, in Chromium: nobody has touched its code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from capi_middleware.sandbox import Sandbox
from tests.proxy.conftest import SERVERS, Proxy
from tests.proxy.evershop_shop import CUP, EverShop
from tests.proxy.wire import ask, get

from .browsing import again, see
from .conftest import PIXEL, SHOP_HOST, TOKEN, Visitor
from .validator import Expected, check

# The shop has no favicon and fetches a payment provider's script; it answers a refusal with 500.
OWN_ERRORS = ("404", "ERR_NAME_NOT_RESOLVED", "500")
pytestmark = pytest.mark.timeout(900)  # the first time EverShop is installed and built


CUPS = {"content_ids": ["CUP-001-WHT"], "content_name": "Ceramic Coffee Cup - White", "content_type": "product"}
BEGUN = [
    Expected("PageView", CUP),
    Expected("ViewContent", CUP, CUPS),
    Expected("AddToCart", "", {**CUPS, "contents": [{"id": "CUP-001-WHT", "quantity": 2}]}),
]
PERSON = {
    "contact.email": "anna.andersson@example.org",
    "shippingAddress.full_name": "Anna Andersson",
    "shippingAddress.telephone": "0701234567",
    "shippingAddress.address_1": "Storgatan 1",
    "shippingAddress.city": "Malmberget",
}


@pytest.fixture(scope="session")
def evershop() -> Iterator[EverShop]:
    shop = EverShop()
    yield shop
    shop.close()


@pytest.fixture(params=SERVERS)
def front(request: pytest.FixtureRequest, evershop: EverShop, sandbox: Sandbox, tmp_path: Path) -> Iterator[Proxy]:
    """``capi-middleware proxy`` as an agency starts it: the shop's address, a pixel, a token; no file, no rule."""
    environ = {"CAPI_PIXEL_ID": PIXEL, "CAPI_ACCESS_TOKEN": TOKEN, "CAPI_GRAPH_URL": sandbox.url}
    proxy = Proxy(tmp_path, evershop.url, "--server", request.param, environ=environ)
    yield proxy
    proxy.kill()


@pytest.mark.parametrize("front", ["gunicorn", "granian"], indirect=True)
def test_a_purchase_begins(front: Proxy, sandbox: Sandbox, visitor: Visitor) -> None:
    """The visitor looks at a cup, asks for more than there are, and puts two into the cart: each event from both sides,
    counted once. The shop writes "$" and no page says which, until there is a cart: so there is no value yet."""
    visitor.tolerated += OWN_ERRORS
    fill_the_cart(visitor.page, front)
    check(sandbox, BEGUN, visitor)


@pytest.mark.parametrize("front", ["waitress"], indirect=True)
def test_a_whole_purchase(front: Proxy, sandbox: Sandbox, visitor: Visitor) -> None:
    """From the cup to the receipt, as a person clicks: address, parcel, cash on delivery. Each step counts once, from
    both sides; looking at the receipt again is no second order; and nobody is told who has bought."""
    visitor.tolerated += OWN_ERRORS
    page = visitor.page
    fill_the_cart(page, front)
    see(page, f"http://{SHOP_HOST}:{front.port}/checkout")
    for name, words in PERSON.items():
        page.fill(f"[name='{name}']", words)
    for name, words in {"country": "Sweden", "province": "Blekinge"}.items():
        page.click(f"[id='field-shippingAddress.{name}']")
        page.click(f"[role=option]:has-text('{words}')")
    page.fill("[name='shippingAddress.postcode']", "21122")
    page.click("label:has-text('Parcel')")
    page.wait_for_selector("text=$35.00 >> visible=true")
    page.click("label:has-text('Cash on Delivery')")
    page.click("button:has-text('Place Order')")
    page.wait_for_url("**/checkout/success/*")
    page.wait_for_load_state("networkidle")
    receipt = urlsplit(page.url).path
    paid = [
        *BEGUN,
        Expected("PageView", "/checkout"),
        Expected("InitiateCheckout", "/checkout", {"value": 30.0, "currency": "USD"}),
        Expected("AddPaymentInfo", "/checkout"),
        Expected("PageView", receipt),
        Expected("Purchase", receipt, {"order_id": page.inner_text("text=/^#/")[1:], "value": 35.0, "currency": "USD"}),
    ]
    check(sandbox, paid, visitor)
    again(page)
    check(sandbox, [*paid, Expected("PageView", receipt)], visitor)
    told = repr([sandbox.server_events, sandbox.browser_events])
    assert receipt in told and "USD" in told
    kept = [path.read_bytes() for path in Path(front.state_dir).rglob("*") if path.is_file()]
    for words in PERSON.values():
        assert words not in told + front.log
        assert not any(words.encode() in data for data in kept)


def fill_the_cart(page: Page, front: Proxy) -> None:
    """Look at a cup, ask for more than there are, and put two into the cart."""
    see(page, f"http://{SHOP_HOST}:{front.port}{CUP}?color=1")
    page.fill("[name=qty]", "200000")
    with page.expect_response("**/api/cart/mine/items") as refused:
        page.click("button:has-text('Add to cart')")
    assert refused.value.json()["error"]["message"] == "We do not have enough stock"
    page.fill("[name=qty]", "2")
    page.click("button:has-text('Add to cart')")
    page.wait_for_selector("text=$30.00")


def test_the_shop_is_seen_under_the_visitors_address(front: Proxy, evershop: EverShop) -> None:
    """It builds its addresses from its own ``localhost``; its script could reach nothing there."""
    page = ask(front.port, get(CUP, host="www.shop.test:8080")).body
    assert b'content="http://www.shop.test:8080/accessories/ceramic-coffee-cup-white"' in page
    assert b'"http://www.shop.test:8080/api/cart/mine/items"' in page
    assert evershop.url.encode() + b"/" not in page


def test_nothing_else_is_changed(front: Proxy, evershop: EverShop) -> None:
    """A script of the shop's comes byte for byte; a page loses nothing but gains the snippet."""
    page = ask(front.port, get(CUP, host=f"localhost:{evershop.port}")).body.decode()
    script = page.partition('src="/assets/')[2].partition('"')[0]
    assert script
    for path in (f"/assets/{script}", "/no/such/page"):
        through, direct = ask(front.port, get(path)), ask(evershop.port, get(path))
        assert through.status == direct.status
        if direct.status == 200:
            assert through.body == direct.body
