"""What the platforms themselves print about a page: its kind, its product, its currency."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from . import loose, money
from .address import pairs
from .datalayer import entry
from .item import Item, clean_name
from .lazy import regex
from .markup import Markup


@dataclass(slots=True)
class Storefront:
    """``platform``: a preset's name, "" when none is recognised. ``kind``: ``product``, ``other`` or "" (not said).
    ``items``: the page's product as the platform's own scripts and attributes say it, best first."""

    platform: str = ""
    kind: str = ""
    why: str = ""
    items: list[Item] = field(default_factory=list)
    currency: str = ""

    def say(self, kind: str, why: str) -> None:
        if not self.kind:
            self.kind, self.why = kind, why


_PLATFORMS: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("shopify", (b"cdn.shopify.com", b"Shopify.shop", b"myshopify.com", b"/cdn/shop/")),
    ("prestashop", (b"var prestashop =", b"prestashop.page", b"PrestaShop", b"id_product_attribute")),
    ("magento", (b"text/x-magento-init", b"Magento_", b"/skin/frontend/", b"Mage.Cookies", b"catalog-product-view")),
    ("opencart", (b"route=product/", b"catalog/view/theme", b"catalog/view/javascript", b"route=common/home")),
    ("shopware", (b"frontend.detail", b"/bundles/storefront", b"sw-cache-hash", b"engine/Shopware", b"buy-widget")),
    ("bigcommerce", (b"cdn11.bigcommerce.com", b"stencil", b"BCData")),
    ("squarespace", (b"Static.SQUARESPACE_CONTEXT", b"static1.squarespace.com")),
    ("wix", (b"static.wixstatic.com", b"wix-warmup-data")),
    ("oscar", (b"oscar.init", b"oscar.basket", b"oscar/js/oscar", b"product_main")),
    ("odoo", (b"website_sale", b"oe_website_sale")),
    ("nopcommerce", (b"nopCommerce", b"AjaxCart.addproducttocart")),
    ("abicart", (b"tws-api--", b"cdn.abicart.com", b"shop.textalk.se", b"tws-util-")),
    ("quickbutik", (b"quickbutik",)),
    ("centra", (b"centra.com", b"centraCheckout")),
    ("woocommerce", (b"/plugins/woocommerce/", b"woocommerce-page", b"wc-block-")),
)
_BODY = {
    "product": regex(
        r"(?<![\w-])(?:single-product|catalog-product-view|product-product|page-product(?!s)"
        r"|template-product(?![-\w])|product-template|is-ctl-product|productpage|product-page"
        r"|product-detail(?:s)?(?:-page)?|page-detail|pg_product|pdp|product_page)(?![\w-])|product-product-\d+"
        r"|product-id-\d+|\bproduct-[a-z0-9-]+ catalog-product-view",
        re.I,
    ),
    "other": regex(
        r"(?<![\w-])(?:catalog-category-view|tax-product_cat|post-type-archive(?:-product)?|woocommerce-cart"
        r"|woocommerce-checkout|woocommerce-account|checkout-cart|checkout-onepage|checkout-checkout"
        r"|product-category(?:-\d+)?|product-search|product-special|catalogsearch-result-index|cms-index-index"
        r"|cms-home|cms-page-view|template-collection|template-index|template-cart|template-blog|template-article"
        r"|template-search|template-list-collections|is-ctl-navigation|is-ctl-search|page-category|page-index"
        r"|page-cms|page-search|page-cart|account-login|customer-account-\w+|common-home|single-post|search-results"
        r"|error404)(?![\w-])",
        re.I,
    ),
}
_SHOPIFY_META = regex(r"var meta\s*=\s*(?=\{)")
_SHOPIFY_CURRENCY = regex(
    r"(?:Shopify\.currency\s*=\s*\{\s*\"active\"\s*:\s*\"([A-Z]{3})\""
    r"|ShopifyAnalytics\.meta\.currency\s*=\s*['\"]([A-Z]{3})['\"]|\"currencyCode\"\s*:\s*\"([A-Z]{3})\")"
)
_SHOPIFY_KIND = regex(r"\"(?:pageType|rtyp)\"\s*:\s*\"(\w+)\"")
_PRESTA = regex(r"\bvar\s+prestashop\s*=\s*(?=\{)")
_PRESTA_OLD = {
    "product_id": regex(r"\bid_product\s*=\s*(?:parseInt\()?['\"]?(\d{1,9})['\"]?"),
    "price": regex(r"\bproductPrice\s*=\s*['\"]?(?:parseFloat\()?([\d.]{1,14})"),
}
_BIG = regex(r"\bBCData\s*=\s*(?=\{)")
_SQUARE = regex(r"Static\.SQUARESPACE_CONTEXT\s*=\s*(?=\{)")
_POST = regex(r"(?<![\w-])postid-(\d+)")


def read(page: Markup, query: str) -> Storefront:
    """Recognise the platform and read what it prints of the page."""
    found = Storefront()
    traces = _named_in(_traces(page))
    found.platform = next((name for name, _ in _PLATFORMS if name in traces), "")
    generator = _generator(page)
    if "woocommerce" in generator and found.platform in ("", "woocommerce"):
        found.platform = "woocommerce"
    body = next(page.named("body"), -1)
    classes = ""
    if body >= 0:
        classes = page.get(body, "class") + " " + page.get(body, "id")
    reader = _READERS.get(found.platform)
    if reader is not None:
        reader(page, found, classes)
    if not found.kind and classes.strip():
        if _BODY["product"].search(classes):
            found.say("product", "body class")
        elif _BODY["other"].search(classes):
            found.say("other", "body class")
    if found.platform == "opencart" or "route=" in query:
        route = dict(pairs(query)).get("route", "")
        if route:
            found.say("product" if route == "product/product" else "other", "route")
    return found


_known: dict[bytes, tuple[str, ...]] = {}


def _named_in(traces: list[bytes]) -> set[str]:
    """The platforms that some traces name; remembered of each, since a shop's pages repeat theirs."""
    named: set[str] = set()
    unknown: list[bytes] = []
    for trace in traces:
        known = _known.get(trace)
        if known is None:
            unknown.append(trace)
        else:
            named.update(known)
    if unknown:
        if len(_known) > 4096:
            _known.clear()
        together = b"\n".join(unknown)
        marked = [(name, mark) for name, marks in _PLATFORMS for mark in marks if mark in together]
        for trace in unknown:
            _known[trace] = known = tuple(name for name, mark in marked if mark in trace) if marked else ()
            named.update(known)
    return named


