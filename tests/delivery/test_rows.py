"""From a journal's record to a store's row."""

from __future__ import annotations

import pytest

from capi_middleware.delivery.rows import page_of


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://shop.example/p/mug?q=1", "/p/mug"),
        ("https://shop.example/p#top?q", "/p"),
        ("https://shop.example", "/"),
        ("https://shop.example?next=/konto", "/"),
        ("https://shop.example#/route", "/"),
        ("", "/"),
        ("https://shop.example/" + "x" * 500, "/" + "x" * 199),
    ],
)
def test_what_a_list_shows_of_an_address(url: str, page: str) -> None:
    assert page_of(url) == page
