"""The mirror cookie, by which consent that is given while the page is open counts; and consent taken back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.visit import (
    IDENTITY_COOKIE,
    Answer,
    IdentityCodec,
    click_ids,
    mirror_cookie,
    mirror_value,
    withdrawal,
)
from capi_middleware.visit.consent import read_mirror

NOW = 1_700_000_000.123
GRANTED, DENIED, UNKNOWN = Answer.GRANTED, Answer.DENIED, Answer.UNKNOWN
YES = "CookieConsent={stamp:'x'%2Cmarketing:true%2Cver:1}"
NO = "CookieConsent={stamp:'x'%2Cmarketing:false%2Cver:1}"
FBP = "fb.1.1600000000000.111"


def test_mirror_comes_back() -> None:
    assert mirror_value(True, "usercentrics", NOW) == "v1.g.usercentrics.1700000000"
    assert read_mirror("v1.g.usercentrics.1700000000", NOW) == (True, "usercentrics", 1_700_000_000)
    cookie = mirror_cookie(False, "osano", NOW, secure=True)
    assert cookie == "capi_consent=v1.d.osano.1700000000; Max-Age=15552000; Path=/; SameSite=Lax; Secure"


@pytest.mark.parametrize(
    "value",
    [
        "", "v1.g.x", "v2.g.x.1700000000", "v1.y.x.1700000000", "v1.g.X.1700000000", "v1.g.x.1700000000.1",
        "v1.g.x.1680000000", "v1.g.x.1800000000", "v1.g..1700000000", "v1.g.x.٠700000000", " v1.g.x.1700000000",
    ],
)  # fmt: skip
def test_damaged_old_and_future_mirrors_say_nothing(value: str) -> None:
    assert read_mirror(value, NOW) is None


@pytest.mark.parametrize("tool", ["", "A", "a b", "a;b", "å", "x" * 40])
def test_a_mirror_takes_only_names(tool: str) -> None:
    with pytest.raises(ValueError, match="no tool's name"):
        mirror_value(True, tool, NOW)


@given(st.text(max_size=40))
def test_random_text_is_no_mirror(text: str) -> None:
    assert read_mirror(text, NOW) is None


@pytest.mark.parametrize(
    ("cookies", "answer", "source"),
    [
        ("capi_consent=v1.g.usercentrics.1699990000", GRANTED, "usercentrics"),
        ("capi_consent=v1.d.usercentrics.1699990000", DENIED, "usercentrics"),
        ("capi_consent=v1.g.usercentrics.1", UNKNOWN, "mirror"),
        ("capi_consent=v1.d.cookiebot.1699990000; " + YES, GRANTED, "cookiebot"),
        ("capi_consent=v1.g.cookiebot.1699990000; " + NO, DENIED, "cookiebot"),
        ("capi_consent=v1.g.usercentrics.1699990000; " + NO, DENIED, "cookiebot"),
        ("capi_consent=v1.d.api.1699990000; " + YES, DENIED, "api"),
        ("capi_consent=v1.g.osano.1699990000; osano_consentmanager=q83vEjRWeJA", GRANTED, "osano"),
    ],
)
def test_mirror_counts_on_later_requests(
    cookies: str, answer: Answer, source: str, look: Any, make_settings: Any
) -> None:
    consent = look(make_settings(consent={"mode": "required"}), cookies=cookies).consent
    assert (consent.answer, consent.source) == (answer, source)


def test_a_mirror_of_an_ignored_tool_says_nothing(look: Any, make_settings: Any) -> None:
    settings = make_settings(consent={"mode": "required", "ignore_tools": ("usercentrics",)})
    assert not look(settings, cookies="capi_consent=v1.g.usercentrics.1699990000").consent.allowed


def test_the_browser_s_no_outweighs_a_mirror(look: Any, make_settings: Any) -> None:
    settings = make_settings(consent={"mode": "required"})
    assert look(settings, cookies="capi_consent=v1.g.api.1699990000", sec_gpc="1").consent.reason == "gpc"


def test_withdrawal_takes_everything_with_it(look: Any, make_settings: Any) -> None:
    settings = make_settings(consent={"mode": "required"})
    cookies = f"{NO}; _fbp={FBP}; _fbc=fb.1.1600000000000.OLD; {IDENTITY_COOKIE}=x; capi_consent=v1.g.tcf.1699990000"
    found = withdrawal(look(settings, cookies=cookies), settings, NOW)
    assert found.fbp == FBP
    gone = {cookie.partition("=")[0] for cookie in found.set_cookies if "Max-Age=0" in cookie}
    assert gone == {"_fbp", "_fbc", IDENTITY_COOKIE}
    assert "capi_consent=v1.d.tcf.1700000000; Max-Age=15552000; Path=/; SameSite=Lax; Secure" in found.set_cookies


@pytest.mark.parametrize("cookies", [NO, YES + f"; _fbp={FBP}", f"_fbp={FBP}", "CookieConsent=0; _fbp=" + FBP])
def test_nothing_to_withdraw(cookies: str, look: Any, make_settings: Any) -> None:
    settings = make_settings(consent={"mode": "required"})
    assert not withdrawal(look(settings, cookies=cookies), settings, NOW)


def test_after_a_withdrawal_nothing_is_set_again(look: Any, make_settings: Any) -> None:
    settings = make_settings(consent={"mode": "required"})
    visit = look(settings, "https://www.example.com/?fbclid=NEW", cookies=f"{NO}; _fbp={FBP}")
    assert click_ids(visit, settings, NOW).set_cookies == ()
    assert IdentityCodec(b"k" * 32).cookies(visit, {"em": ("a" * 64,)}) == ()
