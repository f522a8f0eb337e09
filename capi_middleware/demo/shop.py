"""The demo shop: a plain WSGI app, as any shop is, that knows nothing of pixels."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.exceptions import BadRequest, HTTPException, NotFound
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from .cart import Cart, Refused
from .catalogue import BY_SKU, BY_SLUG, CATEGORIES, CATEGORY_BY_SLUG, PRODUCTS, Product, money, search
from .order import FIELDS, OrderBook, buyer_from
from .structured import product_data
from .texts import TEXTS

HERE = Path(__file__).parent
_CART, _NOTICE, _LANGUAGE = "varukorg", "besked", "sprak"

ROUTES = Map(
    [
        Rule("/", endpoint="home", methods=["GET"]),
        Rule("/kategori/<slug>", endpoint="category", methods=["GET"]),
        Rule("/produkt/<slug>", endpoint="product", methods=["GET"]),
        Rule("/sok", endpoint="search", methods=["GET"]),
        Rule("/varukorg", endpoint="cart", methods=["GET"]),
        Rule("/varukorg/lagg-till", endpoint="add", methods=["POST"]),
        Rule("/varukorg/ta-bort", endpoint="remove", methods=["POST"]),
        Rule("/api/varukorg", endpoint="add_json", methods=["POST"]),
        Rule("/kassa", endpoint="checkout", methods=["GET"]),
        Rule("/kassa", endpoint="place", methods=["POST"]),
        Rule("/tack/<number>", endpoint="thanks", methods=["GET"]),
        Rule("/sprak/<language>", endpoint="language", methods=["GET"]),
    ]
)


class Answer(Response):
    """Redirects with the whole address, as the strictest reader of PEP 3333 wants."""

    autocorrect_location_header = True


class Shop:
    """Wrap it as any WSGI app. The cart lives in the visitor's cookie, orders in memory."""

    def __init__(self) -> None:
        self.orders = OrderBook()
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["picture"] = _picture
        self._app = SharedDataMiddleware(self._pages, {"/static": str(HERE / "static")})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _pages(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = 1024 * 1024
        try:
            endpoint, values = ROUTES.bind_to_environ(environ).match()
            handler: Callable[..., Response] = getattr(self, f"_{endpoint}")
            response: Any = handler(request, **values)
        except NotFound:
            response = self._page(request, "not_found.html", status=404)
        except HTTPException as problem:
            response = problem
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        language = _language(request)
        notice = _read_notice(request, language)
        html = self._templates.get_template(template).render(
            t=TEXTS[language],
            language=language,
            money=lambda amount: money(amount, language),
            categories=CATEGORIES,
            cart=_cart(request),
            notice=notice,
            words=values.pop("words", ""),
            **values,
        )
        response = Answer(html, status, mimetype="text/html")
        if notice:
            response.delete_cookie(_NOTICE)
        return response

    def _home(self, request: Request) -> Response:
        return self._page(request, "home.html", products=PRODUCTS)

    def _category(self, request: Request, slug: str) -> Response:
        if slug not in CATEGORY_BY_SLUG:
            raise NotFound
        products = [product for product in PRODUCTS if product.category == slug]
        return self._page(request, "category.html", category=CATEGORY_BY_SLUG[slug], products=products)

    def _product(self, request: Request, slug: str) -> Response:
        product = BY_SLUG.get(slug)
        if product is None:
            raise NotFound
        language = _language(request)
        data = product_data(product, language, request.base_url, request.host_url)
        related = [other for other in PRODUCTS if other.category == product.category and other is not product]
        return self._page(request, "product.html", product=product, structured=Markup(data), products=related)

    def _search(self, request: Request) -> Response:
        words = request.args.get("q", "").strip()[:100]
        return self._page(request, "search.html", words=words, products=search(words, _language(request)))

    def _cart(self, request: Request) -> Response:
        return self._page(request, "cart.html")

    def _add(self, request: Request) -> Response:
        """A refused add answers the same redirect as a good one, as so many shops do; the page says what happened."""
        product = _asked_product(request.form.get("product_id"))
        response = redirect(f"/produkt/{product.slug}", 303, Answer)
        try:
            cart = _cart(request).add(product, _number(request.form.get("antal", "1")))
        except Refused as refusal:
            _leave_notice(response, str(refusal), product)
        else:
            response.set_cookie(_CART, cart.to_cookie(), path="/", samesite="Lax", httponly=True)
            _leave_notice(response, "added", product)
        return response

    def _add_json(self, request: Request) -> Response:
        """The button that does not leave the page. A refusal answers 200 too, as in many a shop: the body says it."""
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict):
            raise BadRequest
        product = _asked_product(asked.get("product_id"))
        language = _language(request)
        name = product.names[language]
        try:
            cart = _cart(request).add(product, _number(asked.get("antal", 1)))
        except Refused as refusal:
            return _json({"success": False, "message": f"{name} {TEXTS[language][str(refusal)]}"})
        response = _json(
            {
                "success": True,
                "message": f"{name} {TEXTS[language]['added']}",
                "cart": {"count": cart.count, "total": str(cart.total), "currency": "SEK"},
            }
        )
        response.set_cookie(_CART, cart.to_cookie(), path="/", samesite="Lax", httponly=True)
        return response

    def _remove(self, request: Request) -> Response:
        cart = _cart(request).without(request.form.get("product_id", ""))
        response = redirect("/varukorg", 303, Answer)
        response.set_cookie(_CART, cart.to_cookie(), path="/", samesite="Lax", httponly=True)
        return response

    def _checkout(self, request: Request) -> Response:
        if not _cart(request).lines:
            return redirect("/varukorg", 302, Answer)
        return self._page(request, "checkout.html", fields=FIELDS, filled={}, wrong=False)

    def _place(self, request: Request) -> Response:
        cart = _cart(request)
        if not cart.lines:
            return redirect("/varukorg", 303, Answer)
        buyer = buyer_from(request.form)
        if buyer is None:
            return self._page(request, "checkout.html", 422, fields=FIELDS, filled=request.form, wrong=True)
        order = self.orders.place(cart, buyer)
        response = redirect(f"/tack/{order.number}?key={order.key}", 303, Answer)
        response.delete_cookie(_CART)
        return response

    def _thanks(self, request: Request, number: str) -> Response:
        order = self.orders.find(number, request.args.get("key", ""))
        if order is None:
            raise NotFound
        buyer = order.buyer
        request.environ["capi.user"] = {
            "em": buyer["email"],
            "ph": buyer["phone"],
            "fn": buyer["first_name"],
            "ln": buyer["last_name"],
            "ct": buyer["city"],
            "zp": buyer["postcode"],
            "country": "SE",
        }
        return self._page(request, "thanks.html", order=order)

    def _language(self, request: Request, language: str) -> Response:
        if language not in TEXTS:
            raise NotFound
        response = redirect("/", 302, Answer)
        response.set_cookie(_LANGUAGE, language, path="/", samesite="Lax")
        return response


