"""The sandbox's stand-in for fbevents.js does in Chromium what the real one was observed to do, traps included.

Who holds a copy of the real one compares the two: ``CAPI_REAL_FBEVENTS=/path/fbevents.js`` runs these tests, and all
others of this folder, on it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from werkzeug.wrappers import Response

from capi_middleware.sandbox import BrowserEvent, Fault, Sandbox

from .conftest import PIXEL, REAL, Visitor

OTHER = "9876543210"
QUIET = 0.6
"""Seconds in which nothing may come where nothing should."""
SENTINEL = "Sentinel"
not_of_the_real_one = pytest.mark.skipif(bool(REAL), reason="rests on files of Meta's that we do not have")
BASE = """!function(w,d,u,f,s,t){if(w.fbq)return;f=w.fbq=function(){f.callMethod?f.callMethod.apply(f,arguments):
f.queue.push(arguments)};w._fbq=w._fbq||f;f.push=f;f.loaded=!0;f.version='2.0';f.queue=[];s=d.createElement('script');
s.async=!0;s.src=u;t=d.getElementsByTagName('script')[0];t.parentNode.insertBefore(s,t)}(window,document,'URL');"""
META = "https://connect.facebook.net/en_US/fbevents.js"


class OnePage:
    """A site of one page, whose script and headers are the test's."""

    def __init__(self, script: str, pixel_url: str = META, headers: dict[str, str] | None = None) -> None:
        base = BASE.replace("URL", pixel_url)
        self.html = f"<!doctype html><html><head><script>{base}{script}</script></head><body>Hello</body></html>"
        self.headers = headers or {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/favicon.ico":
            return Response(status=204)(environ, start_response)
        return Response(self.html, mimetype="text/html", headers=self.headers)(environ, start_response)


class Site:
    """Opens pages with a given script, and reads what the pixel sent."""

    def __init__(self, sandbox: Sandbox, visitor: Visitor, serve: Callable[[WSGIApplication], str]) -> None:
        self.sandbox, self.visitor, self._serve = sandbox, visitor, serve
        self._last = 0

    def open(self, script: str, path: str = "/", until: Any = "load", **options: Any) -> None:
        self.url = self._serve(OnePage(script, **options))
        self.visitor.page.goto(f"{self.url}{path}", wait_until=until)

    def run(self, script: str) -> Any:
        return self.visitor.page.evaluate(f"() => {{ {script} }}")

    def events(self, count: int) -> list[BrowserEvent]:
        """Exactly so many events, in the order the pixel counted them; then nothing more.

        A last event of our own tells that nothing is on its way any longer; where none can come, some time has to pass.
        """
        self.sandbox.wait(lambda now: len(_wanted(now)) >= count, 10)
        self._last += 1
        last = f"{SENTINEL}{self._last}"
        self.run(f"window.fbq && fbq('trackCustom', '{last}')")
        self.sandbox.wait(lambda now: _all_here(now, last), QUIET)
        found = _wanted(self.sandbox)
        assert len(found) == count, [(one.event_name, one.event_id) for one in found]
        return sorted(found, key=_counted)

    def told(self, count: int) -> list[tuple[str, str | None]]:
        return [(one.event_name, one.event_id) for one in self.events(count)]


def _wanted(sandbox: Sandbox) -> list[BrowserEvent]:
    return [one for one in sandbox.browser_events if not one.event_name.startswith(SENTINEL)]


def _counted(event: BrowserEvent) -> int:
    """How many events the pixel had sent on this page before this one."""
    return int(dict(event.parameters)["ec"])


def _load(event: BrowserEvent) -> tuple[str, str]:
    """Which pixel, on which load of a page."""
    return event.pixel_id, dict(event.parameters)["it"]


def _all_here(sandbox: Sandbox, sentinel: str) -> bool:
    """Whether the sentinel has come, and every event that its pixel sent before it."""
    events = sandbox.browser_events
    last = [one for one in events if one.event_name == sentinel]
    return bool(last) and all(
        len([one for one in events if _load(one) == _load(end) and _counted(one) < _counted(end)]) == _counted(end)
        for end in last
    )


@pytest.fixture
def site(sandbox: Sandbox, visitor: Visitor, serve: Callable[[WSGIApplication], str]) -> Site:
    return Site(sandbox, visitor, serve)


def init(pixel: str = PIXEL) -> str:
    return f"fbq('init','{pixel}');"


def view(event_id: str) -> str:
    return f"fbq('track','PageView',{{}},{{eventID:'{event_id}'}});"


# -- PageView, once a load


def test_only_the_first_page_view_of_a_load_is_sent(site: Site) -> None:
    site.open(init() + view("one") + view("two"))
    site.events(1)
    site.run("history.replaceState({}, '', location.href);" + view("three"))
    assert site.told(1) == [("PageView", "one")]


def test_a_page_view_after_a_route_change_is_dropped_too(site: Site) -> None:
    site.open("fbq.disablePushState=true;" + init() + view("one"))
    site.events(1)
    site.run("history.pushState({}, '', '/next');" + view("two"))
    assert site.told(1) == [("PageView", "one")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_allow_duplicate_page_views_lifts_the_rule(site: Site, when: str) -> None:
    lift = "fbq.allowDuplicatePageViews=true;"
    site.open((lift if when == "before" else "") + init() + view("one"))
    site.events(1)
    site.run((lift if when == "after" else "") + view("two"))
    assert site.told(2) == [("PageView", "one"), ("PageView", "two")]


def test_track_single_is_exempt(site: Site) -> None:
    site.open(init() + view("one") + f"fbq('trackSingle','{PIXEL}','PageView',{{}},{{eventID:'two'}});")
    events = site.events(2)
    assert [dict(one.parameters).get("tm") for one in events] == [None, "1"]


def test_other_events_are_never_dropped(site: Site) -> None:
    same = "fbq('track','ViewContent',{},{eventID:'v'});"
    site.open(init() + same * 4)
    assert site.told(4) == [("ViewContent", "v")] * 4


# -- Route changes


@pytest.mark.parametrize(
    "change",
    [
        "history.pushState({}, '', '/next')",
        "history.replaceState({}, '', '/next')",
        "history.pushState({}, '', '#next')",
    ],
)
def test_a_route_change_sends_a_page_view_without_id(site: Site, change: str) -> None:
    site.open(init() + view("one"))
    site.events(1)
    site.run(change)
    assert site.told(2) == [("PageView", "one"), ("PageView", None)]


def test_going_back_is_a_route_change(site: Site) -> None:
    site.open(init() + view("one"))
    site.run("history.pushState({}, '', '/next')")
    site.events(2)
    site.run("history.back()")
    assert site.told(3)[2] == ("PageView", None)


def test_a_change_of_state_alone_is_none(site: Site) -> None:
    site.open(init() + view("one"))
    site.run("history.pushState({a: 1}, '', location.href)")
    site.events(1)


def test_disable_push_state_keeps_quiet(site: Site) -> None:
    site.open("fbq.disablePushState=true;" + init() + view("one"))
    site.events(1)
    site.run("history.pushState({}, '', '/next')")
    site.events(1)


def test_the_recipe_for_single_page_shops(site: Site) -> None:
    site.open("fbq.disablePushState=true;fbq.allowDuplicatePageViews=true;" + init() + view("one"))
    site.events(1)
    site.run("history.pushState({}, '', '/next');" + view("two"))
    events = site.events(2)
    assert [one.event_id for one in events] == ["one", "two"]
    assert events[1].url.endswith("/next")


# -- What is called, what is sent


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        pytest.param("fbq('track','Lead',{},{eventID:'x'})", ("Lead", "x"), id="event-id"),
        pytest.param("fbq('track','Lead',{},{event_id:'x'})", ("Lead", "x"), id="alias"),
        pytest.param("fbq('track','Lead',{},{eventID:12345})", ("Lead", "12345"), id="number"),
        pytest.param("fbq('track','Lead',{},{eventID:''})", ("Lead", ""), id="empty"),
        pytest.param("fbq('track','Lead',{},{eventID:'å/&=+ 🛒'})", ("Lead", "å/&=+ 🛒"), id="unicode"),
        pytest.param("fbq('track','Lead')", ("Lead", None), id="none"),
        pytest.param("fbq('trackCustom','Rented',{},{eventID:'x'})", ("Rented", "x"), id="custom"),
        pytest.param("fbq('track','Rented',{},{eventID:'x'})", ("Rented", "x"), id="unknown-name-is-sent"),
    ],
)
def test_calls(site: Site, call: str, sent: tuple[str, str | None]) -> None:
    site.open(init() + call)
    assert site.told(1) == [sent]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(view("x"), id="without-init"),
        pytest.param(init() + f"fbq('trackSingle','{OTHER}','Lead')", id="single-of-an-unknown-pixel"),
        pytest.param("fbq('init','shop');" + view("x"), id="init-without-a-number"),
        pytest.param(init() + "fbq('dance')", id="unknown-method"),
    ],
)
def test_nothing_is_sent(site: Site, script: str) -> None:
    site.open(script)
    site.events(0)


