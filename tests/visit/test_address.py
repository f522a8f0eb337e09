"""Whose address it is: trusted hops as in ProxyFix, networks, Forwarded, CDN headers, IPv6 first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import VisitSettings
from capi_middleware.visit import judge_addresses, read_visit
from capi_middleware.visit.address import canonical, client_address, read_origin

V6 = "2a00:1450:400f:80d::200e"
PROXIES = ("10.0.0.0/8", "192.168.0.0/16", "fd00::/8")
BOTH = {"trusted_proxies": PROXIES, "forwarded": True}
CLOUDFRONT = {"address_headers": ("CloudFront-Viewer-Address",)}


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "address"),
    [
        ({}, "8.8.8.8", {}, "8.8.8.8"),
        ({}, "8.8.8.8", {"X_FORWARDED_FOR": "1.1.1.1"}, "8.8.8.8"),
        ({}, "8.8.8.8", {"FORWARDED": "for=1.1.1.1", "CF_CONNECTING_IP": "1.1.1.1"}, "8.8.8.8"),
        ({}, "10.0.0.1", {}, ""),
        ({}, "127.0.0.1", {}, ""),
        ({}, "::ffff:8.8.8.8", {}, "8.8.8.8"),
        ({}, "2A00:1450:400F:080D:0:0:0:200E", {}, V6),
        ({}, "fe80::1%eth0", {}, ""),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1"}, "1.1.1.1"),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": "9.9.9.9, 1.1.1.1"}, "1.1.1.1"),
        ({"trusted_hops": 2}, "10.0.0.1", {"X_FORWARDED_FOR": "9.9.9.9, 1.1.1.1, 10.0.0.2"}, "1.1.1.1"),
        ({"trusted_hops": 2}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1"}, ""),
        ({"trusted_hops": 1}, "10.0.0.1", {}, ""),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": "192.168.0.7"}, ""),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": "unknown"}, ""),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1:5566"}, "1.1.1.1"),
        ({"trusted_hops": 1}, "10.0.0.1", {"X_FORWARDED_FOR": f"[{V6}]:5566"}, V6),
        ({"trusted_proxies": PROXIES}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1"}, "1.1.1.1"),
        ({"trusted_proxies": PROXIES}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1, 192.168.0.2"}, "1.1.1.1"),
        ({"trusted_proxies": PROXIES}, "10.0.0.1", {"X_FORWARDED_FOR": "9.9.9.9, 10.0.0.3, 1.1.1.1"}, "1.1.1.1"),
        ({"trusted_proxies": PROXIES}, "8.8.8.8", {"X_FORWARDED_FOR": "1.1.1.1"}, "8.8.8.8"),
        ({"trusted_proxies": PROXIES}, "fd00::5", {"X_FORWARDED_FOR": V6}, V6),
        ({"trusted_proxies": ("nonsense",)}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1"}, ""),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"FORWARDED": "for=1.1.1.1;proto=https"}, "1.1.1.1"),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"FORWARDED": f'For="[{V6}]:4711"'}, V6),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"FORWARDED": "for=9.9.9.9, for=1.1.1.1"}, "1.1.1.1"),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"FORWARDED": 'for="1.1.1.1, x";by=y'}, ""),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"FORWARDED": "for=_hidden, for=unknown"}, ""),
        ({"trusted_hops": 1, "forwarded": True}, "10.0.0.1", {"X_FORWARDED_FOR": "1.1.1.1"}, ""),
        (BOTH, "10.0.0.1", {"FORWARDED": "for=1.1.1.1, for=10.0.0.9"}, "1.1.1.1"),
        ({"address_headers": ("CF-Connecting-IP",)}, "10.0.0.1", {"CF_CONNECTING_IP": "1.1.1.1"}, "1.1.1.1"),
        (
            {"address_headers": ("CF-Connecting-IP", "CF-Connecting-IPv6")},
            "8.8.8.8",
            {"CF_CONNECTING_IP": "1.1.1.1", "CF_CONNECTING_IPV6": V6},
            V6,
        ),
        ({"address_headers": ("CF-Connecting-IP",)}, "8.8.8.8", {"CF_CONNECTING_IP": "10.1.1.1"}, "8.8.8.8"),
        (
            {"address_headers": ("CF-Connecting-IP",), "trusted_proxies": PROXIES},
            "8.8.8.8",
            {"CF_CONNECTING_IP": "1.1.1.1"},
            "8.8.8.8",
        ),
        (CLOUDFRONT, "8.8.8.8", {"CLOUDFRONT_VIEWER_ADDRESS": f"{V6}:46532"}, V6),
        (CLOUDFRONT, "8.8.8.8", {"CLOUDFRONT_VIEWER_ADDRESS": "1.1.1.1:46532"}, "1.1.1.1"),
        ({"address_headers": ("Fastly-Client-IP",)}, "8.8.8.8", {"FASTLY_CLIENT_IP": "1.1.1.1"}, "1.1.1.1"),
        ({"address_cookie": True}, "8.8.8.8", {"COOKIE": f"_fbi={V6}.AQICAQMC"}, V6),
        ({"address_cookie": True}, "8.8.8.8", {"COOKIE": "_fbi=1.1.1.1.AQICAQMC"}, "8.8.8.8"),
        ({}, "8.8.8.8", {"COOKIE": f"_fbi={V6}.AQICAQMC"}, "8.8.8.8"),
    ],
)  # fmt: skip
def test_address(
    settings: dict[str, Any], peer: str, headers: dict[str, str], address: str, look: Any, make_settings: Any
) -> None:
    assert look(make_settings(visit=settings), REMOTE_ADDR=peer, **headers).address == address


@given(
    st.lists(st.sampled_from(["1.1.1.1", "8.8.4.4", "9.9.9.9", "2a00:1450::1"]), min_size=1, max_size=5),
    st.integers(1, 3),
)
def test_hops_as_proxy_fix(chain: list[str], hops: int) -> None:
    environ = {
        "REQUEST_METHOD": "GET",
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_HOST": "inside.test",
        "wsgi.url_scheme": "http",
        "HTTP_X_FORWARDED_FOR": ", ".join(chain),
        "HTTP_X_FORWARDED_PROTO": ", ".join(["https"] * hops),
        "HTTP_X_FORWARDED_HOST": ", ".join(["www.shop.example"] * hops),
    }
    fixed: dict[str, Any] = {}
    ProxyFix(lambda env, start: fixed.update(env) or [], x_for=hops, x_proto=hops, x_host=hops)(  # type: ignore[func-returns-value]
        dict(environ), lambda *_: None
    )
    settings = Settings(visit=VisitSettings(trusted_hops=hops))
    visit = read_visit(environ, settings, 0.0, remember=False)
    assert visit.address == ("" if fixed["REMOTE_ADDR"] == "10.0.0.1" else canonical(fixed["REMOTE_ADDR"]))
    assert (visit.scheme, visit.host) == (fixed["wsgi.url_scheme"], fixed["HTTP_HOST"])


def test_the_visitors_own_scheme_and_host_are_not_believed(look: Any) -> None:
    visit = look(None, "http://www.example.com/", x_forwarded_proto="https", x_forwarded_host="evil.example")
    assert (visit.scheme, visit.host) == ("http", "www.example.com")


@pytest.mark.parametrize("host", ["a b", "a/../b", "x@y", "<script>", "a\r\nb", "a,b", "", "x" * 300])
def test_a_host_that_is_none_is_not_shown(host: str, look: Any) -> None:
    visit = look(host=host)
    assert (visit.host, visit.url) == ("inside.test", "https://inside.test:8000/")


@given(st.text(max_size=300), st.text(max_size=60), st.booleans())
def test_no_header_raises_or_gives_a_private_address(header: str, peer: str, forwarded: bool) -> None:
    settings = Settings(visit=VisitSettings(trusted_hops=1, forwarded=forwarded, address_headers=("X-Real-IP",)))
    environ = {"HTTP_X_FORWARDED_FOR": header, "HTTP_FORWARDED": header, "HTTP_X_REAL_IP": header, "REMOTE_ADDR": peer}
    address = client_address(environ, read_origin(environ, settings.visit), {}, settings)
    assert address == canonical(address)


def test_finding_all_visitors_at_one_address() -> None:
    visits = [("1.1.1.1", f"agent {number % 5}") for number in range(20)]
    assert judge_addresses(visits) == ("one_address", 20, 1)


def test_finding_no_address_at_all() -> None:
    assert judge_addresses([("", f"agent {number % 5}") for number in range(20)]).code == "no_address"


def test_finding_nothing_wrong() -> None:
    assert judge_addresses([(f"1.1.1.{number}", f"agent {number % 5}") for number in range(20)]).code == "ok"


def test_finding_too_few_to_say() -> None:
    assert judge_addresses([("1.1.1.1", "one agent")] * 500).code == "too_few"
