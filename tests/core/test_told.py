"""The calls that a header has told a page's script, kept for the next page in case this one was gone."""

from __future__ import annotations

from capi_middleware.events import Event
from capi_middleware.flash import FLASH_COOKIE, TOLD_COOKIE, Flash, FlashCodec, set_told, taken_flash

ONE = Event("1", "AddToCart", "a" * 32, 1, "", custom_data={"value": 5.0})
TWO = Event("1", "AddToCart", "b" * 32, 1, "")
CODEC = FlashCodec(b"k" * 32)


def test_both_cookies_are_one_flash_and_no_call_stands_twice() -> None:
    cookies = {FLASH_COOKIE: CODEC.dump(Flash((ONE,), ({"x": 1},))), TOLD_COOKIE: CODEC.dump(Flash((ONE, TWO)))}
    flash = CODEC.read(cookies)
    assert [call.event_id for call in flash.calls] == ["a" * 32, "b" * 32]
    assert flash.pending == ({"x": 1},)


def test_no_cookie_is_nothing() -> None:
    assert not CODEC.read({})


def test_a_forged_one_is_nothing() -> None:
    assert not CODEC.read({TOLD_COOKIE: FlashCodec(b"x" * 32).dump(Flash((ONE,)))})


def test_the_pages_script_can_take_it_away() -> None:
    assert "HttpOnly" not in set_told("value", secure=True)
    assert set_told("value", secure=True).endswith("; Secure")


def test_what_a_page_was_given_is_taken_away() -> None:
    taken = taken_flash({TOLD_COOKIE: "x", FLASH_COOKIE: "y", "other": "z"})
    assert [cookie.partition("=")[0] for cookie in taken] == [FLASH_COOKIE, TOLD_COOKIE]
    assert all("Max-Age=0" in cookie for cookie in taken)