def test_a_custom_event_of_one_pixel_is_marked(site: Site) -> None:
    site.open(init() + init(OTHER) + f"fbq('trackSingleCustom','{OTHER}','Rented',{{}},{{eventID:'x'}});")
    (event,) = site.events(1)
    assert (event.pixel_id, dict(event.parameters)["tm"]) == (OTHER, "2")


def test_every_pixel_gets_what_is_tracked(site: Site) -> None:
    site.open(init() + init(OTHER) + view("one"))
    assert {event.pixel_id for event in site.events(2)} == {PIXEL, OTHER}


def test_values_go_out_as_they_came_in(site: Site) -> None:
    data = "{value:'12,5 kr',currency:'sek',content_ids:['a',1],contents:[{id:'a',quantity:2}],none:null,ok:true}"
    site.open(init() + f"fbq('track','Purchase',{data},{{eventID:'x'}})")
    assert site.events(1)[0].custom_data == {
        "value": "12,5 kr",
        "currency": "sek",
        "content_ids": ["a", 1],
        "contents": [{"id": "a", "quantity": 2}],
        "ok": "true",
    }


def test_the_order_on_the_wire(site: Site) -> None:
    user = "{em:'a@example.com'}"
    privacy = "fbq('dataProcessingOptions',['LDU'],1,1000);"
    site.open(f"{privacy}fbq('init','{PIXEL}',{user});fbq('track','Lead',{{value:1}},{{eventID:'x'}})")
    (event,) = site.events(1)
    before = ["id", "ev", "dl", "rl", "if", "ts", "cd[value]", "sw", "sh", "ud[em]", "v", "r", "ec", "o"]
    order = [*before, "fbp", "it", "coo", "dpo", "dpoco", "dpost", "eid", "rqm"]
    sent = [name for name, _ in event.parameters]
    assert [name for name in sent if name in order] == [name for name in order if name != "fbp" or not REAL]
    assert REAL or len(sent) == len(order)
    wire = dict(event.parameters)
    assert (wire["dpo"], wire["dpoco"], wire["dpost"], wire["if"], wire["ec"]) == ("LDU", "1", "1000", "false", "0")
    assert wire["dl"] == f"{site.url}/"


