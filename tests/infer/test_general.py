# ruff: noqa: E501
"""Shops that there is no preset for, in eleven languages."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.infer import Facts

from .traffic import MUG, Shop, data, names, said

ADD_PATHS = {
    "en": "/cart/add",
    "sv": "/varukorg/lagg-till",
    "de": "/warenkorb/hinzufuegen",
    "fr": "/panier/ajouter",
    "no": "/handlekurv/legg-til",
    "da": "/kurv/tilfoej",
    "fi": "/ostoskori/lisaa",
    "nl": "/winkelwagen/toevoegen",
    "es": "/carrito/agregar",
    "it": "/carrello/aggiungi",
    "pl": "/koszyk/dodaj",
}
CARTS = {
    "en": "/basket", "sv": "/kundvagn", "de": "/warenkorb", "fr": "/mon-panier", "no": "/handlekurven",
    "da": "/indkobskurv", "fi": "/ostoskori", "nl": "/winkelmandje", "es": "/cesta", "it": "/carrello", "pl": "/koszyk",
}  # fmt: skip
CHECKOUTS = {
    "en": "/checkout", "sv": "/kassa", "de": "/kasse", "fr": "/commander", "no": "/til-kassen", "da": "/kassen",
    "fi": "/siirry-kassalle", "nl": "/afrekenen", "es": "/finalizar-compra", "it": "/cassa", "pl": "/do-kasy",
}  # fmt: skip
THANKS = {
    "en": ("/checkout/thank-you", "<h1>Thank you</h1><p>Order number: 1007</p><p>Order total: SEK 299.00</p>"),
    "sv": ("/kassa/tack", "<h1>Tack!</h1><p>Ordernummer: 1007</p><p>Totalt: 299,00 kr</p>"),
    "de": ("/kasse/danke", "<h1>Danke</h1><p>Bestellnummer: 1007</p><p>Gesamtsumme: 299,00 SEK</p>"),
    "fr": ("/commande/merci", "<h1>Merci</h1><p>Numéro de commande : 1007</p><p>Total TTC : 299,00 SEK</p>"),
    "no": ("/kasse/takk", "<h1>Takk</h1><p>Ordrenummer: 1007</p><p>Totalsum: 299,00 SEK</p>"),
    "da": ("/kasse/tak", "<h1>Tak</h1><p>Ordrenummer: 1007</p><p>I alt: 299,00 SEK</p>"),
    "fi": ("/kassa/kiitos", "<h1>Kiitos</h1><p>Tilausnumero: 1007</p><p>Yhteensä: 299,00 SEK</p>"),
    "nl": ("/bedankt", "<h1>Bedankt</h1><p>Bestelnummer: 1007</p><p>Totaalbedrag: 299,00 SEK</p>"),
    "es": ("/pedido-recibido", "<h1>Gracias</h1><p>Número de pedido: 1007</p><p>Importe total: 299,00 SEK</p>"),
    "it": ("/grazie", "<h1>Grazie</h1><p>Numero ordine: 1007</p><p>Totale ordine: 299,00 SEK</p>"),
    "pl": ("/dziekujemy", "<h1>Dziękujemy</h1><p>Numer zamówienia: 1007</p><p>Do zapłaty: 299,00 SEK</p>"),
}
SEARCHES = {
    "en": "/search?q=red+mug", "sv": "/sok?sok=red+mug", "de": "/suche?suchbegriff=red+mug",
    "fr": "/recherche?recherche=red+mug", "no": "/sok?q=red+mug", "da": "/soeg?q=red+mug", "fi": "/haku?hakusana=red+mug",
    "nl": "/zoeken?zoekterm=red+mug", "es": "/buscar?buscar=red+mug", "it": "/cerca?cerca=red+mug",
    "pl": "/szukaj?fraza=red+mug",
}  # fmt: skip
FORMS = {
    "en": ("/contact-us", "/newsletter", "/register"),
    "sv": ("/kontakta-oss", "/nyhetsbrev", "/skapa-konto"),
    "de": ("/kontaktformular", "/newsletter-anmeldung", "/registrieren"),
    "fr": ("/nous-contacter", "/infolettre", "/inscription"),
    "no": ("/kontakt-oss", "/nyhetsbrev", "/opprett-konto"),
    "da": ("/skriv-til-os", "/nyhedsbrev", "/opret-konto"),
    "fi": ("/ota-yhteytta", "/uutiskirje", "/rekisteroidy"),
    "nl": ("/contactformulier", "/nieuwsbrief", "/registreren"),
    "es": ("/contacto", "/boletin", "/registro"),
    "it": ("/contattaci", "/iscriviti", "/registrazione"),
    "pl": ("/formularz-kontaktowy", "/biuletyn", "/rejestracja"),
}
LANGUAGES = sorted(ADD_PATHS)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize("language", LANGUAGES)
def test_add_to_cart(shop: Shop, language: str) -> None:
    concluded = shop.ask(ADD_PATHS[language], form={"id": "12", "qty": "2"}, to=CARTS[language])
    assert data(concluded, "AddToCart") == {
        "content_ids": ["MUG-1"],
        "contents": [{"id": "MUG-1", "quantity": 2, "item_price": 99.5}],
        "content_type": "product",
        "content_name": "Mugg",
        "value": 199.0,
        "currency": "SEK",
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_checkout(shop: Shop, language: str) -> None:
    assert names(shop.ask("/sv" + CHECKOUTS[language] + "/", facts=Facts())) == ["InitiateCheckout"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_purchase(shop: Shop, language: str) -> None:
    path, html = THANKS[language]
    told = data(shop.ask(path, page=f"<html lang={language}><body>{html}</body></html>"), "Purchase")
    assert told == {"order_id": "1007", "value": 299.0, "currency": "SEK"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_search(shop: Shop, language: str) -> None:
    assert data(shop.ask(SEARCHES[language], facts=Facts()), "Search") == {"search_string": "red mug"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_forms(shop: Shop, language: str) -> None:
    contact, newsletter, register = FORMS[language]
    thanks = THANKS[language][0]
    assert names(shop.ask(contact, form={"email": "a@b.se", "message": "hej"}, to=thanks)) == ["Contact"]
    assert names(shop.ask(newsletter, form={"email": "a@b.se"}, to=thanks)) == ["Subscribe"]
    assert names(shop.ask(register, form={"email": "a@b.se", "password": "x"}, to="/")) == ["CompleteRegistration"]


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({"id": "12", "qty": "1"}, {"to": "/cart"}),
        ({"products_id": "12", "cart_quantity": "1"}, {"to": "/shopping_cart.php"}),
        ({"product": "12", "Menge": "1"}, {"sets": "cart=abc; path=/", "facts": Facts()}),
        ({"sku": "MUG-1", "antal": "1"}, {"facts": said("success: added")}),
        ({"action": "add", "id": "12", "qty": "1"}, {"to": "/cart"}),
        ({"ASIN": "12", "quantity": "1"}, {"status": 201}),
    ],
)
def test_forms_to_any_address(shop: Shop, form: dict[str, str], answer: dict[str, Any]) -> None:
    """An id beside a quantity is an add to cart, wherever it is sent; then comes proof."""
    assert names(shop.ask("/index.php", form=form, **answer)) == ["AddToCart"]


STYLES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("fetch JSON", "/api/cart/items", {"posted": {"productId": 12, "quantity": 2}}, {"answer": {"cart": {"count": 2}}}),
    ("fetch form", "/ajax/cart/add", {"form": {"id": "12", "quantity": "2"}}, {"answer": {"success": True}}),
    ("XHR", "/cart/add", {"form": {"id": "12", "quantity": "2"}}, {"answer": {"status": "ok", "items_count": 2}}),
    ("jQuery", "/varukorg/lagg-till", {"form": {"produktid": "12", "antal": "2"}}, {"answer": {"ok": True}}),
    ("sendBeacon", "/basket/add", {"posted": {"sku": "MUG-1", "qty": 2}}, {"status": 201}),
    (
        "GraphQL",
        "/graphql",
        {"posted": {"query": 'mutation { addToCart(sku: "MUG-1", quantity: 2) { cart { id } } }'}},
        {"answer": {"data": {"addToCart": {"cart": {"id": 1}}}}},
    ),
    (
        "batch of items",
        "/api/basket",
        {"posted": {"action": "add", "lines": [{"sku": "MUG-1", "qty": 2}, {"sku": "CAP-2", "qty": 1}]}},
        {"answer": {"basket": {"id": 1}}},
    ),
    ("redirect followed", "/cart/add", {"form": {"id": "12", "quantity": "2"}}, {"to": "/cart"}),
    (
        "cart cookie",
        "/cart/add",
        {"form": {"id": "12", "quantity": "2"}},
        {"sets": "basket_id=1", "answer": {"html": "<p>"}},
    ),
    (
        "PUT",
        "/api/carts/9/line-items",
        {"posted": {"variantId": "77", "quantity": 2}, "method": "PUT"},
        {"answer": {"lineItems": [1]}},
    ),
    (
        "nested JSON",
        "/cart",
        {"posted": {"data": {"type": "add", "item": {"id": 12, "qty": 2}}}},
        {"answer": {"result": {"success": True}}},
    ),
    (
        "JSON:API",
        "/api/cart/add",
        {"posted": {"data": [{"product_id": "12", "quantity": 2}]}},
        {"status": 201, "answer": {"data": {"id": 1}}},
    ),
]


@pytest.mark.parametrize(("style", "path", "asked", "answer"), STYLES, ids=[style for style, *_ in STYLES])
def test_script_styles(shop: Shop, style: str, path: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
    found = data(shop.ask(path, script=True, **asked, **answer), "AddToCart")
    assert found["content_ids"][0] == "MUG-1"
    assert found["contents"][0]["quantity"] == 2


REFUSALS: list[dict[str, Any]] = [
    {"answer": {"success": False}},
    {"answer": {"error": "Slut i lager"}},
    {"answer": {"errors": [{"code": 1}]}},
    {"answer": {"hasError": True, "cart": {"id": 1}}},
    {"answer": {"status": "error", "message": "no"}},
    {"answer": {"status": 422, "cart": {"id": 1}}},
    {"answer": {"data": {"addItem": {"__typename": "OutOfStockError"}}}},
    {"status": 422, "answer": {"message": "no"}},
    {"status": 500},
    {"status": 404},
    {"to": "/login?next=/cart"},
    {"facts": said("error: Slut i lager")},
    {"facts": said("error: no", "cart: 2")},
]


@pytest.mark.parametrize("answer", REFUSALS)
def test_refused_adds_do_not_count(shop: Shop, answer: dict[str, Any]) -> None:
    for url in ("/cart/add", "/kundvagn/lagg-till/12"):
        concluded = shop.ask(url, form={"id": "12", "quantity": "1"}, **answer)
        assert names(concluded) == []
        assert not concluded.pending


LOOK_ALIKES: list[tuple[str, dict[str, Any]]] = [
    ("/cart/remove", {"form": {"id": "12", "quantity": "1"}}),
    ("/cart/update", {"form": {"id": "12", "quantity": "3"}}),
    ("/varukorg/uppdatera", {"form": {"id": "12", "antal": "3"}}),
    ("/cart", {"form": {"updates[]": "2", "id": "12", "quantity": "3"}}),
    ("/cart", {"form": [("id[1]", "12"), ("qty[1]", "1"), ("id[2]", "13"), ("qty[2]", "4")]}),
    ("/cart/add", {"form": {"id": "12", "quantity": "0"}}),
    ("/cart/add", {"form": {"id": "12", "quantity": "1", "op": "down"}}),
    ("/cart", {"form": {"action": "delete", "id": "12", "qty": "1"}}),
    ("/cart/coupon", {"form": {"id": "12", "qty": "1"}}),
    ("/compare/add", {"form": {"id": "12", "qty": "1"}}),
    ("/review/add", {"form": {"product_id": "12", "amount": "5", "review": "x"}}),
    ("/wishlist/add", {"form": {"product_id": "12", "qty": "1"}}),
    ("/login", {"form": {"email": "a@b.se", "password": "x", "id": "12"}}),
    ("/search", {"form": {"q": "mugg", "id": "1"}}),
    ("/newsletter", {"form": {"email": "a@b.se", "id": "12", "quantity": "1"}}),
    ("/checkout/shipping", {"form": {"id": "12", "quantity": "1"}}),
    ("/account/orders/add", {"form": {"id": "12", "quantity": "1"}}),
    ("/kontakt", {"form": {"email": "a@b.se", "message": "hej", "amount": "1", "id": "4"}}),
]


@pytest.mark.parametrize(("url", "asked"), LOOK_ALIKES)
def test_look_alikes_are_no_add_to_cart(shop: Shop, url: str, asked: dict[str, Any]) -> None:
    for answer in ({"to": "/cart"}, {"answer": {"success": True, "cart": {"id": 1}}, "script": True}):
        concluded = shop.ask(url, **asked, **answer)
        assert "AddToCart" not in names(concluded)
        assert not [pending for pending in concluded.pending if pending["event"] == "AddToCart"]


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        (said("success: Mugg lades i varukorgen"), ["AddToCart"]),
        (said("cart: 1"), ["AddToCart"]),
        (said("error: Slut i lager", "cart: 1"), []),
        (said("cart: 0"), []),
        (said(), []),
    ],
)
def test_the_following_page_decides(shop: Shop, following: Facts, expected: list[str]) -> None:
    """Post, redirect back, get: the answer itself tells nothing (reference: platforms, 0.1)."""
    first = shop.ask("/varukorg/lagg-till/12", form={"antal": "2"}, to="/produkt/mugg", status=303)
    assert names(first) == []
    assert [pending["event"] for pending in first.pending] == ["AddToCart"]
    then = shop.ask("/produkt/mugg", facts=following, pending=first.pending)
    assert [name for name in names(then) if name == "AddToCart"] == expected
    if expected:
        assert data(then, "AddToCart")["value"] == 199.0


def test_product_page(shop: Shop) -> None:
    facts = Facts(product=MUG, sources={"value": "jsonld:offers.price"}, is_product=True)
    (event,) = [event for event in shop.ask("/produkt/mugg", facts=facts).events if event.event_name == "ViewContent"]
    assert event.custom_data["content_ids"] == ["MUG-1"]
    assert event.sources["value"] == "jsonld:offers.price"


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        ("/kategori/muggar", Facts()),
        ("/sok?q=mugg", Facts(product=MUG, is_product=True)),
        ("/kassa", Facts(product=MUG, is_product=True)),
        ("/kassa/tack", Facts(product=MUG, is_product=True)),
    ],
)
def test_no_product_page(shop: Shop, url: str, facts: Facts) -> None:
    assert "ViewContent" not in names(shop.ask(url, facts=facts))


def test_a_posted_product_page_is_not_viewed_again(shop: Shop) -> None:
    """WooCommerce answers the form with the product page: an add to cart, no second ViewContent."""
    facts = Facts(product=MUG, is_product=True, notices=("success: added",))
    assert names(shop.ask("/produkt/mugg", form={"id": "12", "qty": "1"}, facts=facts)) == ["AddToCart"]


@pytest.mark.parametrize(
    "page",
    [
        "<h1>Betalningen misslyckades</h1><p>Ordernummer: 1007</p><p>Totalt: 299 kr</p>",
        "<h1>Tack</h1><h2>Inväntar betalning</h2><p>Ordernummer: 1007</p><p>Totalt: 299 kr</p>",
        "<h1>Thank you</h1><h3>Your payment was declined</h3><p>Order number: 1007</p><p>Total: SEK 299</p>",
    ],
)
def test_a_declined_or_pending_order_is_no_purchase(shop: Shop, page: str) -> None:
    assert names(shop.ask("/kassa/tack", page=f"<html><body>{page}</body></html>")) == []


@pytest.mark.parametrize(
    "url",
    [
        "/kassa/tack?status=declined",
        "/checkout/success?redirect_status=failed",
        "/checkout/success?paymentFailed=1",
        "/checkout/pending/thank-you",
        "/checkout/payment-failed/thank-you",
        "/newsletter/thank-you",
        "/contact/thank-you",
        "/mitt-konto/ordrar/1007/kvitto",
        "/my-account/orders/1007/receipt",
    ],
)
def test_addresses_that_are_no_purchase(shop: Shop, url: str) -> None:
    page = "<html><body><p>Ordernummer: 1007</p><p>Totalt: 299 kr</p></body></html>"
    assert "Purchase" not in names(shop.ask(url, page=page))


def test_a_purchase_without_a_total_is_not_guessed(shop: Shop) -> None:
    concluded = shop.ask("/kassa/tack", page="<html><body><h1>Tack</h1><p>Ordernummer: 1007</p></body></html>")
    assert names(concluded) == []
    assert "no total" in concluded.refused[0].why


def test_a_purchase_without_a_currency_is_not_guessed() -> None:
    shop = Shop(currency="")
    page = "<html><body><p>Ordernummer: 1007</p><p>Totalt: 299,00</p></body></html>"
    assert names(shop.ask("/kassa/tack", page=page)) == []


def test_payment_step(shop: Shop) -> None:
    assert names(shop.ask("/kassa/betalning", form={"method": "card"}, to="/kassa/granska")) == ["AddPaymentInfo"]
    assert names(shop.ask("/kassa/betalning", form={"method": "card"}, to="/kassa/betalning")) == []


def test_wishlist(shop: Shop) -> None:
    found = data(shop.ask("/onskelista/lagg-till", form={"id": "12"}, to="/onskelista"), "AddToWishlist")
    assert found["content_ids"] == ["MUG-1"]
    assert names(shop.ask("/onskelista/ta-bort", form={"id": "12"}, to="/onskelista")) == []


def test_lead(shop: Shop) -> None:
    form = {"email": "a@b.se", "message": "100 muggar"}
    assert names(shop.ask("/offertforfragan", form=form, to="/tack")) == ["Lead"]
    assert names(shop.ask("/offertforfragan", form=form, facts=said("error: fel e-post"))) == []


def test_registration_refused(shop: Shop) -> None:
    form = {"email": "a@b.se", "password": "x"}
    assert names(shop.ask("/registrera", form=form, facts=said("error: finns redan"))) == []
    assert names(shop.ask("/registrera", form=form, to="/registrera")) == []


@pytest.mark.parametrize("url", ["/static/app.js", "/api/products", "/", "/kategori/muggar"])
def test_what_scripts_fetch_is_nothing(shop: Shop, url: str) -> None:
    assert shop.ask(url, script=True, answer={"success": True, "cart": {"id": 1}}).events == ()


@pytest.mark.parametrize("status", [301, 302, 404, 410, 500, 503])
def test_no_page_no_view(shop: Shop, status: int) -> None:
    assert shop.ask("/kassa", status=status, to="/x" if status < 400 else "").events == ()


def test_several_lines_are_one_event(shop: Shop) -> None:
    posted = {"items": [{"sku": "MUG-1", "quantity": 2}, {"sku": "CAP-2", "quantity": 1}]}
    found = data(shop.ask("/api/cart/add", posted=posted, script=True, answer={"success": True}), "AddToCart")
    assert found["content_ids"] == ["MUG-1", "CAP-2"]
    assert found["value"] == 399.0


def test_one_unknown_price_leaves_the_value_out(shop: Shop) -> None:
    """A value that leaves a line out would be wrong; a missing one is only missing."""
    posted = {"items": [{"sku": "MUG-1", "quantity": 2}, {"sku": "NEW-9", "quantity": 1}]}
    found = data(shop.ask("/api/cart/add", posted=posted, script=True, answer={"success": True}), "AddToCart")
    assert found["content_ids"] == ["MUG-1", "NEW-9"]
    assert "value" not in found and "currency" not in found


def test_the_product_of_the_page_before(shop: Shop) -> None:
    """The form names an id that no page has shown; the page that it stood on is known."""
    concluded = shop.ask(
        "/cart/add", form={"id": "4711", "qty": "1"}, to="/cart", referrer="https://shop.example/produkt/mugg"
    )
    assert data(concluded, "AddToCart")["value"] == 99.5
    away = shop.ask(
        "/cart/add", form={"id": "4711", "qty": "1"}, to="/cart", referrer="https://other.example/produkt/mugg"
    )
    assert "value" not in data(away, "AddToCart")


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("/pay", {"id": "12", "quantity": "1", "card_number": "4111111111111111", "cvc": "123"}),
        ("/cart/add", {"id": "4111111111111111", "quantity": "1"}),
        ("/cart/add", {"id": "4111-1111-1111-1111", "quantity": "1"}),
        ("/cart/add", {"id": "anna@example.com", "quantity": "1"}),
        ("/donate", {"id": "5", "amount": "100"}),
        ("/poll", {"id": "5", "count": "1"}),
        ("/checkout/buy-now", {"product_id": "12", "quantity": "1", "address": "Storgatan 1", "zip": "411 05"}),
    ],
)
def test_nothing_personal_becomes_a_product(shop: Shop, url: str, form: dict[str, str]) -> None:
    for answer in ({"to": "/cart"}, {"answer": {"success": True}, "script": True}):
        concluded = shop.ask(url, form=form, **answer)
        assert "AddToCart" not in names(concluded) or "content_ids" not in data(concluded, "AddToCart")
        assert "4111" not in str(concluded) and "anna@" not in str(concluded)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("röda muggar", "röda muggar"),
        ("7310100123457", "7310100123457"),
        ("anna@example.com", None),
        ("order anna@example.com", "order redacted"),
        ("4111 1111 1111 1111", None),
        ("  ", None),
    ],
)
def test_a_search_says_nothing_of_a_person(shop: Shop, typed: str, sent: str | None) -> None:
    from urllib.parse import quote_plus

    concluded = shop.ask(f"/sok?q={quote_plus(typed)}", facts=Facts())
    assert [event.custom_data["search_string"] for event in concluded.events if event.event_name == "Search"] == (
        [sent] if sent else []
    )


def test_a_rule_that_reads_an_address_by_mistake_sends_none() -> None:
    shop = Shop("[[rule]]\nevent = 'Lead'\npath = '/x'\ndata = { who = 'form:email', list = 'json:emails' }\n")
    assert data(shop.ask("/x", form={"email": "anna@example.com"}), "Lead") == {}
    assert "anna@" not in str(shop.ask("/x", posted={"emails": ["anna@example.com"]}))


OLD_SHOPS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("/index.cfm", {"form": {"exe": "cart.add", "skulist": "MUG-1"}}, ["MUG-1"]),
    (
        "/product_info.php?action=add_product",
        {"form": {"products_id": "12", "cart_quantity": "1", "name": "", "email": ""}},
        ["MUG-1"],
    ),
    ("/addtocart.aspx", {"form": {"storeid": "x", "qty_12345": "2"}}, ["12345"]),
    ("/checkout/add_item.cmd", {"form": {"productId": "12", "form_state": "x"}}, ["MUG-1"]),
    ("/com_act.cfm", {"form": {"titre": "Mugg", "ref": "MUG-1", "qte": "1"}}, ["MUG-1"]),
    (
        "/merchant.mvc",
        {"form": {"Action": "ADPR", "Product_Code": "MUG-1", "Quantity": "1", "Old_Search": ""}},
        ["MUG-1"],
    ),
    ("/cart/add/1dd5d6b503027da6", {"form": {"gold": "0"}}, ["1dd5d6b503027da6"]),
    ("/produkt/mugg", {"form": {"basket_action": "add_product", "products_qty": "1"}}, ["MUG-1"]),
    ("/product_info.php/Mugg_12.html", {"form": {"basket_action": "add_product", "products_qty": "1"}}, ["MUG-1"]),
    ("/cart/add_product_post_slim?product_id=12&quantity=2", {}, ["MUG-1"]),
    ("/buy.html?action=add&product=12&basketType=buy&qty=1", {}, ["MUG-1"]),
]


@pytest.mark.parametrize(("url", "asked", "ids"), OLD_SHOPS, ids=[url for url, *_ in OLD_SHOPS])
def test_old_shops(shop: Shop, url: str, asked: dict[str, Any], ids: list[str]) -> None:
    assert data(shop.ask(url, to="/shopping-cart.php", **asked), "AddToCart")["content_ids"] == ids


@pytest.mark.parametrize(
    "url", ["/catalog?id=4&qty=20", "/cart?id=12&qty=1", "/p?product=12", "/basket/update?action=change&id=12&qty=1"]
)
def test_links_that_add_nothing(shop: Shop, url: str) -> None:
    for answer in ({"facts": said("cart: 2")}, {"sets": "cart_id=1", "facts": Facts()}):
        assert "AddToCart" not in names(shop.ask(url, **answer))


@pytest.mark.parametrize(
    ("url", "form", "expected"),
    [
        ("/signup", {"email": "a@b.se", "password": "x"}, ["CompleteRegistration"]),
        (
            "/users",
            {"user[email]": "a@b.se", "user[password]": "x", "user[password_confirmation]": "x"},
            ["CompleteRegistration"],
        ),
        ("/login", {"email": "a@b.se", "password": "x"}, []),
        ("/register", {"email": "a@b.se"}, []),
        ("/mailing", {"email": "a@b.se", "list": "newsletter"}, ["Subscribe"]),
        ("/", {"email": "a@b.se", "form_id": "nyhetsbrev_form"}, ["Subscribe"]),
        ("/", {"email": "a@b.se"}, []),
        ("/contact", {"email": "a@b.se", "message": "hej", "subscribe": "on"}, ["Contact"]),
    ],
)
def test_who_registers_and_who_subscribes(shop: Shop, url: str, form: dict[str, str], expected: list[str]) -> None:
    assert names(shop.ask(url, form=form, to="/thank-you")) == expected


LINE = {"uuid": "5e80", "product_sku": "MUG-1", "qty": 2, "final_price": 99.5, "errors": {}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"data": {"item": LINE, "count": 2, "cartId": "c1"}}, ["AddToCart"]),
        ({"lines": [{"sku": "CAP-2", "quantity": 1, "lineTotal": "200.00"}, {"sku": "MUG-1", "quantity": 4, "lineTotal": "398.00"}]}, ["AddToCart"]),
        ({"error": {"status": 500, "message": "We do not have enough stock"}}, []),
        ({"item": {**LINE, "errors": {"qty": "not enough"}}}, []),
        ({"message": "Only 1 left", "item": {**LINE, "qty": 1}}, []),  # what is left, not what was added
        ({"message": "Sold out", "item": {"sku": "MUG-1", "qty": 2}}, []),  # the question, given back
        ({"item": {**LINE, "product_sku": "CAP-2"}}, []),
        ({"item": {"sku": "MUG-1", "final_price": 99.5}}, []),
    ],
)  # fmt: skip
def test_an_answer_that_holds_the_line_asked_for(answer: Any, expected: list[str]) -> None:
    """APIs that give back the cart's line, with no word for success: its id, what it costs, at least as many."""
    posted = {"sku": "MUG-1", "qty": 2}
    concluded = Shop().ask("/api/cart/mine/items", posted=posted, script=True, answer=answer)
    assert names(concluded) == expected
    if expected:
        assert data(concluded, "AddToCart")["contents"] == [{"id": "MUG-1", "quantity": 2, "item_price": 99.5}]
        assert data(concluded, "AddToCart")["value"] == 199.0
