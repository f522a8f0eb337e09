"""What is kept of a streamed page: little, and what matters."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer import FactReader, Facts, receipt
from capi_middleware.infer.sieve import HELD, ORDER, PRODUCT, Bounds, Sieve
from capi_middleware.settings import ShopSettings

from .corpus import samples, visit_to

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FILLER = b"<nav><ul>" + b'<li class="menu-item"><a href="/c/%d">Category</a></li>' * 40 + b"</ul></nav>"
SCRIPT = b"<script>" + b"function f(a){return a.b<c}\n" * 400 + b"</script>"
DRAWING = b'<svg viewBox="0 0 9 9">' + b'<path d="M0 0h9v9z"/>' * 300 + b"</svg>"


def heavy(page: bytes, times: int) -> bytes:
    """The page with a theme's weight around its own part."""
    weight = (FILLER + SCRIPT + DRAWING + b"<style>" + b".a{b:c}" * 900 + b"</style>") * times
    start = page.index(b"<body")
    start = page.index(b">", start) + 1
    end = page.index(b"<footer")
    return page[:start] + weight + page[start:end] + weight + page[end:]


def read(url: str, page: bytes, size: int, shop: ShopSettings) -> Facts:
    reader = FactReader(visit_to(url), shop, ("product",))
    for start in range(0, len(page), size):
        reader.feed(page[start : start + size])
    return reader.facts()


PRODUCTS = [sample for sample in samples() if sample.expected["product"] and "charset" not in sample.expected]


@pytest.mark.parametrize("sample", PRODUCTS, ids=lambda sample: sample.name)
def test_a_heavy_page_in_pieces_says_what_it_says_in_one(sample) -> None:  # type: ignore[no-untyped-def]
    page = heavy(sample.page, 6)
    assert len(page) > 4 * HELD
    url = sample.expected["url"]
    whole = read(url, page, len(page), sample.shop)
    pieces = read(url + ("&" if "?" in url else "?") + "utm_source=x", page, 16_384, sample.shop)
    expected = sample.expected["product"]
    assert {key: pieces.product.get(key) for key in expected} == expected
    assert whole.is_product


PROSE = b"<p>Spun from one sheet.</p>" * 2_000
FORM = b"""<form action="/cart/add" method="post"><input type="hidden" name="product_id" value="77">
<input name="qty" value="1"><span class="price">64.00 EUR</span><button>Add to cart</button></form>"""


def streamed(body: bytes, head: bytes = b"", title: bytes = b"Copper kettle | Kettlehouse") -> Facts:
    page = b"<!doctype html><html lang=en><head><title>%b</title>%b</head><body>%b</body></html>" % (title, head, body)
    return read("https://www.kettlehouse.test/item/7", page, 16_384, ShopSettings())


def described(name: bytes, more: bytes = b"") -> bytes:
    offer = b'{"@type": "Offer", "price": "64.00", "priceCurrency": "EUR"}'
    data = b'{"@context": "https://schema.org", "@type": "Product", "name": "%b", "sku": "K-7", "offers": %b, '
    data += b'"review": [%b'
    return b'<script type="application/ld+json">' + data % (name, offer, more) + b"]}</script>"


def test_a_script_with_a_long_address_ends_where_it_ends() -> None:
    long = b'<script async src="https://tags.test/load?data=%b"></script>' % (b"%7B%22" * 60)
    found = streamed(long + PROSE + b"<h1>Copper kettle</h1>" + FORM)
    assert (found.product["content_name"], found.product["value"]) == ("Copper kettle", 64.0)


def test_a_products_data_comes_after_many_scripts() -> None:
    chatter = b"<script>dataLayer.push({'event': 'x', 'ecommerce': null});" + b"var a = 1;\n" * 400 + b"</script>"
    found = streamed(b"<h1>Copper kettle</h1>" + PROSE + chatter * 6 + described(b"Copper kettle"))
    assert (found.product["content_ids"], found.product["value"]) == (["K-7"], 64.0)
    assert found.sources["value"].startswith("jsonld:")


def test_a_products_data_that_is_longer_than_what_is_held() -> None:
    reviews = b", ".join(b'{"@type": "Review", "reviewBody": "It boils, %d"}' % number for number in range(2_000))
    found = streamed(b"<h1>Copper kettle</h1>" + PROSE + described(b"Copper kettle", reviews))
    assert (found.product["content_ids"], found.product["value"]) == (["K-7"], 64.0)


def test_the_form_that_buys_stands_far_below_the_heading() -> None:
    found = streamed(b"<h1>Copper kettle</h1>" + PROSE + FORM)
    assert (found.product["content_ids"], found.product["value"]) == (["77"], 64.0)


