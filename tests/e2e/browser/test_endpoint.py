"""The endpoint as other sites' pages meet it, in a browser that enforces what it relies on."""

from __future__ import annotations

from capi_middleware.sandbox import Sandbox
from tests.e2e.conftest import Visitor
from tests.e2e.validator import check

from .conftest import OpenShop, both_legs

MESSAGE = """JSON.stringify({v: 1, k: 'track', u: '%s/cart', i: 'a'.repeat(32), n: 'Lead', d: {}})"""
ATTEMPTS = {
    "fetch": "fetch('%s/_shop/collect',"
    " {method: 'POST', body: MESSAGE, headers: {'Content-Type': 'application/json'}})",
    "fetch without CORS": "fetch('%s/_shop/collect', {method: 'POST', body: MESSAGE, mode: 'no-cors'})",
    "beacon": "Promise.resolve(navigator.sendBeacon('%s/_shop/collect', new Blob([MESSAGE], {type: 'text/plain'})))",
    "beacon, JSON": "Promise.resolve(navigator.sendBeacon('%s/_shop/collect',"
    " new Blob([MESSAGE], {type: 'application/json'})))",
    "a form": """Promise.resolve((() => {
        const form = document.createElement('form');
        form.method = 'post'; form.enctype = 'text/plain'; form.action = '%s/_shop/collect'; form.target = 'x';
        const field = document.createElement('input');
        field.name = MESSAGE.slice(0, -1) + ', "x": "'; field.value = '"}';
        form.append(field); document.body.append(form); form.submit();
    })())""",
}


def test_another_hosts_page_sends_nothing(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop, other = open_shop(), open_shop()
    visitor.page.goto(shop.url + "/cart")
    both_legs(sandbox, 1)
    visitor.page.goto(other.url.replace("www.", "evil.") + "/cached/about")
    for attempt in ATTEMPTS.values():
        script = attempt.replace("%s", shop.url).replace("MESSAGE", MESSAGE % shop.url)
        visitor.page.evaluate(f"() => {script}.catch(() => 0)")
    visitor.page.wait_for_timeout(400)
    assert [event for event in sandbox.server_events if event.event_name == "Lead"] == []
    assert sum(shop.middleware._collector.refused.values()) >= 3, "the attempts did not arrive"


def test_the_shops_own_page_may(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    """The same message, so that the tests above cannot pass for another reason."""
    shop = open_shop()
    visitor.page.goto(shop.url + "/cart")
    both_legs(sandbox, 1)
    script = ATTEMPTS["beacon, JSON"].replace("%s", shop.url).replace("MESSAGE", MESSAGE % shop.url)
    visitor.page.evaluate(f"() => {script}")
    sandbox.wait(lambda now: len(now.server_events) >= 2)
    assert [event.event_name for event in sandbox.server_events] == ["PageView", "Lead"]


def test_answers_are_kept_by_nobody(open_shop: OpenShop, sandbox: Sandbox, visitor: Visitor) -> None:
    shop = open_shop()
    answers = []
    visitor.page.on("response", lambda response: response.url.endswith("/collect") and answers.append(response.headers))
    visitor.page.goto(shop.url + "/cached/about")
    check(sandbox, ["PageView"], visitor)
    visitor.page.wait_for_timeout(100)
    assert answers[0]["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answers[0]
