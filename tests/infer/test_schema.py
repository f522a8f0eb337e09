"""Products in structured data, from whatever syntax."""

from __future__ import annotations

from typing import Any

from capi_middleware.infer.schema import MOST_NODES, Reader


def names(*values: Any) -> list[str]:
    return [item.name for item in Reader("jsonld").read(list(values)).items]


def test_every_offer_of_a_list_has_its_product() -> None:
    offers = [{"@type": "Offer", "price": 9, "itemOffered": {"@type": "Product", "name": f"No {n}"}} for n in range(8)]
    assert names(offers) == [f"No {n}" for n in range(8)]


def test_a_product_with_more_reviews_than_are_read() -> None:
    reviews = [{"@type": "Review", "author": {"name": "A"}} for _ in range(MOST_NODES)]
    assert names({"@type": "Product", "name": "Lamp", "review": reviews}) == ["Lamp"]