def _traces(page: Markup) -> list[bytes]:
    """Where platforms leave their names: addresses of scripts and styles, first bytes of scripts, the body's tag."""
    raw = page.page
    pieces: list[bytes] = []
    for script in page.scripts[:200]:
        pieces.append(script.attributes[:300])
        pieces.append(raw[script.start : min(script.end, script.start + 400)])
    for number, index in enumerate(page.named("link", "body", "meta")):
        if number < 150:
            pieces.append(page.tag(index)[:400])
    for number, index in enumerate(page.named("div", "form", "main", "article", "section")):
        if number < 120:
            pieces.append(page.tag(index)[:200])
    return pieces


def _generator(page: Markup) -> str:
    for index in page.named("meta"):
        if page.get(index, "name").lower() == "generator":
            return page.get(index, "content").lower()
    return ""


def _bodies(page: Markup, mark: bytes, longest: int = 400_000) -> list[tuple[str, tuple[int, int]]]:
    """The scripts that carry a mark, each with where it stands."""
    return [
        (page.page[one.start : one.end].decode(page.text_charset, "replace"), (one.start, one.end))
        for one in page.scripts
        if one.end - one.start <= longest and page.page.find(mark, one.start, one.end) >= 0
    ]


def _shopify(page: Markup, found: Storefront, classes: str) -> None:
    for body, _ in _bodies(page, b"urrency"):
        code = _SHOPIFY_CURRENCY.search(body)
        if code:
            found.currency = code[1] or code[2] or code[3]
            break
    _shopify_meta(page, found)
    for body, _ in _bodies(page, b"__st") if not found.kind else ():
        match = _SHOPIFY_KIND.search(body)
        if match:
            found.say("product" if match[1] == "product" else "other", "__st")
            break
    if not found.items or not found.items[0].name:
        _shopify_json(page, found)


def _shopify_meta(page: Markup, found: Storefront) -> None:
    """``var meta``: what kind of page it is, and the product without its name."""
    for body, span in _bodies(page, b"var meta"):
        match = _SHOPIFY_META.search(body)
        if match is None:
            continue
        value, _ = loose.literal(body, match.end(), 300_000)
        kind, product = (value.get(key) if isinstance(value, dict) else None for key in ("page", "product"))
        if isinstance(kind, dict) and kind.get("pageType"):
            found.say("product" if kind["pageType"] == "product" else "other", "ShopifyAnalytics.meta.page.pageType")
        if isinstance(product, dict):
            found.items.append(_shopify_product(product, found.currency, "ShopifyAnalytics.meta.product"))
            found.items[-1].spans.append(span)
        return


