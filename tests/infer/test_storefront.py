"""Which platform a page's traces name."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from capi_middleware.infer import storefront
from capi_middleware.infer.markup import Markup


@pytest.mark.parametrize("price", [1990, 1990.0, 19.9, '"19.90"'])
def test_a_price_of_shopifys_is_in_hundredths_or_has_decimals(price: object) -> None:
    meta = f'var meta = {{"product": {{"id": 7, "variants": [{{"id": 77, "price": {price}}}]}}}};'
    page = f'<script src="https://cdn.shopify.com/a.js"></script><script>{meta}</script>'.encode()
    (item,) = storefront.read(Markup(page, len(page)), "").items
    assert item.variants[0].price is not None and item.variants[0].price.value == Decimal("19.9")


def test_a_platform_is_named_however_much_other_threads_forget() -> None:
    """Pages with a token in each script fill the memory of traces, which is then emptied, between any two steps."""
    trace = b'<link href="/wp-content/plugins/woocommerce/a.css">'
    done = threading.Event()

    def fill() -> None:
        number = 0
        while not done.is_set():
            storefront._named_in([b"%d %d" % (number, one) for one in range(600)])
            number += 1

    threads = [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        found = [storefront._named_in([trace, b"other %d" % number]) for number in range(20_000)]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert all(one == {"woocommerce"} for one in found)
