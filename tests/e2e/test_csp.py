"""Section E of the checklist: policies in real Chromium. The pixel fires where it may, and where it may not the page's
console shows no violation of ours. The server's leg arrives in any case."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from capi_middleware.page.csp import Site, assess
from capi_middleware.page.policy import parse
from capi_middleware.page.verdict import Form
from capi_middleware.sandbox import Sandbox

from .conftest import Visitor, Wrapped
from .validator import Expected, arrive, check, check_server_only

META = "https://connect.facebook.net"
COUNT = "https://www.facebook.com"
HASH = "'sha256-" + base64.b64encode(hashlib.sha256(b"shop()").digest()).decode() + "'"
FREE = f"script-src 'self' 'unsafe-inline' {META}"


class Case(NamedTuple):
    """``policies``: one header each; NONCE is replaced by a fresh nonce. ``form``: how our script stands in the page.
    ``pixel``: whether the browser's leg comes. ``own``: whether the served script is there. ``extend``: the setting."""

    policies: tuple[str, ...]
    form: Form
    pixel: bool
    own: bool = True
    extend: bool = False
    name: str = "Content-Security-Policy"


CASES = {
    "none": Case((), Form.INLINE, True),
    "'unsafe-inline' and no nonce/hash/'strict-dynamic'": Case((FREE,), Form.INLINE, True),
    "'unsafe-inline', images from Meta alone": Case(
        (f"default-src 'self'; {FREE}; img-src 'self' {COUNT}",), Form.INLINE, True
    ),
    "'unsafe-inline', no file of the shop's own": Case(
        (f"script-src 'unsafe-inline' {META}",), Form.INLINE, True, own=False
    ),
    "'unsafe-inline', nothing to connect to": Case((f"{FREE}; connect-src {META}",), Form.INLINE, True, own=False),
    "a scheme, and the page is http": Case(
        ("default-src https: 'unsafe-inline'; connect-src *",), Form.INLINE, True, own=False
    ),
    "wildcard hosts": Case(
        ("script-src 'self' 'unsafe-inline' https://*.facebook.net; img-src *.facebook.com",), Form.INLINE, True
    ),
    "script-src-elem before script-src": Case((f"script-src 'none'; script-src-elem {FREE[11:]}",), Form.INLINE, True),
    "'nonce-X' in the HEADER, with 'strict-dynamic'": Case(
        ("script-src 'nonce-NONCE' 'strict-dynamic' 'unsafe-inline' https:; base-uri 'none'",), Form.INLINE, True
    ),
    "'nonce-X' in the HEADER, with Meta's host": Case(
        (f"default-src 'self'; script-src 'nonce-NONCE' {META}; img-src {COUNT}",), Form.INLINE, True
    ),
    "'nonce-X' in the HEADER, alone": Case(("script-src 'nonce-NONCE'",), Form.INLINE, False),
    "nonce beside 'unsafe-inline'": Case((f"script-src 'unsafe-inline' 'nonce-NONCE' {META}",), Form.INLINE, True),
    "hashes, no nonce": Case((f"script-src {HASH}",), Form.NONE, False, own=False),
    "hashes and 'self'": Case((f"script-src {HASH} 'self' {META}",), Form.EXTERNAL, True),
    "hashes and 'strict-dynamic'": Case((f"script-src {HASH} 'strict-dynamic'",), Form.NONE, False, own=False),
    "hosts/'self' only": Case((f"default-src 'self'; script-src 'self' {META}; img-src *",), Form.EXTERNAL, True),
    "default-src 'self'": Case(("default-src 'self'",), Form.EXTERNAL, False),
    "'none'": Case(("script-src 'none'",), Form.NONE, False, own=False),
    "an empty list": Case(("script-src",), Form.NONE, False, own=False),
    "sandbox without allow-scripts": Case(("sandbox allow-forms allow-same-origin",), Form.NONE, False, own=False),
    "Report-Only": Case(
        ("default-src 'none'",), Form.INLINE, True, name="Content-Security-Policy-Report-Only"
    ),
    "connect.facebook.net missing": Case(("script-src 'self' 'unsafe-inline'",), Form.INLINE, False),
    "a path that shuts out the pixel's configuration": Case((f"{FREE}/en_US/",), Form.INLINE, False),
    "www.facebook.com missing": Case((f"{FREE}; img-src 'self' data:",), Form.INLINE, False),
    "several policies are ANDed": Case((FREE, "img-src 'self'"), Form.INLINE, False),
    "two policies in one header": Case((f"{FREE}, script-src 'self' {META}",), Form.EXTERNAL, True),
    "require-trusted-types-for 'script'": Case(
        (f"{FREE}; require-trusted-types-for 'script'",), Form.INLINE, False
    ),
    "Integrity-Policy": Case(
        ("blocked-destinations=(script)",), Form.INLINE, False, own=False, name="Integrity-Policy"
    ),
    "extend: hosts/'self' only": Case(("default-src 'self'",), Form.EXTERNAL, True, extend=True),
    "extend: connect.facebook.net missing": Case(
        ("default-src 'none'; script-src 'unsafe-inline'",), Form.INLINE, True, extend=True
    ),
    "extend: nonce alone": Case(("script-src 'nonce-NONCE'; img-src 'none'",), Form.INLINE, True, extend=True),
    "extend: hashes": Case((f"script-src {HASH}",), Form.EXTERNAL, True, extend=True),
    "extend: hashes and 'strict-dynamic'": Case(
        (f"script-src {HASH} 'strict-dynamic'",), Form.HASH, True, extend=True
    ),
    "extend: 'none' stays": Case(("script-src 'none'",), Form.NONE, False, own=False, extend=True),
    "extend: several policies": Case(("default-src 'self'", FREE), Form.EXTERNAL, True, extend=True),
}  # fmt: skip


