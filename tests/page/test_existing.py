"""A pixel in the shop's own HTML is recognised, in linear time; what happens then is proved in tests/e2e."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.page import Sightings, existing_pixels
from capi_middleware.page.adoption import COOKIE, adopted_id
from capi_middleware.page.existing import EVERY, FIRST
from tests.page.row import row

ID = "0123456789abcdef0123456789abcdef"


@row("pixel already in page")
@pytest.mark.parametrize(
    ("html", "ids", "loader", "tag_manager"),
    [
        ("fbq('init', '1234567890');", {"1234567890"}, False, False),
        ('fbq("init",1234567890)', {"1234567890"}, False, False),
        ("fbq( 'init' , \"1234567890\", {em: 'x'})", {"1234567890"}, False, False),
        ("<script src='https://connect.facebook.net/sv_SE/fbevents.js'>", set(), True, False),
        ('<img src="https://www.facebook.com/tr?id=1234567890&ev=PageView&noscript=1">', {"1234567890"}, False, False),
        ('<img src="//www.facebook.com/tr/?ev=PageView&amp;id=1234567890">', {"1234567890"}, False, False),
        ("gtm.start; https://www.googletagmanager.com/gtm.js?id=GTM-ABC1234", set(), False, True),
        ("fbq('init', '1234567890'); fbq('init', '9876543210')", {"1234567890", "9876543210"}, False, False),
        ("<p>follow us on facebook.com/shop, call fbq</p>", set(), False, False),
        ("", set(), False, False),
    ],
)
def test_recognised(html: str, ids: set[str], loader: bool, tag_manager: bool) -> None:
    assert existing_pixels(html.encode()) == (ids, loader, tag_manager)


@row("pixel already in page")
def test_counted() -> None:
    one = Sightings("1234567890")
    assert one.look(b"fbq('init', '1234567890')") == "SAME_PIXEL"
    assert one.look(b"fbq('init', '9876543210')") == "OTHER_PIXEL"
    assert one.look(b"connect.facebook.net/en_US/fbevents.js") == "OTHER_PIXEL"
    assert one.look(b"<html>") == ""


def test_only_some_pages_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    one = Sightings("1234567890")
    seen = [one.look(b"fbq('init', '1234567890')") for _ in range(1024)]
    assert seen == ["SAME_PIXEL"] * FIRST + [""] * (1024 - FIRST)
    now[0] += EVERY
    assert [one.look(b"fbq('init', '1234567890')") for _ in range(2)] == ["SAME_PIXEL", ""]


@pytest.mark.parametrize("text", ["fbq(", "fbq('init',", "facebook.com/tr?", "facebook.com/tr?a&a&", "GTM-", "fbq(  "])
def test_hostile_pages(text: str) -> None:
    page = ("facebook " + text * (262_144 // len(text))).encode()
    began = time.thread_time()
    existing_pixels(page)
    assert time.thread_time() - began < 1.0


@given(st.binary(max_size=300))
def test_any_bytes(html: bytes) -> None:
    existing_pixels(html)


@pytest.mark.parametrize(
    ("value", "name", "found"),
    [
        (f"AddToCart.{ID}", "AddToCart", ID),
        (f"AddToCart.{ID}", "Purchase", ""),
        ("AddToCart.0123", "AddToCart", ""),
        (f"AddToCart.{ID.upper()}", "AddToCart", ""),
        (f"AddToCart.{ID}x", "AddToCart", ""),
        ("", "AddToCart", ""),
        (".", "", ""),
    ],
)
def test_the_id_that_the_page_has_given(value: str, name: str, found: str) -> None:
    assert adopted_id({COOKIE: value}, name) == found


def test_no_cookie() -> None:
    assert adopted_id({}, "AddToCart") == ""
