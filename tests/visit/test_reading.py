"""A whole request: what is copied of it, and that nothing a client can send raises."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ConsentSettings, VisitSettings
from capi_middleware.visit import Asker, Visit, click_ids, read_visit, visit_census, visitor, withdrawal

NOW = 1_700_000_000.0
STRICT = Settings(
    consent=ConsentSettings(mode="implied", do_not_track=True),
    visit=VisitSettings(
        trusted_proxies=("10.0.0.0/8",), forwarded=True, address_headers=("X-Real-IP",), address_cookie=True
    ),
)
HEADERS = [
    "HTTP_HOST", "HTTP_COOKIE", "HTTP_REFERER", "HTTP_USER_AGENT", "HTTP_ACCEPT", "HTTP_FORWARDED", "HTTP_X_REAL_IP",
    "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_GPC",
    "HTTP_SEC_FETCH_MODE", "HTTP_SEC_PURPOSE", "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REQUEST_METHOD",
    "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "HTTP_DNT", "HTTP_ACCEPT_LANGUAGE",
]  # fmt: skip
PIECES = st.sampled_from(
    [
        "_fbp=",
        "fb.1.1600000000000.1",
        "; ",
        "=",
        "%",
        "@",
        "http://",
        "[",
        "::1",
        "10.0.0.1",
        ",",
        '"',
        "fbclid=",
        "/",
        "é",
    ]
)
VALUES = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join), st.none())


@given(st.dictionaries(st.sampled_from(HEADERS), VALUES))
def test_no_request_raises(environ: dict[str, Any]) -> None:
    visit = read_visit(environ, STRICT, NOW, remember=False)
    ids = click_ids(visit, STRICT, NOW)
    visitor(visit, ids)
    withdrawal(visit, STRICT, NOW)
    assert visit.host == visit.host.lower() and visit.path and visit.source_url.isascii()
    for url in (visit.url, visit.source_url, visit.referrer):
        assert (urlsplit(url).port or 0) >= 0, "can be taken apart"
    assert not any(set("\r\n;,") & set(cookie.partition(";")[0]) for cookie in ids.set_cookies)


@pytest.mark.parametrize(
    ("url", "host", "path", "query", "shown"),
    [
        ("https://www.example.com/p/x?a=1", "www.example.com", "/p/x", "a=1", "https://www.example.com/p/x?a=1"),
        ("http://localhost:8000/", "localhost", "/", "", "http://localhost:8000/"),
        ("https://[::1]:8443/p", "[::1]", "/p", "", "https://[::1]:8443/p"),
        ("https://EXAMPLE.com./", "example.com", "/", "", "https://example.com./"),
        ("https://[:::]/", "inside.test", "/", "", "https://inside.test:8000/"),
        ("https://example.com:65535/", "example.com", "/", "", "https://example.com:65535/"),
        ("https://example.com:65536/", "inside.test", "/", "", "https://inside.test:8000/"),
    ],
)
def test_address_bar(url: str, host: str, path: str, query: str, shown: str, look: Any) -> None:
    visit = look(None, url)
    assert (visit.host, visit.path, visit.query, visit.url) == (host, path, query, shown)


@pytest.mark.parametrize(
    ("referrer", "kept"),
    [
        ("https://www.example.com/p/x?a[]=1", "https://www.example.com/p/x?a[]=1"),
        ("http://[::1]:8000/p", "http://[::1]:8000/p"),
        ("http://[", ""),
        ("http://a]b/", ""),
        ("android-app://com.example/", ""),
    ],
)
def test_what_nobody_can_take_apart_is_no_referrer(referrer: str, kept: str, look: Any) -> None:
    assert look(referer=referrer).referrer == kept


def test_an_app_mounted_below_the_root(make_environ: Any, make_settings: Any) -> None:
    environ = make_environ("https://www.example.com/p/x")
    environ["SCRIPT_NAME"] = "/shop"
    visit = read_visit(environ, make_settings(), NOW)
    assert (visit.path, visit.url) == ("/shop/p/x", "https://www.example.com/shop/p/x")


def test_a_path_names_no_other_host(make_environ: Any, make_settings: Any) -> None:
    environ = make_environ("https://www.example.com/")
    environ["PATH_INFO"] = "@evil.example/p"
    visit = read_visit(environ, make_settings(), NOW)
    assert (visit.path, visit.source_url) == ("/@evil.example/p", "https://www.example.com/@evil.example/p")


def test_nothing_of_the_environ_is_held(look: Any) -> None:
    assert all(not isinstance(value, dict) or value == {} for value in look()._asdict().values())
    assert isinstance(look(), Visit)


def test_a_look_can_leave_no_trace(make_environ: Any, make_settings: Any) -> None:
    settings = make_settings()
    cookies = "CookieConsent={stamp:'x'%2Cmarketing:true%2Cver:1}"
    read_visit(make_environ(cookies=cookies), settings, NOW, remember=False)
    assert visit_census().visits == 0
    assert read_visit(make_environ(), settings, NOW).consent.allowed


def test_figures(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    for number in range(12):
        look(
            settings,
            REMOTE_ADDR="8.8.8.8",
            user_agent=f"Mozilla/5.0 (X11; Linux x86_64) Gecko/{number} Firefox/{number}",
        )
    look(settings, user_agent="curl/8")
    look(settings, sec_fetch_dest="empty", sec_fetch_mode="cors")
    figures = visit_census("www.example.com")
    assert (figures.visits, figures.views, figures.allowed) == (13, 12, 12)
    assert figures.askers == {"person": 12, "robot": 1}
    assert figures.answers == {"unknown": 12}
    assert figures.addresses.code == "one_address"
    assert visit_census("other.example").visits == 0
    assert look(settings).asker is Asker.PERSON
