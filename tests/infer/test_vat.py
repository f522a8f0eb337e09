"""``[shop] vat``: pages that show a price with value added tax and one without."""

from __future__ import annotations

import json
from typing import Any

import pytest

from capi_middleware.infer import FactReader, facts
from capi_middleware.settings import ShopSettings

from .corpus import visit_to

JSON_LD = '<script type="application/ld+json">%s</script>'
BUY = '<form action="/cart/add"><input type="hidden" name="product_id" value="17"><button>Buy</button></form>'


def offer(**fields: Any) -> str:
    product = {"@type": "Product", "name": "Borrmaskin X", "sku": "BX-1"}
    return JSON_LD % json.dumps({**product, "offers": {"@type": "Offer", "priceCurrency": "SEK", **fields}})


def specified(*prices: tuple[float, bool]) -> str:
    return offer(priceSpecification=[{"price": price, "valueAddedTaxIncluded": taxed} for price, taxed in prices])


def page(shown: str, data: str = "") -> bytes:
    return (
        f'<html lang="sv-SE"><head><title>Borrmaskin X</title>{data}</head><body><h1>Borrmaskin X</h1>'
        f'<div class="product-info">{shown}{BUY}</div></body></html>'
    ).encode()


def value(html: bytes, vat: str) -> float | None:
    facts._pages.clear()  # another page each time, at one address
    reader = FactReader(visit_to("https://verktyg.example/produkt/borrmaskin-x"), ShopSettings(vat=vat), ("product",))
    reader.feed(html)
    found = reader.facts().product
    assert "value" not in found or found["currency"] == "SEK"
    return found.get("value")


SHOWN = {
    "swedish": '<span class="price">1 250 kr inkl. moms</span><span class="price">1 000 kr exkl. moms</span>',
    "swedish, without tax first": '<p class="pris">1 000 kr exkl. moms</p><p class="pris">1 250 kr inkl. moms</p>',
    "english": '<p class="price">SEK 1,250.00 incl. VAT</p><p class="price">SEK 1,000.00 excl. VAT</p>',
    "german": '<p class="preis">1.000,00 kr netto</p><p class="preis">1.250,00 kr inkl. MwSt</p>',
    "by its names": '<b class="price-incl-vat">1 250 kr</b><b class="price-excl-vat">1 000 kr</b>',
    "by its names, without tax first": '<b class="price-excl-tax">1 000 kr</b><b class="price-incl-tax">1 250 kr</b>',
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN.keys())
def test_the_one_that_the_setting_says_is_taken(shown: str) -> None:
    html = page(shown)
    assert value(html, "incl") == 1250.0
    assert value(html, "excl") == 1000.0
    assert value(html, "auto") == 1250.0


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN.keys())
@pytest.mark.parametrize("told", [1000.0, 1250.0])
def test_left_alone_structured_data_have_their_way(shown: str, told: float) -> None:
    html = page(shown, offer(price=told))
    assert value(html, "auto") == told
    assert value(html, "incl") == 1250.0
    assert value(html, "excl") == 1000.0


@pytest.mark.parametrize("prices", [((1000, False), (1250, True)), ((1250, True), (1000, False))])
def test_structured_data_that_tell_both(prices: tuple[tuple[float, bool], ...]) -> None:
    html = page("", specified(*prices))
    assert value(html, "incl") == 1250.0
    assert value(html, "excl") == 1000.0


def test_a_platform_that_tells_both() -> None:
    price = {"with_tax": {"value": 1250, "currency": "SEK"}, "without_tax": {"value": 1000, "currency": "SEK"}}
    script = json.dumps({"product_attributes": {"sku": "BX-1", "price": price}})
    html = page("", '<link href="https://cdn11.bigcommerce.com/x.css" rel="stylesheet">').replace(
        b"</body>", b"<script>var BCData = " + script.encode() + b";</script></body>"
    )
    assert value(html, "auto") == 1250.0
    assert value(html, "excl") == 1000.0


@pytest.mark.parametrize("vat", ["auto", "incl", "excl"])
def test_a_page_that_shows_one_price_has_that_one(vat: str) -> None:
    assert value(page('<p class="price">1 250 kr</p>'), vat) == 1250.0
    assert value(page('<p class="price">1 250 kr inkl. moms</p>', offer(price=1250)), vat) == 1250.0


@pytest.mark.parametrize("vat", ["incl", "excl"])
def test_another_products_price_is_none_of_this(vat: str) -> None:
    """Further off than any tax is high."""
    shown = '<p class="price">1 250 kr inkl. moms</p><div class="related"><p class="price">300 kr exkl. moms</p></div>'
    assert value(page(shown, offer(price=1250)), vat) == 1250.0
