"""Add to cart by the page's own requests: one leg from the browser and one from the server, or none where it failed."""

from __future__ import annotations

import pytest

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import Visitor
from tests.e2e.validator import Expected, check

from .conftest import OpenShop, both_legs

RULES = [
    {"event": "AddToCart", "method": "POST", "path": "/cart/fragment", "data": {"content_ids": "form:id"}},
    {"event": "AddToCart", "method": "POST", "path": "/cart/redirect", "data": {"content_ids": "form:id"}},
]
JSON = "{method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(%s)}"
FORM = "{method: 'POST', body: new URLSearchParams({id: '1', quantity: '1'})}"
GRAPHQL = """{
    query: `mutation Add($cartId: String!, $items: [CartItemInput!]!) {
        addProductsToCart(cartId: $cartId, cartItems: $items) { cart { items { quantity } } user_errors { code } }
    }`,
    variables: {cartId: 'x', items: [{sku: '1', quantity: 1}]}
}"""
STYLES = {
    "fetch, JSON": "fetch('/cart/add', " + JSON % "{product_id: 1, quantity: 1}" + ")",
    "fetch, form": f"fetch('/cart/add', {FORM})",
    "fetch, multipart": "fetch('/cart/add', {method: 'POST', body: (() => { const data = new FormData();"
    " data.append('id', '1'); data.append('quantity', '1'); return data; })()})",
    "XMLHttpRequest": """new Promise((done) => {
        const request = new XMLHttpRequest();
        request.open('POST', '/cart/add');
        request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
        request.onload = done;
        request.send('id=1&quantity=1');
    })""",
    "jQuery": "new Promise((done) => jQuery.post('/cart/add', {id: 1, quantity: 1}, done))",
    "OpenCart": f"fetch('/index.php?route=checkout/cart/add', {FORM.replace('id:', 'product_id:')})",
    "sendBeacon": "navigator.sendBeacon('/cart/add', new URLSearchParams({id: '1', quantity: '1'}))",
    "Shopify": "fetch('/cart/add.js', " + JSON % "{id: 1, quantity: 1}" + ")",
    "WooCommerce Store API": "fetch('/wp-json/wc/store/v1/cart/add-item', " + JSON % "{id: 1, quantity: 1}" + ")",
    "GraphQL": f"fetch('/graphql', {JSON % GRAPHQL})",
    "an HTML fragment": f"fetch('/cart/fragment', {FORM})",
    "a redirect that fetch follows": f"fetch('/cart/redirect', {FORM})",
}
REFUSED = {
    "failure in a 200": f"fetch('/cart/full', {FORM})",
    "422": "fetch('/cart/invalid', " + JSON % "{id: 1, quantity: 1}" + ")",
    "the network": "fetch('https://gone.shop.test:1/cart/add', {method: 'POST'}).catch(() => 0)",
}


@pytest.mark.parametrize("style", STYLES)
def test_added_by(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, style: str) -> None:
    shop = open_shop(rules=RULES, platform={"Shopify": "shopify", "OpenCart": "opencart"}.get(style, "auto"))
    if style == "jQuery":
        shop.shop.head = '<script src="/lib/jquery.js"></script>'
    visitor.page.goto(shop.url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ {STYLES[style]}; }}")
    added = Expected("AddToCart", "/p/1", {"content_ids": ["1"], "value": 249.0, "currency": "SEK"})
    check(sandbox, ["PageView", "ViewContent", added], visitor)


def test_several_items_at_once(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop(platform="shopify")
    for product in "12":
        visitor.page.goto(f"{shop.url}/p/{product}")
        both_legs(sandbox, 2 * int(product))
    items = JSON % "{items: [{id: 1, quantity: 2}, {id: 2, quantity: 1}]}"
    visitor.page.evaluate(f"() => {{ fetch('/cart/add.js', {items}); }}")
    added = Expected("AddToCart", "/p/2", {"content_ids": ["1", "2"], "value": 1797.0})
    check(sandbox, ["PageView", "PageView", "ViewContent", "ViewContent", added], visitor)


@pytest.mark.parametrize("style", REFUSED)
def test_refused_by(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, style: str) -> None:
    visitor.page.goto(open_shop().url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ {REFUSED[style]}; }}")
    visitor.page.wait_for_timeout(300)
    check(sandbox, ["PageView", "ViewContent"])


@pytest.mark.parametrize("style", ["fetch, JSON", "XMLHttpRequest", "jQuery"])
def test_on_plain_http_by(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, style: str) -> None:
    """Browsers keep Server-Timing from such pages: their requests are listened to."""
    shop = open_shop(tls=False)
    shop.shop.head = '<script src="/lib/jquery.js"></script>'
    visitor.page.goto(shop.url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ {STYLES[style]}; }}")
    check(sandbox, ["PageView", "ViewContent", Expected("AddToCart", "/p/1", {"content_ids": ["1"]})], visitor)


def test_a_double_click_is_one(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ for (let turn = 0; turn < 2; turn++) {{ {STYLES['fetch, form']}; }} }}")
    check(sandbox, ["PageView", "ViewContent", "AddToCart"], visitor)


def test_on_a_stored_page(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/cached/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ {STYLES['fetch, JSON']}; }}")
    check(sandbox, ["PageView", "ViewContent", Expected("AddToCart", "/cached/p/1", {"content_ids": ["1"]})], visitor)


def test_and_gone_at_once(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """The page leaves for the cart as soon as the answer is there."""
    shop = open_shop()
    visitor.page.goto(shop.url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(f"() => {{ {STYLES['fetch, JSON']}.then(() => {{ location.href = '/cart'; }}); }}")
    visitor.page.wait_for_url("**/cart")
    check(
        sandbox,
        ["PageView", "ViewContent", Expected("AddToCart", "", {"content_ids": ["1"]}), Expected("PageView", "/cart")],
        visitor,
    )


def test_before_consent_and_granted_on_the_same_page(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop(mode="required").url + "/p/1")
    visitor.page.evaluate(STYLES["fetch, JSON"])
    visitor.page.wait_for_timeout(200)
    assert sandbox.server_events == []
    visitor.page.evaluate("capi.consent('granted')")
    added = Expected("AddToCart", "/p/1", {"content_ids": ["1"]})
    check(sandbox, ["PageView", "ViewContent", added], visitor)


@pytest.mark.parametrize("next_page", ["/cart", "/cached/about"])
def test_and_the_next_page_does_not_tell_it_again(
    open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, next_page: str
) -> None:
    shop = open_shop()
    visitor.page.goto(shop.url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate(STYLES["fetch, JSON"])
    both_legs(sandbox, 3)
    visitor.page.goto(shop.url + next_page)
    check(sandbox, ["PageView", "ViewContent", "AddToCart", Expected("PageView", next_page)], visitor)
    assert visitor.cookie("shop_told") == ""
