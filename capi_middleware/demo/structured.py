"""The product's JSON-LD, as schema.org has it."""

from __future__ import annotations

import json

from .catalogue import CATEGORY_BY_SLUG, Product


def product_data(product: Product, language: str, url: str, root: str) -> str:
    """The text of a ``script type="application/ld+json"`` element."""
    stock = "InStock" if product.in_stock else "OutOfStock"
    data = {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": product.sku,
        "name": product.names[language],
        "description": product.texts[language],
        "category": CATEGORY_BY_SLUG[product.category].names[language],
        "image": f"{root}static/products/{product.slug}.svg",
        "brand": {"@type": "Brand", "name": "Norrsken"},
        "offers": {
            "@type": "Offer",
            "url": url,
            "price": f"{product.price:.2f}",
            "priceCurrency": "SEK",
            "availability": f"https://schema.org/{stock}",
        },
    }
    return json.dumps(data, ensure_ascii=False).replace("<", "\\u003C")
