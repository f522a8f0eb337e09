"""The flash cookie: signed, short-lived, small."""

from __future__ import annotations

import time_machine
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.events import Event
from capi_middleware.flash import ONCE_COOKIE, Flash, FlashCodec, seen_once, set_flash, set_once

KEY = b"k" * 32


def event(**data: object) -> Event:
    return Event("1234567890", "AddToCart", "a" * 32, 1_700_000_000, "https://shop.example/", custom_data=data)


def test_round_trip_keeps_name_id_time_and_data() -> None:
    codec = FlashCodec(KEY)
    flash = codec.load(codec.dump(Flash((event(value=99.5, currency="SEK"),), ({"rule": "x"},))))
    (call,) = flash.calls
    assert (call.pixel_id, call.event_name, call.event_id, call.event_time) == (
        "1234567890",
        "AddToCart",
        "a" * 32,
        1_700_000_000,
    )
    assert call.custom_data == {"value": 99.5, "currency": "SEK"}
    assert flash.pending == ({"rule": "x"},)


def test_another_key_is_refused() -> None:
    assert FlashCodec(b"x" * 32).load(FlashCodec(KEY).dump(Flash((event(),)))) == Flash()


def test_it_expires_after_a_minute() -> None:
    codec = FlashCodec(KEY)
    with time_machine.travel(1_700_000_000, tick=False):
        value = codec.dump(Flash((event(),)))
    with time_machine.travel(1_700_000_061, tick=False):
        assert codec.load(value) == Flash()


@given(st.text(max_size=200))
def test_damaged_cookies_are_empty(value: str) -> None:
    assert FlashCodec(KEY).load(value) == Flash()


def test_a_huge_cart_loses_its_contents_not_its_event() -> None:
    import os

    codec = FlashCodec(KEY)
    contents = [{"id": os.urandom(16).hex(), "quantity": 1} for _ in range(200)]
    value = codec.dump(Flash((event(contents=contents, value=1.0, currency="SEK"),)))
    assert 0 < len(value) <= 3600
    assert codec.load(value).calls[0].custom_data == {"value": 1.0, "currency": "SEK"}


def test_cookie_attributes() -> None:
    assert set_flash("v", secure=True) == "shop_flash=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert set_flash("", secure=False) == "shop_flash=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"


def test_once_remembers_the_last_twenty() -> None:
    cookies: dict[str, str] = {}
    ids = [f"{number:032x}"[::-1] for number in range(25)]
    for event_id in ids:
        cookies[ONCE_COOKIE] = set_once(cookies, [event_id], secure=False).split(";")[0].partition("=")[2]
    assert not seen_once(cookies, ids[4])
    assert all(seen_once(cookies, event_id) for event_id in ids[5:])
