"""Rough weather: blockers, policies, optimisers, broken scripts, other pixels. The page comes first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from capi_middleware.delivery import Ledger
from capi_middleware.delivery.entry import Evidence
from capi_middleware.sandbox import Sandbox
from capi_middleware.sandbox.fault import Fault
from tests.e2e.conftest import PIXEL, Visitor
from tests.e2e.validator import Expected, check, check_server_only

from .conftest import OpenShop, Running, both_legs

BOTH = ["PageView", "ViewContent"]
PAGES = [pytest.param("/p/1", id="inline"), pytest.param("/cached/p/1", id="collect")]


def evidence(shop: Running, sandbox: Sandbox, wanted: Evidence) -> None:
    """The ledger says so of every event."""
    ledger = Ledger(shop.middleware._source)
    sandbox.wait(lambda _: all(entry.evidence & wanted == wanted for entry in ledger.recent()), 5)
    entries = ledger.recent()
    assert entries
    assert [entry.evidence & wanted for entry in entries] == [wanted] * len(entries)
    ledger.close()


# ---- blockers


@pytest.mark.parametrize("path", PAGES)
def test_metas_script_is_blocked(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, path: str) -> None:
    shop = open_shop()
    visitor.context.route("**/fbevents.js", lambda route: route.abort("blockedbyclient"))
    visitor.page.goto(shop.url + path)
    check_server_only(sandbox, BOTH)
    visitor.page.wait_for_timeout(1600)
    evidence(shop, sandbox, Evidence.SCRIPT | Evidence.BLOCKED)


@pytest.mark.parametrize("path", PAGES)
def test_metas_script_is_slow(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, path: str) -> None:
    shop = open_shop()
    sandbox.fail("script", Fault(delay=2.5))
    visitor.page.goto(shop.url + path)
    check(sandbox, BOTH, visitor)
    visitor.page.wait_for_timeout(1600)
    evidence(shop, sandbox, Evidence.SCRIPT | Evidence.LOADED | Evidence.HANDED)


def test_our_script_is_blocked_too(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """Pages of one visitor need it only for what comes later."""
    visitor.context.route("**/_shop/**", lambda route: route.abort("blockedbyclient"))
    visitor.page.goto(open_shop().url + "/p/1")
    check(sandbox, BOTH)


def test_the_ledger_has_both_legs(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop()
    visitor.page.goto(shop.url + "/p/1")
    pairs = check(sandbox, BOTH, visitor)
    visitor.page.wait_for_timeout(1600)
    evidence(shop, sandbox, Evidence.SCRIPT | Evidence.LOADED | Evidence.HANDED)
    ledger = Ledger(shop.middleware._source)
    assert all(ledger.find(PIXEL, pair.event_name, pair.event_id or "") for pair in pairs)
    assert all(entry.paired for entry in ledger.recent())
    ledger.close()


# ---- policies

META = "https://connect.facebook.net"
REST = "default-src 'self'; img-src 'self' data: https://www.facebook.com"
POLICIES = {
    "inline code is allowed": f"{REST}; script-src 'self' 'unsafe-inline' {META}",
    "a nonce and the host": f"{REST}; script-src 'nonce-r4nd0m' {META}",
    "a nonce and strict-dynamic": f"{REST}; script-src 'nonce-r4nd0m' 'strict-dynamic'",
    "hosts only": f"{REST}; script-src 'self' {META}",
}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("policy", POLICIES)
def test_under_a_policy(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, policy: str, path: str) -> None:
    shop = open_shop()
    shop.shop.headers = {"Content-Security-Policy": POLICIES[policy]}
    visitor.page.goto(shop.url + path)
    check(sandbox, BOTH, visitor)


def test_a_policy_without_meta(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """Nothing is tried that the policy forbids: the console stays clean."""
    shop = open_shop()
    shop.shop.headers = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data:"}
    visitor.page.goto(shop.url + "/p/1")
    check_server_only(sandbox, BOTH)
    assert visitor.errors == []


def test_late_consent_under_a_policy_without_inline_code(
    open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor
) -> None:
    shop = open_shop(mode="required")
    shop.shop.headers = {"Content-Security-Policy": POLICIES["hosts only"]}
    visitor.page.goto(shop.url + "/p/1")
    visitor.page.evaluate("capi.consent('granted')")
    check(sandbox, BOTH, visitor)


# ---- what optimisers and tag managers make of a page

SCRIPT = re.compile(rb'<script async src="(/_shop/[0-9a-f]+\.js)"></script>')


class Optimiser:
    """Stands in front of the wrapped shop and rewrites our tag, as such tools do."""

    def __init__(self, app: WSGIApplication, change: Callable[[bytes], bytes]) -> None:
        self.app = app
        self.change = change

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
            started[:] = [(status, headers)]
            return lambda data: None

        chunks = self.app(environ, start)
        body = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        status, headers = started[0]
        if any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers):
            assert SCRIPT.search(body) or status[:3] != "200"
            body = self.change(body)
        start_response(status, [pair for pair in headers if pair[0].lower() != "content-length"])
        return [body]


def _delayed(body: bytes) -> bytes:
    loader = (
        b"<script>addEventListener('mousemove', () => document.querySelectorAll('[data-late]').forEach((old) => {"
        b"const script = document.createElement('script'); script.src = old.dataset.late; document.body.append(script);"
        b"}), {once: true})</script></body>"
    )
    return SCRIPT.sub(rb'<script type="late" data-late="\1"></script>', body).replace(b"</body>", loader)


def _moved(body: bytes) -> bytes:
    found = SCRIPT.search(body)
    return SCRIPT.sub(b"", body).replace(b"</body>", (found[0] if found else b"") + b"</body>")


CHANGES = {
    "defer": lambda body: body.replace(b"<script async src", b"<script defer src"),
    "neither defer nor async": lambda body: body.replace(b"<script async src", b"<script src"),
    "moved to the end": _moved,
    "delayed until somebody moves": _delayed,
    "loaded twice": lambda body: SCRIPT.sub(lambda found: found[0] * 2, body),
    "loaded as a module": lambda body: body.replace(b"<script async src", b'<script type="module" src'),
}


TWICE = ("moved to the end", "delayed until somebody moves", "loaded twice")


@pytest.mark.parametrize(
    ("change", "path"), [*((change, "/cached/p/1") for change in CHANGES), *((change, "/p/1") for change in TWICE)]
)
def test_our_tag_is(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, change: str, path: str) -> None:
    shop = open_shop()
    shop.listener._server.app = Optimiser(shop.middleware, CHANGES[change])  # type: ignore[union-attr]
    visitor.page.goto(shop.url + path)
    visitor.page.mouse.move(10, 10)
    visitor.page.mouse.move(20, 20)
    check(sandbox, BOTH, visitor)


# ---- the shop's own scripts

BROKEN = {
    "that throw": "throw new Error('the shop');",
    "that do not parse": "this is no script",
    "with an error handler": "window.onerror = () => true; window.onunhandledrejection = null; undefined_name();",
    "that add to Array.prototype": "Array.prototype.last = function () { return this[this.length - 1]; };",
    "that forbid storage": "Object.defineProperty(window, 'sessionStorage', {get() { throw new Error('no'); }});",
    "that throw on every event": "addEventListener('load', () => { throw new Error('the shop'); });",
}


@pytest.mark.parametrize(
    ("scripts", "path"), [(name, ("/p/1", "/cached/p/1")[number % 2]) for number, name in enumerate(BROKEN)]
)
def test_beside_scripts(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, scripts: str, path: str) -> None:
    shop = open_shop()
    shop.shop.head = f"<script>{BROKEN[scripts]}</script>"
    shop.shop.tail = f"<script>{BROKEN[scripts]}</script>"
    visitor.page.goto(shop.url + path)
    check(sandbox, BOTH)
    ours = [error for error in visitor.errors if "/_shop/" in error or "capi" in error]
    assert ours == []


@pytest.mark.parametrize("path", PAGES)
def test_beside_prototype(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, path: str) -> None:
    """Prototype 1.6 (Magento 1) makes texts of arrays in JSON. Meta's own script then sends such texts; IDs and names,
    and what our script reports, are right all the same."""
    shop = open_shop()
    shop.shop.head = """<script>Array.prototype.toJSON = function () {
        return '[' + this.map((one) => JSON.stringify(one)).join(', ') + ']';
    };</script>"""
    visitor.page.goto(shop.url + path)
    both_legs(sandbox, 2)
    visitor.page.wait_for_timeout(1600)
    assert sorted((pair.event_name, len(pair.browser), len(pair.server)) for pair in sandbox.pairs()) == [
        ("PageView", 1, 1),
        ("ViewContent", 1, 1),
    ]
    evidence(shop, sandbox, Evidence.HANDED)


# ---- another pixel

OTHER = "9876543210"
BASE = f"""<script>!function(f,b,e,v,n,t,s){{if(f.fbq)return;n=f.fbq=function(){{n.callMethod?
n.callMethod.apply(n,arguments):n.queue.push(arguments)}};if(!f._fbq)f._fbq=n;n.push=n;n.loaded=!0;n.version='2.0';
n.queue=[];t=b.createElement(e);t.async=!0;t.src=v;s=b.getElementsByTagName(e)[0];s.parentNode.insertBefore(t,s)}}
(window,document,'script','{META}/en_US/fbevents.js');fbq('init','{OTHER}');fbq('track','PageView');</script>"""


@pytest.mark.parametrize("path", [pytest.param("/app/", id="inline"), pytest.param("/cached/about", id="collect")])
def test_beside_another_pixel(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, path: str) -> None:
    """Each pixel has its own events, on route changes too; none has the other's."""
    shop = open_shop()
    shop.shop.head = BASE
    visitor.page.goto(shop.url + path)
    sandbox.wait(lambda now: len(now.browser_events) >= 2)
    visitor.page.evaluate("history.pushState({}, '', '/app/next')")
    sandbox.wait(lambda now: len(now.browser_events) >= 4 and len(now.server_events) >= 2)
    visitor.page.wait_for_timeout(500)
    seen = sorted((event.pixel_id, event.event_name, bool(event.event_id)) for event in sandbox.browser_events)
    assert seen == [(PIXEL, "PageView", True)] * 2 + [(OTHER, "PageView", False)] * 2
    assert {event.event_id for event in sandbox.server_events} == {
        event.event_id for event in sandbox.browser_events if event.pixel_id == PIXEL
    }
    assert visitor.errors == []