def test_events_are_counted(site: Site) -> None:
    site.open(init() + "fbq('track','Lead');fbq('track','Lead');")
    assert sorted(dict(event.parameters)["ec"] for event in site.events(2)) == ["0", "1"]


def test_auto_config_off_sets_its_bit(site: Site) -> None:
    site.open(f"fbq('set','autoConfig','false','{PIXEL}');" + init() + view("x"))
    assert int(dict(site.events(1)[0].parameters)["o"]) % 2 == 1


@pytest.mark.parametrize(("length", "method"), [(200, "GET"), (3000, "POST")])
def test_long_events_are_posted(site: Site, length: int, method: str) -> None:
    site.open(init() + f"fbq('trackCustom','Long',{{text:'x'.repeat({length})}},{{eventID:'x'}})")
    (event,) = site.events(1)
    assert event.method == method
    assert dict(event.parameters)["rqm"] == ("GET" if method == "GET" else "formPOST")
    assert event.custom_data["text"] == "x" * length
    assert site.run("return document.querySelectorAll('form, iframe').length") == 0


# -- Waiting


@pytest.mark.parametrize("place", ["script", "config"])
def test_nothing_is_sent_while_a_file_is_missing(site: Site, place: Any) -> None:
    site.sandbox.fail(place, Fault(drop=True))
    site.open(init() + view("one"))
    site.events(0)


