"""``_fbp`` and ``_fbc``: the 36 cases, the cookies themselves, and Meta's own library as oracle where it is right."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings import Settings
from capi_middleware.visit import Answer, Asker, ClickIds, Consent, Visit, click_ids, forget_click_ids, read_visit
from capi_middleware.visit.clickids import payloads, random_id, valid_fbc, valid_fbp, without_tail
from capi_middleware.visit.cookies import read_cookies, set_cookie
from capi_middleware.visit.domain import cookie_domain, same_site, subdomain_index

NOW = 1_700_000_000.123
T = "1700000000123"
NEW_FBP = f"fb.1.{T}.987654321"
OLD_FBP = "fb.1.1600000000000.111"
OLD_FBC = "fb.1.1600000000000.OLD"


def visit_of(
    host: str = "www.example.com",
    query: str = "",
    cookies: dict[str, str] | None = None,
    referrer: str = "",
    consent: bool = True,
    asker: Asker = Asker.PERSON,
    scheme: str = "https",
) -> Visit:
    url = f"{scheme}://{host}/?{query}"
    decision = Consent(Answer.GRANTED if consent else Answer.UNKNOWN, consent, "test", "accepted")
    return Visit(
        "GET", scheme, host, "/", query, url, url, referrer, "8.8.8.8", "UA", cookies or {}, asker, "page", decision
    )


def ids_of(visit: Visit, settings: Settings | None = None) -> ClickIds:
    return click_ids(visit, settings or Settings(), NOW, lambda: 987654321)


def attributes(cookie: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in cookie.split("; "))


def domain_of(host: str, look: Any, make_settings: Any, configured: str = "") -> tuple[str, str]:
    """Domain attribute and index of a new ``_fbp`` for a ``Host`` header."""
    settings = make_settings(visit={"domain": configured})
    visit = look(settings, f"https://{host}/")
    ids = ids_of(visit, settings)
    return attributes(ids.set_cookies[0]).get("Domain", ""), ids.fbp.split(".")[1]


def test_01_nothing() -> None:
    ids = ids_of(visit_of())
    assert (ids.fbp, ids.fbc, len(ids.set_cookies)) == (NEW_FBP, "", 1)
    assert attributes(ids.set_cookies[0]) == {
        "_fbp": NEW_FBP, "Max-Age": "7776000", "Domain": "example.com", "Path": "/", "SameSite": "Lax", "Secure": "",
    }  # fmt: skip


def test_02_fbclid() -> None:
    ids = ids_of(visit_of(query="fbclid=IwAR_Ab-1"))
    assert (ids.fbp, ids.fbc) == (NEW_FBP, f"fb.1.{T}.IwAR_Ab-1")
    assert len(ids.set_cookies) == 2


def test_03_fbclid_among_others() -> None:
    assert ids_of(visit_of(query="a=1&fbclid=IwAR_Ab-1&b=2")).fbc == f"fb.1.{T}.IwAR_Ab-1"


def test_04_fbclid_of_the_referring_page_of_the_same_shop() -> None:
    assert ids_of(visit_of(referrer="https://example.com/x?fbclid=RefClick")).fbc == f"fb.1.{T}.RefClick"
    assert ids_of(visit_of(referrer="https://blog.test/x?fbclid=RefClick")).fbc == ""


def test_05_query_beats_referrer() -> None:
    visit = visit_of(query="fbclid=Q", referrer="https://www.example.com/?fbclid=R")
    assert ids_of(visit).fbc == f"fb.1.{T}.Q"


def test_06_four_parts_stay_untouched() -> None:
    ids = ids_of(visit_of(cookies={"_fbp": OLD_FBP, "_fbc": OLD_FBC}))
    assert ids == ClickIds(OLD_FBP, OLD_FBC, ())


def test_07_eight_letter_tails_stay() -> None:
    cookies = {"_fbp": OLD_FBP + ".AQICAQMC", "_fbc": OLD_FBC + ".AQICAQMC"}
    assert ids_of(visit_of(cookies=cookies)) == ClickIds(cookies["_fbp"], cookies["_fbc"], ())


def test_08_legacy_tails_stay() -> None:
    cookies = {"_fbp": OLD_FBP + ".Ag", "_fbc": OLD_FBC + ".AQ"}
    assert ids_of(visit_of(cookies=cookies)) == ClickIds(cookies["_fbp"], cookies["_fbc"], ())


def test_09_unknown_two_letter_tail_is_discarded() -> None:
    assert ids_of(visit_of(cookies={"_fbp": OLD_FBP + ".ZZ"})).fbp == NEW_FBP


def test_10_three_letter_tail_is_discarded() -> None:
    assert ids_of(visit_of(cookies={"_fbp": OLD_FBP + ".ABC"})).fbp == NEW_FBP


def test_11_same_click_keeps_its_time() -> None:
    ids = ids_of(visit_of(query="fbclid=OLD", cookies={"_fbp": OLD_FBP, "_fbc": OLD_FBC}))
    assert ids == ClickIds(OLD_FBP, OLD_FBC, ())


def test_12_new_click_replaces() -> None:
    ids = ids_of(visit_of(query="fbclid=NEW", cookies={"_fbp": OLD_FBP, "_fbc": OLD_FBC}))
    assert (ids.fbp, ids.fbc, len(ids.set_cookies)) == (OLD_FBP, f"fb.1.{T}.NEW", 1)


def test_13_case_matters() -> None:
    assert ids_of(visit_of(query="fbclid=old", cookies={"_fbc": OLD_FBC})).fbc == f"fb.1.{T}.old"


def test_14_empty_fbclid() -> None:
    ids = ids_of(visit_of(query="fbclid="))
    assert (ids.fbc, len(ids.set_cookies)) == ("", 1)


def test_15_and_16_fbclid_with_dots_is_kept_on_the_next_request() -> None:
    first = ids_of(visit_of(query="fbclid=a.b.c"))
    assert first.fbc == f"fb.1.{T}.a.b.c"
    again = visit_of(query="fbclid=a.b.c", cookies={"_fbp": first.fbp, "_fbc": first.fbc})
    assert ids_of(again) == ClickIds(first.fbp, first.fbc, ())


def test_17_four_letters_are_no_fbp() -> None:
    assert ids_of(visit_of(cookies={"_fbp": "x.y.z.w"})).fbp == NEW_FBP


def test_18_three_parts_are_no_fbp() -> None:
    assert ids_of(visit_of(cookies={"_fbp": "fb.1.2"})).fbp == NEW_FBP


@pytest.mark.parametrize("value", ["a; Domain=evil", "a%3B%20Domain%3Devil", "a%0d%0aSet-Cookie:x=1", "a%00", "ä", '"'])
def test_19_what_could_end_the_cookie_is_refused(value: str) -> None:
    ids = ids_of(visit_of(query=f"fbclid={value}"))
    assert (ids.fbc, len(ids.set_cookies)) == ("", 1)


@pytest.mark.parametrize(
    ("number", "host", "configured", "domain", "index"),
    [
        (20, "shop.example.com:8443", "", "example.com", "1"),
        (21, "example.com", "", "example.com", "1"),
        (22, "www.example.co.uk", "example.co.uk", "example.co.uk", "2"),
        (23, "www.example.com", "", "example.com", "1"),
        (24, "a.b.shop.example.com", "", "example.com", "1"),
        (25, "example.co.uk", "", "example.co.uk", "2"),
        (26, "localhost:8000", "", "", "0"),
        (27, "192.168.1.10:80", "", "", "1"),
        (28, "[::1]:8080", "", "", "1"),
        (29, "www.other.se", "example.com", "", "2"),
        (30, "WWW.Example.COM", "", "example.com", "1"),
        (31, "www.example.com.", "", "example.com", "1"),
    ],
    ids=lambda value: str(value),
)
def test_domain_and_index(
    number: int, host: str, configured: str, domain: str, index: str, look: Any, make_settings: Any
) -> None:
    assert domain_of(host, look, make_settings, configured) == (domain, index)


@pytest.mark.parametrize("host", ["", None], ids=["32-empty-host", "33-no-host"])
def test_no_host_is_host_only(host: str | None, make_environ: Any, make_settings: Any) -> None:
    environ = make_environ(host=host)
    environ["SERVER_NAME"] = "localhost"
    visit = read_visit(environ, make_settings(), NOW)
    assert "Domain" not in ids_of(visit).set_cookies[0]


def test_34_long_fbclid() -> None:
    assert ids_of(visit_of(query="fbclid=" + "a" * 500)).fbc.endswith("a" * 500)
    assert ids_of(visit_of(query="fbclid=" + "a" * 501)).fbc == ""


def test_35_no_query_and_no_cookies(make_environ: Any, make_settings: Any) -> None:
    environ = make_environ()
    environ.update({"QUERY_STRING": None, "HTTP_COOKIE": None})
    assert ids_of(read_visit(environ, make_settings(), NOW)).fbp == NEW_FBP


def test_36_damaged_referrer(make_environ: Any, make_settings: Any) -> None:
    environ = make_environ(referer="http://[bad?fbclid=R")
    assert ids_of(read_visit(environ, make_settings(), NOW)).fbc == ""


def test_an_older_tab_does_not_bring_back_its_click() -> None:
    cookies = {"_fbp": OLD_FBP, "_fbc": OLD_FBC}
    assert ids_of(visit_of(cookies=cookies, referrer="https://www.example.com/?fbclid=OTHER")).set_cookies == ()


def test_fbclid_that_ends_like_an_appendix_is_compared_both_ways() -> None:
    assert payloads(OLD_FBC + ".AQICAQMC") == ("OLD.AQICAQMC", "OLD")
    for click in ("OLD", "OLD.AQICAQMC"):
        visit = visit_of(query=f"fbclid={click}", cookies={"_fbp": OLD_FBP, "_fbc": OLD_FBC + ".AQICAQMC"})
        assert ids_of(visit).set_cookies == ()


def test_without_consent_nothing_is_read_or_set() -> None:
    visit = visit_of(query="fbclid=NEW", cookies={"_fbp": OLD_FBP, "_fbc": OLD_FBC}, consent=False)
    assert ids_of(visit) == ClickIds("", "", ())


@pytest.mark.parametrize("asker", [Asker.ROBOT, Asker.PREFETCH])
def test_robots_and_prefetches_get_no_cookies(asker: Asker) -> None:
    assert ids_of(visit_of(query="fbclid=NEW", asker=asker)) == ClickIds("", "", ())


def test_plain_http_gets_no_secure_cookie() -> None:
    assert "Secure" not in ids_of(visit_of(scheme="http")).set_cookies[0]


def test_withdrawal_removes_both_cookies_on_both_domains() -> None:
    cookies = forget_click_ids(visit_of(cookies={"_fbp": OLD_FBP}), Settings())
    assert [attributes(cookie).get("Domain", "") for cookie in cookies] == ["", "example.com"]
    assert all(attributes(cookie)["Max-Age"] == "0" for cookie in cookies)
    assert forget_click_ids(visit_of(), Settings()) == ()


def test_new_ids_differ() -> None:
    assert len({random_id() for _ in range(1000)}) == 1000
    assert valid_fbp(f"fb.1.{T}.{random_id()}")


def test_without_tail() -> None:
    assert without_tail(OLD_FBP + ".AQICAQMC") == without_tail(OLD_FBP) == OLD_FBP


@pytest.mark.parametrize(
    ("host", "other", "same"),
    [
        ("www.example.com", "example.com", True),
        ("www.example.com", "notexample.com", False),
        ("a.myshopify.com", "b.myshopify.com", False),
        ("localhost", "localhost", True),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_same_site(host: str, other: str, same: bool) -> None:
    assert same_site(host, other) is same


@given(st.text(max_size=80))
def test_any_host_gives_a_domain_above_it_or_none(host: str) -> None:
    domain = cookie_domain(host)
    assert domain == "" or host == domain or host.endswith("." + domain)
    assert 0 <= subdomain_index(domain, host) <= 99


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=60))
def test_no_fbclid_can_add_an_attribute_or_a_header(value: str) -> None:
    ids = ids_of(visit_of(query=f"fbclid={value}"))
    for cookie in ids.set_cookies:
        assert re.fullmatch(
            r"_fb[pc]=[A-Za-z0-9._~-]+; Max-Age=7776000; Domain=example\.com; Path=/; SameSite=Lax; Secure", cookie
        )


@given(st.text(max_size=60))
def test_any_cookie_value_is_kept_whole_or_dropped(value: str) -> None:
    assert valid_fbp(value) in ("", value)
    assert valid_fbc(value) in ("", value)


@pytest.mark.parametrize("octet", ["\r", "\n", ";", ",", " ", "\x00", "\x7f", "é", '"', "\\"])
def test_set_cookie_refuses_what_a_cookie_may_not_hold(octet: str) -> None:
    with pytest.raises(ValueError, match="may not hold"):
        set_cookie("_fbc", f"a{octet}b", max_age=1)


def test_cookie_header() -> None:
    assert read_cookies('a=1; b="2"; a=3; c; =4; d=x=y') == {"a": "1", "b": "2", "d": "x=y"}
    assert read_cookies("namn=Åsa".encode().decode("latin-1")) == {"namn": "Åsa"}


ORACLE_CASES = [
    ("www.example.com", "", {}, ""),
    ("www.example.com", "fbclid=IwAR_Ab-1", {}, ""),
    ("www.example.com", "", {}, "https://www.example.com/?fbclid=RefClick"),
    ("www.example.com", "fbclid=Q", {}, "https://www.example.com/?fbclid=R"),
    ("www.example.com", "", {"_fbp": OLD_FBP + ".AQICAQMC", "_fbc": OLD_FBC + ".AQICAQMC"}, ""),
    ("www.example.com", "", {"_fbp": OLD_FBP + ".Ag", "_fbc": OLD_FBC + ".AQ"}, ""),
    ("www.example.com", "", {"_fbp": OLD_FBP + ".ZZ"}, ""),
    ("www.example.com", "", {"_fbp": OLD_FBP + ".ABC"}, ""),
    ("www.example.com", "fbclid=OLD", {"_fbp": OLD_FBP + ".Ag", "_fbc": OLD_FBC + ".Ag"}, ""),
    ("www.example.com", "fbclid=NEW", {"_fbp": OLD_FBP + ".Ag", "_fbc": OLD_FBC + ".Ag"}, ""),
    ("www.example.com", "fbclid=old", {"_fbp": OLD_FBP + ".Ag", "_fbc": OLD_FBC + ".Ag"}, ""),
    ("www.example.com", "", {"_fbp": "fb.1.2"}, ""),
    ("shop.example.com:8443", "", {}, ""),
    ("example.com", "", {}, ""),
]
ORACLE_TAIL = re.compile(r"\.(?:AQ|Ag|Aw|BA|BQ|Bg|[A-Za-z0-9_-]{8})$")


@pytest.mark.parametrize("case", ORACLE_CASES, ids=[str(number) for number in range(len(ORACLE_CASES))])
def test_agrees_with_metas_parameter_builder(
    case: tuple[str, str, dict[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip("capi_param_builder")
    host, query, cookies, referrer = case
    monkeypatch.setattr(time, "time", lambda: NOW)
    fixed: Callable[..., int] = lambda *_: 987654321  # noqa: E731
    monkeypatch.setattr(random, "randint", fixed)
    builder = library.ParamBuilder(["example.com"])
    queries = {name: [value] for name, value in [pair.split("=") for pair in query.split("&") if pair]}
    theirs = {
        cookie.name: (ORACLE_TAIL.sub("", cookie.value), cookie.domain, cookie.max_age)
        for cookie in builder.process_request(host, queries, cookies, referrer or None)
    }
    ours = {}
    for text in ids_of(
        visit_of(host=host.partition(":")[0], query=query, cookies=cookies, referrer=referrer)
    ).set_cookies:
        name, value = text.partition(";")[0].split("=")
        ours[name] = (value, attributes(text)["Domain"], int(attributes(text)["Max-Age"]))
    assert ours == theirs
