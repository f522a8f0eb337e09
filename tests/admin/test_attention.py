"""What needs attention: each item is brought about as it is in life, said in both languages with its remedy, and gone
once it is mended. Meta is the sandbox; the policies, caches and consent tools are real ones."""

from __future__ import annotations

import dataclasses
import html
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from capi_middleware import CapiMiddleware
from capi_middleware.admin import advice
from capi_middleware.sandbox import Fault, Sandbox
from capi_middleware.visit import memory_for
from capi_middleware.visit.census import forget_census

from .conftest import CHROME, HOST, PIXEL, TOKEN, Owner

PAGE = "<!doctype html><html><head><title>En sida</title></head><body><h1>Hej</h1></body></html>"
LONG_AGO = 3_700.0
MakeApp = Callable[..., CapiMiddleware]


@pytest.fixture(autouse=True)
def fresh_figures() -> Iterator[None]:
    forget_census()
    yield
    forget_census()


class Shop:
    """A shop that answers every page alike. ``headers`` and ``body`` may be changed while it runs."""

    def __init__(self, body: str = PAGE, **headers: str) -> None:
        self.body = body
        self.headers = headers
        self.status = 200

    def __call__(self, environ: Any, start_response: Any) -> Any:
        response = Response(self.body, self.status, content_type="text/html; charset=utf-8")
        for name, value in self.headers.items():
            response.headers[name.replace("_", "-")] = value
        return response(environ, start_response)


def person(app: Any, path: str = "/", number: int = 1, **headers: str) -> TestResponse:
    """One of many people opens a page: each ``number`` has an address and a browser of its own."""
    given = {
        "User-Agent": CHROME.replace("140", str(100 + number % 40)),
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    where = {"REMOTE_ADDR": f"81.{2 + number // 250}.{number % 250}.7"}
    return Client(app, use_cookies=False).get(path, base_url=f"https://{HOST}", headers=given, environ_base=where)


def people(app: Any, count: int = 25, path: str = "/", **headers: str) -> None:
    for number in range(count):
        person(app, path, number, **headers)
    getattr(app, "flush", lambda timeout: None)(10)


def overview(owner: Owner, language: str = "en") -> str:
    """The status and what needs attention, as plain text."""
    page = owner.get("", headers={"Accept-Language": language}).text
    part = re.split('class="(?:tiles|empty)"', page[page.index('class="status') :])[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).replace("\xa0", " ").split())


def says(owner: Owner, english: str, todo: str, swedish: str, att_göra: str) -> None:
    for language, words in (("en", (english, todo)), ("sv", (swedish, att_göra))):
        text = overview(owner, language)
        for one in words:
            assert one in text, f"{language}: {one!r} is missing in {text!r}"


def is_gone(owner: Owner, english: str) -> None:
    assert english not in (text := overview(owner)), text


def log_in(app: CapiMiddleware) -> Owner:
    owner = Owner(app)
    assert owner.log_in().status_code == 303
    return owner