def test_events_are_held_until_the_configuration_comes(site: Site) -> None:
    site.sandbox.fail("config", Fault(delay=1.0))
    site.open(init() + view("one") + "fbq('track','Lead',{},{eventID:'two'});", until="commit")
    time.sleep(0.4)
    assert site.sandbox.browser_events == []
    assert site.told(2) == [("PageView", "one"), ("Lead", "two")]


@not_of_the_real_one
@pytest.mark.parametrize("missing", [False, True])
def test_a_plugin_that_is_fetched_is_waited_for(site: Site, missing: bool) -> None:
    site.sandbox.app.cookies = "separate"
    if missing:
        site.sandbox.fail("plugin", Fault(drop=True))
    site.open(init() + view("one"))
    events = site.events(0 if missing else 1)
    assert missing or events[0].fbp


# -- Consent


def test_without_consent_only_the_script_is_fetched(site: Site) -> None:
    asked: list[str] = []
    site.visitor.page.on("request", lambda request: asked.append(request.url))
    site.open("fbq('consent','revoke');" + init() + view("one"))
    site.events(0)
    assert [url for url in asked if "facebook" in url] == [META]


def test_consent_given_later_sends_the_first_ids(site: Site) -> None:
    site.open("fbq('consent','revoke');" + init() + view("one") + "fbq('track','Lead',{},{eventID:'two'});")
    site.events(0)
    site.run("fbq('consent','grant')")
    assert site.told(2) == [("PageView", "one"), ("Lead", "two")]


def test_consent_taken_back_stops_what_comes_after(site: Site) -> None:
    site.open(init() + view("one"))
    site.events(1)
    site.run("fbq('consent','revoke');fbq('track','Lead');history.pushState({},'','/next')")
    site.events(1)


# -- Cookies


@not_of_the_real_one
def test_cookies_are_kept_and_sent_with_the_plugin(site: Site) -> None:
    site.open(init() + view("one"), path="/?fbclid=IwAR0_Click-1")
    (event,) = site.events(1)
    assert event.fbp == site.visitor.cookie("_fbp") and event.fbp.startswith("fb.1.")
    assert event.fbc == site.visitor.cookie("_fbc") and event.fbc.endswith(".IwAR0_Click-1")
    assert {cookie["domain"] for cookie in site.visitor.context.cookies()} == {".shop.test"}


@not_of_the_real_one
def test_cookies_that_exist_are_kept(site: Site) -> None:
    for name, value in (("_fbp", "fb.1.1700000000000.42"), ("_fbc", "fb.1.1700000000000.IwAR0")):
        site.visitor.context.add_cookies([{"name": name, "value": value, "domain": ".shop.test", "path": "/"}])
    site.open(init() + view("one"), path="/?fbclid=IwAR0")
    (event,) = site.events(1)
    assert (event.fbp, event.fbc) == ("fb.1.1700000000000.42", "fb.1.1700000000000.IwAR0")


def test_without_the_plugin_there_are_no_cookies(site: Site) -> None:
    site.sandbox.app.cookies = ""
    site.visitor.context.add_cookies(
        [{"name": "_fbp", "value": "fb.1.1700000000000.42", "domain": ".shop.test", "path": "/"}]
    )
    site.open(init() + view("one"), path="/?fbclid=IwAR0")
    (event,) = site.events(1)
    assert (event.fbp, event.fbc, site.visitor.cookie("_fbc")) == ("", "", "")


