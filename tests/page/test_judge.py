"""What the judge makes of a response's head, row by row; what follows for the bytes is in test_response.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import create_environ

from capi_middleware.page import Carrier, Form, Judge, Reason, Verdict
from capi_middleware.page import judge as module
from capi_middleware.page.judge import INTERMEDIARY, NOTHING_PREPARED, Prepared
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import MetaSettings, PageSettings, ServerSettings, ShopSettings
from capi_middleware.visit import Asker
from tests.page.conftest import PIXEL, visit
from tests.page.wire import HTML

META = "https://connect.facebook.net"
COUNT = "https://www.facebook.com"
FRESH = ("Cache-Control", "max-age=60")
TAGGED = ("ETag", '"abc"')
Pairs = list[tuple[str, str]]


def judge_of(**page: Any) -> Judge:
    return Judge(Settings(meta=MetaSettings(pixel_id=PIXEL), page=PageSettings(**page)))


def judged(
    *headers: tuple[str, str], by: Judge | None = None, prepared: Prepared = NOTHING_PREPARED, **who: Any
) -> Verdict:
    return (by or judge_of())("200 OK", list(headers), visit(**who), prepared)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ([], Reason.NOT_HTML),
        ([("Content-Type", "text/plain")], Reason.NOT_HTML),
        ([("Content-Type", "application/xhtml+xml")], Reason.XHTML),
        ([("content-TYPE", " Text/HTML ; charset=utf-8")], Reason.INLINE),
        ([("Content-Type", "text/html; charset=utf-16le")], Reason.CHARSET),
        ([("Content-Type", "text/html; Charset=\"ISO-2022-JP\"")], Reason.CHARSET),
        ([("Content-Type", "text/html;charset='hz-gb-2312'")], Reason.CHARSET),
        ([HTML, ("Content-Range", "bytes 0-1/9")], Reason.PARTIAL),
        ([HTML, ("Content-Disposition", ' ATTACHMENT; filename="a.html"')], Reason.ATTACHMENT),
        ([HTML, ("Content-Disposition", "inline")], Reason.INLINE),
        ([HTML, ("X-Accel-Redirect", "/a")], Reason.SENDFILE),
        ([HTML, ("Content-Length", " 12 ")], Reason.INLINE),
        ([HTML, ("Content-Length", "1²")], Reason.LENGTH),
        ([HTML, ("Content-Length", "-1")], Reason.LENGTH),
        ([HTML, ("Content-Length", "12"), ("content-length", "12")], Reason.LENGTH),
        ([HTML, ("Content-Encoding", "identity")], Reason.INLINE),
        ([HTML, ("Content-Encoding", " GZIP ")], Reason.INLINE),
        ([HTML, ("Content-Encoding", "compress")], Reason.ENCODING),
        ([HTML, FRESH], Reason.COLLECT),
    ],
    ids=str,
)  # fmt: skip
def test_by_headers(headers: Pairs, reason: Reason) -> None:
    by = judge_of()
    assert judged(HTML, by=by).inject, "an earlier page: what is remembered of it decides nothing here"
    for method in ("GET", "HEAD"):
        given = list(headers)
        verdict = by("200 OK", given, visit(method=method))
        touched = reason in (Reason.INLINE, Reason.COLLECT)
        assert touched or verdict.headers is given
        assert verdict.reason is (Reason.HEAD if touched and method == "HEAD" else reason)
        assert verdict.inject is (touched and method == "GET")


def test_what_is_refused_keeps_its_headers() -> None:
    headers = [HTML, ("Content-Security-Policy", "script-src 'none'"), FRESH]
    verdict = judge_of()("200 OK", headers, visit())
    assert verdict.reason is Reason.CSP and verdict.headers is headers
    verdict = judge_of()("200 OK", headers, visit(method="PUT"))
    assert verdict.reason is Reason.METHOD and verdict.headers is headers
    shop = Settings(meta=MetaSettings(pixel_id=PIXEL), shop=ShopSettings(exclude=("/kassa",)))
    verdict = Judge(shop)("200 OK", headers, visit(path="/kassa"))
    assert verdict.reason is Reason.EXCLUDED and verdict.headers is headers


def test_a_page_excluded_by_what_its_words_say() -> None:
    by = Judge(Settings(meta=MetaSettings(pixel_id=PIXEL), shop=ShopSettings(exclude=("words:checkout",))))
    assert judged(HTML, by=by, path="/sv/kassan").reason is Reason.EXCLUDED
    assert judged(HTML, by=by, path="/sv/vas").inject


@pytest.mark.parametrize(
    ("status", "reason"),
    [("206 Partial", Reason.PARTIAL), ("304 Not Modified", Reason.NOT_MODIFIED), ("201 Created", Reason.STATUS)],
)
def test_by_status(status: str, reason: Reason) -> None:
    headers = [HTML]
    verdict = judge_of()(status, headers, visit())
    assert verdict == Verdict(reason, Carrier.NONE, headers) and verdict.headers is headers


def test_what_the_injector_is_told_of_the_bytes() -> None:
    verdict = judged(("Content-Type", "text/html; charset=latin-1"), ("Content-Encoding", "GZip"))
    assert (verdict.coding, verdict.charset) == ("gzip", True)
    verdict = judged(("Content-Type", "text/html"), ("Content-Encoding", "identity"))
    assert (verdict.coding, verdict.charset) == ("", False)
    again = judge_of()
    for _ in range(2):  # judged, and remembered
        verdict = judged(("Content-Type", "text/html"), ("Content-Encoding", "gzip"), by=again)
        assert verdict == Verdict(
            Reason.INLINE,
            Carrier.INLINE,
            [("Content-Type", "text/html"), ("Content-Encoding", "gzip"), ("Cache-Control", "private, no-cache")],
            coding="gzip",
            charset=False,
        )


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(
    ("asker", "reason"),
    [
        (Asker.PERSON, Reason.INLINE),
        (Asker.SUSPECT, Reason.INLINE),
        (Asker.PREFETCH, Reason.COLLECT),
        (Asker.SCRIPT, Reason.SCRIPT),
        (Asker.FRAME, Reason.FRAME),
        (Asker.ROBOT, Reason.ROBOT),
    ],
)
def test_by_asker(asker: Asker, reason: Reason, method: str) -> None:
    """A HEAD request's headers are those of its GET, by whom so ever."""
    headers = [HTML]
    verdict = judge_of()("200 OK", headers, visit(asker=asker, method=method))
    assert verdict.reason is (Reason.HEAD if method == "HEAD" else reason)
    if reason.name in ("SCRIPT", "FRAME", "ROBOT") and method != "HEAD":
        assert verdict.headers is headers


