"""CSS selectors and meta names that people wrote, on pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from capi_middleware.infer import document

PAGE = b"""<!doctype html><html><head><meta property="og:title" content="Mugg &amp; fat"><meta name="sku" content="A'1">
<script type="application/ld+json">{"@type": "Product", "name": "Mugg"}</script>
<script type="application/ld+json">not json</script></head>
<body><h1>R&ouml;d   <em>mugg</em></h1><span class="price now">199 kr</span><span class="price">299 kr</span>
<a data-id="7" class="b">x</a><h2>Tack</h2></body></html>"""


@pytest.fixture(params=["selectolax", "beautifulsoup4"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "selectolax":
        pytest.importorskip("selectolax.lexbor")
    else:
        monkeypatch.setattr(document, "_fast_parser", lambda: None)
    document._answers.clear()
    yield request.param
    document._answers.clear()


@pytest.mark.parametrize(
    ("selector", "attribute", "expected"),
    [
        ("h1", "", ("Röd mugg",)),
        (".price", "", ("199 kr", "299 kr")),
        (".price.now", "", ("199 kr",)),
        ("[data-id]", "data-id", ("7",)),
        ("a", "class", ("b",)),
        ("h1", "class", ()),
        (".none", "", ()),
        ("h1 > em", "", ("mugg",)),
        ("h2:-soup-contains('Tack')", "", None),
        ("..", "", ()),
    ],
)
def test_select(parser: str, selector: str, attribute: str, expected: tuple[str, ...] | None) -> None:
    found = document.select(PAGE, selector, attribute)
    assert found == (expected if expected is not None else ("Tack",))


def test_meta(parser: str) -> None:
    assert document.meta(PAGE, "og:title") == "Mugg & fat"
    assert document.meta(PAGE, "sku") == "A'1"
    assert document.meta(PAGE, 'x"]') == ""


def test_json_ld() -> None:
    assert document.json_ld(PAGE)[0] == {"@type": "Product", "name": "Mugg"}


def test_a_block_within_another_is_none() -> None:
    inner = b'<script type="application/ld+json">'
    page = inner + b"<!-- " + inner + b'{"@type": "Product"}</script>' + inner + b'{"@type": "Order"}</script>'
    assert document.json_ld(page)[0] == {"@type": "Order"}


def test_headings() -> None:
    assert document.headings(PAGE) == ("Röd mugg", "Tack")


@pytest.mark.parametrize("declared", ['<meta charset="iso-8859-1">', ""])
def test_a_page_that_is_not_utf_8(parser: str, declared: str) -> None:
    page = f"<html>{declared}<h1>Köpet avbröts</h1><p>ä å ö é</p>"
    page += '<script type="application/ld+json">{"name": "Hatthylla grön"}</script>'
    written = page.encode("cp1252")
    assert document.headings(written) == ("Köpet avbröts",)
    assert document.select(written, "h1") == ("Köpet avbröts",)
    assert document.json_ld(written) == [{"name": "Hatthylla grön"}]


def test_no_page() -> None:
    assert document.select(b"", "h1") == ()
    assert document.headings(b"") == ()
    assert document.json_ld(b"") == []