# -- Advanced matching

NORMAL = {
    "em": ("  John@Example.COM ", "john@example.com"),
    "ph": ("+46 70-123 45 67", "46701234567"),
    "fn": ("Åsa", "åsa"),
    "ln": ("O'Brien", "obrien"),
    "external_id": ("Cust 42", "cust42"),
    "ct": ("Göteborg", "gteborg"),
    "st": ("California", "ca"),
    "zp": ("411 05", "411 05"),
    "country": ("SE", "se"),
    "ge": ("F", "f"),
    "db": ("1990-05-16", "19900516"),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_what_is_known_of_the_visitor_is_normalised_and_hashed(site: Site) -> None:
    known = ",".join(f'{key}:"{given}"' for key, (given, _) in NORMAL.items())
    site.open(f"fbq('init','{PIXEL}',{{{known}}});" + view("one"))
    (event,) = site.events(1)
    assert event.user_data == {key: digest(normal) for key, (_, normal) in NORMAL.items()}


def test_hashes_of_texts_of_all_lengths(site: Site) -> None:
    """The stand-in's own SHA-256, around its block borders."""
    texts = ["x" * length for length in (1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 200)]
    for text in texts:
        site.open(f"fbq('init','{PIXEL}',{{external_id:'{text}'}});" + view("one"))
    found = [event.user_data["external_id"] for event in site.events(len(texts))]
    assert sorted(found) == sorted(digest(text) for text in texts)


@pytest.mark.parametrize("key", ["em", "external_id"])
def test_hashes_pass_untouched(site: Site, key: str) -> None:
    site.open(f"fbq('init','{PIXEL}',{{{key}:'{digest('a')}'}});" + view("one"))
    assert site.events(1)[0].user_data == {key: digest("a")}


def test_a_second_init_adds_what_it_knows(site: Site) -> None:
    site.open(init() + f"fbq('init','{PIXEL}',{{em:'a@example.com'}});" + view("one"))
    (event,) = site.events(1)
    assert event.user_data == {"em": digest("a@example.com")}


# -- Content security policies (which host pays for what)

FRAMED = "; frame-src https://www.facebook.com; form-action https://www.facebook.com"


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        pytest.param("img-src https://www.facebook.com", ["PageView"], id="img-alone"),
        pytest.param("img-src https://www.facebook.com" + FRAMED, ["Long", "PageView"], id="img-frame-form"),
        pytest.param("img-src https://www.facebook.com; form-action 'self'", ["PageView"], id="form-self"),
        pytest.param(
            "img-src https://www.facebook.com; frame-src https://www.facebook.com; form-action 'self'",
            ["PageView"],
            id="frame-without-form",
        ),
        pytest.param(
            "img-src https://www.facebook.com; form-action https://www.facebook.com", ["PageView"], id="form-alone"
        ),
        pytest.param("img-src 'self'", [], id="img-self"),
    ],
)
def test_policies(site: Site, policy: str, sent: list[str]) -> None:
    whole = f"default-src 'self'; script-src 'unsafe-inline' https://connect.facebook.net; {policy}"
    long = "fbq('trackCustom','Long',{text:'x'.repeat(3000)},{eventID:'long'})"
    site.open(init() + view("one") + long, headers={"Content-Security-Policy": whole})
    assert sorted(name for name, _ in site.told(len(sent))) == sent


# -- Without any name of Meta's


@not_of_the_real_one
def test_served_by_the_sandbox_it_counts_there(site: Site, sandbox: Sandbox) -> None:
    """A person's own browser knows nothing of our host names: the demo must work in it."""
    asked: list[str] = []
    site.visitor.page.on("request", lambda request: asked.append(request.url))
    site.open(init() + view("one"), pixel_url=sandbox.pixel_url)
    site.events(1)
    assert not [url for url in asked if "facebook" in url]
