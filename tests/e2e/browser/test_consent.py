"""Late consent: held in the page, sent by both legs under the page's own ID once the visitor agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import META_HOSTS, Visitor
from tests.e2e.validator import Expected, check

from .conftest import NewVisitor, OpenShop, Running, both_legs

ONETRUST = "isGpcEnabled=0&datestamp=x&groups=C0001%3A1%2CC0004%3A1&interactionCount=1&AwaitingReconsent=false"
COOKIE_INFORMATION = quote('{"consents_approved":["cookie_cat_necessary","cookie_cat_marketing"],"consents_denied":[]}')
TOOLS = {
    "Cookiebot": (
        {"CookieConsent": quote("{stamp:'x',necessary:true,preferences:true,statistics:true,marketing:true,ver:1}")},
        "window.dispatchEvent(new Event('CookiebotOnAccept'))",
    ),
    "OneTrust": (
        {"OptanonConsent": ONETRUST, "OptanonAlertBoxClosed": "2026-01-01T00:00:00.000Z"},
        "window.dispatchEvent(new CustomEvent('OneTrustGroupsUpdated', {detail: ['C0001', 'C0004']}))",
    ),
    "CookieYes": (
        {"cookieyes-consent": "consentid:x,consent:yes,action:yes,necessary:yes,advertisement:yes,other:yes"},
        "document.dispatchEvent(new CustomEvent('cookieyes_consent_update', {detail: {accepted: ['advertisement']}}))",
    ),
    "Complianz": (
        {"cmplz_marketing": "allow", "cmplz_banner-status": "dismissed"},
        "document.dispatchEvent(new CustomEvent('cmplz_status_change', {detail: {category: 'marketing'}}))",
    ),
    "WP Consent API": (
        {"wp_consent_marketing": "allow"},
        "document.dispatchEvent(new CustomEvent('wp_listen_for_consent_change', {detail: {marketing: 'allow'}}))",
    ),
    "Cookie Information": (
        {"CookieInformationConsent": COOKIE_INFORMATION},
        "window.dispatchEvent(new Event('CookieInformationConsentGiven'))",
    ),
    "Borlabs": (
        {"borlabs-cookie": quote('{"consents":{"essential":["x"],"marketing":["facebook-pixel"]},"version":"1"}')},
        "document.dispatchEvent(new Event('borlabs-cookie-consent-saved'))",
    ),
    "vanilla-cookieconsent": (
        {"cc_cookie": quote('{"categories":["necessary","marketing"],"revision":0,"consentId":"x"}')},
        "window.dispatchEvent(new CustomEvent('cc:onConsent'))",
    ),
    "CookieFirst": (
        {"cookiefirst-consent": quote('{"necessary":true,"advertising":true}')},
        "window.dispatchEvent(new CustomEvent('cf_consent', {detail: {advertising: true}}))",
    ),
    "Klaro, by the click alone": ({"klaro": quote('{"meta-pixel":true}')}, ""),
    "tarteaucitron, by the click alone": ({"tarteaucitron": "!facebookpixel=true!gtag=false"}, ""),
    "iubenda, by the click alone": (
        {"_iub_cs-12345678": quote('{"consent":true,"purposes":{"1":true,"5":true},"id":"12345678"}')},
        "",
    ),
    "Google's consent mode": (
        {},
        "window.dataLayer = window.dataLayer || []; (function () { dataLayer.push(arguments); })"
        "('consent', 'update', {ad_storage: 'granted', ad_user_data: 'granted'})",
    ),
    "Usercentrics": (
        {},
        "(window.dataLayer = window.dataLayer || []).push({event: 'consent_status', type: 'explicit',"
        " 'Facebook Pixel': true, ucCategory: {marketing: true}})",
    ),
    "Osano": ({}, "window.Osano = {cm: {marketing: true}}"),
    "the shop's own call": ({}, "capi.consent('granted')"),
}
"""What each tool leaves behind when a visitor agrees: its cookies, and what it does in the page."""
BANNER = '<button id="yes">Godkänn</button>'


def agree(visitor: Visitor, tool: str) -> None:
    """The visitor clicks; the tool writes its answer a moment later, and says so."""
    cookies, event = TOOLS[tool]
    written = "".join(f"document.cookie = {name + '=' + value + '; path=/'!r};" for name, value in cookies.items())
    visitor.page.evaluate(
        f"document.getElementById('yes').onclick = () => setTimeout(() => {{ {written} {event} }}, 100)"
    )
    visitor.page.click("#yes")


class Wire:
    """What the browser has asked of Meta's hosts."""

    def __init__(self, visitor: Visitor) -> None:
        self.asked: list[str] = []
        visitor.context.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if any(host in url for host in META_HOSTS):
            self.asked.append(url)


@pytest.fixture
def held(open_shop: OpenShop) -> Callable[..., Running]:
    def start(**settings: Any) -> Running:
        shop = open_shop(mode="required", **settings)
        shop.shop.tail = BANNER
        return shop

    return start


@pytest.mark.parametrize("tool", TOOLS)
def test_a_grant_by(held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor, tool: str) -> None:
    wire = Wire(visitor)
    visitor.page.goto(held().url + "/p/1")
    visitor.page.wait_for_timeout(200)
    assert (wire.asked, sandbox.server_events, visitor.cookie("_fbp")) == ([], [], "")
    agree(visitor, tool)
    check(sandbox, [Expected("PageView", "/p/1"), Expected("ViewContent", "/p/1", {"value": 249.0})], visitor)


