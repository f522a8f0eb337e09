"""django-oscar, the real one with its own templates, in a real browser.

It misleads at every turn: two redirects before the first page, no structured data anywhere, and a refused add to the
basket that answers the very redirect of a good one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import oscar
import pytest
from playwright.sync_api import Page

from capi_middleware.sandbox import Sandbox

from .browsing import again, press, see
from .conftest import PIXEL, TOKEN, Visitor
from .running_example import RunningExample
from .validator import Expected, check, check_server_only

PRODUCT = "/en-gb/catalogue/snow-crash_1/"
BOOK = {"content_ids": ["1"], "content_name": "Snow Crash", "currency": "GBP", "value": 7.99}
VIEWED = [Expected("PageView", PRODUCT), Expected("ViewContent", PRODUCT, BOOK)]
ADDED = Expected("AddToCart", "", BOOK)


@pytest.fixture(scope="module")
def shop(graph_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("oscar")
    settings = {
        "CAPI_PIXEL_ID": PIXEL,
        "CAPI_ACCESS_TOKEN": TOKEN,
        "CAPI_GRAPH_URL": graph_url,
        "CAPI_STATE_DIR": str(folder / "state"),
        "OSCAR_EXAMPLE_DIR": str(folder),
    }
    with RunningExample("oscar", settings) as running:
        yield running.url


@pytest.fixture
def visitor(new_visitor: Callable[..., Visitor]) -> Visitor:
    """Oscar loads jQuery from a host that these tests do not reach: its own copy stands in."""
    one = new_visitor(locale="en-GB")
    one.tolerated.append("Cross-Origin-Opener-Policy")  # the shop's own header means nothing on plain http
    jquery = Path(oscar.__file__).parent / "static" / "oscar" / "js" / "jquery" / "jquery.min.js"
    one.context.route("https://ajax.googleapis.com/**", lambda route: route.fulfill(path=jquery))
    return one


def add(page: Page, quantity: str = "1") -> None:
    """The form of a product page; its quantity is a hidden field."""
    page.evaluate("quantity => { document.querySelector('#id_quantity').value = quantity }", quantity)
    press(page, "#add_to_basket_form button")


def test_the_front_door_is_one_page_view_after_two_redirects(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}/")
    check(sandbox, [Expected("PageView", "/en-gb/catalogue/")], visitor)


def test_a_category_is_no_product(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}/en-gb/catalogue/category/books/fiction_2/")
    check(sandbox, [Expected("PageView", "/en-gb/catalogue/category/books/fiction_2/")], visitor)


def test_a_product(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}{PRODUCT}")
    check(sandbox, VIEWED, visitor)


def test_a_good_add(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}{PRODUCT}")
    add(visitor.page, "2")
    assert "added to your basket" in visitor.page.inner_text("#messages")
    two = Expected("AddToCart", "", BOOK | {"value": 15.98})
    pairs = check(sandbox, [*VIEWED * 2, two], visitor)
    contents = next(pair for pair in pairs if pair.event_name == "AddToCart").server[0].custom_data["contents"]
    assert [(item["id"], item["quantity"]) for item in contents] == [("1", 2)]


def test_a_refused_add(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}{PRODUCT}")
    add(visitor.page, "0")
    assert "greater than or equal to 1" in visitor.page.inner_text("#messages")
    check(sandbox, VIEWED * 2, visitor)


def test_an_add_refused_for_want_of_stock(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    """Three are there and three are taken: one more is refused, and answers as the good one did."""
    mug = "/en-gb/catalogue/checkout-mug_8/"
    see(visitor.page, f"{shop}{mug}")
    add(visitor.page, "3")
    add(visitor.page, "1")
    assert "maximum" in visitor.page.inner_text("#messages").lower()
    viewed = [Expected("PageView", mug), Expected("ViewContent", mug, {"content_ids": ["8"], "value": 14.5})]
    good = Expected("AddToCart", "", {"content_ids": ["8"], "value": 43.5, "currency": "GBP"})
    check(sandbox, [*viewed * 3, good], visitor)


def test_an_add_from_a_listing(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    listing = "/en-gb/catalogue/category/books/fiction_2/"
    see(visitor.page, f"{shop}{listing}")
    press(visitor.page, "article:has-text('Neuromancer') form button")
    added = Expected("AddToCart", "", {"content_ids": ["2"]})
    check(sandbox, [*[Expected("PageView", listing)] * 2, added], visitor)


def test_a_listing_of_two_that_can_be_bought(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    listing = "/en-gb/catalogue/category/books/computers_3/"
    see(visitor.page, f"{shop}{listing}")
    press(visitor.page, "article:has-text('Python Crash Course') form button")
    told = {"content_ids": ["4"], "content_name": "Python Crash Course", "value": 31.95, "currency": "GBP"}
    check(sandbox, [*[Expected("PageView", listing)] * 2, Expected("AddToCart", "", told)], visitor)


def test_what_is_sold_out_is_told_as_itself(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    """Below it the page offers what was seen before, with a form and a price: those are another product's."""
    see(visitor.page, f"{shop}{PRODUCT}")
    gone = "/en-gb/catalogue/introduction-to-algorithms_6/"
    see(visitor.page, f"{shop}{gone}")
    told = {"content_ids": ["6"], "content_name": "Introduction to Algorithms", "value": 64, "currency": "GBP"}
    check(sandbox, [*VIEWED, Expected("PageView", gone), Expected("ViewContent", gone, told)], visitor)


