"""IAB's strings: our readers against an independent one, and against IAB's own examples."""

from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from capi_middleware.visit import Answer, check_consent
from capi_middleware.visit.consent.answer import NO, NO_ADDITIONAL_CONSENT, UNANSWERED, US_OPT_OUT, Said
from capi_middleware.visit.consent.decode import Bits, base64_json, flag, percent
from capi_middleware.visit.consent.gpp import read_gpp, section_ids
from capi_middleware.visit.consent.tcf import read_tc_string

TC_STRINGS = {
    "CPdVfUAPdVfUAAHABBENCxCsAP_AAH_AAAqIF5wAQF5gXnABAXmAAA": (set(range(1, 11)), 7, 2),
    "CPdVfUAPdVfUAAHABBENCxCgAAAAAAAAAAqIAAAAAAAA": (set(), 7, 2),
    "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA.IBAgAAAgAIAwgAgAAAAEAAAACA": ({2, 10}, 675, 2),
}
"""Strings of real sites and of IAB's own library, and what an independent reader (iab-tcf 0.2.2, which needs a compiler
to install) finds in them: purposes consented to, consent tool, version of the policy."""


class Writer:
    """The other direction, for tests only: bits as base64url without padding."""

    def __init__(self) -> None:
        self.bits = ""

    def put(self, value: int, width: int) -> Writer:
        self.bits += format(value, f"0{width}b")
        return self

    def text(self) -> str:
        bits = self.bits + "0" * (-len(self.bits) % 8)
        octets = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
        return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def tc_string(purposes: set[int], vendors: int = 0, version: int = 2) -> str:
    writer = Writer().put(version, 6).put(0, 72).put(31, 12).put(0, 42).put(4, 6).put(0, 14)
    for number in range(1, 25):
        writer.put(number in purposes, 1)
    writer.put(0, 24).put(0, 1).put(0, 12)
    writer.put(vendors, 16).put(0, 1).put(0, vendors)
    return writer.put(0, 16).put(0, 1).put(0, 12).text()


@pytest.mark.parametrize("text", TC_STRINGS)
def test_tcf_as_an_independent_reader(text: str) -> None:
    found = read_tc_string(text)
    assert (found.purposes, found.cmp_id, found.policy_version) == TC_STRINGS[text]


@given(st.sets(st.integers(1, 24)), st.integers(0, 300))
def test_tcf_purposes_come_back(purposes: set[int], vendors: int) -> None:
    assert read_tc_string(tc_string(purposes, vendors)).purposes == purposes


@given(st.sets(st.integers(1, 24)), st.integers(1, 300), st.data())
def test_tcf_that_was_cut_short_is_refused(purposes: set[int], vendors: int, data: Any) -> None:
    text = tc_string(purposes, vendors)
    length = data.draw(st.integers(0, (213 + 17 + vendors) // 6))
    with pytest.raises(ValueError):
        read_tc_string(text[:length])


@pytest.mark.parametrize("text", ["", "C", "!!!!", tc_string({1}, version=1), tc_string({1}, version=3), "é" * 60])
def test_tcf_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_tc_string(text)


def test_tcf_with_more_segments() -> None:
    text = tc_string(set(range(1, 11)))
    assert read_tc_string(f"{text}.IBAgAAAgAIAwgAgAAAAEAAAACA.YAAAAAAAAAA").purposes == set(range(1, 11))


@pytest.mark.parametrize("missing", [1, 3, 4, 7])
def test_tcf_needs_each_of_four_purposes(missing: int, make_settings: Any) -> None:
    text = tc_string(set(range(1, 11)) - {missing})
    settings = make_settings(consent={"tcf_without_ac": True})
    assert check_consent(f"euconsent-v2={text}", settings, 0.0).consent.answer is Answer.DENIED


@pytest.mark.parametrize(
    ("header", "ids"), [("DBABLA", (7,)), ("DBABMA", (2,)), ("DBACNYA", (2, 6)), ("DBABrw", (7, 8)), ("DBABBg", (8,))]
)
def test_gpp_headers_of_iabs_examples(header: str, ids: tuple[int, ...]) -> None:
    assert section_ids(header) == ids


def usnat(*opted: int) -> str:
    """A national section (7): six notices, then sale, sharing and targeted advertising."""
    writer = Writer().put(1, 6)
    for value in (1, 1, 1, 1, 1, 1, *opted):
        writer.put(value, 2)
    return writer.put(0, 60).text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DBABLA~BVQqAAAAAgA.QA", UNANSWERED),
        (f"DBABLA~{usnat(2, 2, 2)}", UNANSWERED),
        (f"DBABLA~{usnat(1, 2, 2)}", US_OPT_OUT),
        (f"DBABLA~{usnat(2, 1, 2)}", US_OPT_OUT),
        (f"DBABLA~{usnat(2, 2, 1)}", US_OPT_OUT),
        (f"DBABLA~{usnat(2, 2, 2)}.YA", US_OPT_OUT),
        (f"DBABLA~{usnat(2, 2, 2)}.QA", UNANSWERED),
        (f"DBACNYA~{tc_string(set(range(1, 11)))}~1YNN", NO_ADDITIONAL_CONSENT),
        (f"DBACNYA~{tc_string(set(range(1, 11)))}~1YYN", US_OPT_OUT),
        (f"DBABMA~{tc_string({1, 2})}", NO),
    ],
)
def test_gpp(text: str, said: Said) -> None:
    assert read_gpp(text) == said


@pytest.mark.parametrize("text", ["", "DBABLA", "DBABLA~", "DBACNYA~1YNN", "BBABLA~x", "DBABLA~é", "DBABLA~~~"])
def test_damaged_gpp_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_gpp(text)


SECTION = st.one_of(
    st.text(alphabet=string.ascii_letters + string.digits + "-_.", max_size=120),
    st.sets(st.integers(1, 24)).map(tc_string),
    st.tuples(*[st.integers(0, 3)] * 3).map(lambda opted: usnat(*opted)),
    st.from_regex("1[YN-]{3}", fullmatch=True),
)


@given(st.sampled_from([("DBABLA", 1), ("DBABMA", 1), ("DBACNYA", 2), ("DBABrw", 2), ("DBABBg", 1)]), st.data())
def test_gpp_is_never_a_yes(header: tuple[str, int], data: Any) -> None:
    """Sections that fit their header, that are another one's, and rubbish."""
    sections = [data.draw(SECTION) for _ in range(header[1])]
    try:
        said = read_gpp("~".join((header[0], *sections)))
    except ValueError as error:
        event(f"refused: {error}")
    else:
        event(f"read: {said.answer}")
        assert said.answer is not Answer.GRANTED


def test_bits() -> None:
    bits = Bits("DB")
    assert (bits.take(6), bits.take(6)) == (3, 1)
    with pytest.raises(ValueError, match="cut short"):
        bits.take(1)


def test_fibonacci_without_end_is_refused() -> None:
    with pytest.raises(ValueError):
        Bits("A" * 100).fibonacci()


def test_decoding() -> None:
    assert percent("a%2Cb+c") == "a,b+c"
    assert base64_json("eyJhIjoxfQ") == base64_json("eyJhIjoxfQ==") == {"a": 1}
    assert [flag(value) for value in (True, 1, "1", "YES", False, 0, "no", None, 2, "maybe", 1.0)] == [
        True, True, True, True, False, False, False, None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["%ff", "a" * 9000])
def test_percent_refuses_damage(value: str) -> None:
    with pytest.raises(ValueError):
        percent(value)