@pytest.mark.parametrize("after", range(0, 120, 7))
def test_the_form_that_buys_is_whole_wherever_the_body_is_cut(after: int) -> None:
    prose = b"<p title='Spun from one sheet of copper'>Spun.</p>" * 600
    found = streamed(b"<h1>Copper kettle</h1>" + b"x" * after + prose + FORM)
    assert (found.product["content_ids"], found.product["value"]) == (["77"], 64.0)
    found = streamed(b"<h1>Copper kettle</h1>" + b"x" * after + prose[:18_200] + FORM)
    assert (found.product["content_ids"], found.product["value"]) == (["77"], 64.0)


def test_a_property_whose_scope_is_elsewhere_is_none_of_the_products() -> None:
    extra = (
        b'<div itemprop="additionalProperty" itemscope itemtype="http://schema.org/PropertyValue">'
        b'<meta itemprop="name" content="variationId"></div>'
    )
    head = b'<h1 itemprop="name">Copper kettle</h1>'
    scope = b'<div itemscope itemtype="https://schema.org/Product">'
    assert streamed(scope + PROSE + extra + head + FORM + PROSE + b"</div>").product["content_name"] == "Copper kettle"


def test_a_page_whose_name_is_no_heading() -> None:
    view = b"<script>fbq('track', 'ViewContent', {content_type: 'product', content_ids: ['77']})</script>"
    body = b"<div class=top>" + PROSE + b"</div><p>Copper kettle</p>" + FORM + PROSE + view
    found = streamed(body)
    assert (found.product["content_ids"], found.product["value"]) == (["77"], 64.0)


def test_the_shops_name_and_the_products_are_headings_close_together() -> None:
    found = streamed(b"<h1><a href='/'>Kettlehouse</a></h1>" + b"<h1>Copper kettle</h1>" + FORM + PROSE * 2)
    assert (found.product["content_name"], found.product["value"]) == ("Copper kettle", 64.0)


def test_a_breadcrumb_that_is_cut_in_two_names_no_product() -> None:
    step = b'<li><a itemprop="name" href="/c/tea">Things for tea</a></li>'
    trail = b'<ol class="breadcrumb">' + step * 150 + b"</ol>"
    scope = b'<div itemscope itemtype="https://schema.org/Product" class="product-view">'
    body = scope + trail + b"<h1>Copper kettle</h1>" + PROSE + b'<meta itemprop="name" content="Copper kettle">' + FORM
    assert streamed(PROSE + body + b"</div>").product["content_name"] == "Copper kettle"


def test_a_checkout_that_brings_an_apps_state_tells_its_total() -> None:
    """As EverShop's: styles within the page, the currency in a state of 10 kB, the total under the whole form."""
    state = (
        b'<script>var eContext = {"cart": {"grandTotal": {"value": 30, "currency": "USD"}}, "labels": {%b}}</script>'
    )
    head = state % b", ".join(b'"label%d": "A label of the form"' % number for number in range(300))
    style = b"<style>" + b".py-2{padding:1rem}" * 10_000 + b"</style>"
    field = b'<div class="flex items-center justify-between rounded-lg border"><input name="field%d"></div>'
    form = b"<h1>Checkout</h1><form>" + b"".join(field % number for number in range(400)) + b"</form>"
    total = b"<p>Total</p><p>$30.00</p></body></html>"
    page = (
        b"<!doctype html><html lang=en><head><title>Checkout</title>" + head + style + b"</head><body>" + form + total
    )
    reader = FactReader(visit_to("https://www.kettlehouse.test/checkout"), ShopSettings(), ("product", "html"))
    for start in range(0, len(page), 16_384):
        reader.feed(page[start : start + 16_384])
    kept = reader.facts().more["html"]
    assert len(kept) < len(page) / 3
    told = receipt.read(receipt.Page(kept, receipt.place_of(kept, "", "", "", ""), placed=False))
    assert (told.value, told.currency) == (30.0, "USD")


@PATIENT
@given(
    st.lists(
        st.sampled_from([FILLER, SCRIPT, DRAWING, b"<h1>Mug</h1>", b"<!--", b"-->", b"<", b"x" * 9000]), max_size=60
    )
)
def test_holds_no_more_than_it_may(pieces: list[bytes]) -> None:
    holds(PRODUCT, 64 * 1024, pieces)
    holds(ORDER, 166 * 1024, pieces)


def holds(bounds: Bounds, most: int, pieces: list[bytes]) -> None:
    sieve = Sieve(bounds)
    for piece in pieces:
        sieve.feed(piece)
        scripts = (sieve._data, *sieve._scripts, sieve._dull, sieve._script)
        held = sum(map(len, (sieve._head, sieve._body, sieve._form, sieve._carry, *scripts)))
        assert held <= most
    assert len(sieve.page()) <= most + 4 * 1024


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", [b"<", b"<a ", b"<script>", b"<!--", b"<h1>", b"<svg>", b"<meta ", b'<a b="', b"<title>"]
)
def test_linear(piece: bytes) -> None:
    sieve = Sieve()
    data = piece * (1024 * 1024 // len(piece))
    for start in range(0, len(data), 4096):
        sieve.feed(data[start : start + 4096])
    sieve.page()
