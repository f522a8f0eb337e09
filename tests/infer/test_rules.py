# ruff: noqa: E501
"""What a rules file can say, on requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from capi_middleware.infer import Facts, Inference
from capi_middleware.infer.inference import problems
from capi_middleware.settings import Settings
from capi_middleware.settings.rule import STANDARD_NAMES
from capi_middleware.settings.settings import ShopSettings
from capi_middleware.visit.visit import Asker

from .traffic import MUG, Shop, data, names, said, settings, visit

PAGE = """<html lang="sv"><head><meta property="product:retailer_item_id" content="R-9">
<script type="application/ld+json">{"@graph": [{"@type": "BreadcrumbList"}, {"@type": "Product", "name": "Mugg",
"sku": "J-7", "offers": {"price": "120.00", "priceCurrency": "SEK"}}]}</script></head>
<body><h1 class="title">Röd  mugg</h1><span class="price">1 299,00 kr</span><i data-sku="D-3"></i></body></html>"""


def rule(text: str, **shop: Any) -> Shop:
    return Shop(f"[[rule]]\n{text}\n", **shop)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("path:slug", "mugg"),
        ("query:v", "3"),
        ("css:.title", "Röd mugg"),
        ("css:[data-sku]@data-sku", "D-3"),
        ("css:.none | css:.title", "Röd mugg"),
        ("jsonld:name", "Mugg"),
        ("jsonld:offers.price", "120.00"),
        ("meta:product:retailer_item_id", "R-9"),
        ("cookie:group", "b2b"),
        ("cookie:fresh", "yes"),
        ("header:X-Order", "44"),
        ("const:fast", "fast"),
        ("facts:content_name", "Mugg"),
        ("facts:ids.sku", "MUG-1"),
    ],
)
def test_page_sources(source: str, expected: str) -> None:
    shop = rule(f"event = 'Seen'\npath = '/produkt/<slug>'\ndata = {{ my_key = '{source}' }}")
    concluded = shop.ask(
        "/produkt/mugg?v=3",
        page=PAGE,
        facts=Facts(product=MUG, more={"ids": MUG["ids"]}),
        cookies={"group": "b2b", "fresh": "no"},
        sets="fresh=yes",
        headers=[("X-Order", "44")],
    )
    (event,) = [event for event in concluded.events if event.event_name == "Seen"]
    assert event.custom_data == {"my_key": expected}
    assert event.sources["my_key"] in source.split(" | ") or source.startswith("facts:")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("form:artikel", "12"),
        ("form:rader[*][artikel]", "77"),
        ("json:rader[0].artikel", None),
        ("response-json:cart.id", "c-1"),
        ("redirect:order", "44"),
    ],
)
def test_action_sources(source: str, expected: str | None) -> None:
    shop = rule(f"event = 'Done'\nmethod = 'POST'\npath = '/gor'\ndata = {{ my_key = '{source}' }}")
    answer: dict[str, Any] = (
        {"to": "/klart?order=44"} if source.startswith("redirect") else {"answer": {"cart": {"id": "c-1"}}}
    )
    concluded = shop.ask("/gor", form={"artikel": "12", "rader[0][artikel]": "77"}, **answer)
    assert data(concluded, "Done") == ({"my_key": expected} if expected else {})


def test_json_source_with_several_values() -> None:
    shop = rule(
        "event = 'AddToCart'\npath = '/gor'\ndata = { content_ids = 'json:rader[*].id', quantity = 'json:rader[*].n' }"
    )
    found = data(shop.ask("/gor", posted={"rader": [{"id": "a", "n": 2}, {"id": "b", "n": 3}]}), "AddToCart")
    assert found["contents"] == [{"id": "a", "quantity": 2}, {"id": "b", "quantity": 3}]


def test_the_contracts_example() -> None:
    """DESIGN.md section 5, word for word."""
    shop = Shop(
        """
[[rule]]
event = "ViewContent"
path = "/produkt/<slug>"
data = { content_ids = "css:[data-sku]@data-sku", value = "jsonld:offers.price" }