@pytest.mark.parametrize("tool", ["Cookiebot", "Usercentrics", "the shop's own call"])
def test_a_grant_on_a_stored_page_by(
    held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor, tool: str
) -> None:
    wire = Wire(visitor)
    visitor.page.goto(held().url + "/cached/p/1")
    visitor.page.wait_for_timeout(400)
    assert (wire.asked, sandbox.server_events, visitor.cookie("_fbp")) == ([], [], "")
    agree(visitor, tool)
    check(sandbox, [Expected("PageView", "/cached/p/1"), Expected("ViewContent", "", {"value": 249.0})], visitor)


def test_no_answer(held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor) -> None:
    wire = Wire(visitor)
    shop = held()
    for path in ("/", "/p/1", "/cached/about", "/app/"):
        visitor.page.goto(shop.url + path)
        visitor.page.click("#yes")
    visitor.page.evaluate("go('/app/about')")
    visitor.page.wait_for_timeout(800)
    check(sandbox, [], visitor)
    assert (wire.asked, visitor.context.cookies()) == ([], [])


def test_a_refusal(held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor) -> None:
    wire = Wire(visitor)
    shop = held()
    visitor.page.goto(shop.url + "/p/1")
    refused = quote("{stamp:'x',necessary:true,marketing:false,ver:1}")
    visitor.page.evaluate(f"document.cookie = 'CookieConsent={refused}'")
    visitor.page.evaluate("window.dispatchEvent(new Event('CookiebotOnDecline'))")
    visitor.page.goto(shop.url + "/cached/about")
    visitor.page.wait_for_timeout(500)
    check(sandbox, [], visitor)
    assert (wire.asked, visitor.cookie("_fbp")) == ([], "")


def test_the_next_page_after_a_grant(held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor) -> None:
    shop = held()
    visitor.page.goto(shop.url + "/")
    agree(visitor, "Usercentrics")
    both_legs(sandbox, 1)
    visitor.page.click("#first")
    check(sandbox, [Expected("PageView", "/"), Expected("PageView", "/p/1"), "ViewContent"], visitor)


def test_a_grant_in_another_tab(held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor) -> None:
    shop = held()
    visitor.page.goto(shop.url + "/p/1")
    other = visitor.context.new_page()
    other.goto(shop.url + "/")
    other.evaluate("capi.consent('granted')")
    both_legs(sandbox, 1)
    visitor.page.bring_to_front()
    visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    check(sandbox, [Expected("PageView", "/"), Expected("PageView", "/p/1"), "ViewContent"], visitor)


def test_routes_of_an_app_before_and_after_a_grant(
    held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor
) -> None:
    """What was left before the visitor agreed is not told; the page that is shown is."""
    visitor.page.goto(held().url + "/app/")
    visitor.page.wait_for_timeout(100)
    visitor.page.evaluate("go('/app/about')")
    visitor.page.wait_for_timeout(600)
    agree(visitor, "Cookiebot")
    both_legs(sandbox, 1)
    visitor.page.evaluate("go('/app/p/2')")
    check(sandbox, [Expected("PageView", "/app/about"), Expected("PageView", "/app/p/2"), "ViewContent"], visitor)


def test_a_withdrawal(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop(mode="implied").url + "/app/")
    both_legs(sandbox, 1)
    visitor.page.evaluate("capi.consent('denied')")
    visitor.page.wait_for_timeout(300)
    assert visitor.cookie("_fbp") == ""
    visitor.page.evaluate("go('/app/about')")
    visitor.page.wait_for_timeout(600)
    check(sandbox, [Expected("PageView", "/app/")], visitor)
    visitor.page.evaluate("capi.consent('granted')")
    both_legs(sandbox, 2)
    visitor.page.evaluate("go('/app/p/2')")
    paths = ("/app/", "/app/about", "/app/p/2")
    check(sandbox, [*[Expected("PageView", path) for path in paths], Expected("ViewContent", "/app/p/2")], visitor)


def test_a_page_of_the_past_cannot_be_granted_twice(
    held: Callable[..., Running], sandbox: Sandbox, visitor: Visitor
) -> None:
    """A token is a receipt for one event: handing it in again brings no second server leg."""
    shop = held()
    visitor.page.goto(shop.url + "/p/1")
    token = visitor.page.evaluate('document.documentElement.innerHTML.match(/tokens":\\["([^"]+)/)[1]')
    agree(visitor, "the shop's own call")
    both_legs(sandbox, 2)
    answer = visitor.page.evaluate(
        """async (token) => {
            const body = JSON.stringify({v: 1, k: 'consent', u: location.href, i: 'a'.repeat(32), t: [token]});
            const headers = {'Content-Type': 'application/json'};
            const answer = await fetch('/_shop/collect', {method: 'POST', body, headers});
            return answer.json();
        }""",
        token,
    )
    assert [row[0] for row in answer["events"]] == ["PageView"]
    check(sandbox, ["PageView", "ViewContent"], visitor)


def test_two_visitors_and_one_grant(held: Callable[..., Running], sandbox: Sandbox, new_visitor: NewVisitor) -> None:
    shop = held()
    one, other = new_visitor(), new_visitor()
    for visitor in (one, other):
        visitor.page.goto(shop.url + "/cached/about")
    agree(one, "Cookiebot")
    check(sandbox, ["PageView"], one)
    assert other.cookie("_fbp") == ""
