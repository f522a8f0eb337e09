"""A pixel that is there already: never a second init or PageView, its calls get our IDs and a server leg."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from playwright.sync_api import Page

from capi_middleware.sandbox import Sandbox

from .conftest import PIXEL, Visitor, Wrapped
from .validator import Expected, arrive, check

OTHER = "9876543210"
# What a theme or a plugin puts into a page: defines fbq unless it is there, loads the pixel, inits and tracks.
THEME = """<script>
if (!window.fbq) (function () {
  var calls = window.fbq = function () {
    calls.callMethod ? calls.callMethod.apply(calls, arguments) : calls.queue.push(arguments);
  };
  calls.push = calls; calls.queue = []; calls.loaded = true; calls.version = '2.0';
  window._fbq = window._fbq || calls;
  var file = document.createElement('script');
  file.async = true;
  file.src = 'https://connect.facebook.net/en_US/fbevents.js';
  document.head.appendChild(file);
})();
%s
</script>"""
OWN = f"fbq('init', '{PIXEL}'); fbq('track', 'PageView');"
VIEWED = "fbq('track', 'ViewContent', {content_ids: ['A-1'], content_type: 'product', value: 100, currency: 'SEK'});"
PRODUCT = json.dumps(
    {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": "Stol",
        "sku": "A-1",
        "offers": {"@type": "Offer", "price": "100.00", "priceCurrency": "SEK", "availability": "InStock"},
    }
)
FORM = """<form id=buy method=post action=/cart/add><input name=sku value=A-1><input name=quantity value=1>
<button>Buy</button></form>"""


class Theme:
    """A shop whose pages carry ``head`` and ``body`` of their own. ``headers``: of its pages."""

    def __init__(self, head: str = "", body: str = "", headers: Iterable[tuple[str, str]] = ()) -> None:
        self.head = head
        self.body = body
        self.headers = list(headers)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path == "/cart/add" and "application/json" in environ.get("HTTP_ACCEPT", ""):
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps({"success": True, "cart": {"items": 1}}).encode()]
        if path == "/cart/add":
            start_response("303 See Other", [("Location", "/cart"), ("Content-Type", "text/plain")])
            return [b""]
        if path not in ("/", "/cart", "/product/stol", "/kontakt"):
            start_response("204 No Content", [])
            return [b""]
        extra = ""
        if path.startswith("/product"):
            extra = f'<script type="application/ld+json">{PRODUCT}</script>'
        if path == "/cart":
            extra = "<div class='alert alert-success'>Stol was added to your cart</div>"
        page = f"<!doctype html><html lang=en><head><title>Stol</title>{self.head}{extra}</head>"
        page += f"<body><h1>Stol</h1>{FORM if path.startswith('/product') else ''}{self.body}</body></html>"
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), *self.headers])
        return [page.encode()]


def theme(calls: str) -> str:
    return THEME % calls


def see(page: Page, address: str) -> None:
    """Open a page whose clock can be put forward."""
    if not getattr(page, "clock_runs", False):
        page.clock.install()
        page.clock_runs = True  # type: ignore[attr-defined]
    page.goto(address)
    page.wait_for_load_state("networkidle")


def later(page: Page, milliseconds: int) -> None:
    """Put the page's clock forward: what waits for its time has waited long enough."""
    page.wait_for_timeout(150)
    page.clock.fast_forward(milliseconds)
    page.wait_for_timeout(50)


RULES = [{"event": "AddToCart", "method": "POST", "path": "/cart/add", "data": {"content_ids": "form:sku | json:sku"}}]


@pytest.fixture
def shop(wrap: Callable[..., Wrapped]) -> Callable[..., Wrapped]:
    def build(*arguments: Any, headers: Iterable[tuple[str, str]] = (), **settings: Any) -> Wrapped:
        settings.setdefault("rules", RULES)
        return wrap(Theme(*arguments, headers=headers), **settings)

    return build


def names(sandbox: Sandbox, pixel: str = PIXEL) -> list[str]:
    return sorted(event.event_name for event in sandbox.browser_events if event.pixel_id == pixel)