def test_the_headers_of_a_head_request_are_those_of_its_page() -> None:
    for extra in ([TAGGED, ("Set-Cookie", "a=1")], [TAGGED, FRESH]):
        by = judge_of()
        page = judged(HTML, *extra, by=by)
        head = judged(HTML, *extra, by=by, method="HEAD")
        assert head.headers == page.headers and not head.inject


def test_a_carrier_that_the_settings_name() -> None:
    assert judged(HTML, FRESH, by=judge_of(carrier="inline")).carrier is Carrier.INLINE
    assert judged(HTML, ("Cache-Control", "no-store"), by=judge_of(carrier="collect")).carrier is Carrier.COLLECT
    assert judged(HTML, FRESH, by=judge_of(carrier="collect"), method="POST").carrier is Carrier.INLINE


def test_a_policy_that_is_extended_stands_there_once() -> None:
    headers = [("content-security-policy", "default-src 'self'"), HTML, ("Content-Security-Policy", "img-src *")]
    verdict = judged(*headers, by=judge_of(csp="extend"))
    assert verdict.headers == [
        HTML,
        ("Cache-Control", "private, no-cache"),
        (
            "Content-Security-Policy",
            f"default-src 'self'; script-src 'self' {META}; img-src 'self' {COUNT}; frame-src 'self' {COUNT}, "
            "img-src *",
        ),
    ]
    assert (verdict.form, verdict.script, verdict.pixel) == (Form.EXTERNAL, True, True)


def test_a_policy_is_asked_about_our_own_mount_and_pixel() -> None:
    shop = Settings(
        meta=MetaSettings(pixel_id=PIXEL, pixel_url="https://stand.in/p.js"), server=ServerSettings(mount="/elsewhere")
    )
    policy = "script-src https://shop.example/elsewhere/ https://stand.in; connect-src https://shop.example/elsewhere/"
    verdict = judged(HTML, ("Content-Security-Policy", policy), by=Judge(shop))
    assert (verdict.form, verdict.script, verdict.pixel) == (Form.EXTERNAL, True, True)


