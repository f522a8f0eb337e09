"""What outsiders write, each source by itself and by the way that it takes in life: for the WSGI-level test and for the
one in a real browser."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.test import Client
from werkzeug.wrappers import Request, Response

from capi_middleware import CapiMiddleware
from capi_middleware.events import new_event_id

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
MARK = "PLANTED"
PAYLOADS = (
    f"{MARK}\"><svg onload=alert(1)><img src=x onerror=alert(1)>'><script>alert(1)</script>",
    f"{MARK}</script></textarea></title></pre><script>alert(1)</script><a href=javascript:alert(1)>x</a>",
    f'{MARK}" autofocus onfocus=alert(1) style=x:y {{{{7*7}}}} {{% raw %}} ${{alert(1)}} %s {{0.__class__}}',
)
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "=cmd|'/c calc'!A1")
ELEMENTS = (
    "main svg[onload], [onerror], [onfocus], main img[src=x], main script:not([nonce]), main iframe, "
    "a[href^='javascript:']"
)
"""What the payloads would make if they were taken for markup."""
PLACES = (
    "", "connect", "try", "events", "events?state=dead", "test", "rules", "rules/new", "suggestions", "consent",
    "settings",
)  # fmt: skip


class Meta:
    """Answers for Meta: takes everything, or refuses each event with what ``error`` says."""

    def __init__(self) -> None:
        self.error: dict[str, Any] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        count = Request(environ).get_data().count(b"event_id")
        body = {"error": self.error} if self.error else {"events_received": count, "messages": [], "fbtrace_id": "A"}
        return Response(json.dumps(body), 400 if self.error else 200, content_type="application/json")(
            environ, start_response
        )


class Shop:
    """Shows ``said`` as its product's name, title and heading, as a shop does that escapes rightly."""

    def __init__(self) -> None:
        self.said = "Lampa"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        if request.method == "POST":
            request.get_data()
            if request.path.startswith("/kundvagn"):
                return Response("", 302, {"Location": "/kundvagn"})(environ, start_response)
            return Response('{"success": true}', content_type="application/json")(environ, start_response)
        product = {
            "@context": "https://schema.org", "@type": "Product", "name": self.said, "sku": self.said[:60],
            "offers": {"@type": "Offer", "price": "249.00", "priceCurrency": "SEK"},
        }  # fmt: skip
        data = json.dumps(product).replace("<", "\\u003c")
        page = (
            f"<!doctype html><html><head><title>{html.escape(self.said)}</title>"
            f'<script type="application/ld+json">{data}</script></head>'
            f"<body><h1>{html.escape(self.said)}</h1></body></html>"
        )
        return Response(page, content_type="text/html; charset=utf-8")(environ, start_response)


class Outsider:
    """Makes requests to the shop at ``base``; header values are sent as bytes, as an attacker sends them."""

    def __init__(self, app: CapiMiddleware, shop: Shop, meta: Meta, base: str) -> None:
        self.app, self.shop, self.meta, self.base = app, shop, meta, base

    def send(self, method: str, path: str, number: int = 1, **more: Any) -> Any:
        headers = {
            "User-Agent": CHROME,
            "Sec-Fetch-Mode": "navigate",
            "Accept-Language": "sv",
            **more.pop("headers", {}),
        }
        client = Client(self.app, use_cookies=False)
        where = {"REMOTE_ADDR": f"81.2.{number}.7"}
        return client.open(path, method=method, base_url=self.base, headers=headers, environ_base=where, **more)

    def say(self, **message: Any) -> Any:
        """To the endpoint of the page's script."""
        body = {"v": 1, "u": f"{self.base}/", "i": new_event_id(), **message}
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
        return self.send("POST", "/_shop/collect", json=body, headers=headers)


def header(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def user_agent(outsider: Outsider, text: str) -> None:
    outsider.send("GET", "/", headers={"User-Agent": f"{CHROME} {header(text)}"})


def path(outsider: Outsider, text: str) -> None:
    outsider.send("GET", f"/sida/{text.replace('?', '')}")


def query(outsider: Outsider, text: str) -> None:
    outsider.send("GET", "/sok", query_string={"q": text, text: text, "utm_source": text, "fbclid": text})


def referrer(outsider: Outsider, text: str) -> None:
    outsider.send("GET", "/", headers={"Referer": f"https://search.example/{header(text)}"})


def cookies(outsider: Outsider, text: str) -> None:
    value = header(text).replace(";", "")
    name = f"consent{value.partition('=')[0].replace(' ', '')[:30]}"
    for number in range(6):
        outsider.send("GET", "/", number, headers={"Cookie": f"{name}=1; _fbp={value}; shop_said={value}"})
        outsider.send("GET", "/", number, headers={"Cookie": f"CookieConsent={value}; shop_call={value}"})


def form(outsider: Outsider, text: str) -> None:
    outsider.send("POST", "/kundvagn/ny", data={"id": text, text: text, "antal": text, "email": text})


def json_body(outsider: Outsider, text: str) -> None:
    fetch = {"Sec-Fetch-Mode": "cors", "X-Requested-With": "XMLHttpRequest"}
    outsider.send("POST", "/api/kundvagn/add", json={"product_id": text, "name": text, text: text}, headers=fetch)


def product(outsider: Outsider, text: str) -> None:
    outsider.shop.said = text
    outsider.send("GET", "/produkt/lampa")


def shapes(outsider: Outsider, text: str) -> None:
    for number in range(30):
        outsider.send("POST", f"/kundvagn/{text.replace('?', '')}", number, data={"id": "1"})
        outsider.send("POST", "/kundvagn/ny", number, query_string={"route": text}, data={"id": "1"})


def collect(outsider: Outsider, text: str) -> None:
    data = {"content_name": text, "status": text, "content_ids": [text], text: text}
    outsider.say(k="track", n="Lead", d=data, r=f"https://x.example/{text}")
    outsider.say(k="adopt", n="Lead", d=data)
    outsider.say(k="adopt", n=text[:50], d=data)
    outsider.say(k="adopt", n=f"{MARK} made up", d=data)
    outsider.say(k="view", u=f"{outsider.base}/sida/{text}?q={text}", r=f"https://x.example/{text}", p=text)
    outsider.say(k="report", s="handed", e=[[text[:50], text[:60]], ["PageView", text]])


def meta_s_words(outsider: Outsider, text: str) -> None:
    outsider.meta.error = {
        "message": text, "type": text, "code": 100, "error_subcode": 1, "fbtrace_id": text, "error_user_title": text,
        "error_user_msg": text,
    }  # fmt: skip
    outsider.send("GET", "/", 3)
    outsider.app.flush(10)
    outsider.meta.error = {}


def rule_names(outsider: Outsider, text: str) -> None:
    """A rule that somebody has written into the saved file."""
    rule = {"event": "Lead", "name": text, "method": "POST", "path": "/kontakt"}
    outsider.app._source.save({"rule": [rule]})
    for number in range(3):
        outsider.send("POST", "/kontakt", number, data={"x": "1"})


SOURCES: dict[str, tuple[Callable[[Outsider, str], None], bool]] = {
    "user agent": (user_agent, False),
    "path": (path, True),
    "query": (query, True),
    "referrer": (referrer, True),
    "cookies": (cookies, True),
    "form": (form, False),
    "JSON": (json_body, False),
    "product": (product, True),
    "shapes": (shapes, True),
    "collect": (collect, True),
    "Meta's words": (meta_s_words, True),
    "rule names": (rule_names, True),
}
"""By name: how it is planted, and whether some page of the admin shows it."""
