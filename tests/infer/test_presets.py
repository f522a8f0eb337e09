# ruff: noqa: E501
"""Each preset on the traffic of its platform: what counts, and what must not."""

from __future__ import annotations

from typing import Any

import pytest

from capi_middleware.infer.preset import names as preset_names
from capi_middleware.infer.preset import preset

from .traffic import Shop, data, names, said

OK = "success: added"
NO = "error: out of stock"
RECEIPT = "<html lang=sv><body><h1>Tack för din beställning!</h1><p>Ordernummer: <b>A-1007</b></p>" + (
    "<table><tr><td>Delsumma</td><td>250,00 kr</td></tr><tr><td>Totalt</td><td>299,00 kr</td></tr></table></body></html>"
)
GQL = "/graphql"


def page(*notices: str) -> dict[str, Any]:
    """A full page that a person sees, with these messages."""
    return {"facts": said(*notices)}


def add(**more: Any) -> dict[str, Any]:
    return {"event": "AddToCart", **more}


# platform, id, request, answer, expected: None or what the event must hold; "next" in the answer: the following page
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any] | None]] = [
    # WooCommerce (reference: platforms A3; proxy A3, six shapes)
    ("woocommerce", "form multipart", {"url": "/product/mug-1/", "form": {"quantity": "2", "add-to-cart": "12"}, "multipart": True}, {"sets": "woocommerce_cart_hash=ab; path=/", **page(OK)}, add(content_ids=["77"], value=199.0)),
    ("woocommerce", "form urlencoded", {"url": "/product/mug-1/", "form": {"quantity": "1", "add-to-cart": "12"}}, {"sets": "woocommerce_cart_hash=ab", **page()}, add(value=99.5)),
    ("woocommerce", "form refused", {"url": "/product/mug-1/", "form": {"quantity": "1", "add-to-cart": "12"}}, page(NO), None),
    ("woocommerce", "form with redirect to cart", {"url": "/product/mug-1/", "form": {"quantity": "1", "add-to-cart": "12"}}, {"to": "https://shop.example/cart/"}, add()),
    ("woocommerce", "variation", {"url": "/product/mug-1/", "form": {"quantity": "1", "add-to-cart": "12", "product_id": "12", "variation_id": "77", "attribute_size": "L"}}, {"sets": "woocommerce_cart_hash=ab", **page(OK)}, add(content_ids=["77"])),
    ("woocommerce", "variation not chosen", {"url": "/product/mug-1/", "form": {"quantity": "1", "add-to-cart": "12", "product_id": "12", "variation_id": "0"}}, page(NO), None),
    ("woocommerce", "grouped", {"url": "/product/set/", "form": {"add-to-cart": "30", "quantity[12]": "1", "quantity[13]": "2"}}, {"sets": "woocommerce_cart_hash=ab", **page(OK)}, add(value=499.5)),
    ("woocommerce", "link", {"url": "/?add-to-cart=12"}, {"sets": "woocommerce_cart_hash=ab", **page(OK)}, add(content_ids=["77"])),
    ("woocommerce", "link refused", {"url": "/?add-to-cart=12"}, page(NO), None),
    ("woocommerce", "wc-ajax", {"url": "/?wc-ajax=add_to_cart", "form": {"product_id": "12", "quantity": "3", "product_sku": "x"}, "script": True}, {"answer": {"fragments": {"a": "b"}, "cart_hash": "ab"}}, add(value=298.5)),
    ("woocommerce", "wc-ajax refused", {"url": "/?wc-ajax=add_to_cart", "form": {"product_id": "12", "quantity": "1"}, "script": True}, {"answer": {"error": True, "product_url": "x"}}, None),
    ("woocommerce", "look-alike: refreshed fragments", {"url": "/?wc-ajax=get_refreshed_fragments", "form": {"time": "12"}, "script": True}, {"answer": {"fragments": {"a": "b"}, "cart_hash": "ab"}}, None),
    ("woocommerce", "Store API", {"url": "/wp-json/wc/store/v1/cart/add-item", "posted": {"id": 12, "quantity": 2}, "script": True}, {"status": 201, "answer": {"items": []}}, add(value=199.0)),
    ("woocommerce", "Store API refused", {"url": "/wp-json/wc/store/v1/cart/add-item", "posted": {"id": 12, "quantity": 2}, "script": True}, {"status": 400, "answer": {"code": "woocommerce_rest_product_out_of_stock"}}, None),
    ("woocommerce", "Store API without nonce sets the cookie", {"url": "/wp-json/wc/store/v1/cart/add-item", "posted": {"id": 12}, "script": True}, {"status": 401, "sets": "woocommerce_cart_hash=ab", "answer": {"code": "x"}}, None),
    ("woocommerce", "Store API without permalinks", {"url": "/?rest_route=/wc/store/v1/cart/add-item", "posted": {"id": 12, "quantity": 1}, "script": True}, {"status": 201, "answer": {}}, add()),
    ("woocommerce", "Store API batch", {"url": "/wp-json/wc/store/v1/batch", "posted": {"requests": [{"path": "/wc/store/v1/cart/add-item", "body": {"id": 12, "quantity": 1}}, {"path": "/wc/store/v1/cart/add-item", "body": {"id": 13, "quantity": 2}}]}, "script": True}, {"status": 207, "answer": {"responses": [{"status": 201}, {"status": 201}]}}, add(value=499.5)),
    ("woocommerce", "Store API batch refused", {"url": "/wp-json/wc/store/v1/batch", "posted": {"requests": [{"path": "/wc/store/v1/cart/add-item", "body": {"id": 12}}]}, "script": True}, {"status": 207, "answer": {"responses": [{"status": 400}]}}, None),
    ("woocommerce", "look-alike: batch that removes", {"url": "/wp-json/wc/store/v1/batch", "posted": {"requests": [{"path": "/wc/store/v1/cart/remove-item", "body": {"key": "a"}}]}, "script": True}, {"status": 207, "answer": {"responses": [{"status": 200}]}}, None),
    ("woocommerce", "search", {"url": "/?s=mugg&post_type=product"}, page(), {"event": "Search", "search_string": "mugg"}),
    ("woocommerce", "checkout", {"url": "/checkout/"}, page(), {"event": "InitiateCheckout"}),
    ("woocommerce", "place order", {"url": "/?wc-ajax=checkout", "form": {"payment_method": "cod"}, "script": True}, {"answer": {"result": "success", "order_id": 19, "redirect": "x"}}, {"event": "AddPaymentInfo"}),
    ("woocommerce", "place order refused", {"url": "/?wc-ajax=checkout", "form": {"payment_method": "cod"}, "script": True}, {"answer": {"result": "failure", "messages": "x"}}, None),
    ("woocommerce", "thank-you", {"url": "/checkout/order-received/19/?key=wc_order_x"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "19", "value": 299.0, "currency": "SEK"}),
    ("woocommerce", "thank-you of a failed order", {"url": "/checkout/order-received/19/?key=wc_order_x"}, {"page": RECEIPT, **page("error: Unfortunately your order cannot be processed")}, None),
    ("woocommerce", "look-alike: pay for an order", {"url": "/checkout/order-pay/19/?key=wc_order_x"}, {"page": RECEIPT}, None),
    ("woocommerce", "registration", {"url": "/my-account/", "form": {"email": "a@b.se", "password": "x", "register": "Register"}}, {"to": "/my-account/", "sets": "wordpress_logged_in_ab=x"}, {"event": "CompleteRegistration"}),
    ("woocommerce", "Contact Form 7", {"url": "/wp-json/contact-form-7/v1/contact-forms/5/feedback", "form": {"your-email": "a@b.se"}, "multipart": True, "script": True}, {"answer": {"status": "mail_sent"}}, {"event": "Lead"}),
    ("woocommerce", "Contact Form 7 refused", {"url": "/wp-json/contact-form-7/v1/contact-forms/5/feedback", "form": {"your-email": "a"}, "script": True}, {"answer": {"status": "validation_failed"}}, None),
    # Shopify
    ("shopify", "form", {"url": "/cart/add", "form": {"id": "77", "quantity": "2", "product-id": "12"}}, {"to": "/cart"}, add(content_ids=["MUG-1"], value=199.0)),
    ("shopify", "script form", {"url": "/cart/add.js", "form": {"id": "77", "quantity": "1"}, "script": True}, {"answer": {"id": 77, "product_id": 12, "price": 9950, "quantity": 1}}, add(value=99.5)),
    ("shopify", "script JSON of two", {"url": "/sv/cart/add.js", "posted": {"items": [{"id": 77, "quantity": 1}, {"id": 13, "quantity": 1}]}, "script": True}, {"answer": {"items": [{"id": 77}, {"id": 13}]}}, add(content_ids=["MUG-1", "CAP-2"], value=299.5)),
    ("shopify", "refused 422", {"url": "/cart/add.js", "form": {"id": "77", "quantity": "1"}, "script": True}, {"status": 422, "answer": {"status": 422, "description": "sold out"}}, None),
    ("shopify", "refused in a 200", {"url": "/cart/add.js", "form": {"id": "77", "quantity": "1"}, "script": True}, {"answer": {"status": "bad_request", "description": "x"}}, None),
    ("shopify", "look-alike: change", {"url": "/cart/change.js", "form": {"id": "77", "quantity": "1"}, "script": True}, {"answer": {"items": []}}, None),
    ("shopify", "look-alike: localization", {"url": "/localization", "form": {"form_type": "localization", "country_code": "SE"}}, {"to": "/"}, None),
    ("shopify", "search", {"url": "/search?q=mugg&type=product"}, page(), {"event": "Search", "search_string": "mugg"}),
    ("shopify", "checkout", {"url": "/checkouts/cn/abc/information"}, page(), {"event": "InitiateCheckout"}),
    ("shopify", "thank-you", {"url": "/checkouts/cn/abc/thank-you"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007"}),
    ("shopify", "newsletter", {"url": "/contact", "form": {"form_type": "customer", "contact[email]": "a@b.se"}}, {"to": "/?customer_posted=true"}, {"event": "Subscribe"}),
    ("shopify", "contact", {"url": "/contact", "form": {"form_type": "contact", "contact[email]": "a@b.se"}}, {"to": "/pages/contact?contact_posted=true"}, {"event": "Contact"}),
    ("shopify", "contact refused", {"url": "/contact", "form": {"form_type": "contact", "contact[email]": "a@b.se"}}, {"to": "/challenge"}, None),
    # BigCommerce
    ("bigcommerce", "script", {"url": "/remote/v1/cart/add", "form": {"action": "add", "product_id": "12", "qty[]": "1"}, "script": True}, {"answer": {"data": {"cart_id": "x"}}}, add()),
    ("bigcommerce", "script refused", {"url": "/remote/v1/cart/add", "form": {"action": "add", "product_id": "12", "qty[]": "1"}, "script": True}, {"answer": {"data": {"error": "sold out"}}}, None),
    ("bigcommerce", "form", {"url": "/cart.php", "form": {"action": "add", "product_id": "12", "qty[]": "2"}}, {"to": "/cart.php?suggest=1"}, add(value=199.0)),
    ("bigcommerce", "wishlist", {"url": "/wishlist.php?action=addwishlist&product_id=12"}, page("success: added"), {"event": "AddToWishlist"}),
    # Magento 2
    ("magento2", "form", {"url": "/checkout/cart/add/uenc/aHR0/product/12/", "form": {"product": "12", "qty": "2", "form_key": "k", "item": "12", "selected_configurable_option": "", "related_product": ""}}, {"to": "/mug.html", "sets": "mage-messages=%5B%7B%22type%22%3A%22success%22%7D%5D"}, add(content_ids=["MUG-1"], value=199.0)),
    ("magento2", "form refused", {"url": "/checkout/cart/add/uenc/aHR0/product/12/", "form": {"product": "12", "qty": "2"}}, {"to": "/mug.html", "sets": "mage-messages=%5B%7B%22type%22%3A%22error%22%7D%5D"}, None),
    ("magento2", "script", {"url": "/se/checkout/cart/add/product/12/", "form": {"product": "12", "qty": "1"}, "script": True}, {"answer": []}, add()),
    ("magento2", "script refused", {"url": "/checkout/cart/add/product/12/", "form": {"product": "12", "qty": "1"}, "script": True}, {"answer": {"backUrl": "https://x"}}, None),
    ("magento2", "GraphQL", {"url": GQL, "posted": {"query": "mutation A($c: String!, $i: [CartItemInput!]!) { addProductsToCart(cartId: $c, cartItems: $i) { cart { id } user_errors { code } } }", "variables": {"c": "x", "i": [{"sku": "MUG-1", "quantity": 2}]}}, "script": True}, {"answer": {"data": {"addProductsToCart": {"cart": {"id": "x"}, "user_errors": []}}}}, add(content_ids=["MUG-1"], value=199.0)),
    ("magento2", "GraphQL refused", {"url": GQL, "posted": {"query": "mutation { addProductsToCart(cartId: \"x\", cartItems: [{sku: \"MUG-1\", quantity: 1}]) { user_errors { code } } }"}, "script": True}, {"answer": {"data": {"addProductsToCart": {"user_errors": [{"code": "OUT"}]}}}}, None),
    ("magento2", "GraphQL written out", {"url": GQL, "posted": {"query": "mutation { addSimpleProductsToCart(input: {cart_id: \"x\", cart_items: [{data: {sku: \"MUG-1\", quantity: 3}}]}) { cart { id } } }"}, "script": True}, {"answer": {"data": {"addSimpleProductsToCart": {"cart": {"id": "x"}}}}}, add(value=298.5)),
    ("magento2", "look-alike: a query", {"url": GQL, "posted": {"query": "{ products(filter: {sku: {eq: \"MUG-1\"}}) { items { name } } }"}, "script": True}, {"answer": {"data": {"products": {"items": []}}}}, None),
    ("magento2", "REST", {"url": "/rest/default/V1/guest-carts/abc/items", "posted": {"cartItem": {"sku": "MUG-1", "qty": 2, "quote_id": "x"}}, "script": True}, {"answer": {"item_id": 3}}, add(value=199.0)),
    ("magento2", "look-alike: cart page", {"url": "/checkout/cart/"}, page(), None),
    ("magento2", "checkout", {"url": "/checkout/"}, page(), {"event": "InitiateCheckout"}),
    ("magento2", "payment information", {"url": "/rest/V1/guest-carts/abc/payment-information", "posted": {"email": "a@b.se"}, "script": True}, {"answer": "19"}, {"event": "AddPaymentInfo"}),
    ("magento2", "wishlist", {"url": "/wishlist/index/add/", "form": {"product": "12"}}, {"to": "/wishlist/", "sets": "mage-messages=%22type%22%3A%22success%22"}, {"event": "AddToWishlist", "content_ids": ["MUG-1"]}),
    ("magento2", "search", {"url": "/catalogsearch/result/?q=mugg"}, page(), {"event": "Search", "search_string": "mugg"}),
    ("magento2", "thank-you", {"url": "/checkout/onepage/success/"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007"}),
    ("magento2", "registration", {"url": "/customer/account/createpost/", "form": {"email": "a@b.se"}}, {"to": "/customer/account/", "sets": "mage-messages=success"}, {"event": "CompleteRegistration"}),
    ("magento2", "newsletter", {"url": "/newsletter/subscriber/new/", "form": {"email": "a@b.se"}}, {"to": "/", "sets": "mage-messages=success"}, {"event": "Subscribe"}),
    ("magento2", "contact", {"url": "/contact/index/post/", "form": {"email": "a@b.se"}}, {"to": "/contact/", "sets": "mage-messages=success"}, {"event": "Contact"}),
    # Magento 1
    ("magento1", "form", {"url": "/checkout/cart/add/uenc/x/product/12/", "form": {"product": "12", "qty": "2"}}, {"to": "/mug.html", "next": page(OK)}, add(value=199.0)),
    ("magento1", "form refused", {"url": "/checkout/cart/add/uenc/x/product/12/", "form": {"product": "12", "qty": "2"}}, {"to": "/mug.html", "next": page(NO)}, None),
    # PrestaShop
    ("prestashop", "script", {"url": "/panier", "form": {"token": "t", "id_product": "12", "id_customization": "0", "qty": "2", "add": "1", "action": "update", "ajax": "1"}, "script": True}, {"answer": {"success": True, "id_product": 12, "quantity": 2, "cart": {}}}, add(value=199.0)),
    ("prestashop", "script refused", {"url": "/cart", "form": {"id_product": "12", "qty": "2", "add": "1", "ajax": "1"}, "script": True}, {"answer": {"hasError": True, "errors": ["no"]}}, None),
    ("prestashop", "look-alike: down", {"url": "/cart?update=1&id_product=12&op=down", "form": {"ajax": "1", "action": "update"}, "script": True}, {"answer": {"success": True}}, None),
    ("prestashop", "look-alike: op=up with add", {"url": "/cart", "form": {"add": "1", "id_product": "12", "op": "down", "qty": "1"}, "script": True}, {"answer": {"success": True}}, None),
    ("prestashop", "checkout", {"url": "/fr/commande"}, page(), {"event": "InitiateCheckout"}),
    ("prestashop", "checkout by parameter", {"url": "/index.php?controller=order"}, page(), {"event": "InitiateCheckout"}),
    ("prestashop", "thank-you", {"url": "/confirmation-commande?id_cart=5&id_module=3&id_order=44&key=abc"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "44", "value": 299.0}),
    ("prestashop", "search", {"url": "/recherche?controller=search&s=mugg"}, page(), {"event": "Search", "search_string": "mugg"}),
    # OpenCart
    ("opencart", "version 4", {"url": "/index.php?route=checkout/cart.add&language=en-gb&_=1", "form": {"quantity": "2", "product_id": "12"}, "script": True}, {"answer": {"success": "<a href=x>Mugg</a>"}}, add(content_ids=["12"], value=199.0)),
    ("opencart", "version 3", {"url": "/index.php?route=checkout/cart/add", "form": {"quantity": "1", "product_id": "12"}, "script": True}, {"answer": {"success": "x", "total": "1"}}, add()),
    ("opencart", "refused", {"url": "/index.php?route=checkout/cart.add", "form": {"quantity": "1", "product_id": "12"}, "script": True}, {"answer": {"error": {"option": "x"}, "redirect": "y"}}, None),
    ("opencart", "quantity 0 answers success", {"url": "/index.php?route=checkout/cart.add", "form": {"quantity": "0", "product_id": "12"}, "script": True}, {"answer": {"success": "x"}}, None),
    ("opencart", "look-alike: cart info", {"url": "/index.php?route=common/cart.info", "script": True}, {}, None),
    ("opencart", "wishlist", {"url": "/index.php?route=account/wishlist.add", "form": {"product_id": "12"}, "script": True}, {"answer": {"success": "x"}}, {"event": "AddToWishlist"}),
    ("opencart", "search", {"url": "/index.php?route=product/search&search=mac"}, page(), {"event": "Search", "search_string": "mac"}),
    ("opencart", "checkout", {"url": "/index.php?route=checkout/checkout"}, page(), {"event": "InitiateCheckout"}),
    ("opencart", "look-alike: cart page", {"url": "/index.php?route=checkout/cart"}, page(), None),
    ("opencart", "payment", {"url": "/index.php?route=checkout/payment_method.save", "form": {"payment_method": "cod"}, "script": True}, {"answer": {"success": "x"}}, {"event": "AddPaymentInfo"}),
    # Shopware 6
    ("shopware6", "form", {"url": "/checkout/line-item/add", "form": {"lineItems[4f2][id]": "12", "lineItems[4f2][type]": "product", "lineItems[4f2][quantity]": "2", "redirectTo": "frontend.cart.offcanvas"}}, {"to": "/checkout/cart", "next": page(OK)}, add(value=199.0)),
    ("shopware6", "form refused", {"url": "/checkout/line-item/add", "form": {"lineItems[4f2][id]": "12", "lineItems[4f2][quantity]": "2"}}, {"to": "/checkout/cart", "next": page(NO)}, None),
    ("shopware6", "script, off-canvas follows", {"url": "/checkout/line-item/add", "form": {"lineItems[4f2][id]": "12", "lineItems[4f2][quantity]": "1"}, "script": True}, {"status": 200, "next": page("cart: 1")}, add()),
    ("shopware6", "thank-you", {"url": "/checkout/finish?orderId=0190d4c59b7e7a3c"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "0190d4c59b7e7a3c", "value": 299.0}),
    ("shopware6", "thank-you of a failed payment", {"url": "/checkout/finish?orderId=0190d4c5&paymentFailed=1"}, {"page": RECEIPT}, None),
    ("shopware6", "newsletter", {"url": "/form/newsletter", "form": {"option": "subscribe", "email": "a@b.se"}, "script": True}, {"answer": [{"type": "success", "alert": "x"}]}, {"event": "Subscribe"}),
    ("shopware6", "newsletter refused", {"url": "/form/newsletter", "form": {"option": "subscribe", "email": "a"}, "script": True}, {"answer": [{"type": "danger", "alert": "x"}]}, None),
    ("shopware6", "Shopware 5", {"url": "/checkout/addArticle", "form": {"sAdd": "MUG-1", "sQuantity": "2"}}, {"to": "/checkout/cart"}, add(value=199.0)),
    # Sylius
    ("sylius", "form", {"url": "/sv/_components/sylius_shop_product_add_to_cart_form/addToCart", "form": {"sylius_shop_add_to_cart[cartItem][variant]": "77", "sylius_shop_add_to_cart[cartItem][quantity]": "2"}}, {"to": "/sv/cart/"}, add(value=199.0)),
    ("sylius", "API", {"url": "/api/v2/shop/orders/abc/items", "posted": {"productVariant": "/api/v2/shop/product-variants/MUG-1", "quantity": 2}, "script": True}, {"status": 201, "answer": {}}, add(content_ids=["MUG-1"], value=199.0)),
    ("sylius", "API refused", {"url": "/api/v2/shop/orders/abc/items", "posted": {"productVariant": "MUG-1", "quantity": 2}, "script": True}, {"status": 422, "answer": {}}, None),
    ("sylius", "payment", {"url": "/sv/checkout/select-payment", "form": {"_method": "PUT"}}, {"to": "/sv/checkout/complete"}, {"event": "AddPaymentInfo"}),
    ("sylius", "thank-you", {"url": "/sv/order/thank-you"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007"}),
    # Bagisto
    ("bagisto", "script", {"url": "/api/checkout/cart", "form": {"product_id": "12", "quantity": "2", "is_buy_now": "0"}, "script": True}, {"answer": {"data": {"cart": {}}, "message": "ok"}}, add(value=199.0)),
    ("bagisto", "script refused", {"url": "/api/checkout/cart", "form": {"product_id": "12", "quantity": "2"}, "script": True}, {"status": 400, "answer": {"message": "no"}}, None),
    ("bagisto", "payment", {"url": "/api/checkout/onepage/payment-methods", "posted": {"payment": {"method": "cod"}}, "script": True}, {"answer": {}}, {"event": "AddPaymentInfo"}),
    # Spree, Solidus
    ("spree", "form", {"url": "/cart_line_items", "form": {"variant_id": "77", "quantity": "2"}}, {"to": "/cart"}, add(value=199.0)),
    ("spree", "form refused", {"url": "/cart_line_items", "form": {"variant_id": "77", "quantity": "2"}}, {"to": "/products/mug"}, None),
    ("spree", "populate", {"url": "/sv/orders/populate", "form": {"variant_id": "77", "quantity": "1"}}, {"to": "/sv/cart"}, add()),
    ("spree", "payment", {"url": "/checkout/update/payment", "form": {"_method": "patch"}}, {"to": "/checkout/confirm"}, {"event": "AddPaymentInfo"}),
    ("spree", "thank-you", {"url": "/orders/R123456789"}, {"page": RECEIPT, **page("success: Your order has been processed successfully")}, {"event": "Purchase", "order_id": "R123456789"}),
    ("spree", "look-alike: the order later", {"url": "/orders/R123456789"}, {"page": RECEIPT}, None),
    ("spree", "search", {"url": "/products?keywords=mug"}, page(), {"event": "Search", "search_string": "mug"}),
    # Saleor, Medusa, Vendure
    ("saleor", "GraphQL", {"url": "/graphql/", "posted": {"operationName": "CheckoutAddLine", "query": "mutation CheckoutAddLine($id: ID!, $productVariantId: ID!) { checkoutLinesAdd(id: $id, lines: [{quantity: 1, variantId: $productVariantId}]) { errors { message } } }", "variables": {"id": "Q2hl", "productVariantId": "77"}}, "script": True}, {"answer": {"data": {"checkoutLinesAdd": {"errors": []}}}}, add(content_ids=["MUG-1"])),
    ("saleor", "GraphQL lines", {"url": "/graphql/", "posted": {"query": "mutation X { checkoutLinesAdd }", "variables": {"lines": [{"variantId": "77", "quantity": 2}]}}, "script": True}, {"answer": {"data": {"checkoutLinesAdd": {"checkout": {"id": "x"}, "errors": []}}}}, add(value=199.0)),
    ("saleor", "GraphQL refused", {"url": "/graphql/", "posted": {"query": "mutation X { checkoutLinesAdd }", "variables": {"lines": [{"variantId": "77", "quantity": 2}]}}, "script": True}, {"answer": {"data": {"checkoutLinesAdd": {"errors": [{"code": "INSUFFICIENT_STOCK"}]}}}}, None),
    ("medusa", "API", {"url": "/store/carts/cart_1/line-items", "posted": {"variant_id": "77", "quantity": 2}, "script": True}, {"answer": {"cart": {}}}, add(value=199.0)),
    ("medusa", "thank-you", {"url": "/se/order/order_01H/confirmed"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "order_01H"}),
    ("vendure", "GraphQL", {"url": "/shop-api", "posted": {"query": "mutation A($v: ID!, $q: Int!) { addItemToOrder(productVariantId: $v, quantity: $q) { __typename } }", "variables": {"productVariantId": "77", "quantity": 2}}, "script": True}, {"answer": {"data": {"addItemToOrder": {"__typename": "Order"}}}}, add(value=199.0)),
    ("vendure", "GraphQL refused", {"url": "/shop-api", "posted": {"query": "mutation A { addItemToOrder(productVariantId: 77, quantity: 2) { __typename } }", "variables": {}}, "script": True}, {"answer": {"data": {"addItemToOrder": {"__typename": "InsufficientStockError"}}}}, None),
    ("vendure", "thank-you", {"url": "/checkout/confirmation/T7K2"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "T7K2"}),
    # django-oscar (reference: proxy A1)
    ("django-oscar", "form", {"url": "/en-gb/basket/add/12/", "form": {"csrfmiddlewaretoken": "x", "quantity": "2"}}, {"to": "/en-gb/catalogue/mug_12/", "next": page(OK)}, add(content_ids=["12"], value=199.0)),
    ("django-oscar", "form refused", {"url": "/en-gb/basket/add/12/", "form": {"quantity": "0"}}, {"to": "/en-gb/catalogue/mug_12/", "next": page(NO)}, None),
    ("django-oscar", "form refused without a word", {"url": "/basket/add/12/", "form": {"quantity": "1"}}, {"to": "/catalogue/mug_12/", "next": page("cart: 3")}, None),
    ("django-oscar", "missing token", {"url": "/basket/add/12/", "form": {"quantity": "1"}}, {"status": 403}, None),
    ("django-oscar", "child", {"url": "/basket/add/12/", "form": {"child_id": "77", "quantity": "1"}}, {"to": "/catalogue/mug_12/", "next": page(OK)}, add()),
    ("django-oscar", "product page", {"url": "/en-gb/catalogue/mug_12/"}, {"page": "<div class=product_main><h1>Mug</h1><p class=price_color>£7.99</p></div>"}, {"event": "ViewContent", "content_ids": ["12"], "content_name": "Mug", "value": 7.99, "currency": "GBP"}),
    ("django-oscar", "look-alike: category", {"url": "/catalogue/category/books/fiction_3/"}, page(), None),
    ("django-oscar", "checkout", {"url": "/checkout/shipping-address/"}, page(), {"event": "InitiateCheckout"}),
    ("django-oscar", "thank-you", {"url": "/checkout/thank-you/"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007"}),
    ("django-oscar", "wishlist", {"url": "/accounts/wishlists/add/12/", "form": {"x": "1"}}, {"to": "/catalogue/mug_12/", "next": page(OK)}, {"event": "AddToWishlist"}),
    # Shuup, Cartridge, LFS
    ("shuup", "form", {"url": "/basket/", "form": {"command": "add", "product_id": "12", "quantity": "2"}}, {"to": "/basket/"}, add(value=199.0)),
    ("shuup", "script refused", {"url": "/basket/", "form": {"command": "add", "product_id": "12", "quantity": "2"}, "script": True}, {"answer": {"error": "sold out"}}, None),
    ("shuup", "look-alike: update", {"url": "/basket/", "form": {"command": "update", "q_12": "2"}}, {"to": "/basket/"}, None),
    ("shuup", "thank-you", {"url": "/order/complete/44/abc/"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "44"}),
    ("cartridge", "form", {"url": "/shop/product/mug/", "form": {"quantity": "2"}, "referrer": "https://shop.example/produkt/mugg"}, {"to": "/shop/cart/"}, add(content_ids=["MUG-1"], value=199.0)),
    ("cartridge", "form refused", {"url": "/shop/product/mug/", "form": {"quantity": "2"}}, page(), None),
    ("lfs", "form", {"url": "/add-to-cart/", "form": {"product_id": "12", "quantity": "2", "action": "add-to-cart"}}, {"to": "/added-to-cart/"}, add(value=199.0)),
    # Odoo
    ("odoo", "script", {"url": "/shop/cart/add", "posted": {"jsonrpc": "2.0", "params": {"product_template_id": 9, "product_id": 12, "quantity": 2}}, "script": True}, {"answer": {"result": {"cart_quantity": 2, "quantity": 2}}}, add(value=199.0)),
    ("odoo", "script refused", {"url": "/shop/cart/add", "posted": {"params": {"product_id": 12, "quantity": 2}}, "script": True}, {"answer": {"result": {"quantity": 0}}}, None),
    ("odoo", "script error", {"url": "/shop/cart/add", "posted": {"params": {"product_id": 12, "quantity": 2}}, "script": True}, {"answer": {"error": {"code": 200}}}, None),
    ("odoo", "look-alike: quantity change", {"url": "/shop/cart/update", "posted": {"params": {"line_id": 1, "quantity": 3}}, "script": True}, {"answer": {"result": {"quantity": 3}}}, None),
    ("odoo", "form", {"url": "/shop/cart/update", "form": {"product_id": "12", "add_qty": "2"}}, {"to": "/shop/cart"}, add(value=199.0)),
    ("odoo", "payment page", {"url": "/shop/payment"}, page(), {"event": "AddPaymentInfo"}),
    ("odoo", "thank-you", {"url": "/shop/confirmation"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007"}),
    ("odoo", "search", {"url": "/shop?search=mug"}, page(), {"event": "Search", "search_string": "mug"}),
    # nopCommerce
    ("nopcommerce", "details", {"url": "/addproducttocart/details/12/1", "form": {"addtocart_12.EnteredQuantity": "2"}, "script": True}, {"answer": {"success": True, "message": "x"}}, add(value=199.0)),
    ("nopcommerce", "catalog", {"url": "/addproducttocart/catalog/12/1/3", "form": {"x": "1"}, "script": True}, {"answer": {"success": True}}, add(value=298.5)),
    ("nopcommerce", "refused", {"url": "/addproducttocart/details/12/1", "form": {"x": "1"}, "script": True}, {"answer": {"success": False, "message": ["no"]}}, None),
    ("nopcommerce", "wishlist", {"url": "/addproducttocart/details/12/2", "form": {"x": "1"}, "script": True}, {"answer": {"success": True}}, {"event": "AddToWishlist"}),
    ("nopcommerce", "thank-you", {"url": "/checkout/completed/44"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "44"}),
    ("nopcommerce", "newsletter", {"url": "/subscribenewsletter", "form": {"email": "a@b.se"}, "script": True}, {"answer": {"Success": True, "Result": "x"}}, {"event": "Subscribe"}),
    # Centra, Quickbutik, Starweb, Abicart
    ("centra", "API", {"url": "/api/checkout/items/77/2", "posted": {}, "script": True}, {"answer": {"token": "x", "selection": {"items": [{"item": "77"}]}}}, add(value=199.0)),
    ("centra", "API refused", {"url": "/api/checkout/items/77", "posted": {}, "script": True}, {"answer": {"errors": {"item": "no"}, "selection": {"items": [1]}}}, None),
    # EverShop: what its answers hold was seen at the real shop (tests/e2e/test_evershop.py)
    ("evershop", "API", {"url": "/api/cart/mine/items", "posted": {"sku": "MUG-1", "qty": 2}, "script": True}, {"answer": {"data": {"item": {"uuid": "5e80", "product_sku": "MUG-1", "qty": 2, "final_price": 15, "errors": {}}, "count": 2, "cartId": "c1"}}}, add(content_ids=["MUG-1"], value=199.0)),
    ("evershop", "API refused", {"url": "/api/cart/mine/items", "posted": {"sku": "MUG-1", "qty": 200}, "script": True}, {"answer": {"error": {"status": 500, "message": "We do not have enough stock"}}}, None),
    ("evershop", "look-alike: a quantity is changed", {"url": "/api/cart/mine/items/5e80d4fc-76ce-4cee-83ea-267f49d6866e", "method": "PATCH", "posted": {"action": "increase", "qty": "1"}, "script": True}, {"answer": {"data": {"item": {"uuid": "5e80", "product_sku": "MUG-1", "qty": 3, "final_price": 15, "errors": {}}, "count": 1, "cartId": "c1"}}}, None),
    ("evershop", "look-alike: the cart is asked for", {"url": "/api/graphql", "posted": {"query": "query Query { myCart { uuid items { productSku qty } } }"}, "script": True}, {"answer": {"data": {"myCart": {"items": [{"productSku": "MUG-1", "qty": 2}]}}}}, None),
    ("evershop", "payment", {"url": "/api/carts/36eb388b-2dd4-4d0d-a72d-a6fad7beb2ce/paymentMethods", "posted": {"method_code": "cod"}, "script": True}, {"answer": {"data": {"method": {"code": "cod"}}}}, {"event": "AddPaymentInfo"}),
    ("evershop", "payment refused", {"url": "/api/carts/36eb388b-2dd4-4d0d-a72d-a6fad7beb2ce/paymentMethods", "posted": {"method_code": "x"}, "script": True}, {"answer": {"error": {"status": 500, "message": "x"}}}, None),
    ("evershop", "everything at once", {"url": "/api/carts/36eb388b-2dd4-4d0d-a72d-a6fad7beb2ce/checkout", "posted": {"cart_id": "36eb", "paymentMethod": "cod", "customer": {"email": "a@example.com"}}, "script": True}, {"answer": {"data": {"order_id": 1, "uuid": "9e5c", "order_number": "10001", "currency": "USD"}}}, {"event": "AddPaymentInfo"}),
    ("evershop", "everything at once refused", {"url": "/api/carts/36eb388b-2dd4-4d0d-a72d-a6fad7beb2ce/checkout", "posted": {"cart_id": "36eb", "paymentMethod": "cod"}, "script": True}, {"answer": {"error": {"status": 500, "message": "x"}}}, None),
    ("evershop", "thank-you", {"url": "/checkout/success/9e5c5fa8-5d2c-4ba6-9088-3ed33f304671"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "A-1007", "value": 299.0, "currency": "SEK"}),
    ("evershop", "registration", {"url": "/api/customers", "posted": {"email": "b@example.com", "password": "x", "full_name": "B"}, "script": True}, {"answer": {"data": {"uuid": "5e80", "email": "b@example.com"}}}, {"event": "CompleteRegistration"}),
    ("evershop", "registration refused", {"url": "/api/customers", "posted": {"email": "b@example.com", "password": "x", "full_name": "B"}, "script": True}, {"answer": {"error": {"status": 400, "message": "Email is already used"}}}, None),
    ("quickbutik", "thank-you", {"url": "/success/1007"}, {"page": RECEIPT}, {"event": "Purchase", "order_id": "1007"}),
    ("abicart", "JSON-RPC", {"url": "/backend/jsonrpc/v1/?webshop=1", "posted": {"jsonrpc": "2.0", "method": "Cart.add", "params": [{"article": 12, "quantity": 2}]}, "script": True}, {"answer": {"result": {"x": 1}}}, add(value=199.0)),
    ("abicart", "JSON-RPC refused", {"url": "/backend/jsonrpc/v1/?webshop=1", "posted": {"method": "Cart.add", "params": [12]}, "script": True}, {"answer": {"error": {"code": 1}}}, None),
    ("abicart", "look-alike: another call", {"url": "/backend/jsonrpc/v1/?webshop=1", "posted": {"method": "Article.get", "params": [12]}, "script": True}, {"answer": {"result": {"uid": 12}}}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("platform", "request_", "answer", "expected"),
    [(platform, asked, answer, expected) for platform, _, asked, answer, expected in CASES],
    ids=[f"{platform}: {name}" for platform, name, *_ in CASES],
)
def test_traffic(
    platform: str, request_: dict[str, Any], answer: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    shop = Shop(platform=platform)
    following = answer.get("next")
    concluded = shop.ask(**request_, **{key: value for key, value in answer.items() if key != "next"})
    if following is not None:
        assert names(concluded) == [], "decided before the following page"
        target = answer.get("to") or "/checkout/offcanvas"
        concluded = shop.ask(target, pending=concluded.pending, script=request_.get("script", False), **following)
    if expected is None:
        assert [name for name in names(concluded) if name != "ViewContent"] == []
        assert not concluded.pending
        return
    told = {key: value for key, value in expected.items() if key != "event"}
    assert expected["event"] in names(concluded)
    found = data(concluded, expected["event"])
    assert {key: found.get(key) for key in told} == told


def test_every_preset_is_tried() -> None:
    assert {platform for platform, *_ in CASES} >= set(preset_names()) - {"starweb"}


@pytest.mark.parametrize("name", preset_names())
def test_preset_reads(name: str) -> None:
    found = preset(name)
    assert found.marks, "nothing to recognise it by"
    assert found.rules
    assert all(table.get("note") for table in found.table["rule"]), "docs/platforms.md shows the note"


def test_an_abicart_cart_call_is_marked_experimental() -> None:
    assert preset("abicart").experimental
