"""The demo shop, as a browser without the middleware sees it."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

from capi_middleware.demo import Shop
from capi_middleware.demo.catalogue import CATEGORIES, PRODUCTS, money
from capi_middleware.demo.texts import TEXTS

BUYER = {
    "first_name": "Åsa",
    "last_name": "Öberg",
    "email": "asa@example.se",
    "phone": "070-123 45 67",
    "address": "Storgatan 1",
    "postcode": "411 05",
    "city": "Göteborg",
}


@pytest.fixture
def client() -> Client:
    return Client(LintMiddleware(Shop()), Response)


def add(client: Client, sku: str, quantity: str = "1") -> Response:
    return client.post("/varukorg/lagg-till", data={"product_id": sku, "antal": quantity})


def test_two_categories_and_eight_products_with_pictures(client: Client) -> None:
    assert (len(CATEGORIES), len(PRODUCTS)) == (2, 8)
    home = client.get("/").text
    for product in PRODUCTS:
        assert f'href="/produkt/{product.slug}"' in home
        with client.get(f"/static/products/{product.slug}.svg", buffered=True) as picture:
            assert picture.status_code == 200 and picture.mimetype == "image/svg+xml"
            assert picture.text.startswith("<svg ")


@pytest.mark.parametrize("path", ["/", "/kategori/koket", "/produkt/vas-vag", "/sok?q=ek", "/varukorg"])
@pytest.mark.parametrize("language", ["sv", "en"])
def test_pages_answer_in_both_languages(client: Client, path: str, language: str) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert TEXTS[language]["cart"] in answer.text


def test_both_languages_say_the_same_things() -> None:
    assert TEXTS["sv"].keys() == TEXTS["en"].keys()


def test_a_chosen_language_stays(client: Client) -> None:
    client.get("/sprak/en")
    assert 'lang="en"' in client.get("/", headers={"Accept-Language": "sv"}).text


def test_product_pages_carry_json_ld(client: Client) -> None:
    page = client.get("/produkt/vas-vag").text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert found
    data = json.loads(found[1])
    assert (data["@type"], data["sku"], data["name"]) == ("Product", "NK-2004", "Vas Våg")
    assert (data["offers"]["price"], data["offers"]["priceCurrency"]) == ("459.50", "SEK")


def test_an_add_redirects_and_the_next_page_says_so(client: Client) -> None:
    answer = add(client, "NK-1001", "2")
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://localhost/produkt/mugg-fjall")
    page = client.get("/produkt/mugg-fjall").text
    assert 'class="notice success"' in page and "data-cart-count>2<" in page
    assert 'class="notice' not in client.get("/produkt/mugg-fjall").text


@pytest.mark.parametrize(("sku", "quantity"), [("NK-1004", "1"), ("NK-1001", "0"), ("NK-1001", "41"), ("NK-1001", "x")])
def test_a_refused_add_answers_the_same_redirect_and_the_next_page_says_so(
    client: Client, sku: str, quantity: str
) -> None:
    answer = add(client, sku, quantity)
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"]).text
    assert 'class="notice error"' in page and "data-cart-count>0<" in page


def test_the_ajax_add_answers_json(client: Client) -> None:
    good = client.post("/api/varukorg", json={"product_id": "NK-2003", "antal": 1})
    assert good.json and good.json["cart"] == {"count": 1, "total": "329.00", "currency": "SEK"}
    refused = client.post("/api/varukorg", json={"product_id": "NK-1004", "antal": 1})
    assert refused.status_code == 200 and refused.json and refused.json["success"] is False


def test_a_purchase_ends_on_a_page_that_can_be_reloaded(client: Client) -> None:
    add(client, "NK-1001", "2")
    add(client, "NK-2004")
    placed = client.post("/kassa", data=BUYER)
    assert placed.status_code == 303
    address = placed.headers["Location"]
    first, again = client.get(address), client.get(address)
    assert first.status_code == again.status_code == 200
    assert money(Decimal("957.50"), "sv") in first.text
    assert "data-cart-count>0<" in first.text


def test_nobody_reads_the_thank_you_page_of_another(client: Client) -> None:
    add(client, "NK-1001")
    address = client.post("/kassa", data=BUYER).headers["Location"]
    assert client.get(address.split("?")[0]).status_code == 404
    assert client.get(f"{address}x").status_code == 404


@pytest.mark.parametrize("wrong", [{"email": "asa"}, {"city": " "}])
def test_a_form_that_is_wrong_comes_back_filled(client: Client, wrong: dict[str, str]) -> None:
    add(client, "NK-1001")
    answer = client.post("/kassa", data=BUYER | wrong)
    assert answer.status_code == 422
    assert 'value="Storgatan 1"' in answer.text and 'role="alert"' in answer.text


def test_an_empty_cart_has_no_checkout(client: Client) -> None:
    assert client.get("/kassa").headers["Location"] == "http://localhost/varukorg"


def test_what_does_not_exist_is_a_404_page(client: Client) -> None:
    assert client.get("/produkt/nej").status_code == 404
    assert add(client, "NK-9999").status_code == 404


def test_what_a_visitor_types_is_text(client: Client) -> None:
    page = client.get("/sok?q=<script>alert(1)</script>").text
    assert "<script>alert(1)" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("amount", "sv", "en"),
    [
        ("1290.00", "1\u00a0290\u00a0kr", "SEK\u00a01,290"),
        ("459.50", "459,50\u00a0kr", "SEK\u00a0459.50"),
        ("249.00", "249\u00a0kr", "SEK\u00a0249"),
    ],
)
def test_prices_as_people_write_them(amount: str, sv: str, en: str) -> None:
    assert money(Decimal(amount), "sv") == sv
    assert money(Decimal(amount), "en") == en
