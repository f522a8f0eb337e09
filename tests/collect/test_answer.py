"""The endpoint's core: what a message is answered with."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from capi_middleware.collect import Collector, Limits, Seal, Shop
from capi_middleware.events import Event
from capi_middleware.infer import Facts, Inference, ProductMemory
from capi_middleware.settings import Settings
from capi_middleware.settings.rule import Rule
from capi_middleware.settings.rule_reader import RuleReader
from capi_middleware.settings.settings import BrowserSettings, ConsentSettings, MetaSettings, VisitSettings
from capi_middleware.visit import IDENTITY_COOKIE, IdentityCodec, visit_census
from capi_middleware.visit.census import forget_census

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
VIEW_ID = "0123456789abcdef0123456789abcdef"
MARKUP = (
    '<script type="application/ld+json">{"@context":"https://schema.org","@type":"Product","name":"Lamp",'
    '"sku":"L-1","offers":{"@type":"Offer","price":"249.00","priceCurrency":"SEK"}}</script>'
)


class Desk:
    """A collector with everything it needs, and what it gave away."""

    def __init__(
        self,
        *,
        consent: str = "off",
        browser: BrowserSettings | None = None,
        rate: int = 1000,
        rules: tuple[Rule, ...] = (),
    ) -> None:
        settings = Settings(
            rules=rules,
            meta=MetaSettings(pixel_id="1234567890"),
            consent=ConsentSettings(mode=consent),
            browser=browser or BrowserSettings(),
        )
        self.memory = ProductMemory()
        self.seal = Seal(b"k" * 32)
        self.identity = IdentityCodec(b"k" * 32)
        self.shop = Shop(settings, Inference(settings, self.memory), self.memory, self.seal, self.identity)
        self.events: list[Event] = []
        self.reports: list[tuple[str, ...]] = []
        self.forgotten: list[str] = []
        self.now = 1_700_000_000.0
        self.shared = 0
        self.unlisted: list[tuple[str, str]] = []
        self.collector = Collector(
            self, Limits(rate, 10 * rate), lambda: self.now, self.share, lambda *call: self.unlisted.append(call)
        )

    def share(self) -> None:
        self.shared += 1

    def put(self, event: Event) -> None:
        self.events.append(event)

    def report(self, *words: str) -> None:
        self.reports.append(words)

    def forget(self, fbp: str) -> None:
        self.forgotten.append(fbp)

    def environ(self, message: Any, **headers: str) -> dict[str, Any]:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/_shop/collect",
            "HTTP_HOST": "shop.example",
            "HTTP_USER_AGENT": CHROME,
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "HTTP_ACCEPT_LANGUAGE": "sv",
            "REMOTE_ADDR": "81.2.69.142",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            **headers,
        }

    def post(self, message: Any, **headers: str) -> tuple[str, dict[str, str], Any]:
        environ = self.environ(message, **headers)
        status, answered, reply, _ = self.collector.reply(environ, self.shop)
        return status, dict(answered), json.loads(reply) if reply else None

    def view(self, url: str = "https://shop.example/p/1", **more: Any) -> Any:
        return self.post({"v": 1, "k": "view", "u": url, "r": "", "i": VIEW_ID, **more})[2]


def names(reply: Any) -> list[str]:
    return [row[0] for row in reply["events"]]


def test_a_view_has_a_page_view_under_the_browsers_own_id() -> None:
    desk = Desk()
    reply = desk.view()
    assert reply["events"] == [["PageView", {}, VIEW_ID]]
    [event] = desk.events
    assert (event.event_name, event.event_id, event.event_time) == ("PageView", VIEW_ID, 1_700_000_000)
    assert event.event_source_url == "https://shop.example/p/1"
    assert event.visitor.client_ip_address == "81.2.69.142"


def test_a_product_page_known_to_the_memory_has_its_view_content_at_once() -> None:
    desk = Desk()
    desk.memory.learn("shop.example", "/p/1", Facts({"content_ids": ["L-1"], "value": 249.0}, {}, True))
    reply = desk.view()
    assert names(reply) == ["PageView", "ViewContent"]
    assert "need" not in reply
    assert [event.event_id for event in desk.events] == [row[2] for row in reply["events"]]


def test_an_unknown_page_is_asked_for_its_markup_and_answered_from_it() -> None:
    desk = Desk()
    first = desk.view()
    assert first["need"] is True and names(first) == ["PageView"]
    second = desk.post({"v": 1, "k": "page", "u": "https://shop.example/p/1", "i": VIEW_ID, "p": MARKUP})[2]
    assert names(second) == ["ViewContent"]
    assert second["events"][0][1]["value"] == 249.0
    assert [event.event_name for event in desk.events] == ["PageView", "ViewContent"]


def test_markup_that_a_visitor_sends_teaches_the_memory_nothing() -> None:
    desk = Desk()
    desk.post({"v": 1, "k": "page", "u": "https://shop.example/p/1", "i": VIEW_ID, "p": MARKUP})
    assert desk.memory.by_url("shop.example", "/p/1") is None


def test_the_same_view_twice_has_one_server_leg() -> None:
    desk = Desk()
    assert desk.view()["events"] == desk.view()["events"]
    assert len(desk.events) == 1


def test_cookies_are_set_here() -> None:
    _, headers, _ = Desk().post({"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID})
    assert headers["Set-Cookie"].startswith("_fbp=fb.1.")
    assert headers["Cache-Control"] == "no-store"


def test_without_consent_nothing_is_made_or_set() -> None:
    desk = Desk(consent="required")
    status, headers, reply = desk.post({"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID})
    assert reply == {"v": 1, "state": "held"}
    assert "Set-Cookie" not in headers
    assert desk.events == []


def test_a_grant_opens_the_sealed_events_with_their_own_ids() -> None:
    desk = Desk(consent="required")
    held = Event("1234567890", "Purchase", "f" * 32, 1, "https://shop.example/tack/7", custom_data={"value": 5.0})
    token = desk.seal.dump([held])
    message = {"v": 1, "k": "consent", "u": "https://shop.example/tack/7", "i": VIEW_ID, "t": [token]}
    assert desk.post(message)[2]["state"] == "held"
    reply = desk.post(message, HTTP_COOKIE="capi_consent=v1.g.api.1700000000")[2]
    assert reply["events"] == [["Purchase", {"value": 5.0}, "f" * 32]]
    [event] = desk.events
    assert event.event_id == "f" * 32 and event.visitor.fbp


def test_a_withdrawal_takes_the_cookies_away_and_forgets() -> None:
    desk = Desk()
    desk.shop = desk.shop._replace(settings=Settings(consent=ConsentSettings(mode="implied")))
    message = {"v": 1, "k": "consent", "u": "https://shop.example/", "i": VIEW_ID}
    cookies = "_fbp=fb.1.1700000000000.42; capi_consent=v1.d.api.1700000000"
    _, headers, reply = desk.post(message, HTTP_COOKIE=cookies)
    assert reply == {"v": 1, "state": "denied"}
    assert "Max-Age=0" in headers["Set-Cookie"]
    assert desk.forgotten == ["fb.1.1700000000000.42"]


def test_both_legs_know_the_visitor_who_has_said_who_he_is() -> None:
    desk = Desk()
    cookie = desk.identity.dump({"em": ("e" * 64,)})
    reply = desk.post(
        {"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID}, HTTP_COOKIE=f"{IDENTITY_COOKIE}={cookie}"
    )
    assert reply[2]["user"]["em"] == "e" * 64
    assert desk.events[0].visitor.user_data["em"] == ("e" * 64,)


def test_a_consent_message_without_tokens_has_no_events() -> None:
    desk = Desk()
    reply = desk.post({"v": 1, "k": "consent", "u": "https://shop.example/", "i": VIEW_ID})[2]
    assert (reply["state"], reply["events"]) == ("granted", [])
    assert desk.events == []


def test_a_forged_token_opens_nothing() -> None:
    desk = Desk()
    token = Seal(b"x" * 32).dump([Event("1234567890", "Purchase", "f" * 32, 1, "https://shop.example/")])
    reply = desk.post({"v": 1, "k": "consent", "u": "https://shop.example/", "i": VIEW_ID, "t": [token]})[2]
    assert reply["events"] == []
    assert desk.events == []


def test_a_robot_gets_nothing() -> None:
    desk = Desk()
    message = {"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID}
    assert desk.post(message, HTTP_USER_AGENT="Googlebot/2.1 (+http://www.google.com/bot.html)")[2]["state"] == "held"
    assert desk.events == []


def test_track_sends_what_no_rule_infers() -> None:
    desk = Desk()
    message = {"v": 1, "k": "track", "u": "https://shop.example/", "i": VIEW_ID, "n": "Lead", "d": {"step": 1}}
    assert desk.post(message)[2]["events"] == [["Lead", {"step": 1}, VIEW_ID]]
    assert desk.post({**message, "n": "Purchase"})[2]["events"] == []
    assert [event.event_name for event in desk.events] == ["Lead"]


def test_track_sends_what_the_settings_add() -> None:
    desk = Desk(browser=BrowserSettings(track=("Quiz done",)))
    message = {"v": 1, "k": "track", "u": "https://shop.example/", "i": VIEW_ID, "n": "Quiz done"}
    assert names(desk.post(message)[2]) == ["Quiz done"]


ADOPT = {"v": 1, "k": "adopt", "u": "https://shop.example/", "i": VIEW_ID, "d": {"step": 1}}


@pytest.mark.parametrize("name", ["Lead", "Purchase", "PageView"])
def test_a_standard_call_of_the_shop_s_own_pixel_is_mirrored(name: str) -> None:
    desk = Desk()
    assert desk.post({**ADOPT, "n": name})[2]["events"] == [], "its browser leg is on its way"
    assert [(event.event_name, event.event_id) for event in desk.events] == [(name, VIEW_ID)]
    assert desk.unlisted == []


@pytest.mark.parametrize("name", ["Sizes", "purchase", "Purchase ", "AddToCart2"])
def test_a_name_that_nobody_has_listed_is_counted_and_not_sent(name: str) -> None:
    """Whoever forges a call of the page's would else put any event into the shop's books."""
    desk = Desk()
    assert desk.post({**ADOPT, "n": name})[2]["events"] == []
    assert desk.events == [] and desk.unlisted == [("shop.example", name)]


def test_a_listed_name_is_mirrored() -> None:
    desk = Desk(browser=BrowserSettings(track=("Sizes",)))
    desk.post({**ADOPT, "n": "Sizes"})
    assert [event.event_name for event in desk.events] == ["Sizes"] and desk.unlisted == []


def test_the_name_of_a_rule_s_event_is_mirrored() -> None:
    rule = RuleReader("capi.toml").read({"event": "Sizes", "path": "/sizes"}, 0, lambda *parts: None)
    assert rule is not None
    desk = Desk(rules=(rule,))
    desk.post({**ADOPT, "n": "Sizes"})
    assert [event.event_name for event in desk.events] == ["Sizes"] and desk.unlisted == []


def test_without_consent_no_call_is_even_counted() -> None:
    desk = Desk(consent="required")
    assert desk.post({**ADOPT, "n": "Sizes"})[2]["state"] == "held"
    assert desk.unlisted == []


def test_a_report_is_taken_without_an_answer() -> None:
    desk = Desk()
    message = {"v": 1, "k": "report", "u": "https://shop.example/", "s": "blocked", "e": [["PageView", VIEW_ID]]}
    status, _, reply = desk.post(message)
    assert (status, reply) == ("204 No Content", None)
    assert desk.reports == [
        ("1234567890", VIEW_ID, "PageView", "script"),
        ("1234567890", VIEW_ID, "PageView", "blocked"),
    ]


@pytest.mark.parametrize(
    ("headers", "status", "counter"),
    [
        pytest.param({"HTTP_SEC_FETCH_SITE": "cross-site"}, "403 Forbidden", "site", id="another site"),
        pytest.param({"HTTP_SEC_FETCH_SITE": "same-site"}, "403 Forbidden", "site", id="a sister host"),
        pytest.param(
            {"CONTENT_TYPE": "text/plain"}, "415 Unsupported Media Type", "type", id="a form without preflight"
        ),
        pytest.param({"REQUEST_METHOD": "GET"}, "405 Method Not Allowed", "method", id="GET"),
        pytest.param({"CONTENT_LENGTH": ""}, "411 Length Required", "length", id="no length"),
        pytest.param({"CONTENT_LENGTH": "٤٢"}, "411 Length Required", "length", id="a length in other digits"),
        pytest.param({"CONTENT_LENGTH": "9" * 5000}, "411 Length Required", "length", id="a length beyond all measure"),
        pytest.param({"CONTENT_LENGTH": "40000"}, "413 Content Too Large", "size", id="too large"),
        pytest.param({"CONTENT_LENGTH": "0" * 9 + "40000"}, "413 Content Too Large", "size", id="zeros in front"),
    ],
)
def test_refused_before_its_body_is_read(headers: dict[str, str], status: str, counter: str) -> None:
    desk = Desk()
    assert desk.post({"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID}, **headers)[0] == status
    assert desk.events == []
    assert desk.collector.refused == {counter: 1}


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://shop.example", "200 OK"),
        ("https://SHOP.example", "200 OK"),
        ("http://evil.example", "403 Forbidden"),
        ("http://[", "403 Forbidden"),
        ("null", "403 Forbidden"),
        ("", "403 Forbidden"),
    ],
)
def test_a_browser_without_fetch_metadata_is_known_by_its_origin(origin: str, status: str) -> None:
    desk = Desk()
    environ = desk.environ({"v": 1, "k": "view", "u": "http://shop.example/", "i": VIEW_ID}, HTTP_ORIGIN=origin)
    del environ["HTTP_SEC_FETCH_SITE"]
    assert desk.collector.reply(environ, desk.shop).status == status


@pytest.mark.parametrize(
    ("trust", "headers", "status"),
    [
        ({}, {}, "421 Misdirected Request"),
        ({}, {"HTTP_X_FORWARDED_HOST": "evil.example"}, "421 Misdirected Request"),
        ({"trusted_hops": 1}, {"HTTP_X_FORWARDED_HOST": "evil.example"}, "200 OK"),
        (
            {"trusted_hops": 1, "forwarded": True},
            {"HTTP_FORWARDED": "for=81.2.69.142;host=shop.example"},
            "421 Misdirected Request",
        ),
    ],
)
def test_a_page_of_another_host_is_refused_and_leaves_no_trace(
    trust: dict[str, Any], headers: dict[str, str], status: str
) -> None:
    forget_census()
    desk = Desk()
    desk.shop = desk.shop._replace(settings=replace(desk.shop.settings, visit=VisitSettings(**trust)))
    message = {"v": 1, "k": "view", "u": "https://evil.example/", "i": VIEW_ID}
    assert desk.post(message, **headers)[0] == status
    refused = status != "200 OK"
    assert len(desk.events) == visit_census("evil.example").visits == (not refused)
    assert desk.collector.refused == ({"host": 1} if refused else {})


def test_a_view_is_one_visit_in_the_figures_however_often_its_page_speaks() -> None:
    forget_census()
    desk = Desk()
    desk.view()
    desk.post({"v": 1, "k": "page", "u": "https://shop.example/p/1", "i": VIEW_ID, "p": MARKUP})
    desk.post({"v": 1, "k": "track", "u": "https://shop.example/p/1", "i": VIEW_ID, "n": "Lead"})
    desk.post({"v": 1, "k": "consent", "u": "https://shop.example/p/1", "i": VIEW_ID})
    assert visit_census("shop.example").visits == 1


def test_a_visitor_who_calls_too_often_is_refused_and_others_are_not() -> None:
    desk = Desk(rate=10)
    for _ in range(15):
        desk.view()
    assert desk.collector.refused["rate"] == 5
    message = {"v": 1, "k": "view", "u": "https://shop.example/", "i": "a" * 32}
    assert desk.post(message, REMOTE_ADDR="81.2.69.143")[0] == "200 OK"


def test_what_a_redirect_owes_is_told_with_the_next_view_and_has_no_second_server_leg() -> None:
    desk = Desk()
    owed = [Event("1234567890", "AddToCart", "c" * 32, 1, "", custom_data={"value": 5.0})]
    view = {"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID}
    assert desk.collector.reply(desk.environ(view), desk.shop, owed).told
    assert [event.event_name for event in desk.events] == ["PageView"]
    report = {"v": 1, "k": "report", "u": "https://shop.example/", "s": "handed", "e": []}
    assert not desk.collector.reply(desk.environ(report), desk.shop, owed).told


def test_what_is_owed_waits_for_consent() -> None:
    desk = Desk(consent="required")
    owed = [Event("1234567890", "AddToCart", "c" * 32, 1, "")]
    view = {"v": 1, "k": "view", "u": "https://shop.example/", "i": VIEW_ID}
    assert not desk.collector.reply(desk.environ(view), desk.shop, owed).told


def test_one_id_from_three_visitors_is_a_cache_s_doing() -> None:
    desk = Desk()
    report = {"v": 1, "k": "report", "u": "https://shop.example/", "s": "handed", "e": [["PageView", VIEW_ID]]}
    for address in ("81.2.69.142", "81.2.69.142", "81.2.69.143"):
        desk.post(report, REMOTE_ADDR=address)
    assert desk.shared == 0, "a phone may have changed its network"
    for address in ("81.2.69.144", "81.2.69.145"):
        desk.post(report, REMOTE_ADDR=address)
    assert desk.shared == 1


def test_a_page_that_nobody_has_read_is_to_be_asked_for_once_more() -> None:
    desk = Desk()
    asked = {"v": 1, "k": "page", "u": "https://shop.example/p/1", "i": VIEW_ID, "p": "<title>Lamp</title>"}
    desk.view()
    assert desk.post({**asked, "l": 0})[2]["need"] is True
    assert "need" not in desk.post({**asked, "l": 1})[2], "it was the last time"
    assert "need" not in desk.post(asked)[2], "an older script would ask for ever"
    desk.memory.learn("shop.example", "/p/1", Facts({"content_ids": ["L-1"], "value": 249.0}, {}, True))
    replies = [desk.post({**asked, "l": 1})[2] for _ in range(2)]
    assert names(replies[0]) == ["ViewContent"] and replies[0] == replies[1]
    assert [event.event_name for event in desk.events] == ["PageView", "ViewContent"]


def test_a_rule_that_needs_no_facts_has_its_event_without_them_at_last() -> None:
    words = {"event": "ViewContent", "path": "/p/<id>", "data": {"content_ids": "path:id", "content_name": "css:h1"}}
    rule = RuleReader("capi.toml").read(words, 0, lambda *parts: None)
    assert rule is not None
    desk = Desk(rules=(rule,))
    asked = {"v": 1, "k": "page", "u": "https://shop.example/p/1", "i": VIEW_ID, "p": ""}
    assert names(desk.view()) == ["PageView"]
    assert names(desk.post({**asked, "l": 0})[2]) == []
    [event] = desk.post({**asked, "l": 1})[2]["events"]
    assert event[:2] == ["ViewContent", {"content_ids": ["1"]}]


def test_a_page_that_can_have_no_product_is_not_asked_for() -> None:
    """No rule tells of a product at a search's address, whoever has read its page."""
    desk = Desk()
    assert "need" not in desk.view("https://shop.example/search?q=lamp")
    assert desk.view("https://shop.example/p/2", i="f" * 32)["need"] is True