def test_a_search(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    see(visitor.page, f"{shop}/en-gb/search/?q=python")
    found = Expected("Search", "/en-gb/search/", {"search_string": "python"})
    check(sandbox, [Expected("PageView", "/en-gb/search/"), found], visitor)


def test_a_guest_buys_and_reloads_the_thank_you_page(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    page = visitor.page
    see(page, f"{shop}{PRODUCT}")
    add(page)
    see(page, f"{shop}/en-gb/basket/")
    press(page, "text=Proceed to checkout")
    page.fill("#id_username", "asa@example.se")
    page.check("input[value=anonymous]")
    press(page, "form:has(#id_username) button[type=submit]")
    address = {"first_name": "Asa", "last_name": "Oberg", "line1": "Street 1", "line4": "London", "postcode": "N1 9GU"}
    for name, value in address.items():
        page.fill(f"[name={name}]", value)
    page.select_option("[name=country]", "GB")
    press(page, "#new_shipping_address button[type=submit]")
    press(page, "text=Continue")
    press(page, "#place-order")
    assert page.url.endswith("/en-gb/checkout/thank-you/")
    again(page)
    start = "/en-gb"
    bought = {"value": 7.99, "currency": "GBP"}
    pairs = check(
        sandbox,
        [
            *VIEWED * 2,
            ADDED,
            Expected("PageView", f"{start}/basket/"),
            Expected("PageView", f"{start}/checkout/"),
            "InitiateCheckout",
            Expected("PageView", f"{start}/checkout/shipping-address/"),
            Expected("PageView", f"{start}/checkout/payment-details/"),
            Expected("PageView", f"{start}/checkout/preview/"),
            "AddPaymentInfo",
            *[Expected("PageView", f"{start}/checkout/thank-you/")] * 2,
            Expected("Purchase", f"{start}/checkout/thank-you/", bought),
        ],
        visitor,
    )
    order = next(pair for pair in pairs if pair.event_name == "Purchase").server[0].custom_data["order_id"]
    assert order in page.content()


def test_with_the_pixel_blocked(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    visitor.context.route("**/fbevents.js", lambda route: route.abort())
    see(visitor.page, f"{shop}{PRODUCT}")
    check_server_only(sandbox, VIEWED)


def test_what_happened_while_meta_was_down(sandbox: Sandbox, visitor: Visitor, shop: str) -> None:
    sandbox.down()
    see(visitor.page, f"{shop}{PRODUCT}")
    add(visitor.page)
    sandbox.up()
    check_server_only(sandbox, [*VIEWED * 2, ADDED], timeout=40)
