"""Behind nginx with proxy_cache: one stored page, many visitors, each with IDs of their own."""

from __future__ import annotations

from collections.abc import Callable

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import Visitor
from tests.e2e.validator import Expected, check

from .conftest import NewVisitor, OpenShop, Running, both_legs
from .nginx import Nginx

Cache = Callable[[Running], Nginx]
LAMP = {"value": 249.0, "currency": "SEK", "content_ids": ["1"]}


def test_visitors_of_a_page_in_the_cache(
    open_shop: OpenShop, sandbox: Sandbox, new_visitor: NewVisitor, cache: Cache
) -> None:
    shop = open_shop(tls=False)
    front = cache(shop)
    for _ in range(3):
        new_visitor().page.goto(front.url + "/cached/p/1")
    pairs = check(sandbox, ["PageView", "PageView", "PageView", *[Expected("ViewContent", "/cached/p/1", LAMP)] * 3])
    assert shop.shop.requests == ["GET /cached/p/1"]
    assert len({pair.event_id for pair in pairs}) == 6
    assert len({pair.browser[0].fbp for pair in pairs}) == 3


def test_a_page_for_one_visitor_is_not_stored(
    open_shop: OpenShop, sandbox: Sandbox, new_visitor: NewVisitor, cache: Cache
) -> None:
    shop = open_shop(tls=False)
    front = cache(shop)
    for _ in range(2):
        new_visitor().page.goto(front.url + "/p/1")
    check(sandbox, ["PageView", "PageView", "ViewContent", "ViewContent"])
    assert shop.shop.requests == ["GET /p/1", "GET /p/1"]


def test_a_stored_product_page_that_the_new_process_has_never_seen(
    open_shop: OpenShop, sandbox: Sandbox, new_visitor: NewVisitor, cache: Cache
) -> None:
    """The cache was filled before a deploy: the product's facts come from the markup of the page that is shown, and the
    script from under its old name."""
    old = open_shop(tls=False)
    front = cache(old)
    new_visitor().page.goto(front.url + "/cached/p/1")
    both_legs(sandbox, 2)
    sandbox.clear()
    old.listener.stop()
    new = open_shop(tls=False, port=old.listener.port, data_layer="dataLayer")
    visitor = new_visitor()
    visitor.page.goto(front.url + "/cached/p/1")
    check(sandbox, [Expected("PageView", "/cached/p/1"), Expected("ViewContent", "/cached/p/1", LAMP)], visitor)
    assert new.shop.requests == []


def test_the_cart_after_a_stored_page(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, cache: Cache) -> None:
    front = cache(open_shop(tls=False))
    visitor.page.goto(front.url + "/cached/p/1")
    both_legs(sandbox, 2)
    visitor.page.click("#buy")
    check(
        sandbox,
        ["PageView", "ViewContent", Expected("AddToCart"), Expected("PageView", "/cart")],
        visitor,
    )


def test_a_redirect_back_to_a_stored_page_brings_what_it_owes(
    open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, cache: Cache
) -> None:
    """Flash over collect: the page after the form is in a cache and can hold no call."""
    shop = open_shop(tls=False)
    front = cache(shop)
    visitor.page.goto(front.url + "/cached/about")
    both_legs(sandbox, 1)
    visitor.page.goto(front.url + "/p/1")
    both_legs(sandbox, 3)
    visitor.page.eval_on_selector("form", "(form) => { form.action = '/cart/form?next=/cached/about'; }")
    visitor.page.click("#buy")
    check(sandbox, ["PageView", "PageView", "ViewContent", "AddToCart", Expected("PageView", "/cached/about")], visitor)
    assert shop.shop.requests.count("GET /cached/about") == 1
    assert visitor.cookie("shop_flash") == ""
