"""The identity cookie, and who an event is by."""

from __future__ import annotations

import hashlib
import string
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.events import USER_DATA_KEYS, Visitor, user_data
from capi_middleware.visit import IDENTITY_COOKIE, ClickIds, IdentityCodec, visitor

KEY = b"k" * 32
NOW = 1_700_000_000
IDS = ClickIds("fb.1.1600000000000.111", "fb.1.1600000000000.OLD")
ANNA = user_data({"em": ["anna@example.com", "a@example.com"], "ph": "+46701234567", "external_id": 42})


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def value_of(cookie: str) -> str:
    return cookie.partition(";")[0].partition("=")[2]


@given(
    st.dictionaries(
        st.sampled_from(USER_DATA_KEYS),
        st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=3, unique=True).map(tuple),
        max_size=6,
    )
)
def test_digests_come_back(data: dict[str, tuple[str, ...]]) -> None:
    codec = IdentityCodec(KEY)
    assert codec.load(codec.dump(data)) == data


def test_only_digests_go_in() -> None:
    codec = IdentityCodec(KEY)
    assert codec.dump({"em": ("anna@example.com",), "client_ip_address": (sha("x"),)}) == ""


def test_the_cookie_is_small_httponly_and_gone_with_the_session(look: Any) -> None:
    full = {key: (sha(key + "1"), sha(key + "2")) for key in USER_DATA_KEYS}
    cookie = IdentityCodec(KEY).cookies(look(), full)[0]
    assert cookie.startswith(IDENTITY_COOKIE + "=")
    assert cookie.endswith("; Path=/; SameSite=Lax; Secure; HttpOnly")
    assert "Max-Age" not in cookie
    assert len(cookie) < 1_200
    assert not set(value_of(cookie)) - set(string.ascii_letters + string.digits + "._-")


def test_a_cookie_that_says_it_all_is_not_set_again(look: Any) -> None:
    codec = IdentityCodec(KEY)
    first = codec.cookies(look(), ANNA)[0].partition(";")[0]
    assert codec.cookies(look(cookies=first), {"em": (sha("anna@example.com"),)}) == ()
    again = codec.cookies(look(cookies=first), user_data({"fn": "Anna"}))
    assert codec.load(value_of(again[0])) == {"fn": (sha("anna"),), **ANNA}


def test_no_cookie_without_consent(look: Any, make_settings: Any) -> None:
    visit = look(make_settings(consent={"mode": "required"}))
    assert IdentityCodec(KEY).cookies(visit, ANNA) == ()


def test_it_is_refused_after_a_day() -> None:
    codec = IdentityCodec(KEY)
    with time_machine.travel(NOW, tick=False):
        value = codec.dump(ANNA)
        assert codec.load(value) == ANNA
    with time_machine.travel(NOW + 86_402, tick=False):
        assert codec.load(value) == {}


def test_another_shops_cookie_is_refused() -> None:
    assert IdentityCodec(b"x" * 32).load(IdentityCodec(KEY).dump(ANNA)) == {}


@given(st.text(max_size=200), st.integers(0, 150), st.characters(codec="ascii"))
def test_damage_and_forgery_say_nothing(text: str, at: int, letter: str) -> None:
    codec = IdentityCodec(KEY)
    assert codec.load(text) == {}
    good = codec.dump({"em": (sha("a"),)})
    at %= len(good) - 1  # the last letter of a signature has two bits to spare
    bad = good[:at] + letter + good[at + 1 :]
    assert codec.load(bad) == (codec.load(good) if bad == good else {})


def test_visitor_with_a_known_person(look: Any) -> None:
    found = visitor(look(), IDS, ANNA)
    assert found == Visitor("8.8.8.8", look().user_agent, IDS.fbp, IDS.fbc, ANNA)
    assert found.user_data["external_id"] == (sha("42"),)


def test_plain_values_are_hashed(look: Any) -> None:
    assert visitor(look(), IDS, {"em": "anna@example.com"}).user_data["em"] == (sha("anna@example.com"),)


def test_a_stranger_has_an_external_id_of_his_browser(look: Any) -> None:
    found = visitor(look(), IDS).user_data["external_id"]
    assert found == visitor(look(), IDS._replace(fbp=IDS.fbp + ".AQICAQMC")).user_data["external_id"]
    assert found != visitor(look(), ClickIds("fb.1.1600000000000.112")).user_data["external_id"]
    assert visitor(look(), ClickIds()).user_data == {}


@pytest.mark.parametrize("mode", ["required"])
def test_without_consent_nobody_is_known(mode: str, look: Any, make_settings: Any) -> None:
    assert visitor(look(make_settings(consent={"mode": mode})), IDS, ANNA) == Visitor()
