"""What a page says of the request before it, in the shapes of many themes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer.notices import basket, read

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SUCCESS = {
    "oscar": '<div id="messages"><div class="alert alert-safe alert-success show"><div class="alertinner">X has been '
    "added to your basket.</div></div></div>",
    "woocommerce": '<div class="woocommerce-message" role="alert">“X” has been added to your cart.</div>',
    "woocommerce blocks": '<div class="wc-block-components-notice-banner is-success" role="alert">“X” added.</div>',
    "magento 2": '<div class="messages"><div class="message-success success message"><div>You added X to '
    "your shopping cart.</div></div></div>",
    "magento 1": '<ul class="messages"><li class="success-msg"><ul><li><span>X was added to your shopping cart.</span>'
    "</li></ul></li></ul>",
    "bootstrap": '<div class="alert alert-success alert-dismissible">X lades till i varukorgen.</div>',
    "rails flash": '<div class="flash success">Product added</div>',
    "laravel": '<div class="alert-success" role="alert">Added to cart</div>',
    "django plain": '<ul class="messages"><li class="success">X was added to your cart</li></ul>',
    "foundation": '<div class="callout success">X was added to your cart.</div>',
    "nopcommerce": '<div class="bar-notification success"><p class="content">The product has been '
    "added to your shopping cart</p></div>",
    "by its words alone": '<div class="flash-message">Varan har lagts till i varukorgen</div>',
    "german words": '<div class="alert">Der Artikel wurde in den Warenkorb gelegt.</div>',
    "shopware": '<div class="alert alert-success alert-has-icon"><div class="alert-content">1 Produkt wurde '
    "hinzugefügt.</div></div>",
}
ERROR = {
    "oscar": '<div class="alert alert-safe alert-danger"><div class="alertinner">Quantity must be 1.</div></div>',
    "woocommerce": '<ul class="woocommerce-error" role="alert"><li>Sorry, X is out of stock.</li></ul>',
    "woocommerce blocks": '<div class="wc-block-components-notice-banner is-error" role="alert">Out of stock</div>',
    "magento 2": '<div class="message-error error message"><div>The requested qty is not available</div></div>',
    "magento 1": '<ul class="messages"><li class="error-msg"><ul><li>Out of stock.</li></ul></li></ul>',
    "bootstrap": '<div class="alert alert-danger">X kunde inte läggas i varukorgen.</div>',
    "rails flash": '<div id="flash_alert" class="flash flash-alert">Quantity too large</div>',
    "django plain": '<ul class="errorlist"><li>Choose a size</li></ul>',
    "by its words alone": '<div class="message">Varan är slut i lager</div>',
    "warning": '<div class="alert alert-warning">Only 2 left in stock</div>',
}
NOTHING = {
    "hidden by style": '<div class="alert alert-success" style="display:none">Added</div>',
    "hidden": '<div class="alert alert-success" hidden>Added</div>',
    "hidden by class": '<div class="alert alert-danger d-none">Something failed</div>',
    "empty": '<div class="alert alert-success"></div>',
    "a cookie banner": '<div class="cookie-notice">We use cookies. Cookies are added.</div>',
    "free delivery": '<div class="notice">Free delivery over 499 kr</div>',
    "in a script": "<script>var t='<div class=\"alert alert-success\">Added</div>'</script>",
    "in a template": '<template><div class="alert alert-success">Added</div></template>',
    "in a comment": '<!-- <div class="alert alert-success">Added</div> -->',
    "a field's hint": '<div class="field-validation-error">This field is required</div>',
}
BASKET = {
    "a badge": ('<a href="/cart" class="cart-link"><span class="cart-count badge">3</span></a>', 3),
    "in brackets": ('<span id="cart-total-items-count">(2)</span>', 2),
    "in words": ('<a class="cart-contents"><span class="cart-count">1 item</span></a>', 1),
    "swedish": ('<span class="varukorg-antal">4 varor</span>', 4),
    "data attribute": ('<div data-cart-count="5"></div>', 5),
    "nothing in it": ('<span class="basket-quantity">0</span>', 0),
    "none": ("<p>cart</p>", None),
    "a price is no count": ('<span class="cart-total-amount">299 kr</span>', None),
}


def kinds(html: str) -> list[str]:
    page = f"<html><body><h1>Page</h1>{html}<p>text</p></body></html>".encode()
    return [notice.partition(":")[0] for notice in read(page) if not notice.startswith("cart")]


@pytest.mark.parametrize("html", SUCCESS.values(), ids=SUCCESS)
def test_success(html: str) -> None:
    assert set(kinds(html)) == {"success"}


@pytest.mark.parametrize("html", ERROR.values(), ids=ERROR)
def test_error(html: str) -> None:
    assert set(kinds(html)) == {"error"}


@pytest.mark.parametrize("html", NOTHING.values(), ids=NOTHING)
def test_nothing(html: str) -> None:
    assert kinds(html) == []


@pytest.mark.parametrize(("html", "count"), BASKET.values(), ids=BASKET)
def test_basket(html: str, count: int | None) -> None:
    assert basket(html.encode()) == count


@PATIENT
@given(st.text(alphabet="<>/= \"'alertmsgdivcounterd-", max_size=300))
def test_never_raises(html: str) -> None:
    read(html.encode())


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ['<div class="alert">', "<div ", '<span class="cart count">3</span>', "alert", '<a class="']
)
def test_linear(piece: str) -> None:
    read(piece.encode() * (1024 * 1024 // len(piece)))