def until(what: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


# -- token, pixel, Meta

REFUSED = [
    (
        "an invalid token", Fault(code=190),
        "Meta does not accept the access token. Was all of it copied?", "Generate a new access token in Events Manager",
        "Meta accepterar inte din åtkomsttoken. Kopierade du hela?", "Generera en ny åtkomsttoken i Events Manager",
    ),
    (
        "an expired token", Fault(code=190, subcode=463),
        "The access token has expired.", "Generate a new access token in Events Manager",
        "Din åtkomsttoken har gått ut.", "Generera en ny åtkomsttoken i Events Manager",
    ),
    (
        "a changed password", Fault(code=190, subcode=460),
        "its owner has changed the password at Facebook", "Generate a new access token",
        "ägaren har bytt lösenord på Facebook", "Generera en ny åtkomsttoken",
    ),
    (
        "a removed app", Fault(code=190, subcode=458),
        "The access token was withdrawn: the app was removed at Facebook.", "Generate a new access token",
        "Din åtkomsttoken har återkallats: appen har tagits bort på Facebook.", "Generera en ny åtkomsttoken",
    ),
    (
        "a token without permission", Fault(code=200),
        "The token lacks permission, or belongs to another pixel.", "Generate a new access token",
        "Din åtkomsttoken saknar behörighet eller hör till en annan pixel.", "Generera en ny åtkomsttoken",
    ),
    (
        "a wrong pixel", Fault(code=100, subcode=33),
        f"Meta cannot find pixel {PIXEL} with this token.", "Check that both come from the same pixel.",
        f"Meta hittar inte pixel {PIXEL} med den här åtkomsttoken.", "Kontrollera att båda kommer från samma pixel.",
    ),
    (
        "a block for reasons of policy", Fault(code=368),
        "Meta has blocked this for a while for reasons of policy.", "Look in Events Manager for a message from Meta.",
        "Meta har tillfälligt spärrat detta", "Se efter i Events Manager",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED, ids=[case[0] for case in REFUSED])
def test_what_meta_refuses_is_said_until_a_new_token_comes(make_app: MakeApp, meta: Sandbox, case: Any) -> None:
    _, fault, english, todo, swedish, att_göra = case
    app = make_app(Shop())
    owner = log_in(app)
    meta.fail("graph", fault)
    person(app)
    until(lambda: english in overview(owner))
    says(owner, english, todo, swedish, att_göra)
    says(
        owner,
        "One event waits and is sent once this is fixed; it is not lost.",
        "",
        "En händelse väntar och skickas",
        "",
    )
    meta.fail("graph", None)
    meta.app.keys = dataclasses.replace(meta.app.keys, tokens={PIXEL: TOKEN + "new"})
    assert owner.post("connect", {"pixel_id": PIXEL, "access_token": TOKEN + "new", "anyway": "1"}).status_code == 303
    until(lambda: "Everything works." in overview(owner))
    is_gone(owner, english)
    assert len(meta.server_events) == 1, "what waited was sent"


def test_a_wrong_token_in_earnest(make_app: MakeApp, meta: Sandbox) -> None:
    """The sandbox itself refuses, as Meta does, and not a mood of it."""
    app = make_app(Shop(), f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "EAAsomebodyelse0123456789"\n')
    owner = log_in(app)
    person(app)
    until(lambda: "Meta does not accept the access token." in overview(owner))


@pytest.mark.parametrize("code", [4, 17, 613, 80004])
def test_throttled(make_app: MakeApp, meta: Sandbox, code: int) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    meta.fail("graph", Fault(code=code, retry_after=1))
    person(app)
    until(lambda: "Meta has asked us to slow down." in overview(owner))
    assert "Meta har bett oss sakta ner. Inget går förlorat." in overview(owner, "sv")
    meta.fail("graph", None)
    until(lambda: "Everything works." in overview(owner), 20)


def test_meta_is_away(make_app: MakeApp, meta: Sandbox) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    meta.down()
    person(app)
    until(lambda: "Meta did not answer." in overview(owner))
    assert "Meta svarade inte." in overview(owner, "sv")
    meta.up()
    app.flush(20)
    until(lambda: "Everything works." in overview(owner), 20)


def test_the_queue_grows(make_app: MakeApp, meta: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, "OLD", 1.0)
    app = make_app(Shop())
    owner = log_in(app)
    meta.fail("graph", Fault(delay=6.0, times=1))
    for number in range(3):
        person(app, number=number)
    until(lambda: "Meta is slow right now. 3 events are waiting and will be sent automatically." in overview(owner))
    assert "Meta svarar långsamt just nu. 3 händelser väntar och skickas automatiskt." in overview(owner, "sv")
    until(lambda: "Everything works." in overview(owner), 20)


def test_events_that_meta_refuses(make_app: MakeApp, meta: Sandbox) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    meta.fail("graph", Fault(code=100, subcode=2804009))
    person(app)
    until(lambda: "Meta refuses most events." in overview(owner), 20)
    says(
        owner,
        "Meta refuses most events.",
        "See which events were refused, and why.",
        "Meta avvisar de flesta händelserna.",
        "Se vilka händelser som avvisades, och varför.",
    )
    meta.fail("graph", None)
    for number in range(3):
        person(app, number=number)
    assert app.flush(20)
    is_gone(owner, "Meta refuses most events.")
    says(
        owner,
        "It works. Meta accepted 3 events in the last 24 hours and refused one.",
        "See which events were refused",
        "Det fungerar. Meta tog emot 3 händelser det senaste dygnet och avvisade en.",
        "Se vilka",
    )


# -- not connected, paused


def test_from_nothing_to_everything(make_app: MakeApp, meta: Sandbox) -> None:
    app = make_app(Shop(), "")
    owner = log_in(app)
    says(
        owner,
        "Not connected yet: no Pixel ID.",
        "Paste the Pixel ID and the access token.",
        "Inte ansluten än: pixel-ID saknas.",
        "Klistra in pixel-ID och åtkomsttoken.",
    )
    app._source.save({"meta": {"pixel_id": PIXEL}})
    says(
        owner,
        "Half connected: the browser sends, the server cannot",
        "Paste the access token.",
        "Halvvägs ansluten: webbläsaren skickar, men servern kan inte",
        "Klistra in åtkomsttoken.",
    )
    app._source.save({"meta": {"access_token": TOKEN}})
    says(owner, "Connected, and no visits yet.", "Open your shop", "Ansluten, men inga besök än.", "Öppna butiken")
    owner.post("settings/pause", {"paused": "1"})
    says(
        owner,
        "Paused. Your shop works as usual, but nothing is sent to Meta.",
        "Start again in the settings.",
        "Pausat. Butiken fungerar som vanligt, men inget skickas till Meta.",
        "Starta igen i inställningarna.",
    )
    owner.post("settings/pause", {"paused": "0"})
    person(app)
    app.flush(10)
    until(lambda: "Everything works. Your shop has sent one event" in overview(owner))
    assert "Allt fungerar. Din butik har skickat en händelse" in overview(owner, "sv")


def test_a_test_code_that_was_left(make_app: MakeApp, meta: Sandbox) -> None:
    owner = log_in(make_app(Shop()))
    owner.post("test/code", {"code": "TEST12345", "hours": "4"})
    says(
        owner,
        "A test code is set. Test events count in Meta's reports too.",
        "Remove it when you are done.",
        "En testkod är aktiv. Även testhändelser räknas i Metas rapporter.",
        "Ta bort den när du är klar.",
    )
    owner.post("test/code", {"remove": "1"})
    is_gone(owner, "A test code is set.")


# -- the shop's pages


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"Content_Security_Policy": "default-src 'none'; style-src 'self'"},
            ("Your shop's security policy (CSP) stops the pixel on 100% of the pages.", "allow 'self' and connect",
             "Butikens säkerhetspolicy (CSP) stoppar pixeln på 100 % av sidorna.", "tillåta 'self' och connect"),
        ),
        (
            {"Content_Security_Policy": "default-src 'none'", "Cache_Control": "public, max-age=60"},
            ("Your shop's security policy (CSP) stops the pixel on 100% of the pages.", 'set csp = "extend"',
             "Butikens säkerhetspolicy (CSP) stoppar pixeln på 100 % av sidorna.", 'ange csp = "extend"'),
        ),
        (
            {"Content_Encoding": "compress"},
            ("100% of the pages could not be changed: the shop compresses them", "should compress with gzip",
             "100 % av sidorna gick inte att ändra: butiken komprimerar dem", "bör komprimera med gzip"),
        ),
        (
            {"Cache_Control": "private, no-transform"},
            ("100% of the pages say that they must not be changed (no-transform).", "leave no-transform out",
             "100 % av sidorna är märkta så att de inte får ändras (no-transform).", "bör utelämna no-transform"),
        ),
    ],
    ids=["a policy", "a policy on a cached page", "a coding", "no-transform"],
)  # fmt: skip
def test_pages_that_cannot_be_worked_on(make_app: MakeApp, wrong: dict[str, str], words: Any) -> None:
    shop = Shop(**wrong)
    app = make_app(shop)
    owner = log_in(app)

    def front(environ: Any, start_response: Any) -> Any:
        environ["capi_middleware.intermediary"] = True  # as the proxy says of itself: no-transform is meant for such
        return app(environ, start_response)

    with time_machine.travel(time.time(), tick=True) as clock:
        people(front)
        says(owner, *words)
        shop.headers = {}
        clock.shift(3600)
        people(app, 210)
        is_gone(log_in(app), words[0].replace("100%", "").strip()[:40])


