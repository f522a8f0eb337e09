"""Every page of the admin in a real browser: axe-core, widths, colour schemes, and what attackers write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.test import Client

from capi_middleware.delivery import Filter, Ledger
from capi_middleware.demo import Shop
from capi_middleware.events import Event, Visitor, new_event_id
from capi_middleware.sandbox import Listener, Sandbox
from capi_middleware.sandbox.graph import Keys

from .conftest import PIXEL, MetaHosts, person
from .owner import LONG_TOKEN, PASSWORD, Owned, connect, open_shop, set_up

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PLACES = (
    "", "connect", "try", "events", "events?state=dead", "events/FIRST", "test", "rules", "rules/new", "rules/edit/0",
    "rules/version/1", "suggestions", "consent", "settings", "confirm", "nothing-here",
)  # fmt: skip
WIDTHS = (320, 768, 1280)
POSTED = (("test", "form[action*='test/url']", {"url": "PRODUCT"}), ("rules/new", "main form", {"path": "<x"}),
          ("consent", "form[action*='consent/try']", {"cookies": "CookieConsent=-1"}))  # fmt: skip


class Opened:
    """A shop with an owner, some visits, a rule, a suggestion and something that needs attention."""

    def __init__(self, shop: Owned, owner: Callable[..., BrowserContext]) -> None:
        self.shop = shop
        self.owner = owner

    def first(self) -> str:
        """The number of the newest event."""
        return str(Ledger(self.shop.app._source).recent(Filter(pixel_id=PIXEL, event_name="PageView"), 1)[0].number)


@pytest.fixture(scope="module")
def opened(
    chromium: Browser, meta_hosts: tuple[MetaHosts, Listener], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    contexts: list[BrowserContext] = []
    listeners: list[Listener] = []

    def serve(app: Any) -> str:
        listener = Listener(app)
        listener.start()
        listeners.append(listener)
        return f"http://www.shop.test:{listener.port}"

    with Sandbox() as sandbox:
        sandbox.app.keys = Keys({PIXEL: LONG_TOKEN})
        meta_hosts[0].sandbox = sandbox
        shop = open_shop(Shop(), tmp_path_factory.mktemp("admin"), sandbox.url, serve, '[shop]\ncurrency = "SEK"\n')
        context = chromium.new_context(user_agent=person(chromium), locale="sv-SE")
        page = context.new_page()
        set_up(page, shop)
        connect(page)
        page.wait_for_url("**/try?**")
        fill(shop)
        page.goto(f"{shop.admin}rules/new")
        page.fill("[name=path]", "/kontakt")
        page.click("button.main")
        page.click("[name=publish]")
        state = context.storage_state()

        def owner(**options: Any) -> BrowserContext:
            one = chromium.new_context(user_agent=person(chromium), storage_state=state, **options)
            contexts.append(one)
            return one

        yield Opened(shop, owner)
        for one in (*contexts, context):
            one.close()
        shop.app.close()
        meta_hosts[0].sandbox = None
    for listener in listeners:
        listener.stop()


def fill(shop: Owned) -> None:
    """Visits and figures, so that no page is empty."""
    client = Client(shop.app)
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
               " Safari/537.36", "Sec-Fetch-Mode": "navigate"}  # fmt: skip
    for path in ("/", "/produkt/vas-vag", "/kategori/koket"):
        client.get(path, headers=headers, base_url=shop.url)
    for visitor in range(20):
        shop.app._shapes.note("www.shop.test", "POST", "/kundvagn/ny", "", ">/kundvagn", [], visitor)
    shop.app._shapes.mark("", "shared id", 5)
    shop.app.flush(10)


def violations(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 A and AA and its best practices; run past the page's own policy."""
    page.evaluate(AXE)
    found = page.evaluate(
        "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
        " 'best-practice']})).violations.map(v => v.id + ': ' + v.nodes.slice(0, 2).map(n => n.html).join(' | '))"
    )
    return list(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("locale", ["sv-SE", "en-GB"])
def test_no_violation_on_any_page(opened: Opened, locale: str, width: int, scheme: str) -> None:
    context = opened.owner(
        locale=locale, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    first = opened.first()
    found: dict[str, list[str]] = {}
    for place in PLACES:
        page.goto(opened.shop.admin + place.replace("FIRST", first))
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        wrong = violations(page)
        wrong += page.evaluate(
            "() => document.documentElement.scrollWidth <= innerWidth ? [] : ['scrolls sideways: ' +"
            " [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth"
            " && !e.closest('.scroll, pre')).slice(-1).map(e => e.outerHTML.slice(0, 200))]"
        )
        if page.get_attribute("html", "lang") != locale[:2]:
            wrong.append("another language")
        if wrong:
            found[place] = wrong
    context.close()
    assert found == {}


@pytest.mark.parametrize("place", POSTED, ids=lambda place: place[0])
def test_no_violation_after_a_form_was_sent(opened: Opened, place: tuple[str, str, dict[str, str]]) -> None:
    context = opened.owner(locale="sv-SE", viewport={"width": 360, "height": 800}, bypass_csp=True)
    page = context.new_page()
    path, form, fields = place
    page.goto(opened.shop.admin + path)
    for name, value in fields.items():
        page.fill(f"{form} [name={name}]", value.replace("PRODUCT", f"{opened.shop.url}/produkt/vas-vag"))
    page.locator(f"{form} button").last.click()
    page.wait_for_selector(".result, main .banner[role], .wrong:not([hidden])")
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("place", ["login", "setup"])
def test_no_violation_before_log_in(opened: Opened, chromium: Browser, place: str) -> None:
    context = chromium.new_context(locale="sv-SE", viewport={"width": 320, "height": 700}, bypass_csp=True)
    page = context.new_page()
    page.goto(opened.shop.admin + place)
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("width", [360, 768, 1000, 1440])
@pytest.mark.parametrize("locale", ["sv-SE", "en-GB"])
def test_the_header_is_two_lines_at_any_width_with_the_page_s_tab_in_view(
    opened: Opened, locale: str, width: int
) -> None:
    context = opened.owner(locale=locale, viewport={"width": width, "height": 800})
    page = context.new_page()
    for place in ("", "settings"):
        page.goto(opened.shop.admin + place)
        assert page.locator(".top").bounding_box()["height"] <= 110  # type: ignore[index]
        tab = page.locator(".tabs [aria-current]").bounding_box()
        assert tab is not None and tab["x"] >= 0 and tab["x"] + tab["width"] <= width
    context.close()


def test_targets_are_large_enough_for_a_thumb(opened: Opened) -> None:
    """WCAG 2.5.8 asks for 24 CSS pixels; links inside a sentence aside."""
    context = opened.owner(locale="sv-SE", viewport={"width": 360, "height": 800})
    page = context.new_page()
    small: list[str] = []
    for place in PLACES:
        page.goto(opened.shop.admin + place.replace("FIRST", opened.first()))
        small += page.evaluate(
            "() => [...document.querySelectorAll('main button, main select, main input:not([type=hidden]), nav a')]"
            ".filter(e => e.checkVisibility()).map(e => [e.getBoundingClientRect(), e.outerHTML])"
            ".filter(([r]) => r.width < 22 || r.height < 22).map(([r, h]) => h)"
        )
    context.close()
    assert small == []


def test_each_page_is_small(opened: Opened) -> None:
    """At most 60 KB on the wire, everything that it loads included."""
    context = opened.owner(locale="sv-SE")
    page = context.new_page()
    for place in PLACES:
        sizes: list[int] = []
        page.on("response", lambda answer, sizes=sizes: sizes.append(len(answer.body())) if answer.ok else None)
        page.goto(opened.shop.admin + place.replace("FIRST", opened.first()))
        assert sum(sizes[:4]) < 60_000, place
    context.close()


# -- what attackers write

PAYLOADS = [
    *('"><svg onload=alert(1)>', "'><img src=x onerror=alert(1)>", "<script>alert(1)</script>"),
    *("</script><script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}", "${alert(1)}", "\u202ealert"),
    *("<iframe srcdoc='<script>alert(1)</script>'>", "<a href=javascript:alert(1)>x</a>", "\u2028alert(1)"),
    *("]]><script>alert(1)</script>", "<!--<script>alert(1)//-->", '" autofocus onfocus=alert(1) x="'),
    *(
        "<details open ontoggle=alert(1)>",
        "<math><mtext></mtext><script>alert(1)</script>",
        "<style>@import'x'</style>",
    ),
    *("<base href=//evil.example>", "<form action=//evil.example><button>x", "<svg><animate onbegin=alert(1)>"),
    *("<meta http-equiv=refresh content=0;url=//evil.example>", "%3Csvg%20onload%3Dalert(1)%3E", "\x00<b>"),
    *("<object data=javascript:alert(1)>", "<x\tonclick=alert(1)>", "{% raw %}", "{0.__class__}", "%s%n"),
    *("{{ desk.settings.meta.access_token.reveal() }}", "=cmd|'/c calc'!A1"),
]


def test_stored_markup_stays_text(opened: Opened) -> None:
    """Stored XSS: every payload in every field that a visitor fills, then every page, under the page's own policy."""
    app = opened.shop.app
    client = Client(app, use_cookies=False)  # a jar of its own would drop those in a header
    agents = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    for number, payload in enumerate(PAYLOADS):
        header = payload.encode("utf-8").decode("latin-1").replace("\x00", "").replace("\n", "")
        cookies = f"_fbc=fb.1.1.{number}; _fbp=fb.1.1700000000000.{number}; consent={header.split(';')[0]}"
        headers = {"User-Agent": f"{agents} {header}", "Sec-Fetch-Mode": "navigate", "Referer": f"http://x/{header}",
                   "Cookie": cookies}  # fmt: skip
        client.get("/", query_string={"q": payload, "fbclid": payload}, headers=headers, base_url=opened.shop.url)
        client.post("/" + payload.replace("?", ""), headers=headers, base_url=opened.shop.url, data={payload: payload})
        event = Event(
            PIXEL, payload[:50] or "x", f"{new_event_id()}{payload}", 1_900_000_000, f"https://www.shop.test/{payload}",
            Visitor("203.0.113.7", payload, f"fb.1.1.{number}"), {"content_name": payload, payload: payload},
            rule=payload, sources={"content_name": payload, payload: payload}, consent=payload,
        )  # fmt: skip
        app._outbox.put(event)
        app._shapes.note("www.shop.test", "POST", f"/{payload}", f"route={payload}", f">/{payload}", [payload], number)
        app._shapes.mark("www.shop.test", f"cookie:{payload}"[:60], 9)
    app.flush(5)
    context = opened.owner(locale="en-GB")
    page = context.new_page()
    dialogs: list[str] = []
    violated: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on(
        "console", lambda message: violated.append(message.text) if "Content Security Policy" in message.text else None
    )
    from capi_middleware.delivery import Filter, Ledger

    numbers = [str(entry.number) for entry in Ledger(app._source).recent(Filter(), 200)]
    for place in [
        *(place for place in PLACES if "FIRST" not in place),
        *(f"events/{number}" for number in numbers[:60]),
    ]:
        page.goto(opened.shop.admin + place)
        assert page.url.startswith(opened.shop.admin), place
        assert (
            page.locator(
                "main svg[onload], main [onerror], main [onfocus], main iframe, main base, main object"
            ).count()
            == 0
        )
        assert LONG_TOKEN not in page.content() and page.inner_text("h1") != "49"
    page.goto(f"{opened.shop.admin}events")
    page.wait_for_timeout(2000)  # the live rows come through the one policy for markup
    context.close()
    assert dialogs == [] and violated == []


def test_the_admin_cannot_be_framed(opened: Opened, chromium: Browser) -> None:
    context = opened.owner()
    page = context.new_page()
    page.goto(f"{opened.shop.url}/")
    page.evaluate(
        "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f); }",
        opened.shop.admin,
    )
    page.wait_for_timeout(500)
    frame = page.frames[-1]
    assert "csrf" not in frame.content()
    context.close()


def test_a_script_of_the_shop_cannot_read_the_token(opened: Opened) -> None:
    """The residual risk of one origin, and its bound: such a script sees pages, never the token, and does nothing
    delicate without the password."""
    context = opened.owner()
    page = context.new_page()
    page.goto(f"{opened.shop.url}/")
    said = page.evaluate(
        "async (places) => { let all = document.cookie;"
        " for (const place of places) all += await (await fetch('/_shop/admin/' + place)).text(); return all; }",
        [place for place in PLACES if "FIRST" not in place],
    )
    assert LONG_TOKEN not in said and "shop_admin" not in said and PASSWORD not in said
    context.close()
