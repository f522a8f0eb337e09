"""Normalising and hashing: the vectors that Meta publishes, those that its libraries agree on, and those we decided."""

from __future__ import annotations

import hashlib
import json
import string
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.events import USER_DATA_KEYS, merge_user_data, user_data
from capi_middleware.events.normalise import NORMALISERS, clean
from capi_middleware.events.user_data import digest

VECTORS = json.loads(Path(__file__).with_name("user_data_vectors.json").read_text(encoding="utf-8"))
AGREED = [row for row in VECTORS if "SDK" not in row["differs"] and row["field"] != "external_id"]
"""Where the SDK decides as we do; it sends external_id unhashed, unlike the pixel."""
IDS = [f"{row['field']}-{ascii(row['input'])[1:-1]}" for row in VECTORS]
HEX = set("0123456789abcdef")


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= HEX


@pytest.mark.parametrize("row", VECTORS, ids=IDS)
def test_vector(row: dict[str, Any]) -> None:
    found = user_data({row["field"]: row["input"]}, "SE").get(row["field"], ())
    if row["ours"] is None:
        assert found == ()
    else:
        assert found[0] == (row["ours"] if is_digest(row["ours"]) else sha(row["ours"]))


@pytest.mark.parametrize(
    ("key", "plain", "digest"),
    [
        ("em", "John_Smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        ("ph", "16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        ("fn", "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        ("fn", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
        ("fn", "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        ("db", "2/16/1997", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
        ("country", "US", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    ],
)
def test_digest_that_meta_publishes(key: str, plain: str, digest: str) -> None:
    assert user_data({key: plain}) == {key: (digest,)}


@pytest.mark.parametrize("row", AGREED, ids=[f"{row['field']}-{ascii(row['input'])[1:-1]}" for row in AGREED])
def test_agrees_with_meta_business_sdk(row: dict[str, Any]) -> None:
    normalize = pytest.importorskip("facebook_business.adobjects.serverside.normalize").Normalize
    theirs = normalize.normalize_field_skip_hashing(row["field"], row["input"])
    assert (theirs or None) == row["ours"]


@given(st.emails())
def test_emails_as_the_sdk(address: str) -> None:
    normalize = pytest.importorskip("facebook_business.adobjects.serverside.normalize").Normalize
    theirs = normalize.normalize_field_skip_hashing("em", address)
    if theirs and len(address) <= 254:
        assert NORMALISERS["em"](address, "") == theirs


@given(st.from_regex(r"\+[1-9][0-9]{0,2}[ -][1-9][0-9]{1,3}[ -][0-9]{3}[ -][0-9]{3,4}", fullmatch=True))
def test_international_phones_as_the_sdk(number: str) -> None:
    normalize = pytest.importorskip("facebook_business.adobjects.serverside.normalize").Normalize
    assert NORMALISERS["ph"](number, "SE") == normalize.normalize_field_skip_hashing("ph", number)


@pytest.mark.parametrize(
    ("number", "country", "normal"),
    [
        ("070-123 45 67", "SE", "46701234567"),
        ("070-123 45 67", "", "701234567"),
        ("12 34 56 78", "NO", "4712345678"),
        ("4712345678", "NO", "4712345678"),
        ("(650) 555-1212", "US", "16505551212"),
        ("1-650-555-1212", "US", "16505551212"),
        ("06 1234 5678", "IT", "390612345678"),
        ("+39 06 1234 5678", "SE", "390612345678"),
        ("06 20 123 4567", "HU", "36201234567"),
        ("8 (912) 345-67-89", "RU", "79123456789"),
        ("040 1234567", "FI", "358401234567"),
        ("+44 (0)20 7946 0958", "SE", "442079460958"),
        ("tel: 08-123 456", "SE", "468123456"),
        ("++46", "SE", ""),
        ("(+47) 12 34 56 78", "US", "4712345678"),
        ("0047 12 34 56 78", "US", "4712345678"),
        ("tel: 0047 12 34 56 78", "US", "4712345678"),
        ("0046 (0)70 123 45 67", "", "46701234567"),
        ("(0)30 1234567", "DE", "49301234567"),
        ("+39 (0)6 1234 5678", "SE", "390612345678"),
        ("+378 (0)549 123456", "", "3780549123456"),
        ("2-650-555-1212", "US", "26505551212"),
        ("1 234 567 8901", "MH", "6922345678901"),
        ("01 234 5678", "HU", "3612345678"),
        ("0 12 34 56", "NO", ""),
        ("1234567", "", "1234567"),
        ("123456", "", ""),
        ("123456789012345", "", "123456789012345"),
        ("1234567890123456", "SE", ""),
    ],
)
def test_phone_by_country(number: str, country: str, normal: str) -> None:
    assert NORMALISERS["ph"](number, country) == normal


@pytest.mark.parametrize(
    ("code", "country", "normal"),
    [
        ("00-950", "PL", "00950"),
        ("1000-001", "PT", "1000001"),
        ("94035-1234", "US", "94035"),
        ("D-10115", "DE", "10115"),
        ("SW1A 1AA", "GB", "sw1a1aa"),
        ("!!", "", ""),
        ("1", "", ""),
        ("10", "", "10"),
        ("123456789012", "", "123456789012"),
        ("1234567890123", "", ""),
    ],
)
def test_postal_code_by_country(code: str, country: str, normal: str) -> None:
    assert NORMALISERS["zp"](code, country) == normal


@pytest.mark.parametrize(
    ("text", "country", "normal"),
    [
        ("California", "US", "ca"),
        ("california", "us", "ca"),
        ("Ontario", "CA", "on"),
        ("California", "", "ca"),
        ("California", "MX", "california"),
        ("Baja California", "MX", "bajacalifornia"),
    ],
)
def test_state_by_country(text: str, country: str, normal: str) -> None:
    assert NORMALISERS["st"](text, country) == normal


@pytest.mark.parametrize("name", ["दिल्ली", "กรุงเทพ", "تهران"])
def test_a_city_keeps_the_marks_of_its_script(name: str) -> None:
    assert NORMALISERS["ct"](f"{name} 7", "") == name


@pytest.mark.parametrize(
    ("text", "country", "normal"),
    [
        ("5/6/1997", "US", "19970506"),
        ("5/6/1997", "", "19970506"),
        ("5/6/1997", "GB", "19970605"),
        ("16/2/1997", "US", "19970216"),
        ("16-02-1997", "NL", "19970216"),
        ("5/6/1997", "PH", "19970506"),
        ("5/6/1997", "FM", "19970506"),
        ("5/6/1997", "MH", "19970506"),
        ("5/6/1997", "PW", "19970506"),
        ("5.6.1997", "US", "19970605"),
        ("1997112", "", ""),
        ("1900-01-01", "", "19000101"),
        ("1899-12-31", "", ""),
        ("2999-01-01", "", ""),
        ("29.2.2001", "", ""),
    ],
)
def test_birth_date_by_country(text: str, country: str, normal: str) -> None:
    assert NORMALISERS["db"](text, country) == normal


@time_machine.travel("2026-03-01T00:30:00Z", tick=False)
def test_nobody_is_born_after_today_utc() -> None:
    assert NORMALISERS["db"]("2026-03-01", "") == "20260301"
    assert NORMALISERS["db"]("2026-03-02", "") == ""


@pytest.mark.parametrize(
    ("word", "letter"), [("Woman", "f"), ("girl", "f"), ("female", "f"), ("Man", "m"), ("boy", "m"), ("nonbinary", "")]
)
def test_gender_words(word: str, letter: str) -> None:
    assert NORMALISERS["ge"](word, "") == letter


@pytest.mark.parametrize(
    ("text", "code"),
    [("Deutschland", "de"), ("Norge", "no"), ("España", "es"), ("Côte d’Ivoire", "ci"), ("", ""), ("Atlantis", "")],
)
def test_country_names(text: str, code: str) -> None:
    assert NORMALISERS["country"](text, "") == code


def test_an_address_may_be_254_characters_long() -> None:
    assert NORMALISERS["em"]("x" * 242 + "@example.com", "") == "x" * 242 + "@example.com"
    assert NORMALISERS["em"]("x" * 243 + "@example.com", "") == ""


def test_of_control_characters_only_space_leaves_a_space() -> None:
    assert clean("a\tb\x00c\n") == "a bc"


def test_what_cannot_be_encoded_is_a_question_mark() -> None:
    assert digest("a\ud800b") == sha("a?b")
    assert user_data({"external_id": "a\ud800b"}) == {"external_id": (sha("ab"),)}


def test_without_a_country_a_date_is_read_as_in_the_us() -> None:
    assert user_data({"db": "5/6/1997"}) == {"db": (sha("19970506"),)}


def test_a_value_may_be_512_characters_long() -> None:
    assert user_data({"external_id": "x" * 512}) == {"external_id": (sha("x" * 512),)}
    assert user_data({"external_id": ["y", "x" * 513]}) == {"external_id": (sha("y"),)}


def test_a_number_may_have_a_hundred_digits() -> None:
    largest = 10**100 - 1
    assert user_data({"external_id": [largest, largest + 1]}) == {"external_id": (sha("9" * 100),)}


def test_names_that_are_no_text_are_passed_over() -> None:
    assert user_data({1: "a", None: "b", "em": "a@example.com"}) == {"em": (sha("a@example.com"),)}  # type: ignore[dict-item]


def test_city_is_sent_in_both_forms_that_metas_index_may_hold() -> None:
    assert user_data({"ct": "Göteborg"}) == {"ct": (sha("göteborg"), sha("gteborg"))}


def test_own_country_decides_how_a_number_is_read() -> None:
    assert user_data({"ph": "91 23 45 67", "country": "Norge"}, "SE")["ph"] == (sha("4791234567"),)


def test_lists_keep_their_order_and_lose_repetitions() -> None:
    found = user_data({"em": ["b@example.com", "A@example.com", "a@example.com ", sha("b@example.com").upper()]})
    assert found == {"em": (sha("b@example.com"), sha("a@example.com"))}


def test_names_that_frameworks_use() -> None:
    found = user_data({"email": "a@example.com", "first_name": "Åsa", "zip": "411 05", "id": 42})
    assert found == {
        "em": (sha("a@example.com"),),
        "fn": (sha("åsa"),),
        "zp": (sha("41105"),),
        "external_id": (sha("42"),),
    }


def test_a_date_is_a_birth_date() -> None:
    assert user_data({"db": date(1997, 2, 16)}) == {"db": (sha("19970216"),)}


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        [],
        {},
        True,
        1.5,
        b"a@example.com",
        object(),
        ["", None],
        "\u200b",
        pytest.param(10**5_000, id="huge"),
    ],
)
def test_nothing_is_never_hashed(value: object) -> None:
    assert user_data(dict.fromkeys(USER_DATA_KEYS, value)) == {}


def test_unknown_keys_and_the_addresses_of_machines_are_not_taken() -> None:
    assert user_data({"client_ip_address": "8.8.8.8", "password": "x", 7: "x", "f5first": "abcde"}) == {}  # type: ignore[dict-item]


def test_digests_stay_as_they_are_so_that_browser_and_server_send_the_same() -> None:
    once = user_data({"em": "a@example.com", "ct": "Göteborg", "external_id": "Cust 42", "ph": "070-1234567"}, "SE")
    assert user_data(once) == once


def test_merge_puts_the_first_source_first() -> None:
    merged = merge_user_data({"em": ("a", "b")}, {"em": ("b", "c"), "fn": ("d",)})
    assert merged == {"em": ("a", "b", "c"), "fn": ("d",)}


@given(
    st.dictionaries(
        st.sampled_from(USER_DATA_KEYS), st.one_of(st.text(), st.integers(), st.lists(st.text())), min_size=1
    )
)
def test_any_text_gives_digests_or_nothing(mapping: dict[str, Any]) -> None:
    for values in user_data(mapping, "SE").values():
        assert values
        assert all(is_digest(value) and value != sha("") for value in values)


@given(st.text(alphabet=string.printable, max_size=60))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    for key in ("em", "fn", "ct", "st", "country", "external_id"):
        once = NORMALISERS[key](text.strip(), "")
        assert not once or NORMALISERS[key](once, "") == once
