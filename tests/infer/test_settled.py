"""Pages whose head, data and heading settle them: read short once that has proved right, and whole afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from capi_middleware.infer import FactReader, Facts, ProductMemory, facts, settled
from capi_middleware.settings import ShopSettings

from .corpus import visit_to

FILLING = "<nav><ul>" + "<li><a href='/c'>Category</a></li>" * 40 + "</ul></nav>" + "<p>Words of no interest.</p>" * 40


def page(number: int, price: float = 99.0, sale: str = "", body: str = "<body>") -> bytes:
    """``sale``: a lower price that the head tells and the page shows, and the data do not."""
    tags = (
        f'<meta property="product:price:amount" content="{sale}"><meta property="product:price:currency" content="SEK">'
    )
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": f"Mug {number}",
        "sku": f"M-{number}",
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "SEK"},
    }
    return (
        f'<html lang="sv"><head><title>Mug {number} | Shop</title><meta property="og:type" content="product">'
        f"{tags if sale else ''}</head>"
        f"{body}{FILLING}<h1>Mug {number}</h1><p class='price'>{sale or f'{price:.2f}'} kr</p>"
        f'<form action="/add"><input type="hidden" name="product_id" value="{number}00"><button>Köp</button></form>'
        f'{FILLING}<script type="application/ld+json">{json.dumps(data)}</script></body></html>'
    ).encode()


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    assert facts.later.wait(20)
    facts._pages.clear()
    monkeypatch.setattr(facts, "_trust", settled.Trust())
    yield
    assert facts.later.wait(20)


def view(
    number: int, html: bytes | None = None, query: str = "", path: str = "", memory: ProductMemory | None = None
) -> Facts:
    url = f"https://mugs.example{path or f'/p/mug-{number}'}{query}"
    reader = FactReader(visit_to(url), ShopSettings(), ("product",), memory)
    reader.feed(page(number) if html is None else html)
    return reader.facts()


def prove() -> None:
    for number in range(settled.PROOFS):
        view(number)
        assert facts.later.wait(20)


def test_after_some_proofs_a_page_is_read_short_and_then_whole(readings: list[int]) -> None:
    prove()
    readings.clear()
    html = page(50)
    short = view(50, html)
    assert readings[0] < len(html) / 3
    assert facts.later.wait(20)
    assert readings[1:] == [len(html)]
    assert settled.same(short, view(50, html))
    assert len(readings) == 2


def test_what_only_the_whole_page_says_is_learnt_afterwards(tmp_path: Path) -> None:
    prove()
    memory = ProductMemory(tmp_path)
    view(51, memory=memory)
    assert facts.later.wait(20)
    known = memory.by_id("mugs.example", "5100")
    assert known is not None
    assert known["content_ids"] == ["M-51"]
    memory.close()


def test_before_that_it_is_read_whole(readings: list[int]) -> None:
    for number in range(settled.PROOFS):
        html = page(number)
        readings.clear()
        view(number, html)
        assert readings[0] == len(html)
        assert facts.later.wait(20)


def test_the_same_page_proves_nothing_twice(readings: list[int]) -> None:
    for _ in range(settled.PROOFS + 2):
        facts._pages.clear()
        view(1)
        assert facts.later.wait(20)
    readings.clear()
    html = page(52)
    view(52, html)
    assert readings[0] == len(html)


def test_pages_of_another_kind_prove_nothing(readings: list[int]) -> None:
    prove()
    readings.clear()
    html = page(53)
    view(53, html, path="/mug-53")
    assert readings[0] == len(html)


def test_a_query_may_name_a_variant(readings: list[int]) -> None:
    prove()
    readings.clear()
    html = page(54)
    view(54, html, query="?variant=12")
    assert readings[0] == len(html)


def test_a_shop_that_shows_another_price_than_its_data_is_never_read_short(readings: list[int]) -> None:
    for number in range(settled.PROOFS + 2):
        assert view(number, page(number, sale="79.20")).product["value"] == 79.2
        assert facts.later.wait(20)
    readings.clear()
    html = page(55, sale="79.20")
    view(55, html)
    assert readings[0] == len(html)


def test_a_page_whose_sources_differ_is_read_whole(readings: list[int]) -> None:
    prove()
    readings.clear()
    html = page(57, sale="79.20")
    assert view(57, html).product["value"] == 79.2
    assert readings[-1] == len(html)


def test_the_first_page_that_differs_ends_it(readings: list[int]) -> None:
    """The page calls the pixel itself, with another id."""
    prove()
    call = b"<script>fbq('track', 'ViewContent', {content_ids: ['OWN-58'], value: 99, currency: 'SEK'})</script>"
    other = page(58).replace(b"</h1>", b"</h1>" + call)
    short = view(58, other)
    assert short.product["content_ids"] == ["M-58"]
    assert facts.later.wait(20)
    assert view(58, other).product["content_ids"] == ["OWN-58"]
    readings.clear()
    html = page(59)
    view(59, html)
    assert readings[0] == len(html)


def test_an_excerpt_holds_the_head_the_data_and_the_headings() -> None:
    html = page(1)
    short = settled.excerpt(html, frozenset({"jsonld"}))
    assert short is not None
    assert b"<title>Mug 1" in short and b"<h1>Mug 1</h1>" in short and b'"M-1"' in short
    assert b"Words" not in short and b"<form" not in short


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"<html><h1>no body</h1>",
        b"<body",
        b"<body><h1>open",
        b'<body><script type="application/ld+json">{} and no end',
        b"<body>" + b'<script type="application/ld+json">' + b"x" * settled.LARGEST + b"</script>",
    ],
)
def test_a_page_without_them_has_none(html: bytes) -> None:
    assert settled.excerpt(html, frozenset({"jsonld"})) is None


def text(number: int, more: str = "") -> bytes:
    return (
        f'<html lang="en"><head><title>About {number} | Shop</title></head><body>{FILLING}<h1>About {number}</h1>'
        f"<p>We make mugs.</p>{more}{FILLING}{FILLING}{FILLING}{FILLING}{FILLING}</body></html>"
    ).encode()


def prove_none() -> None:
    for number in range(settled.PROOFS_OF_NONE):
        assert not view(number, text(number), path=f"/about/page-{number}").is_product
        assert facts.later.wait(20)


def test_pages_that_are_no_products_are_read_short_too(readings: list[int]) -> None:
    prove_none()
    readings.clear()
    html = text(50)
    assert not view(50, html, path="/about/page-50").is_product
    assert readings[0] < len(html)
    assert facts.later.wait(20)
    assert readings[1:] == [len(html)]


def test_a_product_among_them_is_one_and_ends_it(readings: list[int]) -> None:
    prove_none()
    readings.clear()
    html = page(51)
    found = view(51, html, path="/about/page-51")
    assert found.product["value"] == 99.0
    assert readings[-1] == len(html)
    readings.clear()
    html = text(52)
    view(52, html, path="/about/page-52")
    assert readings == [len(html)]


def test_where_there_are_products_no_page_is_taken_for_something_else(readings: list[int]) -> None:
    view(1, page(1), path="/about/page-product")
    prove_none()
    readings.clear()
    html = text(53)
    view(53, html, path="/about/page-53")
    assert readings == [len(html)]


def test_what_settles_a_page() -> None:
    whole, _ = facts.read(page(1), "mugs.example", "/p/mug-1", "", ShopSettings())
    assert settled.sources(whole) == {"jsonld"}
    assert settled.sources(Facts()) == settled.NONE
    assert settled.sources(whole._replace(product={"content_name": "Mug"})) is None
    assert settled.sources(whole._replace(sources={**whole.sources, "value": "page:price"})) is None
    assert settled.sources(whole._replace(sources={**whole.sources, "content_name": "page:h1"})) == {
        "jsonld",
        "heading",
    }


def test_every_page_of_the_corpus_reads_alike_or_is_not_believed() -> None:
    """Where all four facts come from what an excerpt holds, the excerpt says the same; else it would be noticed."""
    from .corpus import samples

    alike = 0
    for sample in samples():
        visit = sample.visit
        whole, _ = facts.read(sample.page, visit.host, visit.path, visit.query, sample.shop)
        wanted = settled.sources(whole)
        short = settled.excerpt(sample.page, wanted) if wanted else None
        if short is not None:
            found, _ = facts.read(short, visit.host, visit.path, visit.query, sample.shop)
            alike += settled.same(found, whole)
    assert alike >= 10