[[rule]]
event = "AddToCart"
method = "POST"
path = "/kundvagn/lagg-till/<int:id>"
when = { status = [200, 302, 303], json = { success = true } }
data = { content_ids = "path:id", quantity = "form:antal" }
"""
    )
    seen = data(shop.ask("/produkt/mugg", page=PAGE), "ViewContent")
    assert seen == {"content_ids": ["D-3"], "value": 120.0, "currency": "SEK"}
    added = data(shop.ask("/kundvagn/lagg-till/12", form={"antal": "2"}, answer={"success": True}), "AddToCart")
    assert (added["content_ids"], added["value"]) == (["12"], 199.0)
    assert names(shop.ask("/kundvagn/lagg-till/12", form={"antal": "2"}, answer={"success": False})) == []
    assert names(shop.ask("/kundvagn/lagg-till/12", form={"antal": "2"}, status=500, answer={"success": True})) == []


@pytest.mark.parametrize(
    ("written", "url", "form", "fits"),
    [
        ("query = { route = 'cart/add' }", "/x?route=cart/add", {}, True),
        ("query = { route = 'cart/add' }", "/x?route=cart/remove", {}, False),
        ("query = { route = ['a', 'cart/*'] }", "/x?route=cart/add", {}, True),
        ("query = { id = true }", "/x?id=0", {}, False),
        ("query = { id = '*' }", "/x?id=0", {}, True),
        ("query = { preview = false }", "/x", {}, True),
        ("query = { preview = false }", "/x?preview=1", {}, False),
        ("query = { 'utm_*' = true }", "/x?utm_source=a", {}, True),
        ("form = { antal = '>1' }", "/x", {"antal": "2"}, True),
        ("form = { antal = '>1' }", "/x", {"antal": "1"}, False),
        ("form = { 'rad[*]' = true }", "/x", {"rad[3]": "1"}, True),
        ("host = 'shop.example'", "/x", {}, True),
        ("host = '*.example'", "/x", {}, True),
        ("host = ['a.example', 'b.example']", "/x", {}, False),
        ("exclude = '/x'", "/x", {}, False),
        ("exclude = ['/y/*', '/x*']", "/xyz", {}, False),
        ("method = 'PUT'", "/x", {}, False),
    ],
)
def test_predicates(written: str, url: str, form: dict[str, str], fits: bool) -> None:
    shop = rule(
        f"event = 'Lead'\npath = ['/x', '/xyz']\nmethod = 'POST'\n{written}"
        if "method" not in written
        else f"event = 'Lead'\npath = '/x'\n{written}"
    )
    assert names(shop.ask(url, form={"z": "1", **form})) == (["Lead"] if fits else [])


@pytest.mark.parametrize("url", ["/köp", "/ko\u0308p", "/K\u00d6P"])
def test_a_letter_is_one_however_it_is_composed(url: str) -> None:
    assert names(rule("event = 'Lead'\npath = '/köp'").ask(url, facts=Facts())) == ["Lead"]


def test_json_and_graphql_predicates() -> None:
    shop = rule("event = 'Lead'\npath = '/api'\njson = { 'meta.kind' = 'offer' }")
    assert names(shop.ask("/api", posted={"meta": {"kind": "offer"}})) == ["Lead"]
    assert names(shop.ask("/api", posted={"meta": {"kind": "x"}})) == []
    assert names(shop.ask("/api", form={"meta": "x"})) == []
    shop = rule("event = 'Lead'\npath = '/api'\ngraphql = ['sendOffer', 'send*Request']")
    for query in ("mutation { sendOffer { id } }", "mutation X { a: sendQuoteRequest(x: 1) { id } }"):
        assert names(shop.ask("/api", posted={"query": query})) == ["Lead"]
    assert names(shop.ask("/api", posted={"query": "q", "operationName": "SendOffer"})) == ["Lead"]
    assert names(shop.ask("/api", posted={"query": '{ x(text: "sendOffer") { id } } # sendOffer'})) == []


@pytest.mark.parametrize(
    ("when", "answer", "counts"),
    [
        ("{ status = 201 }", {"status": 201}, True),
        ("{ status = 201 }", {"status": 200}, False),
        ("{ status = '2xx' }", {"status": 204}, True),
        ("{ status = [404, '300-303'] }", {"status": 303, "to": "/a"}, True),
        ("{ status = 404 }", {"status": 404}, True),
        ("{ redirect = true }", {"to": "/a"}, True),
        ("{ redirect = true }", {"status": 200}, False),
        ("{ redirect = false }", {"to": "/a"}, False),
        ("{ redirect = '/tack/*' }", {"to": "https://shop.example/tack/4?x=1"}, True),
        ("{ redirect = '/tack/*' }", {"to": "/fel"}, False),
        ("{ redirect_query = { ok = '1' } }", {"to": "/a?ok=1"}, True),
        ("{ redirect_query = { ok = '1' } }", {"to": "/a?ok=0"}, False),
        ("{ json = { ok = true, error = false } }", {"answer": {"ok": 1}}, True),
        ("{ json = { ok = true, error = false } }", {"answer": {"ok": 1, "error": "x"}}, False),
        ("{ json = { ok = true } }", {"status": 200}, False),
        ("{ json = { 'items[0].n' = '>1' } }", {"answer": {"items": [{"n": 2}]}}, True),
        ("{ cookie = 'cart*' }", {"sets": "cart_id=4; path=/"}, True),
        ("{ cookie = 'cart*' }", {"sets": "cart_id=; Max-Age=0"}, False),
        ("{ cookie = 'cart*' }", {"sets": "other=4"}, False),
        ("{ cookie = ['a', 'cart*'] }", {"sets": "cart_id=4; path=/"}, True),
        ("{ cookie = ['a', 'b'] }", {"sets": "cart_id=4; path=/"}, False),
        ("{ cookie = { flash = '*success*' } }", {"sets": "flash=%22success%22"}, True),
        ("{ header = { x-result = 'ok' } }", {"headers": [("X-Result", "OK")]}, True),
        ("{ header = { x-result = 'ok' } }", {}, False),
        ("{ css = { '.ok' = true } }", {"page": "<p class=ok>Tack</p>"}, True),
        ("{ css = { '.ok' = true } }", {"page": "<p class=ok></p>"}, False),
        ("{ css = { '.bad' = false } }", {"page": "<p class=ok>Tack</p>"}, True),
        ("{ notice = 'success' }", {"facts": said("success: x")}, True),
        ("{ notice = 'success' }", {"facts": said()}, False),
        ("{ notice = 'none' }", {"facts": said("error: x")}, False),
        ("[{ status = 201 }, { json = { ok = true } }]", {"answer": {"ok": True}}, True),
        ("[{ status = 201 }, { json = { ok = true } }]", {"answer": {"ok": False}}, False),
        ("'proof'", {"answer": {"success": True}}, True),
        ("'proof'", {"answer": {"x": 1}}, False),
    ],
)
def test_when(when: str, answer: dict[str, Any], counts: bool) -> None:
    shop = rule(f"event = 'Lead'\nmethod = 'POST'\npath = '/x'\nwhen = {when}")
    assert names(shop.ask("/x", form={"a": "1"}, **answer)) == (["Lead"] if counts else [])


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"status": 200}, True),
        ({"to": "/tack"}, True),
        ({"answer": {"x": 1}}, True),
        ({"answer": {"success": False}}, False),
        ({"facts": said("error: x")}, False),
        ({"status": 422}, False),
        ({"to": "/login"}, False),
    ],
)
def test_without_when_only_failure_speaks_against_it(answer: dict[str, Any], counts: bool) -> None:
    shop = rule("event = 'Lead'\nmethod = 'POST'\npath = '/x'")
    assert names(shop.ask("/x", form={"a": "1"}, **answer)) == (["Lead"] if counts else [])


def test_a_get_rule_without_when_wants_a_page_that_a_person_opens() -> None:
    shop = rule("event = 'Lead'\npath = '/tack'")
    assert names(shop.ask("/tack", facts=Facts())) == ["Lead"]
    assert names(shop.ask("/tack", facts=Facts(), script=True)) == []
    assert names(shop.ask("/tack", status=404)) == []
    assert names(shop.ask("/tack", to="/x")) == []


def test_next_page() -> None:
    shop = rule(
        "event = 'Lead'\nmethod = 'POST'\npath = '/x'\nnext = { css = { '.ok' = true } }\ndata = { my_key = 'form:a' }"
    )
    first = shop.ask("/x", form={"a": "1"}, to="/y")
    assert names(first) == [] and len(first.pending) == 1
    json.dumps(first.pending)
    assert data(shop.ask("/y", page="<p class=ok>Tack</p>", pending=first.pending), "Lead") == {"my_key": "1"}
    refused = shop.ask("/y", page="<p class=no>Nej</p>", pending=first.pending)
    assert names(refused) == [] and refused.refused[-1].event_name == "Lead"
    at_once = shop.ask("/x", form={"a": "1"}, page="<p class=ok>Tack</p>")
    assert names(at_once) == ["Lead"], "the answer is the page itself"


def test_what_is_pending_must_be_one_of_ours() -> None:
    """The flash cookie is signed; damage to it is still only damage."""
    shop = rule("event = 'Lead'\nmethod = 'POST'\npath = '/x'\nname = 'mine'\nnext = { notice = 'success' }")
    for pending in ({}, {"event": "Purchase", "rule": "mine"}, {"event": "Lead", "rule": "gone", "data": {}}):
        assert "Purchase" not in names(shop.ask("/y", facts=said("success: x"), pending=[pending]))


def test_a_table_is_sent_as_texts_are() -> None:
    """Without a card's number, and not at all where it knows somebody's address."""
    shop = rule("event = 'Lead'\npath = '/x'\nmethod = 'POST'\ndata = { told = 'response-json:a' }")
    told = {"card": "4111 1111 1111 1111", "list": [1, {"x": " y "}], "no": None}
    concluded = shop.ask("/x", form={"z": "1"}, answer={"a": told})
    assert data(concluded, "Lead") == {"told": {"card": "", "list": [1, {"x": "y"}], "no": None}}
    assert data(shop.ask("/x", form={"z": "1"}, answer={"a": {"em": "a@b.se", "fn": "A"}}), "Lead") == {}


def test_several_events_from_one_request() -> None:
    shop = Shop(
        "[[rule]]\nevent = 'Subscribe'\npath = '/x'\n[[rule]]\nevent = 'Lead'\npath = '/x'\n[[rule]]\nevent = 'My own'\npath = '/x'\n"
    )
    assert names(shop.ask("/x", form={"a": "1"})) == ["Subscribe", "Lead", "My own"]


def test_the_first_rule_that_fits_decides() -> None:
    text = (
        "[[rule]]\nevent = 'Lead'\npath = '/x'\nwhen = {{ status = 201 }}\n{}\n[[rule]]\nevent = 'Lead'\npath = '/x'\n"
    )
    assert names(Shop(text.format("")).ask("/x", form={"a": "1"})) == [], "refused by the first"
    assert names(Shop(text.format("order = 1")).ask("/x", form={"a": "1"})) == ["Lead"], "the second comes first"


def test_a_rule_can_silence_what_would_be_inferred() -> None:
    text = "event = 'AddToCart'\npath = '/cart/add'\nsend = false"
    assert names(Shop().ask("/cart/add", form={"id": "12", "qty": "1"}, to="/cart")) == ["AddToCart"]
    assert names(rule(text).ask("/cart/add", form={"id": "12", "qty": "1"}, to="/cart")) == []


def test_page_view_can_be_silenced() -> None:
    shop = rule("event = 'PageView'\npath = '/intern/*'\nsend = false")
    assert not shop.inference.plan(visit("/intern/a")).page_view
    assert shop.inference.plan(visit("/a")).page_view
    assert shop.ask("/intern/a", facts=Facts()).events == ()


@pytest.mark.parametrize(
    ("off", "rules"),
    [
        ("AddToCart", []),
        ("general: *", []),
        ("general: add to cart by form", ["general: add to cart by script"]),
        ("general: checkout page", ["general: add to cart by form"]),
    ],
)
def test_off(off: str, rules: list[str]) -> None:
    concluded = Shop(off=(off,)).ask("/cart/add", form={"id": "12", "qty": "1"}, to="/cart")
    assert [event.rule for event in concluded.events] == rules


def test_exclude_of_the_shop() -> None:
    shop = Shop(exclude=("/admin/*",))
    plan = shop.inference.plan(visit("/admin/cart/add", "POST"), "application/x-www-form-urlencoded", 10)
    assert not (plan.page_view or plan.wants_body or plan.wants_page or plan.wants_json)
    assert shop.ask("/admin/x", facts=Facts(product=MUG, is_product=True)).events == ()


def test_server_only() -> None:
    shop = rule("event = 'Lead'\npath = '/x'\nserver_only = true")
    (event,) = shop.ask("/x", form={"a": "1"}).events
    assert not event.browser


def test_key_is_what_the_id_is_derived_from() -> None:
    shop = rule("event = 'Lead'\npath = '/x'\nkey = 'form:arende'")
    (event,) = shop.ask("/x", form={"arende": "A-7"}).events
    assert event.key == "A-7"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("value = 'const:99'", {"value": 99.0, "currency": "SEK"}),
        ("value = 99.5", {"value": 99.5, "currency": "SEK"}),
        ("value = 'css:.price'", {"value": 1299.0, "currency": "SEK"}),
        ("value = 'const:10', currency = 'const:EUR'", {"value": 10.0, "currency": "EUR"}),
        ("value = 'const:10', currency = 'const:kr'", {"value": 10.0, "currency": "SEK"}),
        ("value = 'const:-5'", {}),
        ("value = 'const:gratis'", {}),
        ("num_items = 'const:3'", {"num_items": 3}),
        ("content_ids = 'const:7'", {"content_ids": ["7"]}),
        ("content_name = 'css:.title'", {"content_name": "Röd mugg"}),
        ("predicted_ltv = 'const:10.5'", {"predicted_ltv": 10.5}),
        ("status = true", {"status": True}),
    ],
)
def test_values_become_what_meta_wants(written: str, expected: dict[str, Any]) -> None:
    shop = rule(f"event = 'Lead'\npath = '/x'\ndata = {{ {written} }}")
    assert data(shop.ask("/x", page=PAGE), "Lead") == expected


def test_a_value_without_any_currency_is_left_out() -> None:
    shop = rule("event = 'Lead'\npath = '/x'\ndata = { value = 'const:99' }", currency="")
    assert data(shop.ask("/x", facts=Facts()), "Lead") == {}


def test_unit_price_and_quantity() -> None:
    shop = rule(
        "event = 'AddToCart'\npath = '/x'\ndata = { content_ids = 'form:nr', quantity = 'form:n', price = 'form:pris' }"
    )
    found = data(shop.ask("/x", form={"nr": "A1", "n": "3", "pris": "19,90"}), "AddToCart")
    assert found["value"] == 59.7
    assert found["contents"] == [{"id": "A1", "quantity": 3, "item_price": 19.9}]


def test_minor_price() -> None:
    shop = rule(
        "event = 'AddToCart'\npath = '/x'\ndata = { content_ids = 'form:nr', minor_price = 'response-json:price' }"
    )
    found = data(shop.ask("/x", form={"nr": "A1"}, answer={"price": 1990}), "AddToCart")
    assert (found["value"], found["currency"]) == (19.9, "SEK")


def test_data_removes_what_would_be_found() -> None:
    shop = rule("event = 'ViewContent'\npath = '/p'\ndata = { content_name = false }")
    found = data(shop.ask("/p", facts=Facts(product=MUG, is_product=True)), "ViewContent")
    assert "content_name" not in found and found["value"] == 99.5


@pytest.mark.parametrize(
    ("template", "page_ids", "expected"),
    [
        ("{id}", {}, ["MUG-1"]),
        ("{sku}", {"sku": "S-1"}, ["S-1"]),
        ("shop_{variant_id}", {"variant_id": "77"}, ["shop_77"]),
        ("{product_id}-{variant_id}", {"product_id": "12", "variant_id": "77"}, ["12-77"]),
        ("{sku}", {"product_id": "12"}, None),
    ],
)
def test_content_id_template(template: str, page_ids: dict[str, str], expected: list[str] | None) -> None:
    shop = Shop(content_id=template)
    facts = Facts(product={"content_ids": ["MUG-1"], "content_name": "Mugg"}, is_product=True, more={"ids": page_ids})
    assert data(shop.ask("/p", facts=facts), "ViewContent").get("content_ids") == expected


def test_content_id_template_in_a_cart() -> None:
    """The form gives the product's number; the page gave its variant: both events name the same id."""
    shop = Shop(content_id="shop_{variant_id}")
    found = data(shop.ask("/cart/add", form={"product_id": "12", "qty": "1"}, to="/cart"), "AddToCart")
    assert found["content_ids"] == ["shop_77"]


