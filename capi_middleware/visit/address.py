"""The visitor's own address, and the scheme and host that his browser shows: by trusted hops only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, NamedTuple

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import VisitSettings

_ELEMENT = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[!#$%&\'*+.^_`|~0-9A-Za-z:\[\]-]*)\s*')
_AUTHORITY = re.compile(r"[A-Za-z0-9._~%!$&'()*+;=:\[\]-]{1,255}")
_MAX_HEADER = 2_048
_LONGEST_ADDRESS = 64


class Origin(NamedTuple):
    """As far as headers of trusted proxies tell; "" where they do not. ``address`` may be any text yet."""

    address: str
    scheme: str
    authority: str


def read_origin(environ: Mapping[str, Any], visit: VisitSettings) -> Origin:
    """What the request's own connection and the shop's own proxies say (werkzeug's ProxyFix; RFC 7239)."""
    peer = environ.get("REMOTE_ADDR") or ""
    hops = trusted_hops(environ, visit)
    if not hops:
        return Origin(peer, "", "")
    if visit.forwarded:
        return _forwarded(environ.get("HTTP_FORWARDED") or "", hops)
    entries = (environ.get("HTTP_X_FORWARDED_FOR") or "")[-_MAX_HEADER:].split(",")
    return Origin(
        entries[-hops].strip() if len(entries) >= hops else "",
        last_said(environ.get("HTTP_X_FORWARDED_PROTO"), hops),
        last_said(environ.get("HTTP_X_FORWARDED_HOST"), hops),
    )


def shown_authority(environ: Mapping[str, Any], visit: VisitSettings) -> str:
    """Host and port as the visitor's browser shows them: what trusted proxies say, else ``Host``; "" for neither."""
    if visit.trusted_hops or visit.trusted_proxies:
        said = read_origin(environ, visit).authority
        if said and _AUTHORITY.fullmatch(said):
            return said
    host: str = environ.get("HTTP_HOST") or ""
    return host


def shown_scheme(environ: Mapping[str, Any], visit: VisitSettings) -> str:
    """``http`` or ``https``, as the visitor's browser has it."""
    own: str = environ.get("wsgi.url_scheme") or "http"
    if not visit.trusted_hops and not visit.trusted_proxies:
        return own
    said = read_origin(environ, visit).scheme.lower()
    return said if said in ("http", "https") else own


@lru_cache(maxsize=4096)
def bare_host(authority: str) -> str:
    """``Shop.Example:8080`` is ``shop.example``; an IPv6 address keeps its brackets. By this a shop is found."""
    if authority.endswith("]") or ":" not in authority:
        return authority.lower().rstrip(".")
    return authority.rpartition(":")[0].lower().rstrip(".")


def client_address(environ: Mapping[str, Any], origin: Origin, cookies: Mapping[str, str], settings: Settings) -> str:
    """The browser's address in canonical form; "" where it is not known for sure, or not a public one.

    IPv6 wins where several sources give an address: Meta prefers it, and the pixel shows it from the browser too.
    """
    visit = settings.visit
    best = canonical(origin.address)
    if not (visit.address_headers or visit.address_cookie) or ":" in best:
        return best
    believed = not visit.trusted_proxies or is_inside(environ.get("REMOTE_ADDR") or "", visit.trusted_proxies)
    given = [_from_header(environ, name) for name in visit.address_headers] if believed else []
    known = [address for address in given if address] or ([best] if best else [])
    if visit.address_cookie:
        own = cookies.get("_fbi", "")
        known.append(canonical(own) or canonical(own.rpartition(".")[0]))
    return next((address for address in known if ":" in address), known[0] if known else "")


def trusted_hops(environ: Mapping[str, Any], visit: VisitSettings) -> int:
    """How many proxies of the shop's own the request has come through: as many as are set, or, from the nearest
    outwards, as are in the trusted networks."""
    networks = visit.trusted_proxies
    if not networks:
        return visit.trusted_hops
    if not is_inside(environ.get("REMOTE_ADDR") or "", networks):
        return 0
    if visit.forwarded:
        chain = [element.get("for", "") for element in elements(environ.get("HTTP_FORWARDED") or "")]
    else:
        chain = (environ.get("HTTP_X_FORWARDED_FOR") or "")[-_MAX_HEADER:].split(",")
    hops = 1
    for entry in reversed(chain[1:]):
        if not is_inside(entry, networks):
            break
        hops += 1
    return hops


def last_said(header: str | None, hops: int) -> str:
    """The entry of the outermost trusted proxy; proxies further in often replace the header instead of adding."""
    if not header:
        return ""
    entries = header[-_MAX_HEADER:].split(",")
    return entries[-min(hops, len(entries))].strip()


def _forwarded(header: str, hops: int) -> Origin:
    found = elements(header)
    if len(found) < hops:
        return Origin("", "", "")
    element = found[-hops]
    return Origin(element.get("for", ""), element.get("proto", ""), element.get("host", ""))


def elements(header: str) -> tuple[Mapping[str, str], ...]:
    """RFC 7239 section 4; an element that does not parse is empty, so that it counts as a hop and says nothing."""
    return _elements(header[-_MAX_HEADER:])


@lru_cache(maxsize=1024)
def _elements(header: str) -> tuple[Mapping[str, str], ...]:
    found: list[Mapping[str, str]] = []
    for part in _split(header):
        pairs = [_ELEMENT.fullmatch(pair) for pair in part.split(";")]
        element = {pair.group(1).lower(): _unquoted(pair.group(2)) for pair in pairs if pair}
        found.append(element if all(pairs) else {})
    return tuple(found)


def _split(header: str) -> Iterable[str]:
    """At commas outside quotes."""
    return re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', header)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _from_header(environ: Mapping[str, Any], name: str) -> str:
    text = (environ.get(_variable(name)) or "").strip()
    if not text:
        return ""
    if text.count(":") > 1 and not text.startswith("[") and name.lower() == "cloudfront-viewer-address":
        text = text.rpartition(":")[0]  # CloudFront always adds the port, also to a bare IPv6 address
    return canonical(text)


@lru_cache(maxsize=64)
def _variable(name: str) -> str:
    return "HTTP_" + name.upper().replace("-", "_")


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A public address in its shortest form (IPv4 inside IPv6 unpacked), else "". Port, brackets and zone go."""
    address = _parsed(text)
    if address is None:
        return ""
    return str(address) if address.is_global and not address.is_multicast else ""


@lru_cache(maxsize=4096)
def network_of(text: str) -> str:
    """The /24 or /56 in which an address stands, "" for none: what one person can change for free is one network."""
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    return str(ip_network((found, 24 if found.version == 4 else 56), strict=False))


def is_inside(text: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks; False for what is no address."""
    return _is_inside(text if len(text) <= _LONGEST_ADDRESS else text.strip()[:_LONGEST_ADDRESS], networks)


@lru_cache(maxsize=4096)
def _is_inside(text: str, networks: tuple[str, ...]) -> bool:
    address = _parsed(text)
    return address is not None and any(
        address.version == network.version and address in network for network in _networks(networks)
    )


@lru_cache(maxsize=16)
def _networks(networks: tuple[str, ...]) -> tuple[Any, ...]:
    found = []
    for text in networks:
        try:
            found.append(ip_network(text.strip(), strict=False))
        except ValueError:
            continue
    return tuple(found)


def _parsed(text: str) -> Any:
    text = text.strip().strip('"')[:_LONGEST_ADDRESS]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class AddressFinding(NamedTuple):
    """``code``: ``ok``, ``one_address`` (all visitors share one: a proxy stands in front that is not counted),
    ``no_address`` (nearly all unknown or private), ``too_few`` (nothing can be said yet)."""

    code: str
    visits: int
    distinct: int


def judge_addresses(visits: Iterable[tuple[str, str]]) -> AddressFinding:
    """For ``doctor`` and the health page: (address, user agent) of recent visits, "" for no address."""
    seen = list(visits)
    addresses = {address for address, _ in seen if address}
    agents = {agent for _, agent in seen}
    unknown = sum(not address for address, _ in seen)
    if len(seen) < 10 or len(agents) < 3:
        code = "too_few"
    elif unknown > 0.9 * len(seen):
        code = "no_address"
    else:
        code = "one_address" if len(addresses) == 1 else "ok"
    return AddressFinding(code, len(seen), len(addresses))
