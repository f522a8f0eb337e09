"""The visitor's own address: by trusted hops only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from capi_middleware.settings import Settings


def client_address(environ: Mapping[str, Any], settings: Settings) -> str:
    """The browser's address in canonical form, or "" where it is not known for sure or not a public one.

    As werkzeug's ProxyFix: the entry that the outermost of our own proxies wrote, so counted from the right; what
    stands further left was written by the visitor and is not believed.
    """
    hops = settings.visit.trusted_hops
    if not hops:
        return canonical(environ.get("REMOTE_ADDR") or "")
    entries = (environ.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    return canonical(entries[-hops].strip()) if len(entries) >= hops else ""


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A public address in its shortest form (IPv4 inside IPv6 unpacked), else "". Ports and brackets are removed."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address) if address.is_global and not address.is_multicast else ""
