"""Words of paths, routes and fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings.words import bare, field_kinds, fold, path_kinds, phrases, route_of, vocabulary


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Önskelista", "onskelista"),
        ("indkøbskurv", "indkobskurv"),
        ("GRÖßE", "grosse"),
        ("zamówienie", "zamowienie"),
        ("płatność", "platnosc"),
        ("læg", "laeg"),
        ("cafe\u0301", "cafe"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/varukorg", {"cart"}),
        ("/sv-se/kundvagn/lägg-till/5", {"cart", "add"}),
        ("/warenkorb/hinzufuegen", {"cart", "add"}),
        ("/panier/ajouter", {"cart", "add"}),
        ("/handlekurv", {"cart"}),
        ("/indkøbskurv/tilføj", {"cart", "add"}),
        ("/ostoskori/lisää", {"cart", "add"}),
        ("/winkelwagen/toevoegen", {"cart", "add"}),
        ("/carrito/agregar", {"cart", "add"}),
        ("/carrello/aggiungi", {"cart", "add"}),
        ("/koszyk/dodaj", {"cart", "add"}),
        ("/addproducttocart/details/12/1", {"cart", "add"}),
        ("/cart.php", {"cart"}),
        ("/checkout/cart", {"checkout", "cart"}),
        ("/kassa", {"checkout"}),
        ("/kassa/tack", {"checkout", "thanks"}),
        ("/how-to-add-to-cart-in-seven-steps", set()),
        ("/produkt/varukorg-i-flätad-pil-stor", set()),
        ("", set()),
    ],
)
def test_path_kinds(path: str, kinds: set[str]) -> None:
    assert {kind for kind in path_kinds(path) if not kind.startswith("~")} == kinds


@pytest.mark.parametrize(
    ("query", "route"),
    [
        ("route=checkout/cart.add&language=en", "/checkout/cart/add"),
        ("controller=order-confirmation&id_order=3", "/order-confirmation"),
        ("utm_source=x", ""),
        ("", ""),
        ("route=" + "x" * 500, ""),
    ],
)
def test_route(query: str, route: str) -> None:
    assert route_of(query) == route


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("product_id", "id"),
        ("lineItems[4f2][id]", "id"),
        ("cart[items][0][sku]", "id"),
        ("artikelnr", "id"),
        ("qty[]", "quantity"),
        ("order[3][antal]", "quantity"),
        ("vwquantity0", "quantity"),
        ("Menge", "quantity"),
        ("q", "search"),
        ("sökord", "search"),
        ("orderId", "order"),
        ("email", ""),
        ("", ""),
    ],
)
def test_field_kinds(name: str, kind: str) -> None:
    assert (kind in field_kinds(name)) if kind else not field_kinds(name)


def test_every_kind_has_the_eleven_languages() -> None:
    languages = {"en", "sv", "de", "fr", "no", "da", "fi", "nl", "es", "it", "pl"}
    for group in ("path", "text"):
        for kind, words in vocabulary()[group].items():
            assert set(words) == languages, f"{group}.{kind}"


def test_phrases_are_longest_first() -> None:
    found = phrases("total")
    assert list(found) == sorted(found, key=lambda phrase: (-len(phrase), phrase))


@given(st.text(max_size=200))
def test_never_raises(text: str) -> None:
    fold(text)
    bare(text)
    path_kinds("/" + text)
    route_of(text)
    field_kinds(text)