def test_preset_and_file_together() -> None:
    shop = rule(
        "event = 'AddToCart'\npath = '/product/<slug>'\nmethod = 'POST'\nname = 'ours'\nwhen = { status = 200 }",
        platform="woocommerce",
    )
    concluded = shop.ask("/product/mug/", form={"add-to-cart": "12", "quantity": "1"}, facts=Facts())
    (event,) = [event for event in concluded.events if event.event_name == "AddToCart"]
    assert event.rule == "ours"


def test_an_unknown_platform_is_told_and_costs_nothing() -> None:
    inference = Inference(settings(platform="woocomerce"))
    assert inference.recognised("shop.example").name == ""
    (problem,) = problems(Settings(shop=ShopSettings(platform="woocomerce")))
    assert "Did you mean woocommerce?" in problem.right
    assert problems(Settings()) == []


@pytest.mark.parametrize("asker", [Asker.ROBOT, Asker.PREFETCH, Asker.FRAME])
def test_who_causes_nothing(asker: Asker) -> None:
    shop = Shop()
    plan = shop.inference.plan(visit("/kassa", asker=asker))
    assert not (plan.page_view or plan.wants_page or plan.wants_json)
    assert shop.ask("/kassa", asker=asker, facts=Facts()).events == ()
    assert shop.ask("/cart/add", asker=asker, form={"id": "12", "qty": "1"}, to="/cart").events == ()


