"""What a product is called, where the page's texts say more than its name."""

from __future__ import annotations

import json

import pytest

from capi_middleware.infer import facts, heading
from capi_middleware.infer.types import Facts
from capi_middleware.settings import ShopSettings

BUY = """<p class="price">£64.00</p><form action="/basket/add/7/" method="post"><input name="quantity" value="1">
<button>Add to basket</button></form>"""


def read(body: str, title: str, head: str = "", host: str = "www.kettlehouse.test") -> Facts:
    page = f"<!doctype html><html lang='en'><head><title>{title}</title>{head}</head><body>{body}{BUY}</body></html>"
    found, _ = facts.read(page.encode(), host, "/item/7", "", ShopSettings())
    return found


def named(body: str, title: str, head: str = "", host: str = "www.kettlehouse.test") -> object:
    return read(body, title, head, host).product["content_name"]


def product(name: str) -> str:
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": name,
        "sku": "K-7",
        "offers": {"@type": "Offer", "price": "64.00", "priceCurrency": "GBP"},
    }
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_a_plugin_that_writes_the_pages_title_as_the_products_name() -> None:
    title = "Copper kettle - Things for tea"
    assert named("<h1>Copper kettle</h1>", title, product(title)) == "Copper kettle"


def test_the_shops_name_behind_the_products_in_the_data() -> None:
    head = product("Copper kettle | Kettlehouse")
    assert named("<h1>Copper kettle</h1>", "Copper kettle for gas | Kettlehouse", head) == "Copper kettle"


def test_a_variant_behind_the_products_name_is_kept() -> None:
    head = product("Copper kettle - Two litres")
    assert named("<h1>Copper kettle</h1>", "Copper kettle | Kettlehouse", head) == "Copper kettle - Two litres"


def test_a_share_title_that_is_the_search_title() -> None:
    title = "Buy Copper kettle online in Britain -Kettlehouse"
    head = f'<meta property="og:type" content="og:product"><meta property="og:title" content="{title}">'
    assert named("<h1>Copper kettle</h1>", title, head) == "Copper kettle"


def test_a_title_that_all_pages_share_names_no_product() -> None:
    assert named("<h1>Copper kettle</h1>", "Kettlehouse.test - Good things for good tea") == "Copper kettle"


@pytest.mark.parametrize("title", ["銅やかん - Kettlehouse 茶", "Kettlehouse 茶 | 銅やかん"])
def test_the_part_of_a_title_that_is_not_the_shops(title: str) -> None:
    view = (
        "<script>fbq('track', 'ViewContent', {content_ids: ['7'], content_type: 'product', value: 64, currency: 'GBP'})"
        "</script>"
    )
    assert named("", title, view) == "銅やかん"


@pytest.mark.parametrize("hidden", ["visually-hidden", "sr-only", "g-hdn", "screen-reader-text"])
def test_what_only_a_screen_reader_gets_is_no_part_of_the_name(hidden: str) -> None:
    unseen = f'<span class="title {hidden}">Details about &nbsp;</span>'
    assert named(f"<h1>{unseen}Copper kettle</h1>", "Copper kettle | Kettlehouse") == "Copper kettle"
    body = (
        f'<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">{unseen}Copper kettle</h1>'
        '<meta itemprop="sku" content="K-7"></div>'
    )
    assert named(body, "Copper kettle | Kettlehouse") == "Copper kettle"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Copper kettle SKU: K-7", "Copper kettle"),
        ("Kopparkittel (Art.nr: 1007)", "Kopparkittel"),
        ("Медный чайник Код: 01245", "Медный чайник"),
        ("Copper kettle Model:", "Copper kettle"),
        ("Copper kettle K-7", "Copper kettle K-7"),
        ("Mission: impossible", "Mission: impossible"),
        ("Chess: the art of war", "Chess: the art of war"),
        ("Code: 7", "Code: 7"),
    ],
)
def test_an_article_number_with_its_label_is_no_part_of_a_heading(said: str, name: str) -> None:
    assert heading.bare(said) == name


def test_a_sold_out_item_that_the_head_describes_for_a_catalogue() -> None:
    head = (
        '<meta property="og:title" content="Copper kettle"><meta property="product:price:amount" content="64.00">'
        '<meta property="product:price:currency" content="GBP">'
        '<meta property="product:retailer_item_id" content="kettle-7">'
    )
    page = f"<!doctype html><html lang='en'><head><title>Tea</title>{head}</head><body><h1>Copper kettle</h1></body>"
    found, _ = facts.read(page.encode(), "www.kettlehouse.test", "/kettles/copper", "", ShopSettings())
    assert found.is_product
    assert (found.product["content_ids"], found.product["value"]) == (["kettle-7"], 64.0)


def test_a_link_that_buys_where_the_head_says_product() -> None:
    title = "Buy Copper kettle online"
    head = f'<meta property="og:type" content="og:product"><meta property="og:title" content="{title}">'
    body = "<h1>Copper kettle</h1><p class='price'>£64.00</p><a href='#' class='add-cart'>ADD TO CART</a>"
    for kind, expected in ((head, True), ("", False)):
        page = f"<!doctype html><html lang='en'><head><title>{title}</title>{kind}</head><body>{body}</body></html>"
        found, _ = facts.read(page.encode(), "www.kettlehouse.test", "/copper-kettle", "", ShopSettings())
        assert found.is_product is expected, found.more["why"]
