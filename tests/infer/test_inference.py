"""General rules: a visit and an answer become events."""

from __future__ import annotations

from capi_middleware.infer import Facts, Inference, Response
from capi_middleware.settings import Settings
from capi_middleware.visit.visit import Answer, Asker, Consent, Visit

PRODUCT = Facts(
    product={"content_ids": ["12"], "content_name": "Mug", "value": 99.5, "currency": "SEK"},
    sources={"content_ids": "jsonld:sku"},
    is_product=True,
)


def visit(path: str, method: str = "GET", asker: Asker = Asker.PERSON) -> Visit:
    url = "https://shop.example" + path
    consent = Consent(Answer.UNKNOWN, True, "", "off")
    return Visit(
        method, "https", "shop.example", path, "", url, url, "", "192.0.2.1", "Mozilla/5.0", {}, asker, "", consent
    )


def names(path: str, response: Response, method: str = "GET", asker: Asker = Asker.PERSON) -> list[str]:
    plan = Inference(Settings()).plan(visit(path, method, asker), "application/x-www-form-urlencoded", 20)
    return [event.event_name for event in plan.conclude(response).events]


def test_product_page() -> None:
    assert names("/products/mug", Response(200, [], PRODUCT)) == ["PageView", "ViewContent"]


def test_add_to_cart_by_form_and_redirect() -> None:
    response = Response(302, [("Location", "/cart")], body=b"product_id=12&quantity=2")
    assert names("/cart/add", response, "POST") == ["AddToCart"]


def test_checkout_page() -> None:
    assert names("/checkout/", Response(200, [], Facts())) == ["PageView", "InitiateCheckout"]


def test_thank_you_page() -> None:
    html = b"<html lang=sv><body><h1>Tack!</h1><p>Ordernummer: 19</p><p>Totalt: 199,00 kr</p></body></html>"
    facts = Facts(more={"html": html})
    assert names("/checkout/order-received/19", Response(200, [], facts)) == ["PageView", "Purchase"]


def test_a_robot_does_nothing() -> None:
    assert names("/products/mug", Response(200, [], PRODUCT), asker=Asker.ROBOT) == []
