"""The reader that pages pass through: whole and in pieces, bounded, remembered while the page says the same."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer import FactReader, Facts, ProductMemory, facts, settled
from capi_middleware.settings import ShopSettings

from .corpus import samples, visit_to

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

URL = "https://shop.example/product/mug"
PAGE = """<!doctype html><html lang="sv"><head><title>Mug | Shop</title></head><body><h1>Mug</h1>
<p class="price">{price} kr</p><form action="/cart/add" method="post"><input type="hidden" name="csrf" value="{token}">
<input type="hidden" name="product_id" value="12"><input name="qty" value="1"><button>Köp</button></form>
<p>{more}</p></body></html>"""


@pytest.fixture(autouse=True)
def _forget() -> None:
    assert facts.later.wait(20)
    facts._pages.clear()


def page(price: object = 99, token: str = "a", more: str = "") -> bytes:
    return PAGE.format(price=price, token=token, more=more).encode()


def read(body: bytes, url: str = URL, memory: ProductMemory | None = None, **settings: str) -> Facts:
    reader = FactReader(visit_to(url), ShopSettings(**settings), memory=memory)
    reader.feed(body)
    return reader.facts()


def test_each_value_has_its_source() -> None:
    found = read(page())
    assert found.product == {
        "content_name": "Mug",
        "content_ids": ["12"],
        "content_type": "product",
        "value": 99.0,
        "currency": "SEK",
    }
    assert found.sources == {
        "content_name": "page:h1",
        "content_ids": "form:product_id",
        "value": "page:price",
        "currency": "page:price (language)",
    }


def test_byte_by_byte() -> None:
    reader = FactReader(visit_to(URL), ShopSettings())
    for byte in page():
        reader.feed(bytes([byte]))
    assert reader.facts() == read(page())


def test_asked_twice_answers_the_same() -> None:
    reader = FactReader(visit_to(URL), ShopSettings())
    reader.feed(page())
    assert reader.facts() is reader.facts()


@pytest.mark.parametrize("wanted", [(), ("product",), ("notices",), ("html",), ("product", "notices", "html")])
def test_only_what_is_wanted(wanted: tuple[str, ...]) -> None:
    body = page(more='<div class="alert alert-success">Tillagd i varukorgen</div>')
    reader = FactReader(visit_to(URL), ShopSettings(), wanted)
    reader.feed(body)
    found = reader.facts()
    assert bool(found.product) is ("product" in wanted)
    assert ("success: Tillagd i varukorgen" in found.notices) is ("notices" in wanted)
    assert found.more.get("html", b"") == (body if "html" in wanted else b"")


def test_a_page_seen_before_is_not_read_again(readings: list[int]) -> None:
    for number in range(5):
        assert read(page(more=f"view {number}")).product["value"] == 99.0
    assert len(readings) == 1


def test_a_token_that_changes_costs_nothing(readings: list[int]) -> None:
    for number in range(5):
        read(page(token=f"t{number}"))
    assert len(readings) == 1


def test_a_new_price_is_seen_at_once(readings: list[int]) -> None:
    assert [read(page(price)).product["value"] for price in (99, 79, 79, 99)] == [99.0, 79.0, 79.0, 99.0]
    assert len(readings) == 2


def test_a_new_name_is_seen_at_once() -> None:
    assert read(page()).product["content_name"] == "Mug"
    assert read(page().replace(b"Mug", b"Bowl")).product["content_name"] == "Bowl"


def test_facts_that_grow_stale_are_read_again_after_the_answer(
    monkeypatch: pytest.MonkeyPatch, readings: list[int]
) -> None:
    body, real = page(), facts.time.monotonic
    first = read(body)
    monkeypatch.setattr(facts.time, "monotonic", lambda: real() + facts.FRESH + 1)
    assert read(body) is not None
    assert facts.later.wait(20)
    assert len(readings) == 2
    assert read(body).product == first.product
    assert len(readings) == 2


def test_facts_that_are_old_are_read_again_at_once(monkeypatch: pytest.MonkeyPatch, readings: list[int]) -> None:
    read(page())
    real = facts.time.monotonic
    monkeypatch.setattr(facts.time, "monotonic", lambda: real() + facts.FRESH + facts.STALE + 1)
    read(page())
    assert len(readings) == 2


@pytest.mark.parametrize(("before", "after"), [("kr 19", "kr 199"), ("kr 19", "kr 19,90"), ("SEK 1", "SEK 1 299")])
def test_a_price_that_only_grows_at_its_end_is_seen(before: str, after: str) -> None:
    body = page().decode().replace("99 kr", "PRICE")
    assert "PRICE" in body
    one, other = (read(body.replace("PRICE", price).encode()).product["value"] for price in (before, after))
    assert one != other


TOKENS = {
    "in a script's data": '<script>dataLayer.push({{"view":"{token}","ecommerce":{{"items":[{{"item_id":"12",'
    '"price":99}}]}}}})</script>',
    "in the data of the product": '<script type="application/ld+json">{{"@type":"Product","name":"Mug","sku":"12",'
    '"x":"{token}","offers":{{"price":"99.00","priceCurrency":"SEK","priceValidUntil":"{token}"}}}}</script>',
    "in a tag that a fact stands in": '<p class="price" data-nonce="{token}">99 kr</p>',
    "in the form": '<form action="/cart/add"><input type="hidden" name="csrf" value="{token}"><input type="hidden" '
    'name="product_id" value="12" data-x="{token}"><button data-t="{token}">Köp</button></form>',
    "in the body's tag": '<body class="product" data-request="{token}">',
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_a_token_is_learnt_wherever_it_stands(token: str, readings: list[int]) -> None:
    """Read once, once more for what changes, and never again."""
    for number in range(8):
        html = page(more=token.format(token=f"{number:x}{number * 7919:x}"[: 3 + number % 4])).decode()
        if "<body class" in html:
            html = html.replace("<body>", "").replace("</head>", "</head>" + token.format(token=f"t{number * 31}"))
        assert read(html.encode()).product["value"] == 99.0
    assert len(readings) <= 2


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_a_new_price_is_seen_beside_a_token(token: str) -> None:
    for number, price in enumerate((99, 99, 99, 79, 79, 109)):
        html = page(price, more=token.replace("99", str(price)).format(token=f"t{number}"))
        assert read(html).product["value"] == float(price), number


def test_an_address_with_many_parameters() -> None:
    many = "&".join(f"p{number}={number}" for number in range(200))
    assert read(page(), f"{URL}?{many}").product["value"] == 99.0


LAMP = """<!doctype html><html lang="en"><head><title>Lamp</title>{head}</head><body><h1>Lamp</h1>
<form action="/cart/add"><input name="id" value="12"><input name="quantity" value="1">
<button>Add to cart</button></form>
</body></html>"""


def test_half_an_emoji_in_the_data_is_left_out() -> None:
    """As scripts write it that cut a name at so many characters; no encoding takes it."""
    data = '{"@type": "Product", "name": "Lamp \\ud83d", "sku": "L-1\\ud83d", "category": "Light \\ude00"}'
    found = read(LAMP.format(head=f'<script type="application/ld+json">{data}</script>').encode()).product
    assert (found["content_name"], found["content_ids"], found["content_category"]) == ("Lamp", ["L-1"], "Light")


def test_a_state_whose_price_is_no_number() -> None:
    state = '{"product": {"name": "Lamp", "id": "A-1", "price": NaN, "text": "' + "x" * 60 + '"}}'
    found = read(LAMP.format(head=f'<script type="application/json">{state}</script>').encode()).product
    assert found["content_name"] == "Lamp" and "value" not in found


@pytest.mark.parametrize("measure", ["6 ft", "25 Ft", "100 km", "DIN 912"])
def test_a_measure_is_no_price(measure: str) -> None:
    assert "value" not in read(LAMP.format(head="").replace("</h1>", f"</h1><p>{measure}</p>").encode()).product


@pytest.mark.parametrize("body", ["<p>6 ft</p><p>12.99 USD</p>", "<p>12.99 USD</p><p>6 ft</p>"])
def test_a_price_beside_a_measure_is_found(body: str) -> None:
    found = read(LAMP.format(head="").replace("</h1>", f"</h1>{body}").encode()).product
    assert (found["value"], found["currency"]) == (12.99, "USD")


def test_forints_are_read_where_they_are_paid_with() -> None:
    html = LAMP.format(head="").replace('lang="en"', 'lang="hu"').replace("</h1>", "</h1><p>12 990 Ft</p>")
    found = read(html.encode()).product
    assert (found["value"], found["currency"]) == (12990.0, "HUF")


def test_what_is_remembered_is_bounded_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some themes put hundreds of kilobytes of variations into a page, and its facts rest on them."""
    variations = ",".join(f'{{"variation_id":{one},"sku":"S-{one}","display_price":9}}' for one in range(4_000))
    form = f"<form data-product_variations='[{variations}]'>"
    body = page().replace(b"<body>", b'<body class="single-product postid-12">' + form.encode() + b"</form>")
    for number in range(250):
        read(body, f"{URL}-{number}")
    needles = sum(len(needle) for known in facts._pages.values() for one in known for needle in one.needles)
    assert 0 < needles <= facts.MOST_KEPT