@pytest.mark.parametrize(
    ("policy", "fresh", "seen"),
    [
        ("script-src 'nonce-abc' 'strict-dynamic'", False, (Reason.INLINE, Form.INLINE, "abc", True, True)),
        ("script-src 'nonce-abc' 'strict-dynamic'", True, (Reason.COLLECT, Form.INLINE, "abc", True, True)),
        (f"script-src 'unsafe-inline' {META}", False, (Reason.INLINE, Form.INLINE, "", False, True)),
        (f"script-src 'unsafe-inline' {META}", True, (Reason.CSP, Form.INLINE, "", True, True)),
        ("script-src 'self'", False, (Reason.INLINE, Form.EXTERNAL, "", True, False)),
        ("script-src 'self'", True, (Reason.COLLECT, Form.EXTERNAL, "", True, False)),
        ("script-src 'unsafe-inline'", False, (Reason.ALONE, Form.NONE, "", False, False)),
        ("script-src 'none'", True, (Reason.CSP, Form.INLINE, "", True, True)),
    ],
)  # fmt: skip
def test_by_policy(policy: str, fresh: bool, seen: tuple[object, ...]) -> None:
    """A page for a cache lives by the served script alone; one for a visitor by that or by the pixel."""
    verdict = judged(HTML, ("Content-Security-Policy", policy), *([FRESH] if fresh else []))
    assert (verdict.reason, verdict.form, verdict.nonce, verdict.script, verdict.pixel) == seen


def test_an_integrity_policy_leaves_the_server_alone() -> None:
    verdict = judged(HTML, ("Integrity-Policy", "blocked-destinations=(script)"))
    assert (verdict.reason, verdict.form, verdict.pixel) == (Reason.ALONE, Form.NONE, False)


@pytest.mark.parametrize("asker", Asker)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_whatever_is_asked_for_comes_in_a_coding_that_we_read(asker: Asker, method: str) -> None:
    environ = create_environ(method=method, headers={"Accept-Encoding": "gzip, compress"})
    judge_of().prepare(environ, visit(asker=asker, method=method))
    assert environ["HTTP_ACCEPT_ENCODING"] == "gzip"


@pytest.mark.parametrize("asker", [Asker.PERSON, Asker.PREFETCH, Asker.SUSPECT])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_whoever_opens_a_page_gets_it_whole(asker: Asker, method: str) -> None:
    environ = create_environ(headers={"If-None-Match": '"abc"'})
    assert judge_of().prepare(environ, visit(asker=asker, method=method)) == Prepared(False, False)
    assert "HTTP_IF_NONE_MATCH" not in environ


@pytest.mark.parametrize("asker", [Asker.SCRIPT, Asker.FRAME, Asker.ROBOT])
def test_whoever_opens_none_keeps_his_conditions(asker: Asker) -> None:
    by = judge_of()
    environ = create_environ(headers={"If-None-Match": '"abc"'})
    assert by.prepare(environ, visit(asker=asker)) == Prepared(False, False)
    assert environ["HTTP_IF_NONE_MATCH"] == '"abc"'
    environ = create_environ(headers={"If-None-Match": by.validators.marked('"abc"')})
    assert by.prepare(environ, visit(asker=asker)) == Prepared(True, False)
    assert environ["HTTP_IF_NONE_MATCH"] == '"abc"', "the app never sees our mark"


@pytest.mark.parametrize("asker", [Asker.PERSON, Asker.SCRIPT])
def test_a_posted_form_keeps_its_conditions(asker: Asker) -> None:
    environ = create_environ(method="POST", headers={"If-None-Match": '"abc"'})
    assert judge_of().prepare(environ, visit(asker=asker, method="POST")) == Prepared(False, False)
    environ[INTERMEDIARY] = True
    assert judge_of().prepare(environ, visit(asker=asker, method="POST")) == Prepared(False, True)
    assert environ["HTTP_IF_NONE_MATCH"] == '"abc"'


@pytest.mark.parametrize("asker", [Asker.PERSON, Asker.ROBOT])
def test_a_proxy_says_that_it_is_one(asker: Asker) -> None:
    environ = create_environ()
    environ[INTERMEDIARY] = True
    prepared = judge_of().prepare(environ, visit(asker=asker))
    assert prepared == Prepared(False, True)
    by = judge_of()
    for _ in range(2):
        assert judged(HTML, ("Cache-Control", "no-transform"), by=by).inject, "the origin's own word binds others"
        verdict = judged(HTML, ("Cache-Control", "no-transform"), by=by, prepared=prepared)
        assert verdict.reason is Reason.NO_TRANSFORM
    assert judged(HTML, by=by, prepared=prepared).inject


def test_what_is_remembered_of_earlier_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KNOWN", 10)
    by = judge_of()
    for number in range(35):
        assert judged(HTML, ("Cache-Control", f"no-store, x{number}"), by=by).inject
        assert len(by._known) == number % 10 + 1