class Guarded:
    """A shop of one page under a policy, with a fresh nonce each time and a script of its own that has to run."""

    def __init__(self, case: Case, fresh: bool) -> None:
        self.case = case
        self.fresh = fresh

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] != "/":
            start_response("204 No Content", [])
            return [b""]
        nonce = secrets.token_urlsafe(12)
        headers = [("Content-Type", "text/html; charset=utf-8"), *([("Cache-Control", "max-age=60")] * self.fresh)]
        headers += [(self.case.name, policy.replace("NONCE", nonce)) for policy in self.case.policies]
        start_response("200 OK", headers)
        own = f"<script nonce='{nonce}'>document.title = 'ran'</script>" if "nonce" in str(self.case.policies) else ""
        return [f"<!doctype html><html><head><title>x</title>{own}</head><body>y</body></html>".encode()]


WATCH = """window.blocked = [];
document.addEventListener('securitypolicyviolation', (event) => {
  if (event.disposition === 'enforce') blocked.push(event.effectiveDirective + ' ' + event.blockedURI);
});"""


@pytest.fixture
def open_page(visitor: Visitor, wrap: Callable[..., Wrapped]) -> Callable[..., Wrapped]:
    def see(case: Case, fresh: bool = False) -> Wrapped:
        shop = wrap(Guarded(case, fresh), csp="extend" if case.extend else "respect")
        visitor.page.add_init_script(WATCH)
        visitor.page.goto(f"{shop.url}/")
        visitor.page.wait_for_load_state("networkidle")
        return shop

    return see


@pytest.mark.parametrize("name", CASES)
def test_policies(name: str, sandbox: Sandbox, visitor: Visitor, open_page: Callable[..., Wrapped]) -> None:
    case = CASES[name]
    open_page(case)
    if case.pixel:
        check(sandbox, [Expected("PageView", "/")])
    else:
        check_server_only(sandbox, [Expected("PageView", "/")])
    if "sandbox" not in name and case.own is not None:
        assert visitor.page.evaluate("window.blocked") == []
        assert visitor.page.evaluate("!!(window.capi && capi.ran)") is case.own
    if "Report-Only" not in case.name:
        assert visitor.errors == []
    if "nonce" in str(case.policies):
        assert visitor.page.title() == "ran"


STORED = ("'unsafe-inline'", "'nonce-X' in the HEADER, with Meta's host", "hosts/'self' only", "extend: hashes and")


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(STORED) and CASES[name].own])
def test_policies_of_pages_for_a_cache(
    name: str, sandbox: Sandbox, visitor: Visitor, open_page: Callable[..., Wrapped]
) -> None:
    open_page(CASES[name], fresh=True)
    check(sandbox, [Expected("PageView", "/")])
    assert visitor.page.evaluate("window.blocked") == []


@pytest.mark.parametrize("name", ["default-src 'self'", "'none'", "'unsafe-inline', no file of the shop's own"])
def test_pages_for_a_cache_where_the_pixel_may_not(
    name: str, sandbox: Sandbox, visitor: Visitor, open_page: Callable[..., Wrapped]
) -> None:
    """Without our script nobody knows of the view; with it, the server hears of it and speaks alone."""
    open_page(CASES[name], fresh=True)
    arrive(sandbox, 0, 0)
    assert sandbox.browser_events == []
    assert len(sandbox.server_events) == (1 if CASES[name].own else 0)
    assert visitor.page.evaluate("window.blocked") == []


def test_a_long_event_where_the_policy_is_extended(
    sandbox: Sandbox, visitor: Visitor, open_page: Callable[..., Wrapped]
) -> None:
    """Long events travel as a form post into a frame: frame-src and form-action."""
    open_page(Case((f"default-src 'self'; {FREE}; form-action 'self'",), Form.INLINE, True, extend=True))
    visitor.page.evaluate("fbq('trackSingle', '1234567890', 'Lead', {content_name: 'x'.repeat(3000)}, {eventID: '1'})")
    arrive(sandbox, 2, 1)
    assert [event.method for event in sandbox.browser_events if event.event_name == "Lead"] == ["POST"]
    assert visitor.errors == []


@pytest.mark.parametrize("name", CASES)
def test_what_we_think_of_it(name: str) -> None:
    """The same table against the pure judgement, so that a failure says on which side it is."""
    case = CASES[name]
    if case.extend or case.name.endswith("Report-Only"):
        return
    integrity = case.policies[0] if case.name == "Integrity-Policy" else ""
    site = Site("http://www.shop.test:8080", "/_shop", f"{META}/en_US/fbevents.js")
    csp = assess(parse(() if integrity else case.policies), site, integrity)
    assert (csp.form, csp.pixel, csp.script) == (case.form, case.pixel, case.own)


def test_a_policy_in_the_markup(sandbox: Sandbox, visitor: Visitor, wrap: Callable[..., Wrapped]) -> None:
    """It stands after our snippet and is not weighed: what it forbids is the browser's to refuse, and the server's leg
    arrives."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'unsafe-inline' 'self'\">"
        return [f"<!doctype html><html><head>{policy}<title>x</title></head><body>y</body></html>".encode()]

    visitor.page.goto(f"{wrap(app).url}/")
    arrive(sandbox, 0, 1)
    assert [event.event_name for event in sandbox.server_events] == ["PageView"]