def _language(request: Request) -> str:
    chosen = request.cookies.get(_LANGUAGE, "")
    if chosen in TEXTS:
        return chosen
    return request.accept_languages.best_match(["sv", "en"], "sv") or "sv"


def _cart(request: Request) -> Cart:
    return Cart.from_cookie(request.cookies.get(_CART, ""))


def _asked_product(sku: Any) -> Product:
    if not isinstance(sku, str) or sku not in BY_SKU:
        raise NotFound
    return BY_SKU[sku]


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isdecimal() and len(text) < 4 else 0


def _leave_notice(response: Response, text: str, product: Product) -> None:
    """A sentence for the next page."""
    response.set_cookie(_NOTICE, f"{text}.{product.sku}", path="/", max_age=60, samesite="Lax", httponly=True)


def _read_notice(request: Request, language: str) -> dict[str, str] | None:
    text, _, sku = request.cookies.get(_NOTICE, "").partition(".")
    if text not in ("added", "refused_sold_out", "refused_quantity") or sku not in BY_SKU:
        return None
    kind = "success" if text == "added" else "error"
    return {"kind": kind, "text": f"{BY_SKU[sku].names[language]} {TEXTS[language][text]}"}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json")


def _picture(product: Product) -> str:
    return f"/static/products/{product.slug}.svg"
