"""Each page of the corpus, read as the middleware reads it: whole, in pieces, and a second time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capi_middleware.explain import Answer, Request, explain
from capi_middleware.infer import FactReader, Facts, ProductMemory
from capi_middleware.settings import Settings

from .corpus import Sample, samples

ALL = pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)


def read(sample: Sample, size: int = 0, memory: ProductMemory | None = None) -> Facts:
    reader = FactReader(sample.visit, sample.shop, ("product", "notices"), memory)
    page = sample.page
    for start in range(0, len(page), size or len(page)):
        reader.feed(page[start : start + (size or len(page))])
    return reader.facts()


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(samples()) >= 40


@ALL
def test_facts(sample: Sample) -> None:
    facts = read(sample)
    expected = sample.expected["product"]
    assert facts.is_product is (expected is not None), facts.more.get("why")
    found = {key: value for key, value in facts.product.items() if key in (expected or ()) or key != "content_category"}
    assert found == (expected or {})
    assert set(facts.sources) == set(facts.product) - {"content_type"}


@ALL
def test_what_else_it_says(sample: Sample) -> None:
    facts = read(sample)
    for kind, value in sample.expected.get("ids", {}).items():
        assert facts.more["ids"].get(kind) == value
    for notice in sample.expected.get("notices", ()):
        assert notice in facts.notices
    cards = {card["content_ids"][0]: card for card in facts.more.get("cards", ())}
    for content_id, (name, value, currency) in sample.expected.get("cards", {}).items():
        card = cards[content_id]
        assert (card["content_name"], card["value"], card["currency"]) == (name, value, currency)


@ALL
def test_explained(sample: Sample) -> None:
    """What ``explain --html`` prints: the page's view, and a ViewContent where it is a product's, with these data."""
    kind = "text/html" if "charset" in sample.expected else "text/html; charset=utf-8"
    answer = Answer(200, [("Content-Type", kind)], sample.page)
    found = explain(replace(Settings(), shop=sample.shop), Request(sample.expected["url"]), answer)
    product = sample.expected["product"]
    names = ["PageView", *(["ViewContent"] if product else []), *sample.expected.get("events", ())]
    assert [event.event_name for event in found.events] == names
    if product:
        data = found.events[1].custom_data
        assert {key: data.get(key) for key in product} == product
        assert found.events[1].sources


@ALL
def test_in_pieces_as_in_one(sample: Sample) -> None:
    assert read(sample, 1000) == read(sample)


@ALL
def test_no_confirmation_or_refusal_is_seen_where_none_is(sample: Sample) -> None:
    if not any(notice.startswith(("success", "error")) for notice in sample.expected.get("notices", ())):
        assert not [notice for notice in read(sample).notices if notice.startswith(("success", "error"))]
