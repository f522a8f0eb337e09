"""A page's address, without what its visitors bring along."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

# What advertising and mail add to addresses and pages do not depend on.
TRACKING = frozenset(
    {
        *("fbclid", "gclid", "gbraid", "wbraid", "msclkid", "dclid", "ttclid", "twclid", "yclid", "li_fat_id"),
        *("mc_cid", "mc_eid", "_ga", "_gl", "srsltid", "igshid", "epik", "gad_source", "gad_campaignid"),
    }
)
_MARKS = ("utm_", "clid", "braid", "li_fat", "mc_", "_g", "srslt", "igsh", "epik", "gad_")


def cut(address: str) -> SplitResult:
    """As ``urlsplit``; empty for what is no address (``http://[``: a Referer is whatever somebody sends)."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")


def pairs(query: str, most: int = 40) -> list[tuple[str, str]]:
    """The first parameters of a query that are not empty; never raises, however many there are."""
    return parse_qsl("&".join(query.split("&", most)[:most]))


def plain_query(query: str) -> str:
    """A query without advertising's part of it; the rest as it stands."""
    if not query or not any(mark in query for mark in _MARKS):
        return query
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=60)
    except ValueError:
        return query
    return urlencode([pair for pair in pairs if pair[0] not in TRACKING and not pair[0].startswith("utm_")])


def plain_address(address: str) -> str:
    """Path and query, likewise."""
    path, mark, query = address.partition("?")
    query = plain_query(query)
    return f"{path}?{query}" if mark and query else path
