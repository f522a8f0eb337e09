"""Section B of the checklist: caching and validators, and section D: who is asking."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ

from capi_middleware.page import Carrier, Judge, Reason, Snippet, Verdict
from capi_middleware.page.caching import CDN_CONTROLS, Validators, private, storable
from capi_middleware.page.judge import INTERMEDIARY
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import MetaSettings, PageSettings, ShopSettings
from capi_middleware.visit import Asker, read_visit
from tests.page.conftest import PIXEL, visit
from tests.page.row import row
from tests.page.wire import HTML, JUDGE

FUTURE = formatdate(time.time() + 3600, usegmt=True)
PAST = formatdate(time.time() - 3600, usegmt=True)
OLD = formatdate(1_000_000_000, usegmt=True)
DATED = ("Last-Modified", OLD)
TAGGED = ("ETag", '"abc"')
Pairs = list[tuple[str, str]]


def said(headers: Pairs) -> str:
    """A name of a case that is the same at every run."""
    return str(headers).replace(FUTURE, "in an hour").replace(PAST, "an hour ago")


def judged(*headers: tuple[str, str], **more: Any) -> Verdict:
    given = [HTML, *headers]
    copy = list(given)
    verdict = JUDGE("200 OK", given, visit(**more))
    assert given == copy
    return verdict


def values(verdict: Verdict, name: str) -> list[str]:
    return [value for key, value in verdict.headers if key.lower() == name.lower()]


FRESH: list[Pairs] = [
    [("Cache-Control", "public")],
    [("Cache-Control", "public, max-age=60")],
    [("Cache-Control", "max-age=60")],
    [("cache-control", "S-MaxAge=60")],
    [("Cache-Control", "max-age=0"), ("Cache-Control", "s-maxage=60")],
    [("Cache-Control", 'max-age="60"')],
    [("Cache-Control", "max-age=60"), ("Set-Cookie", "a=1")],
    [("Cache-Control", "max-age=60"), ("Vary", "Cookie")],
    [("Cache-Control", "private, max-age=60")],
    [("Expires", FUTURE)],
    [("Surrogate-Control", "max-age=60"), ("Cache-Control", "private, no-cache")],
    [("CDN-Cache-Control", "max-age=60")],
    [("Cloudflare-CDN-Cache-Control", "public")],
    [("X-Accel-Expires", "60")],
    [("X-LiteSpeed-Cache-Control", "public,max-age=604800"), ("Cache-Control", "no-cache")],
    [("Surrogate-Control", "max-age=3600"), ("Cache-Control", "no-store, max-age=0")],
    [("CDN-Cache-Control", "max-age=60"), ("Cache-Control", "no-store")],
    [("X-Accel-Expires", "60"), ("Cache-Control", "no-store")],
    [("Surrogate-Key", "front page")],
    [("Cache-Tag", "front")],
    [("X-Magento-Tags", "cat_p_1")],
]
PERSONAL: list[Pairs] = [
    [],
    [("Cache-Control", "no-store")],
    [("Cache-Control", "no-store, max-age=60")],
    [("Cache-Control", "private")],
    [("Cache-Control", "private, no-cache")],
    [("Cache-Control", "no-cache")],
    [("Cache-Control", "max-age=0, must-revalidate")],
    [("Cache-Control", "public, max-age=0")],
    [("Cache-Control", "s-maxage=0")],
    [("Expires", PAST)],
    [("Expires", "0")],
    [("Expires", "rubbish")],
    [("Expires", FUTURE), ("Cache-Control", "max-age=0")],
    [("Surrogate-Control", "no-store")],
    [("X-Accel-Expires", "0")],
    [("X-Magento-Tags", "cat_p_1"), ("Cache-Control", "no-store, no-cache, max-age=0")],
    [("CDN-Cache-Control", "no-store"), ("Cache-Control", "no-store")],
    [("Vary", "Accept-Encoding")],
    [("Pragma", "no-cache")],
    [TAGGED, ("Set-Cookie", "sid=1")],
    [TAGGED, ("Vary", "Accept-Encoding, Cookie")],
    [TAGGED, ("Vary", "*")],
    [TAGGED, ("Cache-Control", "private")],
    [DATED, ("Cache-Control", "no-store")],
]


@row(
    "Cache-Control public / s-maxage / max-age>0 without private, Expires in future, Surrogate-Control, "
    "CDN-Cache-Control"
)
@pytest.mark.parametrize("headers", FRESH, ids=said)
def test_fresh(headers: Pairs) -> None:
    # "private, max-age=60" counts as fresh as well, otherwise than the row: the visitor's own browser would show the
    # page, and its old IDs, again on the next visit.
    verdict = judged(*headers)
    assert verdict.carrier is Carrier.COLLECT
    assert verdict.reason is Reason.COLLECT
    assert verdict.headers == [HTML, *headers]  # it stays as cacheable as it was


@row("no-store, or private+no-cache, no validators, or Set-Cookie session page")
@pytest.mark.parametrize("headers", PERSONAL, ids=said)
def test_personal(headers: Pairs) -> None:
    verdict = judged(*headers)
    assert verdict.carrier is Carrier.INLINE
    assert not values(verdict, "etag")
    assert not values(verdict, "last-modified")
    control = ", ".join(values(verdict, "cache-control"))
    stricter = any("no-store" in value for name, value in headers if name == "Cache-Control")
    assert "no-store" in control if stricter else control.startswith("private, no-cache")


@row("no-store, or private+no-cache, no validators, or Set-Cookie session page")
def test_no_store_is_never_added() -> None:
    for headers in PERSONAL:
        before = any("no-store" in value for name, value in headers if name == "Cache-Control")
        assert any("no-store" in value for value in values(judged(*headers), "cache-control")) == before


@row("validators present (ETag or Last-Modified), any directive")
@pytest.mark.parametrize(
    "headers", [[TAGGED], [DATED], [TAGGED, DATED], [TAGGED, ("Cache-Control", "no-cache")]], ids=str
)
def test_validators_without_a_personal_mark(headers: Pairs) -> None:
    # With a mark that the page is personal it is inline, and the validators go: then no 304 can repeat its IDs.
    assert judged(*headers).carrier is Carrier.COLLECT


@row("validators present (ETag or Last-Modified), any directive")
def test_validators_on_a_receipt() -> None:
    """Express and others tag every answer. A cart's or an order's page is for one visitor all the same; a lifetime that
    the shop gives it counts."""
    verdict = JUDGE("200 OK", [HTML, TAGGED], visit(), personal=True)
    assert verdict.carrier is Carrier.INLINE
    assert values(verdict, "etag") == []
    assert values(verdict, "cache-control") == ["private, no-cache"]
    lives = JUDGE("200 OK", [HTML, TAGGED, ("Cache-Control", "max-age=60")], visit(), personal=True)
    assert lives.carrier is Carrier.COLLECT
    assert JUDGE("200 OK", [HTML, TAGGED], visit()).carrier is Carrier.COLLECT, "nothing of it is remembered"


@row("304 answered")
def test_304_of_a_page_with_the_snippet() -> None:
    environ = create_environ(headers={"If-None-Match": JUDGE.validators.marked('"abc"')})
    prepared = JUDGE.prepare(environ, visit())
    assert environ["HTTP_IF_NONE_MATCH"] == '"abc"'
    verdict = JUDGE("304 Not Modified", [TAGGED], visit(), prepared)
    assert verdict.reason is Reason.NOT_MODIFIED
    assert not verdict.inject
    assert values(verdict, "etag") == [JUDGE.validators.marked('"abc"')]


@row("304 answered")
def test_304_of_anything_else_is_untouched() -> None:
    headers = [TAGGED]
    assert JUDGE("304 Not Modified", headers, visit()).headers is headers


MARK = Validators("0a1b2c3d", 1_700_000_000)


@row("ETag mapping")
@pytest.mark.parametrize(
    ("tag", "marked"),
    [('"abc"', '"abc-0a1b2c3d"'), ('W/"abc"', 'W/"abc-0a1b2c3d"'), ('""', '"-0a1b2c3d"'), ("abc", "abc"), ('"', '"')],
)
def test_outgoing_tag(tag: str, marked: str) -> None:
    assert MARK.outgoing([("ETag", tag)]) == [("ETag", marked)]


@row("ETag mapping")
@pytest.mark.parametrize("name", ["If-None-Match", "If-Match"])
@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ('"abc-0a1b2c3d"', '"abc"'),
        ('W/"abc-0a1b2c3d"', 'W/"abc"'),
        ('"x", "abc-0a1b2c3d", W/"d-0a1b2c3d"', '"abc", W/"d"'),
        ('"abc"', None),
        ('"abc-99999999"', None),
        ("*", "*"),
        ("", ""),
    ],
)
def test_incoming_tag(name: str, sent: str, seen: str | None) -> None:
    environ = create_environ(headers={name: sent})
    assert MARK.incoming(environ, True) == (seen not in (None, "*", ""))
    assert environ.get(f"HTTP_{name.upper().replace('-', '_')}") == seen


@row("ETag mapping")
def test_tags_of_files_are_left_alone() -> None:
    """A request that opens no page may be about a style sheet, whose tag never had our mark."""
    environ = create_environ(headers={"If-None-Match": '"abc"', "If-Modified-Since": OLD})
    assert not MARK.incoming(environ, False)
    assert environ["HTTP_IF_NONE_MATCH"] == '"abc"'
    assert environ["HTTP_IF_MODIFIED_SINCE"] == OLD


@row("ETag mapping")
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='",'), max_size=20), st.booleans())
def test_there_and_back(opaque: str, weak: bool) -> None:
    tag = ("W/" if weak else "") + f'"{opaque}"'
    environ = create_environ(headers={"If-None-Match": MARK.marked(tag)})
    assert MARK.incoming(environ, True)
    assert environ["HTTP_IF_NONE_MATCH"] == tag


@row("ETag mapping")
def test_the_mark_changes_with_the_settings() -> None:
    def tag(pixel: str) -> list[str]:
        return values(Judge(Settings(meta=MetaSettings(pixel_id=pixel)))("200 OK", [HTML, TAGGED], visit()), "etag")

    assert tag("11111") == tag("11111")
    assert tag("11111") != tag("22222")


@row("Last-Modified")
def test_last_modified_goes_where_there_is_a_tag() -> None:
    assert MARK.outgoing([TAGGED, DATED]) == [("ETag", '"abc-0a1b2c3d"')]


@row("Last-Modified")
@pytest.mark.parametrize(("date", "out"), [(1_000_000_000, 1_700_000_000), (1_800_000_000, 1_800_000_000)])
def test_last_modified_is_raised_to_the_snippets(date: int, out: int) -> None:
    headers = [("Last-Modified", formatdate(date, usegmt=True))]
    assert MARK.outgoing(headers) == [("Last-Modified", formatdate(out, usegmt=True))]


@row("Last-Modified")
def test_a_copy_of_the_second_in_which_the_snippet_came_has_it() -> None:
    """Dates in headers have no fractions; when this process began has."""
    mark = Validators("0a1b2c3d", 1_700_000_000.7)
    raised = mark.outgoing([DATED])
    assert raised == [("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT")]
    environ = create_environ(headers={"If-Modified-Since": raised[0][1]})
    assert mark.incoming(environ, True)


@row("Last-Modified")
@pytest.mark.parametrize(
    ("date", "kept"), [(1_699_999_999, False), (1_700_000_000, True), (1_800_000_000, True), ("rubbish", False)]
)
def test_if_modified_since(date: int | str, kept: bool) -> None:
    text = date if isinstance(date, str) else formatdate(date, usegmt=True)
    environ = create_environ(headers={"If-Modified-Since": text})
    assert MARK.incoming(environ, True) == kept
    assert ("HTTP_IF_MODIFIED_SINCE" in environ) == kept


@row("Range / If-Range on HTML")
def test_if_range_fails_by_itself() -> None:
    """The app compares the marked tag with its own, finds them different and sends the whole page."""
    environ = create_environ(headers={"Range": "bytes=0-9", "If-Range": MARK.marked('"abc"')})
    MARK.incoming(environ, True)
    assert environ["HTTP_IF_RANGE"] != '"abc"'
    assert environ["HTTP_RANGE"] == "bytes=0-9"


@row("Digest, Repr-Digest, Content-Digest, Content-MD5, Signature(-Input)")
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "name", ["Digest", "Repr-Digest", "content-digest", "Content-MD5", "Signature", "Signature-Input"]
)
def test_digests(name: str, fresh: bool) -> None:
    extra = [("Cache-Control", "max-age=60")] if fresh else []
    assert values(judged((name, "x"), *extra), name) == []


@row("no-transform")
def test_no_transform() -> None:
    headers = [HTML, ("Cache-Control", "no-transform, max-age=60")]
    environ = create_environ()
    assert JUDGE("200 OK", headers, visit(), JUDGE.prepare(environ, visit())).inject
    environ[INTERMEDIARY] = True
    verdict = JUDGE("200 OK", headers, visit(), JUDGE.prepare(environ, visit()))
    assert verdict.reason is Reason.NO_TRANSFORM
    assert verdict.headers is headers


@row("no-transform")
def test_no_transform_survives() -> None:
    assert values(judged(("Cache-Control", "no-transform")), "cache-control") == ["private, no-cache, no-transform"]


@row("Vary")
@pytest.mark.parametrize("extra", [[], [("Vary", "Accept-Encoding")]])
def test_vary_is_left_alone(extra: Pairs) -> None:
    for fresh in ([], [("Cache-Control", "max-age=60")]):
        assert values(judged(*extra, *fresh), "vary") == [value for _, value in extra]


@row("Set-Cookie _fbp/_fbc")
def test_the_middleware_knows_where_no_cookie_may_go() -> None:
    # The rule is the middleware's (journey.py); what it goes by is the carrier.
    for headers in FRESH:
        assert judged(*headers).carrier is Carrier.COLLECT


@row("prefetch / prerender (`Sec-Purpose: prefetch`, `;prerender`, `Purpose`, `X-Moz`)")
@pytest.mark.parametrize(
    "header",
    [
        ("Sec-Purpose", "prefetch"),
        ("Sec-Purpose", "prefetch;prerender"),
        ("Purpose", "prefetch"),
        ("X-Moz", "prefetch"),
    ],
)
def test_prefetch(header: tuple[str, str], settings: Settings) -> None:
    """The static snippet, so that nothing happens before the page is shown; also where the page is personal."""
    environ = create_environ(headers=[header, ("Sec-Fetch-Mode", "navigate"), ("User-Agent", "Mozilla/5.0")])
    verdict = JUDGE("200 OK", [HTML, ("Cache-Control", "no-store")], read_visit(environ, settings, time.time()))
    assert verdict.carrier is Carrier.COLLECT


@pytest.mark.parametrize("name", [*CDN_CONTROLS, "x-accel-expires"])
def test_a_page_with_ids_says_nothing_to_a_cdn_alone(name: str) -> None:
    """Where ``carrier = "inline"`` wants IDs in it, whatever the shop's headers say."""
    verdict = Judge(Settings(page=PageSettings(carrier="inline")))("200 OK", [HTML, (name, "60")], visit())
    assert verdict.carrier is Carrier.INLINE
    assert verdict.headers == [HTML, ("Cache-Control", "private, no-cache")]


