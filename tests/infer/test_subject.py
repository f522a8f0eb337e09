"""Which product a page is about, where forms to buy others stand on it."""

from __future__ import annotations

from capi_middleware.infer import facts
from capi_middleware.infer.types import Facts
from capi_middleware.settings import ShopSettings

CARD = """<li><article><h3><a href="/item/{id}" title="{name}">{name}</a></h3><p class="price">£{price}</p>
<form action="/basket/add/{id}/" method="post"><input type="hidden" name="quantity" value="1">
<button class="btn btn-primary">Add to basket</button></form></article></li>"""
OWN = """<form action="/basket/add/7/" method="post"><input name="quantity" value="1">
<button class="btn btn-primary">Add to basket</button></form>"""
KETTLE = "<h1>Copper kettle</h1><p class='price'>£64.00</p>"


def read(path: str, body: str, title: str) -> Facts:
    page = f"<!doctype html><html lang='en'><head><title>{title} | Shop</title></head><body>{body}</body></html>"
    found, _ = facts.read(page.encode(), "www.shop.test", path, "", ShopSettings())
    return found


def cards(*names: str) -> str:
    return "".join(CARD.format(id=number, name=name, price=f"{number}.50") for number, name in enumerate(names, 1))


def test_a_listing_of_one_or_two_is_no_product() -> None:
    for names in (("Walnut stool",), ("Walnut stool", "Linen apron")):
        found = read("/category/chairs", f"<h1>Chairs</h1><ul>{cards(*names)}</ul>", "Chairs")
        assert not found.is_product, dict(found.product)


def test_a_listing_still_shows_its_cards() -> None:
    found = read("/category/chairs", f"<h1>Chairs</h1><ul>{cards('Walnut stool', 'Linen apron')}</ul>", "Chairs")
    assert [(card["content_ids"], card["content_name"], card["value"]) for card in found.more["cards"]] == [
        (["1"], "Walnut stool", 1.5),
        (["2"], "Linen apron", 2.5),
    ]


def test_a_product_with_its_own_form_beside_cards_of_others() -> None:
    body = (
        f"<h1>Copper kettle</h1><p class='price'>£64.00</p>{OWN}<h2>You may like</h2><ul>{cards('Walnut stool')}</ul>"
    )
    found = read("/item/7", body, "Copper kettle")
    assert found.is_product
    assert (found.product["content_ids"], found.product["value"]) == (["7"], 64.0)


def test_what_is_sold_out_never_takes_the_id_and_price_of_what_is_praised_below_it() -> None:
    body = (
        f"<h1>Copper kettle</h1><p class='price'>£64.00</p><p>Sold out</p><h2>Seen</h2><ul>{cards('Walnut stool')}</ul>"
    )
    found = read("/item/7", body, "Copper kettle")
    assert found.product.get("content_ids") != ["1"] and found.product.get("value") != 1.5