def test_a_policy_that_lets_the_pixel_run_is_no_matter(make_app: MakeApp) -> None:
    hosts = "https://connect.facebook.net"
    pixel = "https://www.facebook.com"
    app = make_app(
        Shop(Content_Security_Policy=f"script-src 'self' {hosts}; img-src {pixel}; connect-src 'self' {pixel}")
    )
    owner = log_in(app)
    people(app)
    is_gone(owner, "security policy")


class Cache:
    """A cache in front that obeys nobody: what one visitor got, the next one gets."""

    def __init__(self, app: Any) -> None:
        self.app, self.obeys = app, False
        self.kept: dict[str, tuple[str, list[Any], bytes]] = {}

    def __call__(self, environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] != "GET" or path.startswith("/_shop") or self.obeys:
            return self.app(environ, start_response)
        if path not in self.kept:
            answer = Response.from_app(self.app, environ)
            self.kept[path] = (answer.status, list(answer.headers), answer.get_data())
        status, headers, body = self.kept[path]
        start_response(status, headers)
        return [body]

    def flush(self, timeout: float) -> bool:
        return bool(self.app.flush(timeout))


def id_in(page: TestResponse) -> str:
    """The ID of the page view that the page prints."""
    return next(iter(re.findall(r"[0-9a-f]{32}", page.text[page.text.index("PageView") :])))


