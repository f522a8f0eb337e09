"""The shop's address."""

from __future__ import annotations

import pytest

from capi_middleware.proxy.origin import Origin, parse_origin


@pytest.mark.parametrize(
    ("text", "origin", "authority"),
    [
        ("http://127.0.0.1:8080", Origin("http", "127.0.0.1", 8080), "127.0.0.1:8080"),
        ("http://Shop.Internal/", Origin("http", "shop.internal", 80), "shop.internal"),
        ("https://shop", Origin("https", "shop", 443), "shop"),
        ("https://shop:8443", Origin("https", "shop", 8443), "shop:8443"),
        ("http://[::1]:80", Origin("http", "::1", 80), "[::1]"),
    ],
)
def test_address(text: str, origin: Origin, authority: str) -> None:
    assert parse_origin(text) == origin
    assert origin.authority == authority


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:8080",
        "ftp://shop",
        "http://",
        "http://shop:0",
        "http://shop:99999",
        "http://user:secret@shop",
        "http://shop/path",
        "http://shop?x",
        "http://sh op",
        "http://[zz]",
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="Write scheme, host and port") as error:
        parse_origin(text)
    assert "secret" not in str(error.value)