def _shopify_json(page: Markup, found: Storefront) -> None:
    """The product as a theme's JSON script tells it, which knows its name."""
    for script in page.scripts:
        if b"application/json" not in script.attributes or not 40 < script.end - script.start < 300_000:
            continue
        text = page.page[script.start : script.end].decode("utf-8", "replace")
        start = text.find("{")
        if start < 0 or '"variants"' not in text:
            continue
        value, _ = loose.literal(text, start)
        product = value["product"] if isinstance(value, dict) and isinstance(value.get("product"), dict) else value
        if not isinstance(product, dict) or not product.get("id") or not isinstance(product.get("variants"), list):
            continue
        item = _shopify_product(product, found.currency, "product.json")
        if found.items:
            found.items[0].name = found.items[0].name or item.name
        else:
            found.items.append(item)
        found.items[0].spans.append((script.start, script.end))
        return


def _shopify_product(product: dict[str, Any], currency: str, path: str) -> Item:
    item = Item("shopify", group=True)
    item.add_id("product_id", product.get("id"), f"{path}.id")
    item.set_name(product.get("title"), f"{path}.title")
    raw = product.get("variants")
    for one in raw[:300] if isinstance(raw, list) else []:
        if not isinstance(one, dict):
            continue
        variant = Item("shopify", role="variant")
        variant.add_id("variant_id", one.get("id"), f"{path}.variants.id")
        variant.add_id("sku", one.get("sku"), f"{path}.variants.sku")
        price = one.get("price")
        if isinstance(price, (int, float)) and not isinstance(price, bool):
            amount = money.machine(price)
            if amount:  # hundredths, unless there are decimals
                value = amount.value / 100 if price == int(price) else amount.value
                variant.set_price(amount._replace(value=value), currency, f"{path}.variants.price")
        elif isinstance(price, (str, dict)):
            inner = price.get("amount") if isinstance(price, dict) else price
            variant.set_price(money.machine(inner), currency, f"{path}.variants.price")
        name = clean_name(one.get("name"))
        title = clean_name(one.get("public_title") or "")
        if name and not item.name:
            item.set_name(name.removesuffix(title).rstrip(" -") if title else name, f"{path}.variants.name")
        item.variants.append(variant)
    return item


def _woocommerce(page: Markup, found: Storefront, classes: str) -> None:
    if "single-product" in classes.split():
        found.say("product", "body.single-product")
        post = _POST.search(classes)
        item = Item("woocommerce")
        if post:
            item.add_id("product_id", post[1], "body.postid")
        found.items.append(item)
    for index in page.named("form"):
        raw = page.get(index, "data-product_variations")
        if raw and raw != "false" and len(raw) < 400_000 and found.items:
            variations, _ = loose.literal(raw, 0) if raw[0] == "[" else ([], 0)
            for one in variations[:300] if isinstance(variations, list) else []:
                if isinstance(one, dict):
                    variant = Item("woocommerce", role="variant")
                    variant.add_id("variant_id", one.get("variation_id"), "data-product_variations.variation_id")
                    variant.add_id("sku", one.get("sku"), "data-product_variations.sku")
                    variant.set_price(
                        money.machine(one.get("display_price")), "", "data-product_variations.display_price"
                    )
                    found.items[0].variants.append(variant)
            found.items[0].group = True
            found.items[0].spans.append((page.starts[index], page.ends[index]))
            break
    for index, name in enumerate(page.names):
        if (
            name in ("input", "span", "form", "button")
            and b"data-gtm4wp_product_data" in page.tag(index)
            and found.kind == "product"
        ):
            value, _ = loose.literal(page.get(index, "data-gtm4wp_product_data") or "{}", 0)
            told = entry(value, "woocommerce", "data-gtm4wp_product_data") if isinstance(value, dict) else None
            if told:
                told.spans.append((page.starts[index], page.ends[index]))
                found.items.append(told)
            break


def _magento(page: Markup, found: Storefront, classes: str) -> None:
    if "catalog-product-view" in classes:
        found.say("product", "body.catalog-product-view")
    item = Item("magento")
    for index, name in enumerate(page.names):
        if name not in ("div", "span", "form", "input", "strong"):
            continue
        tag = page.tag(index)
        known = len(item.ids) + (item.price is not None)
        if b"data-product-sku" in tag and "sku" not in item.ids:
            item.add_id("sku", page.get(index, "data-product-sku"), "data-product-sku")
        if b"priceBox" in tag and "product_id" not in item.ids:
            item.add_id("product_id", page.get(index, "data-product-id"), "data-product-id")
        if b"finalPrice" in tag and item.price is None and b"data-price-amount" in tag:
            item.set_price(money.machine(page.get(index, "data-price-amount")), "", "data-price-amount")
        if len(item.ids) + (item.price is not None) > known:
            item.spans.append((page.starts[index], page.ends[index]))
    if item.ids or item.price:
        found.items.append(item)


