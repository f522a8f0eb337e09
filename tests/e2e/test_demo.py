"""The demo shop, wrapped, in a real browser: each event twice on the wire, counted once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from capi_middleware.demo import Shop
from capi_middleware.sandbox import Fault, Sandbox

from .browsing import press, see
from .conftest import REAL, Visitor, Wrapped
from .validator import Expected, arrive, check, check_server_only

VASE = {"content_ids": ["NK-2004"], "content_name": "Vas Våg", "content_type": "product", "currency": "SEK"}
BUYER = {
    "first_name": "Åsa",
    "last_name": "Öberg",
    "email": "asa@example.se",
    "phone": "070-123 45 67",
    "address": "Storgatan 1",
    "postcode": "411 05",
    "city": "Göteborg",
}


@pytest.fixture
def shop(wrap: Callable[..., Wrapped]) -> Wrapped:
    return wrap(Shop())


def buy(page: Page, url: str) -> None:
    """From a cart that holds something to the thank-you page."""
    see(page, f"{url}/varukorg")
    press(page, ".next .button")
    for name, value in BUYER.items():
        page.fill(f"[name={name}]", value)
    press(page, ".details button")


def test_home_and_category_are_page_views(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/")
    see(visitor.page, f"{shop.url}/kategori/koket")
    check(sandbox, [Expected("PageView", "/"), Expected("PageView", "/kategori/koket")], visitor)


def test_a_product_is_a_view_content(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    wanted = Expected("ViewContent", "/produkt/vas-vag", VASE | {"value": 459.5})
    check(sandbox, ["PageView", wanted], visitor)


def test_a_good_add_is_an_add_to_cart(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    visitor.page.fill("[name=antal]", "2")
    press(visitor.page, ".add button")
    added = Expected("AddToCart", "", VASE | {"value": 919})
    pairs = check(sandbox, ["PageView", "ViewContent", added, "PageView", "ViewContent"], visitor)
    contents = next(pair for pair in pairs if pair.event_name == "AddToCart").server[0].custom_data["contents"]
    assert [(item["id"], item["quantity"]) for item in contents] == [("NK-2004", 2)]


def test_the_small_button_refused_is_none(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/kategori/koket")
    visitor.page.click(".card:has-text('Tekanna') .quick button")
    visitor.page.wait_for_selector(".toast.error")
    check(sandbox, ["PageView"], visitor)


def test_a_refused_add_is_none(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/produkt/tekanna-vinter")
    press(visitor.page, ".add button")
    assert "slutsåld" in visitor.page.inner_text(".notice.error")
    check(sandbox, ["PageView", "ViewContent", "PageView", "ViewContent"], visitor)


def test_the_small_button_adds_without_a_page(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/produkt/bordslampa-midnatt")
    see(visitor.page, f"{shop.url}/kategori/hemmet")
    visitor.page.click(".card:has-text('Bordslampa') .quick button")
    visitor.page.wait_for_selector(".toast.success")
    added = Expected("AddToCart", "", {"content_ids": ["NK-2001"], "value": 1895, "currency": "SEK"})
    check(sandbox, ["PageView", "ViewContent", "PageView", added], visitor)


def test_a_search_is_a_search(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/")
    visitor.page.fill("[name=q]", "ek")
    with visitor.page.expect_navigation():
        visitor.page.press("[name=q]", "Enter")
    visitor.page.wait_for_load_state("networkidle")
    check(sandbox, ["PageView", "PageView", Expected("Search", "/sok", {"search_string": "ek"})], visitor)


def test_a_purchase_counts_once_however_often_its_page_is_opened(
    sandbox: Sandbox, visitor: Visitor, shop: Wrapped
) -> None:
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    press(visitor.page, ".add button")
    buy(visitor.page, shop.url)
    number = visitor.page.inner_text(".order-number")
    visitor.page.reload()
    visitor.page.wait_for_load_state("networkidle")
    thanks = f"/tack/{number}"
    check(
        sandbox,
        [
            *(Expected("PageView", "/produkt/vas-vag"), Expected("ViewContent", "/produkt/vas-vag")) * 2,
            "AddToCart",
            Expected("PageView", "/varukorg"),
            Expected("PageView", "/kassa"),
            Expected("InitiateCheckout", "/kassa"),
            Expected("PageView", thanks),
            Expected("Purchase", thanks, {"order_id": number, "value": 459.5, "currency": "SEK"}),
            Expected("PageView", thanks),
        ],
        visitor,
    )


def test_with_the_pixel_blocked_the_server_legs_still_arrive(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    visitor.context.route("**/fbevents.js", lambda route: route.abort())
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    press(visitor.page, ".add button")
    wanted = [*("PageView", "ViewContent") * 2, Expected("AddToCart", "", VASE | {"value": 459.5})]
    check_server_only(sandbox, wanted)


def test_without_javascript_the_server_legs_still_arrive(
    sandbox: Sandbox, new_visitor: Callable[..., Visitor], shop: Wrapped
) -> None:
    page = new_visitor(java_script_enabled=False).page
    see(page, f"{shop.url}/produkt/vas-vag")
    press(page, ".add button")
    check_server_only(sandbox, [*("PageView", "ViewContent") * 2, "AddToCart"])


def test_what_happened_while_meta_was_down_arrives_when_it_is_up(
    sandbox: Sandbox, visitor: Visitor, shop: Wrapped
) -> None:
    """All of Meta gone: no pixel in the browser, so only the server's legs can come, and all of them do."""
    sandbox.down()
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    press(visitor.page, ".add button")
    assert sandbox.server_events == []
    sandbox.up()
    check_server_only(sandbox, [*("PageView", "ViewContent") * 2, "AddToCart"], timeout=40)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(drop=True), id="connections-break"),
        pytest.param(Fault(status=503), id="gateway-page"),
        pytest.param(Fault(code=2), id="service-down"),
        pytest.param(Fault(code=4, retry_after=1), id="rate-limit"),
    ],
)
def test_while_graph_alone_fails_the_pairs_come_later(
    sandbox: Sandbox, visitor: Visitor, shop: Wrapped, fault: Fault
) -> None:
    sandbox.fail("graph", fault)
    see(visitor.page, f"{shop.url}/produkt/vas-vag")
    arrive(sandbox, 2, 0)
    assert len(sandbox.browser_events) == 2 and sandbox.server_events == []
    sandbox.fail("graph", None)
    sandbox.wait(lambda now: len(now.server_events) >= 2, 60)
    check(sandbox, ["PageView", "ViewContent"], visitor)


def test_two_visitors_never_share_an_id(sandbox: Sandbox, new_visitor: Callable[..., Visitor], shop: Wrapped) -> None:
    for one in (new_visitor(), new_visitor()):
        see(one.page, f"{shop.url}/")
    pairs = check(sandbox, ["PageView", "PageView"])
    assert len({pair.event_id for pair in pairs}) == 2
    assert len({pair.server[0].fbp for pair in pairs}) == 2


def test_an_ad_click_is_told_by_both_legs(sandbox: Sandbox, visitor: Visitor, shop: Wrapped) -> None:
    see(visitor.page, f"{shop.url}/produkt/vas-vag?fbclid=IwAR0_Click-1")
    see(visitor.page, f"{shop.url}/kategori/koket")
    pairs = check(sandbox, ["PageView", "ViewContent", "PageView"], visitor)
    for pair in pairs:
        assert REAL or pair.server[0].fbc == pair.browser[0].fbc
        assert pair.server[0].fbc.endswith(".IwAR0_Click-1")