@row("bfcache / back")
@row("service worker / offline HTML")
def test_static_snippet_is_the_same_for_everyone(snippet: Snippet) -> None:
    # What the script does on such pages is proved in the browser tests; here: the bytes know of no visitor.
    verdict = judged(("Cache-Control", "max-age=60"))
    assert snippet.head(verdict, held=False, user={"em": ("a" * 64,)}) == snippet.head(
        verdict, held=True, tokens=("x",)
    )


@pytest.mark.parametrize(
    ("headers", "stored"),
    [
        ({"cache-control": "max-age =60"}, True),
        ({"cache-control": "max-age=060"}, True),
        ({"cache-control": "max-age=00"}, False),
        ({"cache-control": "max-age=-1"}, False),
        ({"cache-control": "max-age=6; must-revalidate"}, True),  # damaged, but the number is there
        ({"cache-control": "max-age=0; must-revalidate"}, False),
        ({"cache-control": "max-age=x0"}, False),
        ({"cache-control": "MAX-AGE=60"}, True),
        ({"cache-control": "no-cache, max-age=60"}, False),
        ({"cache-control": "public, s-maxage=0, max-age=60"}, True),
        ({"cache-control": "public, s-maxage=0"}, False),
        ({"cache-control": "public, s-maxage=60, max-age=0"}, True),
        ({"cache-control": "public, no-store"}, False),
        ({"cache-control": "no-store", "etag": '"a"'}, False),
        ({"cache-control": "no-store", "surrogate-control": "max-age=60"}, True),
        ({"cache-control": "no-store", "surrogate-key": "a"}, False),
        ({"cache-control": "private", "etag": '"a"'}, False),
        ({"cache-control": "must-revalidate", "last-modified": OLD}, True),
        ({"expires": "-1"}, False),
        ({"expires": " 0 "}, False),
        ({"expires": ""}, False),
        ({"expires": FUTURE, "cache-control": "no-cache"}, False),
        ({"expires": FUTURE, "cache-control": "s-maxage=0"}, False),
        ({"expires": FUTURE, "cache-control": "must-revalidate"}, True),
        ({"expires": PAST, "etag": '"a"'}, True),
        ({"surrogate-control": "public, no-store"}, False),
        ({"surrogate-control": ""}, False),
        ({"edge-control": "max-age=1"}, True),
        ({"cdn-cache-control": "max-age=0", "cloudflare-cdn-cache-control": "max-age=1"}, True),
        ({"x-accel-expires": " 0 "}, False),
        ({"x-accel-expires": ""}, False),
        ({"x-accel-expires": "0", "xkey": "a"}, True),
        ({"x-litespeed-tag": "a"}, True),
        ({"etag": '"a"', "vary": "accept, COOKIE"}, False),
        ({"etag": '"a"', "vary": "cookie,accept"}, False),
        ({"etag": '"a"', "vary": ""}, True),
        ({"etag": '"a"', "set-cookie": "a=1"}, False),
        ({}, False),
    ],
    ids=lambda value: said(list(value.items())) if isinstance(value, dict) else None,
)
def test_storable(headers: dict[str, str], stored: bool) -> None:
    assert storable(headers) is stored


