"""The decision: modes, browser signals, US opt-outs, conflicts, and what nobody may mistake for a yes."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ConsentSettings
from capi_middleware.visit import CONSENT_REASONS, Answer, check_consent
from capi_middleware.visit.consent.tools import TOOLS

GRANTED, DENIED, UNKNOWN = Answer.GRANTED, Answer.DENIED, Answer.UNKNOWN
NOW = 1_700_000_000.0
YES = "CookieConsent={stamp:'x'%2Cmarketing:true%2Cver:1}"
NO = "CookieConsent={stamp:'x'%2Cmarketing:false%2Cver:1}"
OPEN = "CookieConsent=0"
ELSEWHERE = "CookieConsent=-1"
US_OUT = "usprivacy=1YYN"
LDU = ("LDU", 0, 0)
IN_CALIFORNIA = {"us_opt_out": "ldu", "ldu_state": 1000}
Make = Callable[..., Settings]


@pytest.mark.parametrize(
    ("mode", "cookies", "gpc", "settings", "answer", "allowed", "source", "reason", "ldu"),
    [
        ("required", YES, False, {}, GRANTED, True, "cookiebot", "accepted", ()),
        ("required", NO, False, {}, DENIED, False, "cookiebot", "refused", ()),
        ("required", OPEN, False, {}, UNKNOWN, False, "cookiebot", "not_answered", ()),
        ("required", ELSEWHERE, False, {}, UNKNOWN, True, "cookiebot", "not_needed", ()),
        ("required", "", False, {}, UNKNOWN, False, "", "no_tool", ()),
        ("implied", YES, False, {}, GRANTED, True, "cookiebot", "accepted", ()),
        ("implied", NO, False, {}, DENIED, False, "cookiebot", "refused", ()),
        ("implied", OPEN, False, {}, UNKNOWN, True, "cookiebot", "not_answered", ()),
        ("implied", "", False, {}, UNKNOWN, True, "", "no_tool", ()),
        ("off", NO, True, {}, UNKNOWN, True, "settings", "mode_off", ()),
        ("auto", YES, False, {}, GRANTED, True, "cookiebot", "accepted", ()),
        ("auto", NO, False, {}, DENIED, False, "cookiebot", "refused", ()),
        ("auto", OPEN, False, {}, UNKNOWN, False, "cookiebot", "not_answered", ()),
        ("auto", "", False, {}, UNKNOWN, True, "", "no_tool", ()),
        ("auto", US_OUT, False, {}, DENIED, False, "us-privacy", "us_opt_out", ()),
        ("auto", "usprivacy=1YNN", False, {}, UNKNOWN, True, "", "no_tool", ()),
        ("auto", "", False, {"cookie": "own"}, UNKNOWN, False, "generic", "not_answered", ()),
        ("required", YES, True, {}, DENIED, False, "Sec-GPC", "gpc", ()),
        ("implied", "", True, {}, DENIED, False, "Sec-GPC", "gpc", ()),
        ("required", YES, True, {"gpc": "outweighed"}, GRANTED, True, "cookiebot", "accepted", ()),
        ("required", OPEN, True, {"gpc": "outweighed"}, DENIED, False, "Sec-GPC", "gpc", ()),
        ("implied", "", True, {"gpc": "ignore"}, UNKNOWN, True, "", "no_tool", ()),
        ("implied", "", True, {"us_opt_out": "ldu"}, UNKNOWN, True, "", "no_tool", LDU),
        ("required", YES, True, {"us_opt_out": "ldu"}, DENIED, False, "Sec-GPC", "gpc", ()),
        ("implied", US_OUT, False, {"us_opt_out": "ldu"}, UNKNOWN, True, "", "no_tool", LDU),
        ("implied", US_OUT, False, IN_CALIFORNIA, UNKNOWN, True, "", "no_tool", ("LDU", 1, 1000)),
        ("required", US_OUT, False, {"us_opt_out": "ldu"}, UNKNOWN, False, "", "no_tool", LDU),
        ("required", US_OUT + "; " + YES, False, {"us_opt_out": "ldu"}, GRANTED, True, "cookiebot", "accepted", LDU),
        ("required", US_OUT + "; " + NO, False, {"us_opt_out": "ldu"}, DENIED, False, "cookiebot", "refused", ()),
        ("required", ELSEWHERE + "; cmplz_marketing=deny", False, {}, UNKNOWN, False, "complianz", "not_answered", ()),
    ],
)  # fmt: skip
def test_rule(
    mode: str,
    cookies: str,
    gpc: bool,
    settings: dict[str, Any],
    answer: Answer,
    allowed: bool,
    source: str,
    reason: str,
    ldu: tuple[Any, ...],
    make_settings: Make,
) -> None:
    found = check_consent(cookies, make_settings(consent={"mode": mode, **settings}), NOW, gpc=gpc).consent
    assert found == (answer, allowed, source, reason, ldu)
    assert reason in CONSENT_REASONS


def test_do_not_track_counts_only_if_asked_for(look: Any, make_settings: Make) -> None:
    assert look(make_settings(), dnt="1").consent.allowed
    assert look(make_settings(consent={"do_not_track": True}), dnt="1").consent[1:4] == (False, "DNT", "dnt")


def test_sec_gpc_is_read_from_the_request(look: Any, make_settings: Make) -> None:
    assert look(make_settings(), sec_gpc="1").consent.reason == "gpc"
    assert look(make_settings(), sec_gpc="0").consent.allowed


NAMES = sorted({name for tool in TOOLS for name in tool.cookies} | {"_iub_cs-123", "_iub_cs-s1", "capi_consent", "own"})
STRICT = Settings(consent=ConsentSettings(mode="required", cookie="own", cookie_format="json", cookie_path="m"))
OCTETS = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_characters=";"), max_size=200)
FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            '"',
            ":",
            ",",
            "true",
            "marketing",
            "1",
            "yes",
            "%",
            "%2C",
            "=",
            "&",
            "~",
            "89",
            "C",
            "null",
        ]
    ),
    max_size=40,
).map("".join)
WORDS = ("marketing", "advertis", "facebook", "meta", "allow", "yes", "true", "permit", "0,1,2", "89", "ads")


@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(OCTETS, FRAGMENTS), min_size=1, max_size=6))
@example(dict.fromkeys(NAMES[:2], "[" * 4000))
@example(dict.fromkeys(NAMES, "%"))
@example(dict.fromkeys(NAMES, "\x80ÿ"))
@example({"didomi_token": "e30=" * 3000})
@example({"klaro": "9" * 5000})
def test_random_octets_are_never_a_yes(cookies: dict[str, str]) -> None:
    """A yes needs a word of yes in it: nothing that lacks all of them may be one."""
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    found = check_consent(header, STRICT, NOW).consent
    if not any(word in value for word in WORDS for value in cookies.values()):
        assert found.answer is not GRANTED
        assert not found.allowed or found.reason == "not_needed"


@given(st.binary(max_size=300))
def test_random_bytes_in_the_header_never_raise(octets: bytes) -> None:
    found = check_consent(octets.decode("latin-1"), STRICT, NOW).consent
    assert found.answer is not GRANTED


WHOLE = [
    "CookieConsent={stamp:'x'%2Cnecessary:true%2Cmarketing:true%2Cver:1}",
    'cookiefirst-consent={"necessary":true,"advertising":true}',
    'CookieInformationConsent={"consents_approved":["cookie_cat_marketing"],"consents_denied":[]}',
    'klaro={"facebook":true}',
    "didomi_token=eyJ2ZW5kb3JzIjogeyJlbmFibGVkIjogWyJmYWNlYm9vayJdfX0=",
    "euconsent-v2=CPdVfUAPdVfUAAHABBENCxCsAP_AAH_AAAqIF5wAQF5gXnABAXmAAA; addtl_consent=2~89~dv.",
    "capi_consent=v1.g.usercentrics.1700000000",
    "_iub_cs-1=" + '{"consent":true,"purposes":{"5":true}}',
]


@pytest.mark.parametrize("header", WHOLE, ids=[text.partition("=")[0] for text in WHOLE])
def test_a_yes_that_was_cut_short_is_no_yes(header: str) -> None:
    assert check_consent(header, STRICT, NOW).consent.answer is GRANTED
    name, _, rest = header.partition("=")
    value, semicolon, more = rest.partition(";")
    for length in range(len(value.rstrip("=A}"))):
        found = check_consent(f"{name}={value[:length]}{semicolon}{more}", STRICT, NOW).consent
        assert found.answer is not GRANTED, value[:length]


@given(st.text(alphabet=string.printable, max_size=12), st.integers(0, 60))
def test_a_no_with_noise_in_it_is_never_a_yes(noise: str, at: int) -> None:
    for value in ('{"necessary":true,"advertising":false}', '{"advertising":false}'):
        damaged = value[:at] + noise.replace(";", "") + value[at:]
        if "true" not in damaged.partition("advertising")[2] and '"advertising"' in damaged:
            assert check_consent(f"cookiefirst-consent={damaged}", STRICT, NOW).consent.answer is not GRANTED
