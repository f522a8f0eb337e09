"""Products in structured data, from whatever syntax."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer.schema import MOST_NODES, Reader


def names(*values: Any) -> list[str]:
    return [item.name for item in Reader("jsonld").read(list(values)).items]


def test_every_offer_of_a_list_has_its_product() -> None:
    offers = [{"@type": "Offer", "price": 9, "itemOffered": {"@type": "Product", "name": f"No {n}"}} for n in range(8)]
    assert names(offers) == [f"No {n}" for n in range(8)]


def test_a_product_with_more_reviews_than_are_read() -> None:
    reviews = [{"@type": "Review", "author": {"name": "A"}} for _ in range(MOST_NODES)]
    assert names({"@type": "Product", "name": "Lamp", "review": reviews}) == ["Lamp"]


def test_a_pages_own_words_are_not_taken_for_ours() -> None:
    assert names({"@type": "Product", "name": "Lamp", "@at": "noon", "@spans": 3, "offers": {"@spans": None}}) == [
        "Lamp"
    ]


_WORDS = st.sampled_from(
    [
        *("@type", "@id", "@graph", "@at", "@spans", "@value", "name", "sku", "url", "offers", "price", "lowPrice"),
        *("priceCurrency", "priceSpecification", "valueAddedTaxIncluded", "hasVariant", "itemOffered", "category"),
        *("itemListElement", "position", "item", "address", "addressCountry", "currenciesAccepted", "inLanguage"),
        *("Product", "ProductGroup", "Offer", "BreadcrumbList", "#a", "12", "1.299,00", "kr", "http://[", ""),
    ]
)
_NODES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=6),
    max_leaves=30,
)


@given(_NODES)
def test_any_data_is_read(value: Any) -> None:
    for item in Reader("jsonld").read([value]).items:
        assert item.price is None or item.price.value > 0
