"""What the traffic suggests: addresses that look like an event and are none yet, and rules that have gone quiet. Pure:
counts in, findings out."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from capi_middleware.settings.words import Kinds, path_kinds

from .shape import PRODUCT
from .traffic import RuleCount, ShapeCount

ENOUGH = 5
"""Requests from which something is worth a question."""
SOME_PAGES = 20
_VARIABLE = re.compile(r"<[^>]+>")
_LISTS = frozenset(
    {"kategori", "kategorier", "category", "categories", "c", "shop", "butik", "collections", "kollektion"}
)
_REFUSING: Kinds = frozenset({"refused", "login", "account", "remove"})


class Suggestion(NamedTuple):
    """``event`` may be meant by ``method`` to ``shape``, sent ``n`` times. ``then``: what followed: ``cart``,
    ``thanks``, ``json``, ``page``, or "" (a page was opened). ``table``: the rule that says so, as in the file."""

    key: str
    event: str
    method: str
    shape: str
    n: int
    then: str
    table: Mapping[str, Any]


class Quiet(NamedTuple):
    """A rule that made ``usual`` events a day and none since ``since`` (unix seconds)."""

    event: str
    rule: str
    usual: float
    since: int


def suggestions(counts: Iterable[ShapeCount], dismissed: Iterable[str] = ()) -> list[Suggestion]:
    """The most frequent first. ``dismissed``: keys that the owner has said no to."""
    seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    made: Counter[tuple[str, str]] = Counter()
    for count in counts:
        if count.event:
            made[count.method, count.shape] += count.n
        elif count.outcome != "error":
            seen[count.method, count.shape][count.outcome] += count.n
    found = []
    refused = set(dismissed)
    for (method, shape), outcomes in seen.items():
        if made[method, shape] > sum(outcomes.values()) // 10:
            continue  # a rule knows it; what it did not count has its reasons
        one = _look(method, shape, outcomes)
        if one is not None and one.key not in refused:
            found.append(one)
    return sorted(found, key=lambda one: -one.n)


def quiet_rules(counts: Sequence[RuleCount], now: float) -> list[Quiet]:
    """Rules that matched day after day and have stopped, while the shop's pages are still opened."""
    by_rule: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    views: Counter[int] = Counter()
    for count in counts:
        if count.event == "PageView":
            views[count.hour] += count.n
        else:
            by_rule[count.event, count.rule][count.hour] += count.n
    found = []
    for (event, rule), hours in by_rule.items():
        last, first = max(hours) + 3600, min(hours)
        days = (last - first) / 86400
        total = sum(hours.values())
        if days < 2 or total < 10:
            continue
        usual = total / days
        silent = now - last
        # As many would have come in this time by now that none is no chance: a Poisson chance of one in 20 000.
        before = sum(n for hour, n in views.items() if hour < last)
        since = sum(n for hour, n in views.items() if hour >= last)
        expected = total * since / before if before else 0.0
        if silent > 6 * 3600 and expected >= 10:
            found.append(Quiet(event, rule, usual, last))
    return sorted(found, key=lambda one: -one.usual)


def _look(method: str, shape: str, outcomes: Mapping[str, int]) -> Suggestion | None:
    path, _, route = shape.partition("?")
    kinds = path_kinds(_VARIABLE.sub("", path + route))
    if method == "GET":
        return _page(shape, kinds, sum(outcomes.values()))
    if "**" in shape or path == "/" and not route:
        return None
    outcome = max(outcomes, key=lambda one: outcomes[one])
    n = sum(outcomes.values())
    if n < ENOUGH:
        return None
    after = path_kinds(_VARIABLE.sub("", outcome)) if outcome.startswith("/") else frozenset()
    event, then = _act(kinds, after, outcome)
    if not event:
        return None
    return _suggestion(event, method, shape, n, then)


def _act(kinds: Kinds, after: Kinds, outcome: str) -> tuple[str, str]:
    """(event, what followed) of something that was sent to the shop."""
    changes = kinds & {"change", "~change", "remove", "~remove", "login", "search"}
    if after & {"refused", "login"}:
        return "", ""
    if "cart" in after and "thanks" not in kinds and ("cart" in kinds or "checkout" not in kinds) and not changes:
        return "AddToCart", "cart"
    if "thanks" in after or "thanks" in kinds:
        if kinds & {"checkout", "payment"}:
            return "", ""  # the thank-you page is the purchase
        return ("Subscribe" if "newsletter" in kinds | after else "Lead"), "thanks"
    if outcome in ("json", "other") and "~cart" in kinds and ("~add" in kinds or "add" in kinds) and not changes:
        return "AddToCart", "json"
    if kinds & {"newsletter", "~newsletter"}:
        return "Subscribe", "json" if outcome == "json" else "page"
    if kinds & {"wishlist", "~wishlist"} and not changes:
        return "AddToWishlist", "json" if outcome == "json" else "page"
    if kinds & {"contact", "~contact", "lead", "~lead"}:
        return "Lead", "json" if outcome == "json" else "page"
    return "", ""


def _page(shape: str, kinds: Kinds, n: int) -> Suggestion | None:
    last = shape.rpartition("/")[2]
    products = not (PRODUCT - _LISTS).isdisjoint(part.casefold() for part in shape.split("/"))
    if n >= SOME_PAGES and products and _VARIABLE.fullmatch(last) and not kinds & {"cart", "checkout"}:
        return _suggestion("ViewContent", "GET", shape, n, "")
    if n >= ENOUGH and "thanks" in kinds and not kinds & (_REFUSING | {"newsletter", "contact", "lead", "register"}):
        return _suggestion("Purchase", "GET", shape, n, "")
    return None


def _suggestion(event: str, method: str, shape: str, n: int, then: str) -> Suggestion:
    path, _, route = shape.partition("?")
    table: dict[str, Any] = {"event": event, "path": path}
    if method != "GET" or event not in ("ViewContent", "Purchase"):
        table["method"] = method
    if route:
        table["query"] = {"*": "*" + _VARIABLE.sub("*", route).strip("/").replace("/", "*") + "*"}
    variable = re.search(r"<(?:int:)?(id\d*)>", path)
    if event in ("AddToCart", "AddToWishlist") and variable:
        table["data"] = {"content_ids": f"path:{variable[1]}"}
    return Suggestion(f"{event} {method} {shape}", event, method, shape, n, then, table)