CACHED = [("Cache-Control", "public, max-age=60")]
LATE = """<script>setTimeout(function () {
  var script = document.createElement('script');
  script.textContent = %s;
  document.body.append(script);
}, 900)</script>"""
SINGLE = f"fbq('init', '{PIXEL}'); fbq('trackSingle', '{PIXEL}', 'PageView');"
NAMED = f"fbq('init', '{PIXEL}'); fbq('track', 'PageView', {{}}, {{eventID: 'x1'}});"
PLACES = {
    "head": (theme(OWN), ""),
    "body": ("", theme(OWN)),
    "twice": (theme(OWN), theme(OWN)),
    "late": ("", LATE.replace("%s", json.dumps(theme(OWN)[8:-9]))),
    "trackSingle": (theme(SINGLE), ""),
    "own-ID": (theme(NAMED), ""),
}


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
@pytest.mark.parametrize(
    ("place", "mode"), [*((place, "adopt") for place in PLACES), ("head", "replace"), ("head", "ignore")]
)
def test_never_a_second_init_or_page_view(
    place: str, mode: str, headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(*PLACES[place], headers=headers, existing=mode)
    loads: list[str] = []
    visitor.page.on("request", lambda request: loads.append(request.url))
    see(visitor.page, f"{running.url}/")
    later(visitor.page, 1200)
    check(sandbox, [Expected("PageView", "/")], visitor)
    assert sum("fbevents.js" in url for url in loads) == 1
    assert sum("/signals/config/" in url for url in loads) == 1


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
def test_a_view_content_of_its_own_gets_our_id(
    headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(theme(OWN + VIEWED), headers=headers)
    see(visitor.page, f"{running.url}/product/stol")
    later(visitor.page, 3500)
    check(sandbox, ["PageView", Expected("ViewContent", "", {"content_ids": ["A-1"], "value": 100})], visitor)


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
def test_what_we_do_not_infer_gets_an_id_and_a_server_leg(
    headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    calls = "fbq('track', 'Contact', {content_name: 'chat'}); fbq('trackCustom', 'Sizes', {size: 'XL'});"
    running = shop(theme(OWN + calls), headers=headers, track=["Sizes"])
    see(visitor.page, f"{running.url}/kontakt")
    later(visitor.page, 3500)
    wanted = ["PageView", Expected("Contact", "", {"content_name": "chat"}), Expected("Sizes", "", {"size": "XL"})]
    check(sandbox, wanted, visitor)


def test_a_name_that_the_shop_has_not_listed_stays_with_the_browser(
    sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(theme(OWN + "fbq('trackCustom', 'Sizes', {size: 'XL'});"))
    see(visitor.page, f"{running.url}/kontakt")
    later(visitor.page, 3500)
    assert running.app.flush(5)
    assert names(sandbox) == ["PageView", "Sizes"]
    assert [event.event_name for event in sandbox.server_events] == ["PageView"]
    assert running.app._shapes.marks("www.shop.test")["call:Sizes"] == 1


CLICK = """<script>document.querySelector('#buy button').addEventListener('click', function (event) {
  %s
});</script>"""
ADDED = "fbq('track', 'AddToCart', {content_ids: ['A-1'], content_type: 'product'});"
FETCH = """fetch('/cart/add', {method: 'POST', body: '{"sku": "A-1"}',
  headers: {Accept: 'application/json', 'Content-Type': 'application/json'}})"""
ADDS = {
    "on the click, then a form post": ADDED,
    "on the click, then fetch": f"event.preventDefault(); {ADDED} {FETCH};",
    "after fetch has answered": f"event.preventDefault(); {FETCH}.then(function () {{ {ADDED} }});",
    "while fetch is on its way": f"event.preventDefault(); {FETCH}; {ADDED}",
}


@pytest.mark.parametrize("when", ADDS)
def test_an_add_to_cart_of_its_own_and_ours_are_one(
    when: str, sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(theme(OWN), CLICK % ADDS[when])
    see(visitor.page, f"{running.url}/product/stol")
    visitor.page.click("#buy button")
    later(visitor.page, 3500)
    later(visitor.page, 3500)
    arrive(sandbox, 3, 3)
    added = [pair for pair in sandbox.pairs() if pair.event_name == "AddToCart"]
    assert [(len(pair.browser), len(pair.server), pair.method) for pair in added] == [(1, 1, "id")]
    assert added[0].server[0].custom_data["content_ids"] == ["A-1"]


def test_replace_drops_its_calls(sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]) -> None:
    running = shop(theme(OWN + VIEWED + "fbq('track', 'Contact');"), existing="replace")
    see(visitor.page, f"{running.url}/product/stol")
    later(visitor.page, 3500)
    check(sandbox, ["PageView", "ViewContent"], visitor)


def test_ignore_leaves_its_calls_as_they_are(sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]) -> None:
    running = shop(theme(OWN + "fbq('track', 'Contact', {content_name: 'chat'});"), existing="ignore")
    see(visitor.page, f"{running.url}/kontakt")
    arrive(sandbox, 2, 1)
    assert names(sandbox) == ["Contact", "PageView"]
    assert [event.event_id for event in sandbox.browser_events if event.event_name == "Contact"] == [None]
    assert [event.event_name for event in sandbox.server_events] == ["PageView"]


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
@pytest.mark.parametrize("mode", ["adopt", "replace", "ignore"])
def test_another_pixel_of_the_shop_is_left_alone(
    mode: str, headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    """It gets its own events, once each, and none of ours; ours get none of its."""
    calls = f"fbq('init', '{OTHER}'); fbq('track', 'PageView'); fbq('trackSingle', '{OTHER}', 'Contact');"
    running = shop(theme(calls), headers=headers, existing=mode)
    see(visitor.page, f"{running.url}/product/stol")
    later(visitor.page, 3500)
    assert names(sandbox, OTHER) == ["Contact", "PageView"]
    assert names(sandbox) == ["PageView", "ViewContent"]
    ours = [pair for pair in sandbox.pairs() if pair.server]
    assert [(len(pair.browser), len(pair.server), pair.method) for pair in ours] == [(1, 1, "id"), (1, 1, "id")]
    assert visitor.errors == []


@pytest.mark.parametrize("mode", ["adopt", "replace", "ignore"])
def test_without_consent_nothing_of_it_reaches_meta(
    mode: str, sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(theme(OWN + VIEWED), existing=mode, mode="required")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    see(visitor.page, f"{running.url}/product/stol")
    later(visitor.page, 12_000)
    assert not [url for url in asked if "facebook" in url]
    visitor.page.evaluate("capi.consent('granted')")
    later(visitor.page, 3500)
    arrive(sandbox, 2, 2)
    assert names(sandbox) == ["PageView", "ViewContent", *(["ViewContent"] if mode == "ignore" else [])]


@pytest.mark.parametrize("blocked", ["adopt", "both"])
@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
def test_with_our_scripts_blocked_its_calls_go_out(
    headers: list[Any], blocked: str, sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    running = shop(theme(OWN + "fbq('track', 'Contact');"), headers=headers)
    see(visitor.page, f"{running.url}/")
    own = visitor.page.evaluate("window.fbq.capi.adopt")
    visitor.page.goto("about:blank")
    visitor.page.wait_for_timeout(1000)
    sandbox.clear()
    visitor.context.route(
        "**/_shop/*.js",
        lambda route: route.abort() if blocked == "both" or route.request.url.endswith(own) else route.continue_(),
    )
    visitor.context.clear_cookies()
    see(visitor.page, f"{running.url}/kontakt")
    later(visitor.page, 10_500)
    later(visitor.page, 10_500)
    arrive(sandbox, 2, 0)
    assert names(sandbox) == ["Contact", "PageView"]


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
def test_a_base_element_does_not_lead_our_addresses_away(
    headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    calls = "fbq('track', 'Contact', {content_name: 'chat'});"
    running = shop("<base href='https://elsewhere.test/a/'>" + theme(OWN + calls), headers=headers)
    see(visitor.page, f"{running.url}/kontakt")
    later(visitor.page, 3500)
    check(sandbox, ["PageView", Expected("Contact", "", {"content_name": "chat"})], visitor)


@pytest.mark.parametrize("headers", [[], CACHED], ids=["inline", "collect"])
def test_where_the_policy_lets_in_its_code_and_not_ours(
    headers: list[Any], sandbox: Sandbox, visitor: Visitor, shop: Callable[..., Wrapped]
) -> None:
    """The theme's inline code is trusted by its hash; ours is a file, and comes after it. It sees the pixel that is
    there, and neither sets it up nor views the page again."""
    digest = base64.b64encode(hashlib.sha256(theme(OWN)[8:-9].encode()).digest()).decode()
    policy = f"script-src 'self' 'sha256-{digest}' https://connect.facebook.net"
    running = shop(theme(OWN), headers=[*headers, ("Content-Security-Policy", policy)])
    loads: list[str] = []
    visitor.page.on("request", lambda request: loads.append(request.url))
    see(visitor.page, f"{running.url}/")
    later(visitor.page, 3500)
    arrive(sandbox, 1, 1)
    assert names(sandbox) == ["PageView"]
    assert sum("fbevents.js" in url for url in loads) == 1
    assert sum("/signals/config/" in url for url in loads) == 1
    assert [event.event_name for event in sandbox.server_events] == ["PageView"]
    assert visitor.errors == []