def test_no_header_of_a_page_is_lost_or_taken_from_an_earlier_one() -> None:
    by = judge_of()
    for _ in range(2):
        assert ("Expires", "0") in judged(HTML, ("Expires", "0"), by=by).headers
        assert judged(HTML, TAGGED, ("Cache-Control", "no-transform"), by=by).inject, "no proxy: it does not bind us"
    page = judged(HTML, FRESH, ("Content-Length", "9"), by=by)
    assert page.carrier is Carrier.COLLECT and page.headers == [HTML, FRESH]
    assert judged(HTML, TAGGED, ("Set-Cookie", "a=1"), by=by).carrier is Carrier.INLINE
    assert judged(HTML, TAGGED, by=by).carrier is Carrier.COLLECT
    page = judged(HTML, ("Set-Cookie", "a=1"), ("X-A", "b"), ("Content-Length", "9"), by=by)
    assert page.headers == [HTML, ("Set-Cookie", "a=1"), ("X-A", "b"), ("Cache-Control", "private, no-cache")]
    page = judged(HTML, ("Set-Cookie", "b=2"), ("X-A", "c"), ("Content-Length", "8"), by=by)
    assert page.headers == [HTML, ("Set-Cookie", "b=2"), ("X-A", "c"), ("Cache-Control", "private, no-cache")]


@pytest.mark.parametrize(("asker", "method"), [(Asker.SUSPECT, "GET"), (Asker.PERSON, "HEAD"), (Asker.PERSON, "GET")])
def test_a_cart_with_validators_is_never_one_for_a_cache_whoever_asks(asker: Asker, method: str) -> None:
    who = visit(asker=asker, method=method)
    verdict = judge_of()("200 OK", [HTML, TAGGED], who, personal=True)
    assert ("Cache-Control", "private, no-cache") in verdict.headers
    assert verdict.carrier is (Carrier.NONE if method == "HEAD" else Carrier.INLINE)


FIELDS = [
    HTML,
    ("Content-Type", "text/plain"),
    TAGGED,
    ("Last-Modified", "Tue, 01 Sep 2026 00:00:00 GMT"),
    ("Accept-Ranges", "bytes"),
    ("Digest", "sha-256=abc"),
    ("Set-Cookie", "a=1"),
    ("Vary", "Cookie"),
    FRESH,
    ("Cache-Control", "private"),
    ("Cache-Control", "no-transform"),
    ("CDN-Cache-Control", "max-age=9"),
    ("Expires", "Tue, 01 Sep 2099 00:00:00 GMT"),
    ("Content-Length", "9"),
    ("Content-Encoding", "gzip"),
    ("Content-Security-Policy", "script-src 'none'"),
    ("X-A", "b"),
]
REMEMBERING = judge_of()


@given(
    st.lists(st.sampled_from(FIELDS), max_size=6).map(lambda more: [HTML, *more]),
    st.sampled_from([NOTHING_PREPARED, Prepared(False, True)]),
    st.booleans(),
)
def test_a_judgement_that_is_remembered_is_the_one_that_would_be_made(
    headers: Pairs, prepared: Prepared, personal: bool
) -> None:
    fresh = judge_of()
    fresh.validators = REMEMBERING.validators  # the second in which each began
    made = fresh("200 OK", list(headers), visit(), prepared, personal)
    for _ in range(2):
        verdict = REMEMBERING("200 OK", list(headers), visit(), prepared, personal)
        assert verdict._replace(headers=sorted(verdict.headers)) == made._replace(headers=sorted(made.headers))


@pytest.mark.parametrize(
    ("who", "more"),
    [
        ({"asker": Asker.PREFETCH}, []),
        ({"method": "POST"}, []),
        ({}, [("Content-Security-Policy", "img-src *")]),
    ],
    ids=["prefetch", "POST", "a policy"],
)
def test_no_transform_binds_a_proxy_whoever_asks_and_whatever_the_page_says(
    who: dict[str, Any], more: list[tuple[str, str]]
) -> None:
    headers = [HTML, ("Cache-Control", "no-transform"), *more]
    assert judged(*headers, prepared=Prepared(False, True), **who).reason is Reason.NO_TRANSFORM
    assert judged(*headers, **who).inject


def test_a_receipt_with_a_policy_is_for_one_visitor_too() -> None:
    headers = [HTML, ("ETag", '"abc"'), ("Content-Security-Policy", "img-src *")]
    assert judge_of()("200 OK", headers, visit(), personal=True).carrier is Carrier.INLINE
    assert judge_of()("200 OK", headers, visit()).carrier is Carrier.COLLECT
