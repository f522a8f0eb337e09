"""What each kind of policy leaves us, and what ``csp = "extend"`` makes of it; tests/e2e/test_csp.py asks a browser."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from capi_middleware.page import Form
from capi_middleware.page.csp import BOOTSTRAP_HASH, Csp, CspReader, Row, Site, assess
from capi_middleware.page.policy import parse

ORIGIN = "http://shop.example"
OWN = f"{ORIGIN}/_shop/"
META = "https://connect.facebook.net"
COUNT = "https://www.facebook.com"
PIXEL = f"{META}/en_US/fbevents.js"
SITE = Site(ORIGIN, "/_shop", PIXEL)
OTHER = "'sha256-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg='"
FREE = f"script-src 'self' 'unsafe-inline' {META}"


class Case(NamedTuple):
    policy: str
    left: Csp
    integrity: str = ""


CASES = {
    "inline code and everything else": Case(FREE, Csp(rows=(Row.INLINE,))),
    "inline code for old browsers only, a hash for the others": Case(
        f"{FREE} {OTHER}", Csp(Form.EXTERNAL, rows=(Row.EXTERNAL,))
    ),
    "inline code, no pixel": Case(
        "script-src 'self' 'unsafe-inline'",
        Csp(pixel=False, rows=(Row.INLINE, Row.NO_PIXEL), missing=(("script-src", META),)),
    ),
    "inline code, Meta's counting address closed": Case(
        f"{FREE}; img-src 'self'",
        Csp(pixel=False, rows=(Row.INLINE, Row.NO_PIXEL), missing=(("img-src", COUNT),)),
    ),
    "inline code, our script shut out": Case(
        f"script-src 'unsafe-inline' {META}", Csp(script=False, rows=(Row.INLINE,), missing=(("script-src", OWN),))
    ),
    "inline code, our endpoint shut out": Case(
        f"{FREE}; connect-src {META}", Csp(script=False, rows=(Row.INLINE,), missing=(("connect-src", OWN),))
    ),
    "a frame and a form that carry long events": Case(
        f"{FREE}; frame-src 'none'; form-action 'self'",
        Csp(rows=(Row.INLINE,), missing=(("frame-src", COUNT), ("form-action", COUNT))),
    ),
    "the page's nonce and the scripts it makes": Case(
        "script-src 'nonce-abc' 'strict-dynamic'", Csp(nonce="abc", rows=(Row.NONCE,))
    ),
    "the page's nonce alone": Case(
        "script-src 'nonce-abc'",
        Csp(nonce="abc", pixel=False, rows=(Row.NONCE, Row.NO_PIXEL), missing=(("script-src", META),)),
    ),
    "another nonce in a second policy": Case(
        f"script-src 'nonce-abc' {META} 'self', script-src 'nonce-xyz' {META} 'self'",
        Csp(Form.EXTERNAL, rows=(Row.EXTERNAL,)),
    ),
    "another nonce in a second policy, and no file of ours": Case(
        f"script-src 'nonce-abc' {META}, script-src 'nonce-xyz' {META}",
        Csp(Form.NONE, script=False, pixel=False, rows=(Row.NO_SCRIPT, Row.NO_PIXEL)),
    ),
    "a nonce in one policy, and no file of ours in another": Case(
        f"script-src 'nonce-abc' {META}, script-src {META}",
        Csp(
            Form.NONE,
            nonce="abc",
            script=False,
            pixel=False,
            rows=(Row.NONCE, Row.NO_PIXEL),
            missing=(("script-src", OWN),),
        ),
    ),
    "files of the shop's own and Meta's": Case(
        f"default-src 'self'; script-src 'self' {META}; img-src *; frame-src *",
        Csp(Form.EXTERNAL, rows=(Row.EXTERNAL,)),
    ),
    "files of the shop's own alone": Case(
        "default-src 'self'",
        Csp(
            Form.EXTERNAL,
            pixel=False,
            rows=(Row.EXTERNAL, Row.NO_PIXEL),
            missing=(("script-src", META), ("img-src", COUNT), ("frame-src", COUNT)),
        ),
    ),
    "Meta's files alone": Case(
        f"script-src {META}",
        Csp(
            Form.NONE, script=False, pixel=False, rows=(Row.NO_SCRIPT, Row.NO_PIXEL), missing=(("script-src", OWN),)
        ),
    ),
    "our hash": Case(
        f"script-src {BOOTSTRAP_HASH} 'strict-dynamic'", Csp(Form.HASH, rows=(Row.HASH,))
    ),
    "our hash, and a policy that is silent about scripts": Case(
        f"script-src {BOOTSTRAP_HASH} 'strict-dynamic', img-src {COUNT}", Csp(Form.HASH, rows=(Row.HASH,))
    ),
    "our hash in one of two policies": Case(
        f"script-src {BOOTSTRAP_HASH} 'strict-dynamic', script-src {OTHER} 'strict-dynamic'",
        Csp(
            Form.NONE,
            script=False,
            pixel=False,
            rows=(Row.NO_SCRIPT, Row.NO_PIXEL),
            missing=(("script-src", BOOTSTRAP_HASH),),
        ),
    ),
    "somebody's hash": Case(
        f"script-src {OTHER} 'strict-dynamic'",
        Csp(
            Form.NONE,
            script=False,
            pixel=False,
            rows=(Row.NO_SCRIPT, Row.NO_PIXEL),
            missing=(("script-src", BOOTSTRAP_HASH),),
        ),
    ),
    "scripts closed": Case(
        "script-src 'none'", Csp(Form.NONE, script=False, pixel=False, rows=(Row.NO_SCRIPT, Row.NO_PIXEL))
    ),
    "trusted types": Case(
        f"{FREE}; require-trusted-types-for 'script'", Csp(pixel=False, rows=(Row.INLINE, Row.TRUSTED_TYPES))
    ),
    "trusted types and no pixel anyway": Case(
        "script-src 'self' 'unsafe-inline'; require-trusted-types-for 'script'",
        Csp(pixel=False, rows=(Row.INLINE, Row.TRUSTED_TYPES), missing=(("script-src", META),)),
    ),
    "trusted types and our hash": Case(
        f"script-src {BOOTSTRAP_HASH} 'strict-dynamic'; require-trusted-types-for 'script'",
        Csp(Form.NONE, script=False, pixel=False, rows=(Row.NO_SCRIPT, Row.TRUSTED_TYPES)),
    ),
    "Integrity-Policy": Case(
        FREE, Csp(script=False, pixel=False, rows=(Row.INLINE, Row.INTEGRITY)), "blocked-destinations=(script)"
    ),
    "Integrity-Policy for styles": Case(FREE, Csp(rows=(Row.INLINE,)), "blocked-destinations=(style)"),
    "a sandbox without scripts": Case(
        "sandbox allow-same-origin", Csp(Form.NONE, script=False, pixel=False, rows=(Row.SANDBOX,))
    ),
    "a sandbox without the shop's origin": Case(
        "sandbox allow-scripts", Csp(Form.NONE, script=False, pixel=False, rows=(Row.SANDBOX,))
    ),
    "a sandbox that lets both": Case(f"sandbox allow-SCRIPTS allow-same-origin; {FREE}", Csp(rows=(Row.INLINE,))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_left(case: Case) -> None:
    headers = {"content-security-policy": case.policy, "integrity-policy": case.integrity}
    assert CspReader("/_shop", PIXEL).read(headers, f"{ORIGIN}/a/b") == (case.left, None)


def test_a_policy_is_not_taken_for_another() -> None:
    """One reader sees every policy of the shop, and every address that it is reached by."""
    reader = CspReader("/_shop", PIXEL)
    asked = [
        (case.policy, case.integrity, f"{origin}/a/b") for case in CASES.values() for origin in (ORIGIN, "https://b")
    ]
    for policy, integrity, url in asked * 2:
        headers = {"content-security-policy": policy, "integrity-policy": integrity}
        assert reader.read(headers, url) == CspReader("/_shop", PIXEL).read(headers, url)


@pytest.mark.parametrize("path", ["", "/", "/a/b", "/a?b=/c"])
@pytest.mark.parametrize("origin", [ORIGIN, "https://b", "http://[::1]:8000"])
def test_the_shops_own_address_may_be_named(origin: str, path: str) -> None:
    policy = f"script-src 'unsafe-inline' {META} {origin}/_shop/"
    csp, _ = CspReader("/_shop", PIXEL).read({"content-security-policy": policy}, f"{origin}{path}")
    assert csp == Csp(rows=(Row.INLINE,))


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [
        (
            "default-src 'self'",
            f"default-src 'self'; script-src 'self' {META}; img-src 'self' {COUNT}; frame-src 'self' {COUNT}",
        ),
        ("script-src-elem 'self'; script-src 'none'", f"script-src-elem 'self' {META}; script-src 'none'"),
        (f"default-src 'none'; {FREE}; img-src 'none'; connect-src 'none'",
         f"default-src 'none'; {FREE}; img-src {COUNT}; connect-src {OWN}; frame-src {COUNT}"),
        (f"{FREE}; child-src 'none'", f"{FREE}; child-src 'none'; frame-src {COUNT}"),
        (f"{FREE}; form-action 'self'", f"{FREE}; form-action 'self' {COUNT}"),
        ("script-src 'unsafe-inline'", f"script-src 'unsafe-inline' {OWN} {META}"),
        ("script-src 'nonce-abc'", f"script-src 'nonce-abc' {META}"),
        (f"script-src {OTHER} 'strict-dynamic'", f"script-src {OTHER} 'strict-dynamic' {BOOTSTRAP_HASH}"),
        (f"script-src {OTHER} 'strict-dynamic', img-src 'self'",
         f"script-src {OTHER} 'strict-dynamic' {BOOTSTRAP_HASH}, img-src 'self' {COUNT}"),
        ("default-src 'self', sandbox", None),
        (f"{FREE}, default-src 'none'; img-src 'self'", f"{FREE}, default-src 'none'; img-src 'self'"),
        (FREE, None),
    ],
)  # fmt: skip
def test_what_extend_makes_of_it(policy: str, becomes: str | None) -> None:
    """Only added to; what a directive of its own did not say, it takes over from the one that spoke for it."""
    csp, changed = CspReader("/_shop", PIXEL, extend=True).read({"content-security-policy": policy}, f"{ORIGIN}/")
    assert changed == becomes


def test_what_extend_leaves_is_what_the_page_then_has() -> None:
    headers = {"content-security-policy": "default-src 'self'"}
    csp, _ = CspReader("/_shop", PIXEL, extend=True).read(headers, f"{ORIGIN}/")
    assert csp == Csp(Form.EXTERNAL, rows=(Row.EXTERNAL,))
    headers["integrity-policy"] = "blocked-destinations=(script)"
    csp, _ = CspReader("/_shop", PIXEL, extend=True).read(headers, f"{ORIGIN}/")
    assert csp == Csp(Form.NONE, script=False, pixel=False, rows=(Row.NO_SCRIPT, Row.INTEGRITY))


def test_self_is_the_pages_own_scheme_and_port() -> None:
    policies = parse(["default-src 'self' 'unsafe-inline'"])
    stand_in = Site("http://127.0.0.1:8000", "/_shop", "http://127.0.0.1:8000/en_US/fbevents.js")
    assert assess(policies, stand_in) == Csp(rows=(Row.INLINE,))
    elsewhere = stand_in._replace(pixel_url="http://127.0.0.1:9000/en_US/fbevents.js")
    assert assess(policies, elsewhere).missing == tuple(
        (name, "http://127.0.0.1:9000") for name in ("script-src", "img-src", "frame-src")
    )
