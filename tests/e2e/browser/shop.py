"""The shop of the scenarios. It knows nothing of pixels: pages, a cart, answers of many kinds."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

PRODUCTS = {"1": ("Lampa", "249.00"), "2": ("Stol", "1299.00"), "3": ("Bord", "3995.50")}
CACHED = {"Cache-Control": "public, max-age=300"}
LIBRARIES = {
    "jquery": ("django", "contrib/admin/static/admin/js/vendor/jquery/jquery.min.js"),
    "htmx": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
}
"""Real scripts that shops use, as installed packages bring them along."""

ROUTES = Map(
    [
        Rule("/", endpoint="home"),
        Rule("/p/<product>", endpoint="product"),
        Rule("/cached/p/<product>", endpoint="cached_product"),
        Rule("/cached/about", endpoint="cached_about"),
        Rule("/app/", endpoint="app", defaults={"path": ""}),
        Rule("/app/<path:path>", endpoint="app"),
        Rule("/htmx/<product>", endpoint="htmx"),
        Rule("/sw.js", endpoint="worker"),
        Rule("/lib/<name>.js", endpoint="library"),
        Rule("/api/<product>", endpoint="api"),
        Rule("/cart/add", endpoint="cart_add", methods=["POST"]),
        Rule("/cart/add.js", endpoint="cart_add_items", methods=["POST"]),
        Rule("/index.php", endpoint="cart_add_message", methods=["POST"]),
        Rule("/graphql", endpoint="graphql", methods=["POST"]),
        Rule("/wp-json/wc/store/v1/cart/add-item", endpoint="store_api", methods=["POST"]),
        Rule("/cart/fragment", endpoint="cart_fragment", methods=["POST"]),
        Rule("/cart/full", endpoint="cart_full", methods=["POST"]),
        Rule("/cart/invalid", endpoint="cart_invalid", methods=["POST"]),
        Rule("/cart/redirect", endpoint="cart_redirect", methods=["POST"]),
        Rule("/cart", endpoint="cart"),
        Rule("/cart/form", endpoint="cart_form", methods=["POST"]),
    ],
    redirect_defaults=False,
)


class Shop:
    """``head``, ``tail``: HTML put into every page's head and before its end; ``home``: into the home page's;
    ``headers``: put on every page. ``requests``: what has reached the shop."""

    def __init__(self) -> None:
        self.head = ""
        self.home = ""
        self.tail = ""
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        self.requests.append(f"{request.method} {request.full_path.rstrip('?')}")
        request.get_data()  # as every shop does, before it answers
        try:
            endpoint, values = ROUTES.bind_to_environ(environ).match()
            response: Response = getattr(self, f"_{endpoint}")(request, **values)
        except HTTPException as problem:
            return problem.get_response(environ)(environ, start_response)
        return response(environ, start_response)

    def page(self, title: str, body: str, head: str = "", headers: dict[str, str] | None = None) -> Response:
        html = (
            f'<!doctype html><html lang="sv"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
            f"<title>{title}</title>{head}{self.head}</head><body>{body}{self.tail}</body></html>"
        )
        return Response(html, mimetype="text/html", headers={**self.headers, **(headers or {})})

    def _home(self, request: Request) -> Response:
        links = '<a id="first" href="/p/1">Lampa</a> <a id="about" href="/cached/about">Om oss</a>'
        return self.page("Butiken", links, self.home)

    def _product(self, request: Request, product: str) -> Response:
        return self._of_product(product, {})

    def _cached_product(self, request: Request, product: str) -> Response:
        return self._of_product(product, CACHED)

    def _of_product(self, product: str, headers: dict[str, str]) -> Response:
        if product not in PRODUCTS:
            raise NotFound
        name, _ = PRODUCTS[product]
        form = (
            f'<form method="post" action="/cart/form"><input type="hidden" name="id" value="{product}">'
            f'<button id="buy">Köp</button></form>'
        )
        return self.page(name, f"<h1>{name}</h1>{form}", json_ld(product), headers)

    def _cached_about(self, request: Request) -> Response:
        return self.page("Om oss", '<p>Sedan 1921</p><a id="home" href="/">Hem</a>', headers=CACHED)

    def _app(self, request: Request, path: str) -> Response:
        return self.page("App", '<main id="main"></main>' + APP)

    def _htmx(self, request: Request, product: str) -> Response:
        if "HX-Request" in request.headers:
            return Response(f"<h1>{PRODUCTS[product][0]}</h1>", mimetype="text/html")
        links = '<a id="next" hx-get="/htmx/2" hx-target="#main" hx-push-url="true">Stol</a>'
        head = json_ld(product) + '<script src="/lib/htmx.js"></script>'
        name = PRODUCTS[product][0]
        return self.page(name, f'<main id="main"><h1>{name}</h1></main>{links}', head)

    def _worker(self, request: Request) -> Response:
        return Response(WORKER, mimetype="text/javascript")

    def _library(self, request: Request, name: str) -> Response:
        package, path = LIBRARIES[name]
        found = importlib.util.find_spec(package)
        assert found and found.origin
        return Response((Path(found.origin).parent / path).read_bytes(), mimetype="text/javascript")

    def _api(self, request: Request, product: str) -> Response:
        return Response(json.dumps(markup(product)), mimetype="application/json")

    def _cart_add(self, request: Request) -> Response:
        return _json({"success": True, "cart_count": 1, "message": "Lampa har lagts i varukorgen"})

    def _cart_add_items(self, request: Request) -> Response:
        given = request.get_json()
        items = [
            {"id": int(item["id"]), "quantity": int(item.get("quantity", 1)), "title": PRODUCTS[str(item["id"])][0]}
            for item in given.get("items", [given])
        ]
        return _json({"items": items} if "items" in given else items[0])

    def _cart_add_message(self, request: Request) -> Response:
        return _json({"success": "Success: You have added Lampa to your shopping cart!", "total": "1 item(s)"})

    def _graphql(self, request: Request) -> Response:
        items = [{"product": {"sku": "1"}, "quantity": 1}]
        return _json({"data": {"addProductsToCart": {"cart": {"items": items}, "user_errors": []}}})

    def _store_api(self, request: Request) -> Response:
        return _json({"items": [{"id": request.get_json()["id"], "quantity": 1}], "items_count": 1}, 201)

    def _cart_fragment(self, request: Request) -> Response:
        return Response(
            '<div class="alert alert-success">Lampa har lagts i varukorgen</div><span class="cart-count">1</span>',
            mimetype="text/html",
        )

    def _cart_full(self, request: Request) -> Response:
        return _json({"success": False, "error": "Lampa är slut i lager"})

    def _cart_invalid(self, request: Request) -> Response:
        return _json({"status": 422, "message": "Cart Error", "description": "Slut i lager"}, 422)

    def _cart_redirect(self, request: Request) -> Response:
        return Response(status=303, headers={"Location": "/cart"})

    def _cart(self, request: Request) -> Response:
        return self.page("Varukorg", "<p>1 vara</p>")

    def _cart_form(self, request: Request) -> Response:
        return Response(status=303, headers={"Location": request.args.get("next", "/cart")})


def _json(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


def markup(product: str) -> dict[str, Any]:
    """The product as schema.org has it."""
    name, price = PRODUCTS[product]
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": name,
        "sku": product,
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "SEK"},
    }


def json_ld(product: str) -> str:
    return f'<script type="application/ld+json">{json.dumps(markup(product))}</script>'


APP = """<script>
function draw(product) {
  document.querySelectorAll('script[type="application/ld+json"]').forEach(function (old) { old.remove(); });
  if (!product) { document.title = 'App'; return; }
  fetch('/api/' + product).then(function (answer) { return answer.json(); }).then(function (data) {
    document.title = data.name;
    var script = document.createElement('script');
    script.type = 'application/ld+json';
    script.textContent = JSON.stringify(data);
    document.head.appendChild(script);
  });
}
function route() { draw((/\\/p\\/(\\d)/.exec(location.pathname + location.hash) || [])[1]); }
function go(path) { history.pushState({}, '', path); route(); }
window.addEventListener('popstate', route);
window.addEventListener('hashchange', route);
route();
</script>"""
"""A single-page app: the server sends the same for every address, the browser draws the product."""

WORKER = """
self.addEventListener('install', function () { self.skipWaiting(); });
self.addEventListener('activate', function (event) { event.waitUntil(self.clients.claim()); });
self.addEventListener('fetch', function (event) {
  if (event.request.mode !== 'navigate') return;
  event.respondWith(caches.open('pages').then(function (cache) {
    return cache.match(event.request).then(function (hit) {
      return hit || fetch(event.request).then(function (answer) {
        cache.put(event.request, answer.clone());
        return answer;
      });
    });
  }));
});
"""
"""An offline-first service worker: it keeps every page, and shows what it has kept."""
