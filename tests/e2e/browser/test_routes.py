"""Route changes of single-page shops: each is one PageView with an ID and a server leg, and no other."""

from __future__ import annotations

import pytest

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import Visitor
from tests.e2e.validator import Expected, check

from .conftest import OpenShop, both_legs

CHAIR = {"value": 1299.0, "currency": "SEK", "content_ids": ["2"], "content_name": "Stol"}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param("go('/app/about')", id="pushState"),
        pytest.param("history.replaceState({}, '', '/app/about')", id="replaceState"),
        pytest.param("navigation.navigate('/app/about', {history: 'push'})", id="Navigation API"),
        pytest.param(
            "history.pushState({}, '', '/app/a'); history.replaceState({}, '', '/app/about')", id="redirected"
        ),
    ],
)
def test_a_route(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor, step: str) -> None:
    visitor.page.goto(open_shop().url + "/app/")
    both_legs(sandbox, 1)
    if "navigate(" in step:
        visitor.page.evaluate("navigation.addEventListener('navigate', (event) => event.intercept({handler() {}}))")
    visitor.page.evaluate(step)
    pairs = check(sandbox, [Expected("PageView", "/app/"), Expected("PageView", "/app/about")], visitor)
    assert pairs[1].server[0].referrer.endswith("/app/")


def test_back_and_forth(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/app/")
    both_legs(sandbox, 1)
    visitor.page.evaluate("go('/app/about')")
    both_legs(sandbox, 2)
    visitor.page.evaluate("history.back()")
    both_legs(sandbox, 3)
    visitor.page.evaluate("history.forward()")
    check(sandbox, [Expected("PageView", path) for path in ("/app/", "/app/about", "/app/", "/app/about")], visitor)


def test_a_product_that_the_browser_draws(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """The server's page knows of no product; the markup that the app has put into the page does."""
    visitor.page.goto(open_shop().url + "/app/")
    both_legs(sandbox, 1)
    visitor.page.evaluate("go('/app/p/2')")
    check(
        sandbox,
        [Expected("PageView", "/app/"), Expected("PageView", "/app/p/2"), Expected("ViewContent", "/app/p/2", CHAIR)],
        visitor,
    )


def test_routes_behind_a_hash(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/app/#!/start")
    both_legs(sandbox, 1)
    visitor.page.evaluate("location.hash = '#!/about'")
    check(sandbox, ["PageView", "PageView"], visitor)


def test_anchors_campaigns_and_filters_are_no_routes(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/app/?utm_source=mail&fbclid=abc")
    both_legs(sandbox, 1)
    visitor.page.evaluate("history.replaceState({}, '', '/app/')")
    visitor.page.evaluate("location.hash = 'reviews'")
    visitor.page.evaluate("history.replaceState({}, '', '/app/?color=red')")
    visitor.page.wait_for_timeout(600)
    check(sandbox, ["PageView"], visitor)


def test_routes_turned_off(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """The shop counts its routes itself; ours are off, and Meta's own PageViews without ID stay off too."""
    visitor.page.goto(open_shop(routes=False).url + "/app/")
    both_legs(sandbox, 1)
    visitor.page.evaluate("go('/app/about')")
    visitor.page.wait_for_timeout(600)
    check(sandbox, ["PageView"], visitor)


def test_htmx_pushes_a_page(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/htmx/1")
    both_legs(sandbox, 2)
    visitor.page.click("#next")
    check(
        sandbox,
        [Expected("PageView", "/htmx/1"), Expected("ViewContent", "/htmx/1"), Expected("PageView", "/htmx/2")],
        visitor,
    )


def test_turbo_drives(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """What Turbo Drive does: fetches the next page, changes the address first, draws, and then says so."""
    shop = open_shop()
    visitor.page.goto(shop.url + "/p/1")
    both_legs(sandbox, 2)
    visitor.page.evaluate("""async () => {
        window.Turbo = {};
        const answer = await fetch('/p/2', {headers: {Accept: 'text/html, application/xhtml+xml'}});
        history.pushState({turbo: {}}, '', '/p/2');
        const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
        document.querySelectorAll('script[type="application/ld+json"]').forEach((old) => old.remove());
        next.querySelectorAll('script[type="application/ld+json"]').forEach((one) => document.head.append(one));
        document.documentElement.replaceChild(next.body, document.body);
        document.dispatchEvent(new CustomEvent('turbo:load', {bubbles: true}));
    }""")
    check(
        sandbox,
        [
            *[Expected(name, "/p/1") for name in ("PageView", "ViewContent")],
            Expected("PageView", "/p/2"),
            Expected("ViewContent", "/p/2", CHAIR),
        ],
        visitor,
    )


def test_the_first_route_of_a_stored_page(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    visitor.page.goto(open_shop().url + "/cached/about")
    both_legs(sandbox, 1)
    visitor.page.evaluate("history.pushState({}, '', '/app/about')")
    check(sandbox, [Expected("PageView", "/cached/about"), Expected("PageView", "/app/about")], visitor)
