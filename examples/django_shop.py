"""A small Django shop in one file, wrapped in one line: ``python examples/django_shop.py``. Listens on $PORT (8000).

Its product pages speak microdata, its prices are euros. Nothing in it knows of Meta but the line that is marked.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

import django
from django.conf import settings
from django.contrib import messages
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import Context, Engine
from django.urls import path
from waitress import create_server

from capi_middleware import CapiMiddleware

settings.configure(
    SECRET_KEY=secrets.token_urlsafe(40),
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.sessions", "django.contrib.messages"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    MESSAGE_STORAGE="django.contrib.messages.storage.cookie.CookieStorage",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup()

PRODUCTS: dict[int, dict[str, Any]] = {
    101: {"name": "Walnut stool", "price": 189.0, "stock": 4},
    102: {"name": "Linen apron", "price": 49.9, "stock": 20},
    103: {"name": "Copper kettle", "price": 129.0, "stock": 0},
}
ORDERS: dict[str, float] = {}

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title><link rel="icon" href="data:,">
<style>
body { font: 18px/1.6 system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
.error { color: #a00 }
</style>
</head>
<body>
<nav><a href="/">Workshop</a> · <a href="/cart/">Cart ({{ count }})</a></nav>
{% for message in messages %}<p class="alert {{ message.tags }}" role="alert">{{ message }}</p>{% endfor %}
"""

HOME = (
    PAGE
    + """<h1>Workshop</h1><ul>{% for id, one in products.items %}
<li><a href="/products/{{ id }}/">{{ one.name }}</a> €{{ one.price|floatformat:2 }}</li>
{% endfor %}</ul></body></html>"""
)

PRODUCT = (
    PAGE
    + """<div itemscope itemtype="https://schema.org/Product">
  <meta itemprop="sku" content="{{ id }}">
  <h1 itemprop="name">{{ one.name }}</h1>
  <p itemprop="offers" itemscope itemtype="https://schema.org/Offer">
    <meta itemprop="priceCurrency" content="EUR">
    <span itemprop="price" content="{{ one.price|floatformat:2 }}">€{{ one.price|floatformat:2 }}</span>
  </p>
  <form action="/cart/add/{{ id }}/" method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf }}">
    <label>Quantity <input name="quantity" type="number" value="1"></label> <button>Add to cart</button></form>
</div></body></html>"""
)

CART = (
    PAGE
    + """<h1>Cart</h1>{% if lines %}
<ul>{% for name, quantity in lines %}<li>{{ quantity }} × {{ name }}</li>{% endfor %}</ul>
<p>Total €{{ total|floatformat:2 }}</p><a href="/checkout/">Checkout</a>
{% else %}<p>Empty.</p>{% endif %}</body></html>"""
)

CHECKOUT = (
    PAGE
    + """<h1>Checkout</h1><form method="post">
<input type="hidden" name="csrfmiddlewaretoken" value="{{ csrf }}">
<label>Email <input name="email" type="email" required></label><p>Total €{{ total|floatformat:2 }}</p>
<button>Place order</button></form></body></html>"""
)

THANKS = (
    PAGE
    + """<h1>Thank you for your order!</h1><p>Order number: <strong>{{ number }}</strong></p>
<p>Total: <span class="order-total">€{{ total|floatformat:2 }}</span></p></body></html>"""
)


def page(request: HttpRequest, template: str, title: str, **values: Any) -> HttpResponse:
    from django.middleware.csrf import get_token

    count = sum(request.session.get("cart", {}).values())
    shared = {"title": title, "count": count, "messages": messages.get_messages(request), "csrf": get_token(request)}
    return HttpResponse(Engine().from_string(template).render(Context(shared | values)))


def lines(request: HttpRequest) -> list[tuple[dict[str, Any], int]]:
    return [(PRODUCTS[int(id)], quantity) for id, quantity in request.session.get("cart", {}).items()]


def total(request: HttpRequest) -> float:
    return sum(one["price"] * quantity for one, quantity in lines(request))


def home(request: HttpRequest) -> HttpResponse:
    return page(request, HOME, "Workshop", products=PRODUCTS)


def product(request: HttpRequest, id: int) -> HttpResponse:
    if id not in PRODUCTS:
        raise Http404
    return page(request, PRODUCT, PRODUCTS[id]["name"], id=id, one=PRODUCTS[id])


def cart(request: HttpRequest) -> HttpResponse:
    shown = [(one["name"], quantity) for one, quantity in lines(request)]
    return page(request, CART, "Cart", lines=shown, total=total(request))


def add(request: HttpRequest, id: int) -> HttpResponse:
    if id not in PRODUCTS or request.method != "POST":
        raise Http404
    asked = request.POST.get("quantity") or "1"
    quantity = int(asked) if asked.isdecimal() else 0
    if not 0 < quantity <= PRODUCTS[id]["stock"]:
        messages.error(request, f"{PRODUCTS[id]['name']} is not available in that quantity.")
    else:
        held = request.session.setdefault("cart", {})
        held[str(id)] = held.get(str(id), 0) + quantity
        request.session.modified = True
        messages.success(request, f"{PRODUCTS[id]['name']} was added to your cart.")
    return HttpResponseRedirect(f"/products/{id}/")


def checkout(request: HttpRequest) -> HttpResponse:
    if not request.session.get("cart"):
        return HttpResponseRedirect("/cart/")
    if request.method != "POST":
        return page(request, CHECKOUT, "Checkout", total=total(request))
    number = secrets.token_hex(4).upper()
    ORDERS[number] = total(request)
    del request.session["cart"]
    return HttpResponseRedirect(f"/checkout/thank-you/{number}/")


def thanks(request: HttpRequest, number: str) -> HttpResponse:
    if number not in ORDERS:
        raise Http404
    return page(request, THANKS, "Thank you", number=number, total=ORDERS[number])


urlpatterns = [
    path("", home),
    path("products/<int:id>/", product),
    path("cart/", cart),
    path("cart/add/<int:id>/", add),
    path("checkout/", checkout),
    path("checkout/thank-you/<str:number>/", thanks),
]

application = CapiMiddleware(get_wsgi_application())  # <- the one line

if __name__ == "__main__":
    server = create_server(application, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
    print(f"Shop  http://127.0.0.1:{server.effective_port}/", flush=True)
    server.run()