def test_a_suspect_is_judged_as_a_person() -> None:
    """Their events are held until the browser reports (docs/privacy.md); which they are is decided here."""
    concluded = Shop().ask("/kassa", asker=Asker.SUSPECT, facts=Facts())
    assert [event.event_name for event in concluded.events] == ["PageView", "InitiateCheckout"]


@pytest.mark.parametrize(
    ("url", "method", "content_type", "length", "wants"),
    [
        ("/cart/add", "POST", "application/x-www-form-urlencoded", 30, True),
        ("/cart/add", "POST", "multipart/form-data; boundary=x", 30, True),
        ("/cart/add", "POST", "application/json; charset=utf-8", 30, True),
        ("/anything", "POST", "application/x-www-form-urlencoded", 30, True),
        ("/anything", "POST", "application/json", 30, False),
        ("/cart/add", "POST", "image/png", 30, False),
        ("/cart/add", "POST", "application/x-www-form-urlencoded", 10**9, False),
        ("/cart/add", "POST", "application/x-www-form-urlencoded", 0, False),
        ("/cart/add", "POST", "application/x-www-form-urlencoded", None, True),
        ("/cart/add", "GET", "", None, False),
    ],
)
def test_which_bodies_are_copied(url: str, method: str, content_type: str, length: int | None, wants: bool) -> None:
    assert Shop().inference.plan(visit(url, method), content_type, length).wants_body is wants


