"""The registrable domain of a host, by the public suffix list (offline data of the ``publicsuffixlist`` package)."""

from __future__ import annotations

import re
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_NUMERIC = re.compile(r"\d+")


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=1024)
def cookie_domain(host: str, configured: str = "") -> str:
    """The ``Domain`` for a cookie that all of a shop's hosts see, or "" for a host-only cookie.

    ``host``: lower case, without port (as :attr:`Visit.host`). Host-only: addresses, ``localhost``, public suffixes,
    and hosts outside the ``configured`` domain.
    """
    if not _HOST.fullmatch(host) or _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return ""
    if configured:
        wanted = configured.lower().strip(".")
        return wanted if host == wanted or host.endswith("." + wanted) else ""
    return _suffixes().privatesuffix(host) or ""


@lru_cache(maxsize=1024)
def subdomain_index(domain: str, host: str) -> int:
    """The second part of fbp and fbc: labels of the cookie's domain less one (``com`` 0, ``example.com`` 1,
    ``example.co.uk`` 2; Meta, "ClickID and fbp/fbc"). An address has no labels: 1, as Meta says for servers."""
    if domain:
        return domain.count(".")
    if not _HOST.fullmatch(host) or _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return 1
    return min(host.count("."), 99)


def same_site(host: str, other: str, configured: str = "") -> bool:
    """Whether two hosts belong to one shop: equal, or under one registrable domain."""
    if host == other:
        return True
    domain = cookie_domain(host, configured)
    return bool(domain) and (other == domain or other.endswith("." + domain))
