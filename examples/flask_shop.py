"""A small Flask shop, wrapped in one line: ``python examples/flask_shop.py``. Listens on $PORT (default 8000).

Its product pages speak Open Graph. Nothing in the shop knows of Meta but the line that is marked.
"""

from __future__ import annotations

import os
import secrets
from typing import Any

from flask import Flask, abort, flash, redirect, render_template_string, request, session, url_for
from waitress import create_server

from capi_middleware import CapiMiddleware

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)

PRODUCTS: dict[str, dict[str, Any]] = {
    "P-1": {"name": "Handvävd matta", "price": 1499.0, "stock": 5},
    "P-2": {"name": "Linneduk", "price": 599.0, "stock": 9},
    "P-3": {"name": "Korg i björknäver", "price": 349.5, "stock": 0},
}

PAGE = """<!doctype html>
<html lang="sv">
<head>
  <meta charset="utf-8">
  <title>{{ title }}</title>
  {% if product %}
  <meta property="og:type" content="product">
  <meta property="og:title" content="{{ product.name }}">
  <meta property="product:retailer_item_id" content="{{ sku }}">
  <meta property="product:price:amount" content="{{ '%.2f' % product.price }}">
  <meta property="product:price:currency" content="SEK">
  {% endif %}
  <link rel="icon" href="data:,">
  <style>
    body { font: 18px/1.6 system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
    .error { color: #a00 }
  </style>
</head>
<body>
  <nav><a href="/">Vävstugan</a> · <a href="/varukorg">Varukorg ({{ count }})</a></nav>
  {% for kind, text in get_flashed_messages(with_categories=True) %}
  <p class="{{ kind }}" role="alert">{{ text }}</p>
  {% endfor %}
  <h1>{{ title }}</h1>
  {{ body | safe }}
</body>
</html>"""

HOME = """<ul>{% for sku, one in products.items() %}
<li><a href="{{ url_for('product', sku=sku) }}">{{ one.name }}</a> {{ '%.2f' % one.price }} kr</li>{% endfor %}</ul>"""

PRODUCT = """<p class="price">{{ '%.2f' % one.price }} kr</p>
<form action="/varukorg/lagg-till" method="post">
  <input type="hidden" name="sku" value="{{ sku }}">
  <label>Antal <input name="antal" type="number" value="1"></label>
  <button>Lägg i varukorgen</button>
</form>"""

CART = """{% if lines %}<ul>{% for one, quantity in lines %}<li>{{ quantity }} × {{ one.name }}</li>{% endfor %}</ul>
<p>Summa {{ '%.2f' % total }} kr</p><a href="/kassa">Till kassan</a>{% else %}<p>Tom.</p>{% endif %}"""

CHECKOUT = """<form method="post" action="/kassa">
  <label>E-post <input name="email" type="email" required></label>
  <p>Att betala: {{ '%.2f' % total }} kr</p>
  <button>Beställ</button>
</form>"""

THANKS = """<p>Ordernummer: <strong>{{ number }}</strong></p>
<p>Totalt: <span class="order-total">{{ '%.2f' % total }} kr</span></p>"""

ORDERS: dict[str, float] = {}


def page(title: str, body: str, sku: str = "", **values: Any) -> str:
    inner = render_template_string(body, sku=sku, products=PRODUCTS, **values)
    count = sum(session.get("cart", {}).values())
    return render_template_string(PAGE, title=title, body=inner, sku=sku, product=PRODUCTS.get(sku), count=count)


def total() -> float:
    return sum(PRODUCTS[sku]["price"] * quantity for sku, quantity in session.get("cart", {}).items())


@app.get("/")
def home() -> str:
    return page("Vävstugan", HOME)


@app.get("/produkt/<sku>")
def product(sku: str) -> str:
    one = PRODUCTS.get(sku) or abort(404)
    return page(one["name"], PRODUCT, sku, one=one)


@app.get("/varukorg")
def cart() -> str:
    lines = [(PRODUCTS[sku], quantity) for sku, quantity in session.get("cart", {}).items()]
    return page("Varukorg", CART, lines=lines, total=total())


@app.post("/varukorg/lagg-till")
def add() -> Any:
    sku, quantity = request.form["sku"], request.form.get("antal", 1, type=int)
    one = PRODUCTS.get(sku) or abort(404)
    if not 0 < quantity <= one["stock"]:
        flash(f"{one['name']} finns tyvärr inte i lager.", "error")
    else:
        held = session.setdefault("cart", {})
        held[sku] = held.get(sku, 0) + quantity
        session.modified = True
        flash(f"{one['name']} ligger nu i varukorgen.", "success")
    return redirect(url_for("product", sku=sku), 303)


@app.route("/kassa", methods=["GET", "POST"])
def checkout() -> Any:
    if not session.get("cart"):
        return redirect(url_for("cart"))
    if request.method == "GET":
        return page("Kassa", CHECKOUT, total=total())
    number = secrets.token_hex(4).upper()
    ORDERS[number] = total()
    session.pop("cart")
    return redirect(url_for("thanks", number=number), 303)


@app.get("/tack/<number>")
def thanks(number: str) -> str:
    if number not in ORDERS:
        abort(404)
    return page("Tack för din beställning!", THANKS, number=number, total=ORDERS[number])


app.wsgi_app = CapiMiddleware(app.wsgi_app)  # type: ignore[method-assign]  # <- the one line

if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
    print(f"Shop  http://127.0.0.1:{server.effective_port}/", flush=True)
    server.run()
