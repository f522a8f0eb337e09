"""Which platform a page's traces name."""

from __future__ import annotations

import threading

from capi_middleware.infer import storefront


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
