"""Policies read as CSP Level 3 says, and what is made of them; the browser's word on it is in tests/e2e/test_csp.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.page import Form, Reason
from capi_middleware.page.csp import OPEN, CspReader, Row, Site, assess
from capi_middleware.page.policy import SCRIPT, in_force, matches, parse, sources, with_nonces, without_nonces
from tests.page.conftest import visit
from tests.page.wire import HTML, JUDGE

SHOP = "https://shop.example"
PIXEL = "https://connect.facebook.net/en_US/fbevents.js"


@pytest.mark.parametrize(
    ("source", "url", "origin", "let"),
    [
        ("'self'", "https://shop.example/a.js", SHOP, True),
        ("'self'", "https://shop.example:8443/a.js", SHOP, False),
        ("'self'", "https://shop.example/a.js", "http://shop.example", True),
        ("'self'", "http://shop.example/a.js", SHOP, False),
        ("'self'", "http://shop.example:8080/a.js", "http://shop.example:8080", True),
        ("*", "https://any.example/", SHOP, True),
        ("*", "data:text/javascript,1", SHOP, False),
        ("https:", "https://any.example/", SHOP, True),
        ("http:", "https://any.example/", SHOP, True),
        ("https:", "http://any.example/", SHOP, False),
        ("data:", "https://any.example/", SHOP, False),
        ("connect.facebook.net", PIXEL, SHOP, True),
        ("CONNECT.Facebook.net", PIXEL, SHOP, True),
        ("connect.facebook.net", PIXEL, "http://shop.example", True),
        ("http://connect.facebook.net", PIXEL, SHOP, True),
        ("https://connect.facebook.net:443", PIXEL, SHOP, True),
        ("http://connect.facebook.net:80", PIXEL, SHOP, True),
        ("https://connect.facebook.net:8443", PIXEL, SHOP, False),
        ("https://connect.facebook.net:*", PIXEL, SHOP, True),
        ("*.facebook.net", PIXEL, SHOP, True),
        ("*.facebook.net", "https://facebook.net/", SHOP, False),
        ("facebook.net", PIXEL, SHOP, False),
        ("*.net", PIXEL, SHOP, True),
        ("https://connect.facebook.net/", PIXEL, SHOP, True),
        ("https://connect.facebook.net/en_US/", PIXEL, SHOP, True),
        ("https://connect.facebook.net/en_US", PIXEL, SHOP, False),
        ("https://connect.facebook.net/en_US/fbevents.js", PIXEL, SHOP, True),
        ("https://connect.facebook.net/en%5FUS/fbevents.js", PIXEL, SHOP, True),
        ("https://connect.facebook.net/sv_SE/", PIXEL, SHOP, False),
        ("'none'", PIXEL, SHOP, False),
        ("rub/bish", PIXEL, SHOP, False),
        ("*facebook.net", PIXEL, SHOP, False),
        ("*", "http://any.example/", SHOP, True),
        ("*", "https://any.example:8443/", SHOP, True),
        ("*:*", "https://any.example:8443/", SHOP, True),
        ("*:8443", "https://any.example:8443/", SHOP, True),
        ("https://*", PIXEL, SHOP, True),
        ("https://*", "https://any.example:8443/", SHOP, False),
        ("http://[::1]:8000", "http://[::1]:8000/a.js", SHOP, True),
        ("https://connect.facebook.net/", "https://connect.facebook.net", SHOP, True),
        ("https://connect.facebook.net/en_US/fbevents.js?v=2", PIXEL, SHOP, True),
        ("https://connect.facebook.net/en_US/fbevents.js#x", PIXEL, SHOP, True),
    ],
)
def test_sources(source: str, url: str, origin: str, let: bool) -> None:
    assert matches(sources([source]), url, origin) is let


def test_headers_commas_and_doubles() -> None:
    first, second, third = parse(["default-src 'self'; SCRIPT-SRC a b ;; script-src c, img-src *", "  ", "sandbox"])
    assert first == {"default-src": ("'self'",), "script-src": ("a", "b")}
    assert second == {"img-src": ("*",)}
    assert third == {"sandbox": ()}
    assert in_force(first, SCRIPT) == "script-src"
    assert in_force(second, SCRIPT) == ""


@given(st.text(st.characters(max_codepoint=0x17F), max_size=200))
def test_any_header(value: str) -> None:
    """Nothing raises, and what is not understood is never taken for a permission of the pixel."""
    csp, changed = CspReader("/_shop", PIXEL, extend=True).read({"content-security-policy": value}, f"{SHOP}/")
    assert csp.form in Form
    assert changed is None or changed.isprintable() or not value.isprintable()


@given(st.lists(st.from_regex(r"[A-Za-z0-9+/_-]{4,24}={0,2}", fullmatch=True), min_size=1, max_size=3))
def test_nonces_there_and_back(nonces: list[str]) -> None:
    header = "; ".join(f"script-src 'nonce-{nonce}' 'NONCE-{nonce}'" for nonce in nonces)
    template, found = without_nonces(header)
    assert found == list(dict.fromkeys(nonces))
    assert with_nonces(template, found) == header.replace("'NONCE-", "'nonce-")


def test_a_policy_is_worked_out_once_whatever_its_nonce() -> None:
    reader = CspReader("/_shop", PIXEL)
    for nonce in ("aaaa", "bbbb", "aaaa"):
        csp, changed = reader.read({"content-security-policy": f"script-src 'nonce-{nonce}'"}, f"{SHOP}/a")
        assert (csp.nonce, csp.form, changed) == (nonce, Form.INLINE, None)
    assert len(reader._known) == 1


def test_a_nonce_that_could_leave_its_attribute_is_none() -> None:
    csp, _ = CspReader("/_shop", PIXEL).read(
        {"content-security-policy": "script-src 'nonce-\"><script>' 'unsafe-inline'"}, f"{SHOP}/"
    )
    assert csp.nonce == ""


def test_different_nonces_have_nothing_in_common() -> None:
    site = Site(SHOP, "/_shop", PIXEL)
    assert assess(parse(["script-src 'nonce-a1'", "script-src 'nonce-b2'"]), site).form is Form.NONE
    assert assess(parse(["script-src 'nonce-a1'", "script-src 'nonce-b2' 'nonce-a1'"]), site).nonce == "a1"


def test_no_policy_costs_nothing() -> None:
    assert CspReader("/_shop", PIXEL).read({"content-type": "text/html"}, f"{SHOP}/") == (OPEN, None)


def test_a_policy_is_only_added_to() -> None:
    given = "default-src 'self'; script-src 'self' 'nonce-abc'; object-src 'none'; report-uri /r"
    _, changed = CspReader("/_shop", PIXEL, extend=True).read({"content-security-policy": given}, f"{SHOP}/a?b")
    assert changed == (
        "default-src 'self'; script-src 'self' 'nonce-abc' https://connect.facebook.net; object-src 'none'; "
        "report-uri /r; img-src 'self' https://www.facebook.com; frame-src 'self' https://www.facebook.com"
    )


@pytest.mark.parametrize(
    "policy", ["script-src 'none'", "sandbox allow-forms", "script-src", "default-src *; script-src * 'unsafe-inline'"]
)
def test_what_is_not_extended(policy: str) -> None:
    _, changed = CspReader("/_shop", PIXEL, extend=True).read({"content-security-policy": policy}, f"{SHOP}/")
    assert changed in (None, policy)


def test_respect_never_changes_a_header() -> None:
    for policy in ("default-src 'self'", "script-src 'nonce-abc'", "default-src 'none'"):
        headers = [HTML, ("Content-Security-Policy", policy)]
        assert ("Content-Security-Policy", policy) in JUDGE("200 OK", headers, visit()).headers


def test_a_page_without_any_script_keeps_its_validators() -> None:
    headers = [HTML, ("Content-Security-Policy", "script-src 'none'"), ("ETag", '"1"'), ("Set-Cookie", "a=1")]
    verdict = JUDGE("200 OK", headers, visit())
    assert (verdict.reason, verdict.form, verdict.pixel) == (Reason.ALONE, Form.NONE, False)
    assert verdict.headers == headers
    stored = JUDGE("200 OK", [*headers[:2], ("Cache-Control", "max-age=60")], visit())
    assert (stored.reason, stored.inject) == (Reason.CSP, False)


def test_a_stand_in_counts_where_it_comes_from() -> None:
    site = Site(SHOP, "/_shop", "http://127.0.0.1:9000/en_US/fbevents.js")
    assert site.count_origin == "http://127.0.0.1:9000"
    assert assess(parse(["default-src 'self' http://127.0.0.1:9000"]), site).pixel


def test_every_row_can_be_reached() -> None:
    site = Site(SHOP, "/_shop", PIXEL)
    seen = {Row.NONE, Row.COEP, Row.IN_MARKUP, Row.HASH}  # no policy; told by doctor; tests/e2e
    for policy in (
        "script-src 'unsafe-inline' 'self' https:",
        "script-src 'nonce-a' 'strict-dynamic'",
        "script-src 'self' https:",
        "script-src 'none'",
        "default-src 'self'",
        "require-trusted-types-for 'script'",
        "sandbox",
    ):
        seen.update(assess(parse([policy]), site).rows)
    seen.update(assess((), site, "blocked-destinations=(script)").rows)
    assert seen == set(Row)