def _prestashop(page: Markup, found: Storefront, classes: str) -> None:
    for body, _ in _bodies(page, b"prestashop"):
        match = _PRESTA.search(body)
        if match:
            value, _ = loose.literal(body, match.end(), 100_000)
            if isinstance(value, dict):
                currency = value.get("currency")
                if isinstance(currency, dict):
                    found.currency = str(currency.get("iso_code") or "")
                kind = value.get("page")
                if isinstance(kind, dict) and kind.get("page_name"):
                    found.say("product" if kind["page_name"] == "product" else "other", "prestashop.page.page_name")
            break
    for index, name in enumerate(page.names):
        if name in ("div", "section") and b"data-product=" in page.tag(index) and len(page.tag(index)) < 300_000:
            raw = page.get(index, "data-product")
            value, _ = loose.literal(raw, 0) if raw[:1] == "{" else ({}, 0)
            if isinstance(value, dict) and value.get("id_product"):
                item = Item("prestashop")
                item.spans.append((page.starts[index], page.ends[index]))
                item.add_id("product_id", value.get("id_product"), "data-product.id_product")
                item.add_id("variant_id", value.get("id_product_attribute"), "data-product.id_product_attribute")
                item.add_id("sku", value.get("reference"), "data-product.reference")
                item.set_name(value.get("name"), "data-product.name")
                item.set_price(money.machine(value.get("price_amount")), found.currency, "data-product.price_amount")
                item.category = clean_name(value.get("category_name") or "")
                found.items.append(item)
                return
    if classes.split()[:1] == ["product"] or "product" in classes.split()[-1:]:
        found.say("product", "body#product")
    if found.kind == "product":
        item = Item("prestashop")
        for body, span in _bodies(page, b"id_product"):
            match = _PRESTA_OLD["product_id"].search(body)
            if match:
                item.add_id("product_id", match[1], "id_product")
                item.spans.append(span)
                break
        if item.ids:
            found.items.append(item)


def _bigcommerce(page: Markup, found: Storefront, classes: str) -> None:
    for body, span in _bodies(page, b"BCData"):
        match = _BIG.search(body)
        value, _ = loose.literal(body, match.end(), 100_000) if match else ({}, 0)
        attributes = value.get("product_attributes") if isinstance(value, dict) else None
        if isinstance(attributes, dict):
            found.say("product", "BCData.product_attributes")
            item = Item("bigcommerce")
            item.spans.append(span)
            item.add_id("sku", attributes.get("sku"), "BCData.product_attributes.sku")
            price = attributes.get("price")
            if isinstance(price, dict):
                for tax, key in (("incl", "with_tax"), ("excl", "without_tax")):
                    if isinstance(price.get(key), dict) and (amount := money.machine(price[key].get("value"))):
                        item.taxed[tax] = amount
                inner = price.get("with_tax") or price.get("without_tax")
                if isinstance(inner, dict):
                    item.set_price(
                        money.machine(inner.get("value")), inner.get("currency"), "BCData.product_attributes.price"
                    )
            found.items.append(item)
            return


def _squarespace(page: Markup, found: Storefront, classes: str) -> None:
    for body, span in _bodies(page, b"SQUARESPACE_CONTEXT"):
        match = _SQUARE.search(body)
        value, _ = loose.literal(body, match.end(), 200_000) if match else ({}, 0)
        if isinstance(value, dict):
            settings = value.get("websiteSettings")
            if isinstance(settings, dict) and isinstance(settings.get("storeSettings"), dict):
                found.currency = str(settings["storeSettings"].get("selectedCurrency") or "")
            product = value.get("product")
            if isinstance(product, dict) and product.get("id"):
                item = Item("squarespace")
                item.spans.append(span)
                item.add_id("product_id", product.get("id"), "SQUARESPACE_CONTEXT.product.id")
                item.set_name(product.get("title"), "SQUARESPACE_CONTEXT.product.title")
                found.items.append(item)
            break


def _oscar(page: Markup, found: Storefront, classes: str) -> None:
    for index, name in enumerate(page.names):
        if name in ("div", "article") and "product_main" in page.get(index, "class").split():
            found.say("product", ".product_main")
            return


_READERS = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "magento": _magento,
    "prestashop": _prestashop,
    "bigcommerce": _bigcommerce,
    "squarespace": _squarespace,
    "oscar": _oscar,
}