@pytest.mark.parametrize(
    ("given", "out"),
    [
        ([], ["private, no-cache"]),
        (["public, must-revalidate, no-transform"], ["private, no-cache, must-revalidate, no-transform"]),
        (["max-age=0", "no-transform"], ["private, no-cache, no-transform"]),
        (["no-store, max-age=0", "must-revalidate"], ["no-store, max-age=0", "must-revalidate"]),
    ],
)
def test_what_a_page_with_ids_says_to_caches(given: list[str], out: list[str]) -> None:
    headers = [("X-A", "b"), *(("cache-control", value) for value in given), TAGGED, DATED, ("Content-Length", "9")]
    kept = private(headers, ", ".join(given))
    assert kept[0] == ("X-A", "b") and [value for _, value in kept[1:]] == out
    assert {name.lower() for name, _ in kept[1:]} == {"cache-control"}


def test_headers_that_have_nothing_to_do_with_it_pass_as_they_are() -> None:
    headers = [("X-A", "b"), ("Accept-Ranges", "bytes"), ("Digest", "x"), ("Set-Cookie", "a=1")]
    assert MARK.outgoing(headers) == [("X-A", "b"), ("Set-Cookie", "a=1")]
    assert MARK.outgoing([("ETag", '"abc" ')]) == [("ETag", '"abc-0a1b2c3d"')]
    assert MARK.outgoing([("Last-Modified", "rubbish")]) == [("Last-Modified", formatdate(1_700_000_000, usegmt=True))]


