"""The price to pay, where data and page seem to say different things."""

from __future__ import annotations

import json

from capi_middleware.infer import facts
from capi_middleware.infer.types import Facts
from capi_middleware.settings import ShopSettings

FORM = (
    '<form action="/cart/add" method="post"><input type="hidden" name="product_id" value="77">'
    "<button>{}</button></form>"
)


def read(body: str, price: object, currency: str) -> Facts:
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "Copper kettle",
        "sku": "K-7",
        "offers": {"@type": "Offer", "price": price, "priceCurrency": currency},
    }
    page = (
        f"<!doctype html><html><head><title>Copper kettle</title>"
        f'<script type="application/ld+json">{json.dumps(data)}</script></head><body><h1>Copper kettle</h1>{body}'
        f"{FORM.format('Add to cart')}</body></html>"
    )
    found, _ = facts.read(page.encode(), "www.kettlehouse.test", "/product/kettle", "", ShopSettings())
    return found


def test_thousands_that_the_data_writes_as_decimals() -> None:
    assert read('<p class="price">$ 409.000</p>', "409.000", "COP").product["value"] == 409_000
    assert read('<p class="price">1.599.000 $</p>', "1599.000", "COP").product["value"] == 1_599_000


def test_three_decimals_stay_what_they_are_where_the_page_says_so() -> None:
    assert read('<p class="price">19,99 €</p>', "19.990", "EUR").product["value"] == 19.99
    assert read("", "19.990", "EUR").product["value"] == 19.99
    assert read('<p class="price">12.345 KWD</p>', "12.345", "KWD").product["value"] == 12.345


def test_what_an_option_adds_is_no_price() -> None:
    option = (
        '<label><input type="checkbox" name="extra"> Whistle <span class="price">+ <span>€</span> 35,00</span></label>'
    )
    found = read(option, "0.00", "EUR")
    assert found.is_product
    assert "value" not in found.product