def report(front: Any, page: TestResponse, number: int) -> None:
    """What the page's script says of the ID that stands in the page."""
    event_id = id_in(page)
    message = {"v": 1, "k": "report", "u": f"https://{HOST}/", "s": "handed", "e": [["PageView", event_id]]}
    headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": CHROME}
    answer = Client(front).post(
        "/_shop/collect",
        json=message,
        headers=headers,
        base_url=f"https://{HOST}",
        environ_base={"REMOTE_ADDR": f"81.2.{number}.7"},
    )
    assert answer.status_code == 204


def test_a_cache_shares_ids(make_app: MakeApp) -> None:
    app = make_app(Shop())
    front = Cache(app)
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        for path in ("/", "/a", "/b"):
            for number in range(3):
                report(front, person(front, path, number), number)
        says(
            owner,
            "A cache in front of the shop hands one visitor's page to others",
            "The cache must obey Cache-Control",
            "En cache framför butiken ger en besökares sida till andra",
            "Cachen måste följa Cache-Control",
        )
        front.obeys = True
        clock.shift(3600)
        for number in range(210):
            page = person(front, "/", number)
            if number < 4:
                report(front, page, number)
        is_gone(log_in(app), "A cache in front")


PRODUCT = """<!doctype html><html><head><title>Lampa</title><script type="application/ld+json">{"@context":
"https://schema.org","@type":"Product","name":"Lampa","sku":"L-1"%s}</script></head><body><h1>Lampa</h1></body></html>"""
OFFER = ',"offers":{"@type":"Offer","price":"249.00","priceCurrency":"SEK"}'
VIEWS = '[[rule]]\nevent = "ViewContent"\npath = "/produkt/<slug>"\n'