def test_the_settings_are_part_of_what_is_remembered() -> None:
    body = page().replace(b'lang="sv"', b'lang="en"')
    assert "value" not in read(body).product
    assert read(body, currency="NOK").product["currency"] == "NOK"


def test_the_host_is_too(readings: list[int]) -> None:
    read(page())
    read(page(), "https://other.example/product/mug")
    assert len(readings) == 2


def test_what_is_read_is_learnt() -> None:
    memory = ProductMemory()
    read(page(), memory=memory)
    found = memory.by_id("shop.example", "12")
    assert found is not None
    assert found["value"] == 99.0
    assert memory.by_url("shop.example", "/product/mug?utm_source=x")


def test_nothing_at_all() -> None:
    assert FactReader(visit_to(URL), ShopSettings()).facts() == read(b"")


@PATIENT
@given(st.lists(st.binary(max_size=400), max_size=12))
def test_never_raises(chunks: list[bytes]) -> None:
    reader = FactReader(visit_to(URL), ShopSettings(), ("product", "notices", "html"))
    for chunk in chunks:
        reader.feed(chunk)
    reader.facts()
    facts.read(b"".join(chunks), "shop.example", "/p", "", ShopSettings())


@PATIENT
@given(st.data())
def test_never_raises_on_torn_pages(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(samples()))
    start = data.draw(st.integers(0, len(sample.page)))
    end = data.draw(st.integers(start, len(sample.page)))
    body = sample.page[:start] + sample.page[end:]
    facts.read(body, "shop.example", "/p", "", sample.shop)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        b"<h1>x</h1>",
        b'<form action="/cart/add/1"><input name=qty><input name=product_id value=1><button>Buy</button></form>',
        b"<p class=price>$1</p>",
        b'<div class="price">$1',
        b"<a href=/cart?id=1>buy cart</a>",
        b'<script type="application/ld+json">{"@type":"Product","name":"x"}</script>',
        b'<div itemscope itemtype="http://schema.org/Product"><span itemprop=name>x</span>',
        b"<script>dataLayer.push({ecommerce:{</script>",
        b'<meta property="og:title" content="x">',
        b"<b></i></b>",
        b'<div><span class="price old">',
        b"<h2>Related</h2>",
    ],
    ids=lambda piece: piece[:24].decode(),
)
def test_linear_in_hostile_pages(piece: bytes) -> None:
    head = b"<title>x</title><h1>x</h1><form action=/cart><input name=product_id value=1><input name=qty></form>"
    facts.read(head + piece * (1024 * 1024 // len(piece)), "shop.example", "/p", "", ShopSettings())


def test_a_streamed_page_is_held_within_64_kib() -> None:
    chunk = (b"<div class=row><p>" + b"text " * 60 + b"</p></div>") * 200  # 64 kB
    compiling, reader = (FactReader(visit_to(URL), ShopSettings(), ("product",)) for _ in range(2))
    for _ in range(3):
        compiling.feed(chunk)
    held = 0
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(80):  # 5 MB
        reader.feed(bytes(chunk))
        held = max(held, tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    assert held <= 64 * 1024


def test_an_empty_piece_before_a_page_is_none_of_it() -> None:
    """As a generator gives it that wants the headers out first."""
    body = page(more="x" * 100_000)
    reader = FactReader(visit_to(URL), ShopSettings(), ("html",))
    reader.feed(b"")
    reader.feed(body)
    assert reader.facts().more["html"] == body


@pytest.mark.parametrize("sign", "?/")
def test_of_an_invented_address_nothing_is_remembered(sign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_trust", settled.Trust())
    read(page(), f"{URL}{sign}{'x' * 5_000}")
    assert not facts._pages and not facts._trust._records


def test_a_page_in_one_piece_is_looked_at_in_place() -> None:
    body = page(more="x" * 1_000_000)
    reader = FactReader(visit_to(URL), ShopSettings(), ("product",))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    reader.feed(body)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held <= 4 * 1024
    assert reader.facts().is_product


def test_a_page_of_more_than_a_mebibyte_in_one_piece_is_read_to_its_end() -> None:
    start, end = page().split(b"<h1>")
    body = start + b"<p>" + b"x " * 700_000 + b"</p><h1>" + end
    reader = FactReader(visit_to(URL), ShopSettings(), ("product",))
    reader.feed(body)
    assert reader.facts().product["value"] == 99.0