# ---- the JavaScript API


def test_track(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/cart")
    both_legs(sandbox, 1)
    visitor.page.evaluate("capi.track('Lead', {value: 500, currency: 'SEK', content_name: 'Provsits'})")
    check(sandbox, ["PageView", Expected("Lead", "/cart", {"value": 500, "content_name": "Provsits"})], visitor)


def test_track_before_our_script(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop(track=["Quiz done"])
    shop.shop.head = "<script>capi.track('Contact'); capi.track('Quiz done', {score: 3});</script>"
    visitor.page.goto(shop.url + "/cart")
    check(sandbox, ["PageView", "Contact", Expected("Quiz done", "/cart", {"score": 3})], visitor)


def test_track_of_what_the_shop_has_not_listed(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/cart")
    both_legs(sandbox, 1)
    for name in ("Purchase", "PageView", "Whatever", "<img>"):
        visitor.page.evaluate("(name) => capi.track(name, {value: 1, currency: 'SEK'})", name)
    visitor.page.wait_for_timeout(300)
    check(sandbox, ["PageView"])


def test_ids_for_tag_managers(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop(data_layer="dataLayer")
    visitor.page.goto(shop.url + "/cached/p/1")
    pairs = check(sandbox, BOTH, visitor)
    told = visitor.page.evaluate("dataLayer.map((one) => [one.event, one.event_name, one.event_id])")
    # The pairs stand in the order in which their first legs arrived, which may be the server's or the browser's.
    assert sorted(told) == sorted(["capi", pair.event_name, pair.event_id] for pair in pairs)
