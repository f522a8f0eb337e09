"""Advanced matching: forms of real platforms in, digests out; nothing without opt-in, nothing in plain text."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import VisitSettings
from capi_middleware.visit import fields_in, user_data_from_body, user_data_from_fields

FORM = "application/x-www-form-urlencoded"
OPEN = Settings(visit=VisitSettings(advanced_matching=True))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digests(**plain: str) -> dict[str, tuple[str, ...]]:
    return {key: (sha(text),) for key, text in plain.items()}


EM = digests(em="anna@example.com")
LOGINS = [
    ("django-oscar login", "oscar", {"login-username": "anna@example.com", "login-password": "hemligt1"}, EM),
    (
        "django-oscar registration",
        "oscar",
        {"registration-email": "anna@example.com", "registration-password1": "x"},
        EM,
    ),
    ("django login by nickname", "", {"username": "anna", "password": "hemligt1"}, {}),
    ("magento login", "magento", {"login[username]": "anna@example.com", "login[password]": "x", "form_key": "k"}, EM),
    ("shopify contact", "shopify", {"form_type": "customer", "contact[email]": "anna@example.com"}, EM),
    ("shopware login", "shopware", {"loginMail": "anna@example.com", "loginPassword": "x"}, EM),
    ("woocommerce login", "woocommerce", {"username": "anna@example.com", "password": "x"}, EM),
    ("mailchimp newsletter", "", {"EMAIL": "anna@example.com", "b_1_2": ""}, EM),
    ("swedish newsletter", "", {"E-post": "anna@example.com"}, EM),
    ("newsletter with prefix", "", {"newsletter_email": "anna@example.com"}, EM),
    ("two-step login", "", {"identifier": "anna@example.com"}, EM),
]
ADDRESS = digests(em="anna@example.com", ph="46701234567", fn="anna", ln="öberg", zp="41105", country="se")
CHECKOUTS = [
    (
        "woocommerce checkout",
        "woocommerce",
        {
            "billing_first_name": "Anna", "billing_last_name": "Öberg", "billing_email": "anna@example.com",
            "billing_phone": "070-123 45 67", "billing_postcode": "411 05", "billing_country": "SE",
            "billing_company": "Acme", "shipping_first_name": "Bo", "payment_method": "card", "card_number": "4111",
        },
        ADDRESS,
    ),
    (
        "sylius checkout",
        "",
        {
            "sylius_checkout_address[customer][email]": "anna@example.com",
            "sylius_checkout_address[billingAddress][firstName]": "Anna",
            "sylius_checkout_address[billingAddress][lastName]": "Öberg",
            "sylius_checkout_address[billingAddress][phoneNumber]": "+46701234567",
            "sylius_checkout_address[billingAddress][postcode]": "411 05",
            "sylius_checkout_address[billingAddress][countryCode]": "SE",
            "sylius_checkout_address[shippingAddress][firstName]": "Bo",
        },
        ADDRESS,
    ),
    (
        "prestashop checkout",
        "prestashop",
        {
            "firstname": "Anna", "lastname": "Öberg", "email": "anna@example.com", "phone": "0701234567",
            "postcode": "41105", "id_country": "17", "country": "SE", "address1": "Vägen 1", "password": "x",
        },
        ADDRESS,
    ),
    (
        "opencart checkout",
        "opencart",
        {
            "firstname": "Anna", "lastname": "Öberg", "email": "anna@example.com", "telephone": "0701234567",
            "postcode": "41105", "country_id": "203", "zone_id": "3", "country": "Sweden",
        },
        ADDRESS,
    ),
    (
        "swedish form",
        "",
        {
            "fornamn": "Anna", "Efternamn": "Öberg", "epost": "anna@example.com", "Mobilnummer": "0701234567",
            "postnr": "411 05", "land": "Sverige", "personnummer": "8001011234",
        },
        ADDRESS,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "fields", "expected"),
    [row[1:] for row in LOGINS + CHECKOUTS],
    ids=[row[0] for row in LOGINS + CHECKOUTS],
)
def test_form(platform: str, fields: dict[str, str], expected: dict[str, tuple[str, ...]], make_settings: Any) -> None:
    settings = make_settings(visit={"advanced_matching": True}, shop={"platform": platform, "country": "SE"})
    assert user_data_from_body(FORM, urlencode(fields).encode(), settings) == expected


def test_store_api_json(make_settings: Any) -> None:
    body = {
        "billing_address": {
            "first_name": "Anna", "last_name": "Öberg", "email": "anna@example.com", "phone": "0701234567",
            "postcode": "41105", "country": "SE",
        },
        "shipping_address": {"first_name": "Bo", "last_name": "Ek", "country": "NO"},
        "payment_data": [{"key": "card_number", "value": "4111111111111111"}],
    }  # fmt: skip
    settings = make_settings(visit={"advanced_matching": True}, shop={"country": "SE"})
    assert user_data_from_body("application/json; charset=utf-8", json.dumps(body).encode(), settings) == ADDRESS


def test_graphql_variables(make_settings: Any) -> None:
    body = {"query": "mutation …", "variables": {"input": {"email": "anna@example.com", "password": "x"}}}
    settings = make_settings(visit={"advanced_matching": True})
    assert user_data_from_body("application/json", json.dumps(body).encode(), settings) == EM


def test_multipart(make_settings: Any) -> None:
    body = (
        b'--B\r\nContent-Disposition: form-data; name="email"\r\n\r\nanna@example.com\r\n'
        b'--B\r\nContent-Disposition: form-data; name="phone"; filename="a.txt"\r\n\r\n0701234567\r\n--B--\r\n'
    )
    settings = make_settings(visit={"advanced_matching": True}, shop={"country": "SE"})
    assert user_data_from_body("multipart/form-data; boundary=B", body, settings) == EM


def test_nothing_without_opt_in(make_settings: Any) -> None:
    assert user_data_from_body(FORM, b"email=anna%40example.com", make_settings()) == {}
    assert user_data_from_fields([("email", "anna@example.com")], make_settings()) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"city": "Göteborg", "zip": "41105"},
        {"q": "anna@example.com"},
        {"recipient_email": "bo@example.com"},
        {"gift[email]": "bo@example.com"},
        {"friend_email": "bo@example.com"},
        {"password": "anna@example.com"},
        {"email_token": "anna@example.com"},
        {"company_email": "info@example.com"},
        {"email": "not an address"},
        {"email": "x" * 300 + "@example.com"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_names_nobody_or_somebody_else(fields: dict[str, str]) -> None:
    assert user_data_from_body(FORM, urlencode(fields).encode(), OPEN) == {}


def test_a_whole_name_in_one_field() -> None:
    found = user_data_from_fields([("full_name", "Anna Öberg")], OPEN)
    assert found == digests(fn="anna", ln="öberg")


def test_the_shops_own_fields(make_settings: Any) -> None:
    settings = make_settings(visit={"advanced_matching": True, "matching_fields": ("em=f17", "-email")})
    found = user_data_from_fields([("f17", "anna@example.com"), ("email", "bo@example.com")], settings)
    assert found == EM


def test_fields_known_by_their_page() -> None:
    html = (
        b'<form><input type="email" name="q1"><INPUT name=q2 autocomplete="section-a billing family-name">'
        b"<input autocomplete='given-name' name='q3'><select name=q4 autocomplete=country><input name=q5>"
        b'<input type="tel" name="q6"><input type="text" name="q7" autocomplete="off"></form>'
    )
    learned = fields_in(html)
    assert learned == {"q1": "em", "q2": "ln", "q3": "fn", "q4": "country", "q6": "ph"}
    body = urlencode({"q1": "anna@example.com", "q2": "Öberg", "q3": "Anna", "q5": "x"}).encode()
    assert user_data_from_body(FORM, body, OPEN, learned) == digests(em="anna@example.com", ln="öberg", fn="anna")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[" * 60_000),
        ("application/json", b"\xff\xfe"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=B", b"--B\r\n"),
        (FORM, b"email=%ff%fe"),
        (FORM, b"email=anna%40example.com&" + b"x" * 70_000),
        ("text/plain", b"email=anna@example.com"),
        ("", b"email=anna@example.com"),
    ],
    ids=range(9),
)
def test_bodies_that_tell_nothing(kind: str, body: bytes) -> None:
    assert user_data_from_body(kind, body, OPEN) == {}


@given(st.sampled_from(["application/json", FORM, "multipart/form-data; boundary=B"]), st.binary(max_size=400))
def test_no_body_raises(kind: str, body: bytes) -> None:
    user_data_from_body(kind, body, OPEN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["email", "a", "phone"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_gives_digests_or_nothing(value: Any) -> None:
    found = user_data_from_body("application/json", json.dumps(value).encode(), OPEN)
    assert all(len(digest) == 64 for values in found.values() for digest in values)


@given(st.binary(max_size=500))
def test_no_page_raises(html: bytes) -> None:
    fields_in(html)