def test_conditions_on_several_headers_are_each_mapped() -> None:
    environ = create_environ(
        headers={"If-None-Match": '"old"', "If-Match": MARK.marked('"a"'), "If-Modified-Since": OLD}
    )
    assert MARK.incoming(environ, True)
    assert environ["HTTP_IF_MATCH"] == '"a"'
    assert "HTTP_IF_NONE_MATCH" not in environ and "HTTP_IF_MODIFIED_SINCE" not in environ
    environ = create_environ(headers={"If-None-Match": " * "})
    assert not MARK.incoming(environ, True)
    assert environ["HTTP_IF_NONE_MATCH"].strip() == "*"


def test_storable_reads_anything() -> None:
    for value in ("", ",", "=", "max-age", "max-age=", "max-age=x", "=,=", "no-cache=", 'private="set-cookie"'):
        storable({"cache-control": value, "expires": value, "vary": value, "surrogate-control": value})


BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130",
    "Accept": "text/html,*/*",
    "Accept-Language": "sv",
}
ASKED: dict[str, tuple[dict[str, str], bool]] = {
    "document": ({"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}, True),
    "iframe": ({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, False),
    "frame": ({"Sec-Fetch-Dest": "frame", "Sec-Fetch-Mode": "navigate"}, False),
    "embed": ({"Sec-Fetch-Dest": "embed", "Sec-Fetch-Mode": "navigate"}, False),
    "object": ({"Sec-Fetch-Dest": "object", "Sec-Fetch-Mode": "navigate"}, False),
    "empty": ({"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, False),
    "old browser": ({}, True),
    "XMLHttpRequest": ({"X-Requested-With": "XMLHttpRequest"}, False),
    "htmx": ({"HX-Request": "true"}, False),
    "htmx boosted": ({"HX-Request": "true", "HX-Boosted": "true"}, False),
    "Turbo-Frame": ({"Turbo-Frame": "cart"}, False),
    "X-PJAX": ({"X-PJAX": "true"}, False),
    "X-Up-Version": ({"X-Up-Version": "3"}, False),
    "X-Inertia": ({"X-Inertia": "true"}, False),
    "X-Livewire": ({"X-Livewire": "true"}, False),
    "Accept without text/html": ({"Accept": "application/json"}, False),
}


@row("Order: method GET -> Sec-Fetch-Dest -> fragment headers -> document test")
@pytest.mark.parametrize("name", ASKED)
def test_who_is_asking(name: str, settings: Settings) -> None:
    headers, shown = ASKED[name]
    who = read_visit(create_environ(headers={**BROWSER, **headers}), settings, time.time())
    assert JUDGE("200 OK", [HTML], who).inject is shown


@row("Order: method GET -> Sec-Fetch-Dest -> fragment headers -> document test")
@pytest.mark.parametrize("asker", [Asker.SCRIPT, Asker.FRAME, Asker.ROBOT, Asker.PREFETCH, Asker.SUSPECT])
def test_a_page_for_a_cache_is_the_same_whoever_asks(asker: Asker) -> None:
    # Otherwise than the rows say: whoever comes first fills the cache. If a robot or a script got the page without
    # the snippet, every person after it would get it from there.
    verdict = judged(("Cache-Control", "max-age=60"), asker=asker)
    assert verdict == judged(("Cache-Control", "max-age=60"))


@row("Order: method GET -> Sec-Fetch-Dest -> fragment headers -> document test")
@pytest.mark.parametrize(("method", "shown"), [("GET", True), ("POST", True), ("PUT", False), ("DELETE", False)])
def test_methods(method: str, shown: bool) -> None:
    # Otherwise than the row says, a POST that a person's browser answers with a page counts as one: payment providers
    # return their customers that way, and the thank-you page is where Purchase happens. Never as a page for a cache.
    verdict = judged(("Cache-Control", "max-age=60"), method=method)
    assert verdict.inject is shown
    assert verdict.carrier is (
        Carrier.INLINE if shown and method == "POST" else Carrier.COLLECT if shown else Carrier.NONE
    )


def test_a_suspect_gets_the_page_of_a_person() -> None:
    # Its events wait in the outbox until its browser reports (events.Event.hold).
    assert judged(asker=Asker.SUSPECT).carrier is Carrier.INLINE


@pytest.mark.parametrize(("path", "shown"), [("/", True), ("/admin/x", False), ("/kassa", False), ("/kassan", True)])
def test_excluded_paths(path: str, shown: bool) -> None:
    shop = Settings(meta=MetaSettings(pixel_id=PIXEL), shop=ShopSettings(exclude=("/admin/*", "/kassa")))
    verdict = Judge(shop)("200 OK", [HTML], visit(path=path))
    assert verdict.inject is shown
    assert verdict.reason is (Reason.INLINE if shown else Reason.EXCLUDED)


POOL = [
    *(pair for case in (*FRESH, *PERSONAL) for pair in case),
    ("X-Frame-Options", "DENY"),
    ("set-cookie", "b=2; Secure"),
    ("Content-Length", "78"),
    ("Content-Length", "79"),
    ("Content-Length", "x"),
    ("Content-Encoding", "gzip"),
    ("Content-Encoding", "compress"),
    ("Content-Disposition", "attachment"),
    ("Content-Security-Policy", "default-src 'self'"),
    ("Content-Security-Policy", "script-src 'nonce-abc' 'strict-dynamic'"),
    ("Accept-Ranges", "bytes"),
    ("Digest", "x"),
    ("X-Sendfile", "/a"),
    ("Content-Type", "text/html"),
    ("Content-Type", "text/plain"),
]


@given(st.lists(st.sampled_from(POOL), max_size=6))
def test_what_was_judged_before_is_judged_the_same(headers: Pairs) -> None:
    given = [HTML, *headers]
    again = JUDGE("200 OK", given, visit())
    assert again == JUDGE("200 OK", given, visit()) == JUDGE._judged(given, visit(), False)
