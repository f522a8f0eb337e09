"""What a page says about its product."""

from __future__ import annotations

from capi_middleware.infer import FactReader
from capi_middleware.settings.settings import ShopSettings
from capi_middleware.visit.visit import Answer, Asker, Consent, Visit

VISIT = Visit(
    "GET", "https", "shop.example", "/p/1", "", "https://shop.example/p/1", "https://shop.example/p/1", "", "", "", {},
    Asker.PERSON, "", Consent(Answer.GRANTED, True, "", ""),
)  # fmt: skip

JSONLD = b"""<!doctype html><html><head><title>Mug</title><script type="application/ld+json">
{"@context":"https://schema.org","@type":"Product","name":"Mug","sku":"M1",
"offers":{"@type":"Offer","price":"99.50","priceCurrency":"SEK"}}</script></head><body><h1>Mug</h1></body></html>"""


def test_jsonld() -> None:
    reader = FactReader(VISIT, ShopSettings())
    for byte in JSONLD:
        reader.feed(bytes([byte]))
    facts = reader.facts()
    assert facts.is_product
    assert facts.product == {
        "content_name": "Mug",
        "content_ids": ["M1"],
        "content_type": "product",
        "value": 99.5,
        "currency": "SEK",
    }
