"""What is kept of a streamed page: little, and what matters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from corpus import samples, visit_to

from capi_middleware.infer import FactReader, Facts
from capi_middleware.infer.sieve import HELD, Sieve
from capi_middleware.settings import ShopSettings

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


@PATIENT
@given(
    st.lists(
        st.sampled_from([FILLER, SCRIPT, DRAWING, b"<h1>Mug</h1>", b"<!--", b"-->", b"<", b"x" * 9000]), max_size=60
    )
)
def test_holds_no_more_than_it_may(pieces: list[bytes]) -> None:
    sieve = Sieve()
    for piece in pieces:
        sieve.feed(piece)
        held = sum(len(part) for part in (sieve._head, sieve._scripts, sieve._body, sieve._carry, sieve._script))
        assert held <= 64 * 1024
    assert len(sieve.page()) <= 68 * 1024


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