def test_product_pages_without_product_data(make_app: MakeApp) -> None:
    shop = Shop(PAGE)
    app = make_app(shop, f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "{TOKEN}"\n{VIEWS}')
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        people(app, 25, "/produkt/lampa")
        says(
            owner,
            "On most product pages no price or product number is found.",
            "point and click at the price",
            "På de flesta produktsidor hittas varken pris eller produktnummer.",
            "peka och klicka på priset",
        )
        shop.body = PRODUCT % OFFER
        clock.shift(3600)
        for number in range(210):
            person(app, f"/produkt/lampa-{number}", number)
        app.flush(10)
        is_gone(log_in(app), "On most product pages")


def test_no_product_page_at_all(make_app: MakeApp) -> None:
    shop = Shop()
    app = make_app(shop)
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        people(app, 205)
        says(
            owner,
            "No product page was recognised among many pages.",
            "open a product and point at its price",
            "Ingen av många besökta sidor kändes igen som en produktsida.",
            "öppna en produkt och peka på dess pris",
        )
        shop.body = PRODUCT % OFFER
        clock.shift(3600)
        people(app, 205, "/p/lampa")
        is_gone(log_in(app), "No product page")


def test_another_pixel_on_the_pages(make_app: MakeApp) -> None:
    own = "<script>fbq('init', '5555555555'); fbq('track', 'PageView')</script></head>"
    shop = Shop(PAGE.replace("</head>", own))
    app = make_app(shop)
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        people(app, 5)
        says(
            owner,
            "The shop's pages bring another Meta pixel of their own.",
            "keep both only if that is on purpose",
            "Butikens sidor har en annan, egen Meta-pixel.",
            "behåll båda bara om det är meningen",
        )
        shop.body = PAGE
        clock.shift(3600)
        people(app, 210)
        is_gone(log_in(app), "another Meta pixel")


# -- consent

COOKIEBOT = '<script id="Cookiebot" src="https://consent.cookiebot.com/uc.js"></script>'
YES = quote("{stamp:'x',necessary:true,marketing:true,ver:1}")


def test_a_consent_tool_that_is_not_known(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    people(app, 10, Cookie="shop_cookie_consent=1")
    says(
        owner,
        "a consent tool that we do not know: cookie “shop_cookie_consent”",
        "name the cookie",
        "ett samtyckesverktyg som vi inte känner till: kakan ”shop_cookie_consent”",
        "ange kakan",
    )
    data = {"mode": "required", "gpc_setting": "denied", "cookie": "shop_cookie_consent", "granted": "1", "denied": "0"}
    assert owner.post("consent", data).status_code == 303
    is_gone(owner, "a consent tool that we do not know")


def test_a_consent_tool_that_only_cookies_tell_of(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    for _ in range(3):
        person(app, Cookie=f"CookieConsent={YES}")
    says(
        owner,
        "the cookie of a consent tool that was not seen in the shop's pages: cookiebot.",
        "only after a yes",
        "kakan från ett samtyckesverktyg som inte har setts på butikens sidor: cookiebot.",
        "bara efter ett ja",
    )
    assert owner.post("consent", {"mode": "required", "gpc_setting": "denied"}).status_code == 303
    is_gone(owner, "the cookie of a consent tool")


def test_a_tool_whose_answers_cannot_be_read(make_app: MakeApp) -> None:
    app = make_app(Shop(PAGE.replace("</head>", f"{COOKIEBOT}</head>")))
    owner = log_in(app)
    people(app, 105)
    says(
        owner,
        "The consent tool cookiebot was seen, but no visitor's answer can be read.",
        "Try a cookie in the tester.",
        "Samtyckesverktyget cookiebot har upptäckts, men inga svar från besökare går att läsa.",
        "Prova en kaka",
    )
    people(app, 3, Cookie=f"CookieConsent={YES}")
    is_gone(owner, "no visitor's answer can be read")


def test_settings_that_ignore_a_consent_tool(make_app: MakeApp) -> None:
    text = f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "{TOKEN}"\n[consent]\nmode = "off"\n'
    app = make_app(Shop(PAGE.replace("</head>", f"{COOKIEBOT}</head>")), text)
    owner = log_in(app)
    people(app, 3)
    says(
        owner,
        "The shop asks its visitors for consent (cookiebot), but the settings ignore it.",
        "Choose “automatic”",
        "Butiken frågar sina besökare om samtycke (cookiebot), men enligt inställningarna bortses",
        "Välj ”automatiskt”",
    )
    assert owner.post("consent", {"mode": "auto", "gpc_setting": "denied"}).status_code == 303
    is_gone(owner, "the settings ignore it")


def test_a_forged_consent_cookie_does_not_stop_the_shop(make_app: MakeApp, meta: Sandbox) -> None:
    """Whoever sends it, however often: other visitors' events are sent as before."""
    app = make_app(Shop())
    for number in range(200):
        where = {"REMOTE_ADDR": f"81.2.69.{number % 200}"}
        headers = {"User-Agent": CHROME, "Sec-Fetch-Mode": "navigate", "Cookie": f"CookieConsent={YES}"}
        Client(app, use_cookies=False).get("/", base_url=f"https://{HOST}", headers=headers, environ_base=where)
    app.flush(10)
    before = len(meta.server_events)
    person(app, number=9)
    assert app.flush(10)
    assert len(meta.server_events) == before + 1
    assert memory_for(app._source.current).seen(HOST) == frozenset()


# -- visitors


def test_a_proxy_in_front_that_nobody_told_of(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    for number in range(12):
        headers = {"User-Agent": CHROME.replace("140", str(100 + number)), "Sec-Fetch-Mode": "navigate",
                   "X-Forwarded-For": f"81.2.{number}.7"}  # fmt: skip
        Client(app, use_cookies=False).get(
            "/", base_url=f"https://{HOST}", headers=headers, environ_base={"REMOTE_ADDR": "81.2.69.1"}
        )
    says(
        owner,
        "All visitors seem to come from one IP address: a proxy stands in front of the server.",
        "set trusted_hops or trusted_proxies",
        "Alla besökare ser ut att komma från samma IP-adress: det står en proxy framför servern.",
        "ange trusted_hops eller",
    )
    app._source.save({"visit": {"trusted_hops": 1}})
    forget_census()
    people(app, 12, X_Forwarded_For="81.2.3.4")
    assert "All visitors seem" in overview(owner), "they still share one"
    forget_census()
    for number in range(12):
        person(app, "/", number, X_Forwarded_For=f"81.2.{number}.9")
    is_gone(owner, "All visitors seem to come from one IP address")


def test_visitors_whose_address_is_not_known(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    for number in range(12):
        headers = {"User-Agent": CHROME.replace("140", str(100 + number)), "Sec-Fetch-Mode": "navigate"}
        Client(app, use_cookies=False).get(
            "/", base_url=f"https://{HOST}", headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"}
        )
    says(
        owner,
        "The visitors' IP addresses are not known.",
        "set trusted_hops or trusted_proxies",
        "Besökarnas IP-adresser är okända.",
        "ange trusted_hops eller trusted_proxies",
    )
    people(app, 12)
    is_gone(owner, "The visitors' IP addresses")


def told(app: CapiMiddleware, how: str, count: int, first: int = 0) -> None:
    """Browsers that say what became of their part: ``handed``, ``blocked``, or nothing."""
    for number in range(first, first + count):
        page = person(app, "/", number)
        if not how:
            continue
        event_id = id_in(page)
        message = {"v": 1, "k": "report", "u": f"https://{HOST}/", "s": how, "e": [["PageView", event_id]]}
        headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": CHROME}
        Client(app).post("/_shop/collect", json=message, headers=headers, base_url=f"https://{HOST}")
    assert app.flush(10)


def test_browsers_that_block(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    told(app, "handed", 18)
    told(app, "blocked", 6, 18)
    until(lambda: "25% of the visitors' browsers block the pixel; the server covered for them." in overview(owner))
    assert "25 % av besökarnas webbläsare blockerar pixeln. Servern täckte upp för dem." in overview(owner, "sv")


def test_few_pairs(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    told(app, "handed", 12)
    told(app, "", 12, 12)
    until(lambda: "50% of the events came from browser and server both." in overview(owner))
    says(
        owner,
        "50% of the events came from browser and server both.",
        "See which came from the server only",
        "50 % av händelserna kom från både webbläsaren och servern.",
        "Se vilka som bara kom från servern",
    )
    told(app, "handed", 80, 30)
    until(lambda: "came from browser and server both" not in overview(owner))


# -- rules, settings, the server


def test_a_rule_that_stopped_matching(make_app: MakeApp) -> None:
    text = f'[meta]\npixel_id = "{PIXEL}"\naccess_token = "{TOKEN}"\n' + (
        '[[rule]]\nevent = "Lead"\nname = "kontakt"\nmethod = "POST"\npath = "/kontakt"\n'
    )
    app = make_app(Shop(), text)
    begun = time.time()

    def send(path: str, number: int) -> None:
        headers = {"User-Agent": CHROME, "Sec-Fetch-Mode": "navigate", "Origin": f"https://{HOST}"}
        where = {"REMOTE_ADDR": f"81.2.{number}.7"}
        Client(app).post(path, base_url=f"https://{HOST}", headers=headers, environ_base=where, data={"namn": "x"})

    with time_machine.travel(begun, tick=True) as clock:
        for hour in range(0, 72, 2):
            send("/kontakt", hour)
            person(app, "/", hour)
            clock.shift(7200)
        app.flush(10)
        for hour in range(0, 30, 2):
            send("/kontakt-ny", hour)
            person(app, "/", hour)
            clock.shift(7200)
        owner = log_in(app)
        says(
            owner,
            "“Form sent” came about 12 times a day by the rule “kontakt”, and has not come since",
            "The shop may have changed. Try the rule, or pick it again.",
            "”Formulär skickat” kom ungefär 12 gånger om dagen genom regeln ”kontakt”, men har inte kommit sedan",
            "Butiken kan ha ändrats. Prova regeln eller peka ut den på nytt.",
        )
        send("/kontakt", 1)
        app.flush(10)
        is_gone(owner, "came about 12 times a day")


def test_a_mistake_in_the_file(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    file = Path(app._source.current.server.state_dir).parent / "capi.toml"
    good = file.read_text(encoding="utf-8")
    file.write_text(good + '[[rule]]\nevent = "Lead"\npath = "no slash"\n', encoding="utf-8")
    until(lambda: "A mistake in the settings:" in overview(owner))
    says(
        owner,
        "A mistake in the settings:",
        "The last good version stays in force.",
        "Ett fel i inställningarna:",
        "Den senaste felfria versionen gäller.",
    )
    file.write_text(good, encoding="utf-8")
    until(lambda: "A mistake in the settings:" not in overview(owner))


def test_a_store_that_cannot_be_read(make_app: MakeApp) -> None:
    app = make_app(Shop())
    owner = log_in(app)
    people(app, 2)
    ledger = Path(app._source.current.server.state_dir) / "ledger.sqlite3"
    whole = ledger.read_bytes()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{ledger}{suffix}").unlink(missing_ok=True)
    ledger.write_bytes(b"no database at all" * 400)
    until(lambda: "The server cannot keep events safely:" in overview(owner), 5)
    assert "Den som sköter servern bör kontrollera dess disk och logg." in overview(owner, "sv")
    people(app, 1)
    until(lambda: "The server cannot keep events safely:" not in overview(owner), 20)
    assert whole, "a damaged store is set aside and a new one made"


def test_a_product_memory_that_is_not_shared(make_app: MakeApp) -> None:
    app = make_app(Shop(PRODUCT % OFFER))
    owner = log_in(app)
    state = Path(app._source.current.server.state_dir)
    (state / "products-1.sqlite3").mkdir()
    person(app, "/p/lampa")
    until(lambda: "do not share what they learn of products:" in overview(owner))
    says(
        owner,
        "The server's processes do not share what they learn of products:",
        "Whoever runs the server should look at its disk and its log.",
        "Serverns processer delar inte det som de lär sig om produkter:",
        "Den som sköter servern bör kontrollera dess disk och logg.",
    )
    (state / "products-1.sqlite3").rmdir()
    until(lambda: "do not share what they learn" not in overview(owner), 30)


def test_a_fault_of_ours(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> Any:
        raise RuntimeError("a mistake of the programmer's")

    app = make_app(Shop())
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        with monkeypatch.context() as patch:
            patch.setattr("capi_middleware.middleware.read_visit", broken)
            assert person(app).text == PAGE
        says(
            owner,
            "One page could not be handled because of an error in this program; it went out as the shop made it.",
            "Please report it",
            "En sida kunde inte bearbetas på grund av ett fel hos oss",
            "Rapportera gärna felet",
        )
        clock.shift(3600)
        people(app, 210)
        is_gone(log_in(app), "could not be worked on")


def test_lost_events_are_said_for_a_day(make_app: MakeApp, tmp_path: Path) -> None:
    """A record of the journal that makes no sense: a disk that lied."""
    app = make_app(Shop())
    owner = log_in(app)
    with time_machine.travel(time.time(), tick=True) as clock:
        people(app, 1)
        from capi_middleware.delivery.places import open_store

        app.close()
        store = open_store(app._source.current)
        store.add_counts({(int(time.time()) // 3600 * 3600, "", "", "lost:unreadable"): 2})  # type: ignore[arg-type]
        store.close()
        says(
            owner,
            "2 events were lost (unreadable).",
            "Whoever runs the server should look at its log.",
            "2 händelser gick förlorade (unreadable).",
            "Den som sköter servern bör kontrollera dess logg.",
        )
        clock.shift(25 * 3600)
        fresh = log_in(app)
        is_gone(fresh, "events were lost")