def test_damaged_input_never_raises() -> None:
    shop = Shop("[[rule]]\nevent = 'Lead'\npath = '/x'\njson = { a = 1 }\ndata = { b = 'json:a.b[0]' }\n")
    for body in (b"", b"{", b"[" * 3000, b"\xff\xfe", b'{"a": NaN}', b"null"):
        shop.ask("/x", posted=body, method="POST")
    shop.ask("/cart/add", form={"id": "12", "qty": "1"}, to="//[", referrer="http://[x")
    shop.ask("/cart/add", form={"qty": "1"}, to="/", referrer="http://[x")
    for url in ("/x?%", "/x?a=%ff&&=", "/" + "a/" * 400, "/%00"):
        shop.ask(url, facts=Facts())
        shop.ask(url, form={"id": "\x00", "qty": "1e999"}, to="//[", sets="=;;")


@pytest.mark.parametrize(
    "event", [*sorted(set(STANDARD_NAMES) - {"PageView"}), "Egen händelse".replace("ä", "a"), "my_event-2"]
)
def test_every_event_can_be_a_rules(event: str) -> None:
    shop = rule(
        f"event = '{event}'\nmethod = 'POST'\npath = '/x'\nwhen = {{ status = 200 }}\n"
        "data = { content_ids = 'form:nr', value = 'form:pris', order_id = 'form:order', search_string = 'form:ord' }"
    )
    concluded = shop.ask("/x", form={"nr": "A1", "pris": "99,50", "order": "7", "ord": "mugg"})
    assert names(concluded) == [event]
    assert data(concluded, event)["value"] == 99.5
    assert data(concluded, event)["content_ids"] == ["A1"]
