"""What a line of the access log shows of a request, and what never."""

from __future__ import annotations

import pytest

from capi_middleware.proxy.access_log import anonymous, clean, shown_target


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.9", "203.0.113.0"),
        ("2001:db8:1:2::9", "2001:db8:1::"),
        ("2a00::9", "2a00::"),
        ("fe80::9%eth0", "fe80::"),
        ("::1", "::"),
        ("::ffff:203.0.113.9", "::"),
        ("", "-"),
        ("unix:", "-"),
    ],
)
def test_addresses_are_shortened(address: str, shown: str) -> None:
    assert anonymous(address) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("/konto/anna@example.test/x?a=b", "/konto/***/x?..."),
        ("/konto/anna%40example.test?a=b", "/konto/***?..."),
        ("/a@b/c/d@e#f", "/***/c/***?..."),
        ("/sök?a", "/s%C3%B6k?..."),
        ("/" + "a" * 8000, "/" + "a" * 499 + "?..."),
    ],
)
def test_paths_without_queries_and_addresses(raw: str, shown: str) -> None:
    assert shown_target(raw, has_query=True) == shown
    assert shown_target(raw, has_query=False) == shown.removesuffix("?...")


def test_a_line_cannot_be_forged() -> None:
    assert clean('a"b\r\nc d', 99) == "a%22b%0D%0Ac%20d"
