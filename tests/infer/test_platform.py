"""Platforms are recognised from the first pages, cookies and headers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from capi_middleware.infer import Facts, Inference, Memory
from capi_middleware.infer.platform import LOOKS, Platforms, recognise
from capi_middleware.infer.preset import names as preset_names
from capi_middleware.infer.preset import preset

from .traffic import Shop, names, settings, visit

WOO = b'<html><head><link rel=stylesheet href="/wp-content/plugins/woocommerce/assets/css/woocommerce.css"></head>'


@pytest.mark.parametrize(
    ("platform", "html", "cookies", "headers"),
    [
        ("woocommerce", WOO, [], []),
        ("woocommerce", b"", ["wp_woocommerce_session_ab12"], []),
        ("woocommerce", b'<meta name="generator" content="WooCommerce 9.4.2">', [], []),
        ("shopify", b'<script>Shopify.shop = "x.myshopify.com";</script>', [], []),
        ("shopify", b'<link href="//cdn.shopify.com/x.css">', [], [("X-ShopId", "12")]),
        ("magento2", b'<script type="text/x-magento-init">', [], []),
        ("magento2", b"", ["form_key", "mage-cache-sessid"], []),
        ("magento2", b"", [], [("X-Magento-Cache-Debug", "HIT")]),
        ("magento1", b'<link href="/skin/frontend/rwd/default/css/styles.css">', [], []),
        ("prestashop", b"<script>var prestashop = {};</script>", [], []),
        ("prestashop", b"", ["PrestaShop-abc"], []),
        ("opencart", b'<script src="catalog/view/javascript/common.js">', [], []),
        ("opencart", b"", ["OCSESSID"], []),
        ("shopware6", b"<script>window.router['frontend.cart.offcanvas'] = '/x'", [], []),
        ("shopware6", b"", ["sw-states"], []),
        ("sylius", b'<input name="sylius_shop_add_to_cart[cartItem][quantity]">', [], []),
        ("bagisto", b"", ["bagisto_session"], []),
        ("spree", b'<img src="/spree/products/1/x.jpg">', [], []),
        ("django-oscar", b"", ["oscar_history"], []),
        ("django-oscar", b'<link href="/static/oscar/css/styles.css">', [], []),
        ("odoo", b'<meta name="generator" content="Odoo">', [], []),
        ("nopcommerce", b"", [".Nop.Customer"], []),
        ("medusa", b"", ["_medusa_cart_id"], []),
        ("abicart", b'<img src="https://cdn.abicart.com/shop/ws1/2/art3/x.jpg">', [], []),
        ("evershop", b'<script>var eContext = {"graphqlResponse":{}}</script>', [], []),
        ("quickbutik", b'<script src="https://cdn.quickbutik.com/x.js">', [], []),
    ],
)
def test_recognised(platform: str, html: bytes, cookies: list[str], headers: list[tuple[str, str]]) -> None:
    found = recognise(cookies, headers, html)
    assert found.name == platform
    assert found.why


@pytest.mark.parametrize(
    "html",
    [
        b"<html><body>We moved from WooCommerce to our own shop. cdn.shopify.com is gone, so is Magento.</body>",
        b"<html><body>A plain shop</body></html>",
        b"",
    ],
)
def test_what_is_only_talked_of_is_not_recognised(html: bytes) -> None:
    assert recognise([], [], html).name == ""


def test_a_page_brings_the_preset_into_force() -> None:
    shop = Shop(platform="auto", memory=True)
    form = {"add-to-cart": "12", "quantity": "1"}
    asked = {"form": form, "sets": "woocommerce_cart_hash=x", "facts": Facts()}
    before = shop.ask("/product/mug/", **asked)
    assert [event.rule for event in before.events if event.event_name == "AddToCart"] == [
        "general: add to cart by form"
    ]
    assert "html" in shop.inference.plan(visit("/")).wanted, "it wants to look at a page"
    shop.ask("/", page=WOO.decode())
    assert shop.inference.recognised("shop.example").name == "woocommerce"
    assert "plugins/woocommerce" in shop.inference.recognised("shop.example").why
    after = shop.ask("/product/mug/", **{**asked, "form": {**form, "quantity": "2"}})
    assert [event.rule for event in after.events if event.event_name == "AddToCart"] == [
        "woocommerce: add to cart, form"
    ]
    assert "html" not in shop.inference.plan(visit("/")).wanted


def test_a_cookie_alone_brings_it_into_force_at_once() -> None:
    shop = Shop(platform="auto")
    concluded = shop.ask(
        "/?wc-ajax=add_to_cart",
        form={"product_id": "12"},
        answer={"cart_hash": "x"},
        script=True,
        cookies={"woocommerce_items_in_cart": "1"},
    )
    assert [event.rule for event in concluded.events] == ["woocommerce: add to cart, wc-ajax"]


def test_the_next_start_knows_it_already(tmp_path: Path) -> None:
    first = Platforms(tmp_path)
    first.look("shop.example", [], [], WOO)
    first.look("other.example", ["OCSESSID"])
    second = Platforms(tmp_path)
    assert second.known("shop.example").name == "woocommerce"
    assert second.known("other.example").name == "opencart"
    assert (tmp_path / "platforms.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_damaged_memory_is_no_fault(tmp_path: Path) -> None:
    rows = ["{", "3", json.dumps({"host": "a", "platform": "none", "why": ""}), json.dumps({"host": "b"})]
    (tmp_path / "platforms.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert Platforms(tmp_path).known("a").name == ""
    (tmp_path / "file").write_text("")
    Platforms(tmp_path / "file").look("a", ["OCSESSID"])


def test_looking_ends() -> None:
    platforms = Platforms()
    for _ in range(LOOKS):
        assert platforms.curious("plain.example")
        platforms.look("plain.example", [], [], b"<html>plain</html>")
    assert not platforms.curious("plain.example")


def test_invented_hosts_push_out_only_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capi_middleware.infer.platform._MOST_HOSTS", 50)
    monkeypatch.setattr("capi_middleware.infer.platform._LARGEST", 2000)
    platforms = Platforms(tmp_path)
    for number in range(200):
        platforms.look(f"h{number}.example", ["OCSESSID"])
    assert platforms.known("h199.example").name == "opencart"
    assert platforms.known("h0.example").name == ""
    assert (tmp_path / "platforms.jsonl").stat().st_size < 2200


def test_weak_marks_add_up_over_pages() -> None:
    platforms = Platforms()
    platforms.look("a.example", [], [], b'<a href="index.php?route=common/home">')
    assert platforms.known("a.example").name == ""
    platforms.look("a.example", [], [], b'<a href="?route=product/product&product_id=4">')
    assert platforms.known("a.example").name == "opencart"


def test_stronger_marks_change_it() -> None:
    platforms = Platforms()
    platforms.look("a.example", ["OCSESSID"])
    platforms.look("a.example", [], [], WOO + b'<meta content="WooCommerce 9"> woocommerce-no-js')
    assert platforms.known("a.example").name == "woocommerce"


def test_a_platform_of_the_settings_is_not_looked_for() -> None:
    inference = Inference(settings(platform="opencart"), None, Memory())
    assert inference.recognised("shop.example") == ("opencart", "settings")
    assert "html" not in inference.plan(visit("/")).wanted


def test_a_language_or_a_folder_before_the_path() -> None:
    shop = Shop(platform="magento2")
    for prefix in ("", "/sv", "/se/sv", "/butik", "/index.php"):
        concluded = shop.ask(
            f"{prefix}/checkout/cart/add/product/12/",
            form={"product": "12", "qty": "1"},
            to="/x",
            sets="mage-messages=success",
        )
        assert names(concluded) == ["AddToCart"], prefix


def test_marks_are_told_apart() -> None:
    """No mark that suffices stands in two presets."""
    seen: dict[tuple[str, str], str] = {}
    for name in preset_names():
        for mark in preset(name).marks:
            if mark.weight > 1:
                assert seen.setdefault((mark.where, mark.text), name) == name


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match="no preset"):
        preset("../settings/words")
