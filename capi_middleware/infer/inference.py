"""One shop's rules, compiled once: from a visit and the shop's answer to events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from cachetools import LRUCache

from capi_middleware.settings import Problem, Settings
from capi_middleware.settings.condition import glob
from capi_middleware.settings.pattern import path_pattern
from capi_middleware.settings.rule import PAGE_EVENTS, Rule, When
from capi_middleware.settings.suggest import did_you_mean
from capi_middleware.settings.words import Kinds, path_kinds, route_of
from capi_middleware.visit.visit import Asker, Visit

from .answer import Answer
from .body import FORM, GRAPHQL, JSON, Body, kind_of
from .context import Context, Products, parameters
from .counting import Counting
from .judging import asks
from .looks import LOOKS_AT_QUERY
from .once import Once
from .orders import OrderMemory
from .plan import NOTHING, Outline, Plan
from .platform import Platforms, Recognised
from .preset import GENERAL, Preset, names, preset
from .ruleset import Candidate, RuleSet
from .value import PAGE_SOURCES

LARGEST_BODY = 64 * 1024
"""Bytes of a request's body above which it is not looked at."""
_KEPT = 4096
_LONGEST = 2048
"""Characters of an address above which nothing is kept of it: whoever invents addresses fills no memory with them."""
_KEPT_OF_A_SITE = 512
_ACTORS = (Asker.PERSON, Asker.SUSPECT, Asker.SCRIPT)
_AUTO = ("auto", "")
_PRODUCT_PAGE = When(page=True, product=True)


class Memory:
    """What inference remembers of a shop's traffic, one a process: platforms of hosts, what was counted, and who went
    to pay for which order.

    ``folder``: the state folder, shared by the processes of a machine; None keeps it in this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.platforms = Platforms(folder)
        self.once = Once(folder)
        self.orders = OrderMemory(folder)

    def close(self) -> None:
        """Let go of the files."""
        self.once.close()


class Inference:
    """Shared by all threads. ``products``: what the shop has shown of its products; ``memory``: None counts everything
    (``explain``) and recognises platforms in this object alone. ``counts``: False to look at what counts elsewhere (the
    page that a cache stores)."""

    def __init__(
        self,
        settings: Settings,
        products: Products | None = None,
        memory: Memory | None = None,
        *,
        counts: bool = True,
    ) -> None:
        self.settings = settings
        self.products = products
        self.platforms = memory.platforms if memory is not None else Platforms()
        self.counting = Counting(memory.once if memory is not None and counts else None)
        self._own = RuleSet(settings.rules)
        self._off = tuple(glob(text) for text in settings.shop.off)
        self._excluded = tuple(map(path_pattern, settings.shop.exclude))
        self._chosen = _chosen(settings)
        self._hears = any(rule.notice for rule in settings.rules)
        self._outlines: LRUCache[tuple[str, bool, str, str, str, bool], Outline] = LRUCache(
            _KEPT_OF_A_SITE if settings.host else _KEPT
        )
        self._idle: dict[tuple[str, str, str], bool] = {}
        self._lock = Lock()

    def prepare(self) -> None:
        """Read the presets and what a first page asks of them, once a process (a tenth of a second)."""
        if self._chosen is None:
            self.platforms.look("", ("a cookie",))
        self._kept(self._chosen or "", True, "GET", "/", "")

    def plan(self, visit: Visit, content_type: str = "", content_length: int | None = None) -> Plan:
        """Which rules may fire for this request, and what they need. ``content_type``, ``content_length``: of the
        request's body, ``""`` and None where there is none or it is not known."""
        asker = visit.asker
        if asker not in _ACTORS:
            outline = self._notices(visit) if asker is Asker.ROBOT else NOTHING
            return Plan(
                self, visit, outline, content_type, bool(outline.bodies) and kind_of(content_type) in outline.bodies
            )
        outline = self._kept(self._platform(visit), asker is not Asker.SCRIPT, visit.method, visit.path, visit.query)
        wants_body = (
            bool(outline.bodies)
            and visit.method not in ("GET", "HEAD")
            and (content_length is None or 0 < content_length <= LARGEST_BODY)
            and kind_of(content_type) in outline.bodies
        )
        return Plan(self, visit, outline, content_type, wants_body)

    def idle(self, host: str, path: str, query: str) -> bool:
        """Whether no rule can fire when a script of the page GETs this, unless a page or a redirect answers. Costs a
        microsecond, for the many requests of which nothing will come. ``path``: as in ``PATH_INFO``."""
        platform = self._chosen if self._chosen is not None else self.platforms.known(host).name
        key = (platform, path, query)
        known = self._idle.get(key)
        if known is None:
            known = self._kept(platform, False, "GET", path, query).idle
            if len(self._idle) >= _KEPT:
                self._idle.clear()
            if len(path) + len(query) <= _LONGEST:
                self._idle[key] = known
        return known

    def _kept(self, platform: str, opens: bool, method: str, path: str, query: str) -> Outline:
        route = route_of(query) if query else ""
        key = (platform, opens, method, path, route, bool(query))
        with self._lock:
            outline = self._outlines.get(key)
        if outline is None:
            outline = self._outline(*key)
            if len(path) <= _LONGEST:
                with self._lock:
                    self._outlines[key] = outline
        return self._narrowed(outline, query) if outline.asking else outline

    def recognised(self, host: str) -> Recognised:
        """The platform whose preset is in force, and by what it was recognised."""
        if self._chosen is not None:
            return Recognised(self._chosen, "settings")
        return self.platforms.known(host)

    def curious(self, host: str) -> bool:
        """Whether the platform of this host is still looked for."""
        return self._chosen is None and self.platforms.curious(host)

    def rule(self, name: str) -> Rule | None:
        """The rule of this name, wherever it stands."""
        if name in self._own.by_name:
            return self._own.by_name[name]
        origin = name.partition(":")[0]
        if origin == GENERAL or origin in names():
            return preset(origin).rules.by_name.get(name)
        return None

    def context(self, visit: Visit, kinds: Kinds, body: Body, answer: Answer) -> Context:
        """What the rules may ask about this request."""
        shop = self.settings.shop
        platform = self.recognised(visit.host).name
        templates: tuple[str, ...] = (shop.content_id,)
        if shop.content_id == "{id}" and platform:
            templates = (*preset(platform).templates, "{id}")
        return Context(visit, kinds, body, answer, shop, self.products, templates)

    def learn(self, context: Context) -> None:
        """Look at a page for the marks of its platform, as long as it is not known."""
        host = context.visit.host
        if self._chosen is None and context.answer.html and self.platforms.curious(host):
            self.platforms.look(host, context.visit.cookies, context.answer.response.headers, context.answer.html)

    def _platform(self, visit: Visit) -> str:
        if self._chosen is not None:
            return self._chosen
        known = self.platforms.known(visit.host)
        if known.name or not visit.cookies or not self.platforms.curious(visit.host):
            return known.name
        return self.platforms.look(visit.host, visit.cookies).name

    def _preset(self, platform: str) -> Preset | None:
        return preset(platform) if platform else None

    def _outline(self, platform: str, page: bool, method: str, path: str, route: str, asked: bool) -> Outline:
        kinds = path_kinds(path + route)
        if any(excluded.match(path, kinds) is not None for excluded in self._excluded):
            return NOTHING
        chosen = self._preset(platform)
        layers = [self._own, *([chosen.rules] if chosen is not None else []), preset(GENERAL).rules]
        found = [one for layer in layers for one in layer.candidates(method, path, kinds) if self._may(one.rule, page)]
        if not asked and method in ("GET", "HEAD"):
            found = [one for one in found if one.rule.looks not in LOOKS_AT_QUERY]
        silenced = {one.rule.event for one in found if not one.rule.send and _always(one.rule)}
        view = page and method in ("GET", "POST") and "PageView" not in silenced and not self._is_off("PageView", "")
        candidates = tuple(one for one in found if one.rule.event != "PageView")
        asking = tuple(one for one in candidates if one.rule.query)
        names = {test.name.partition("*")[0] for one in asking for test in one.rule.query}
        unasked = tuple(n for n, one in enumerate(asking) if asks(one.rule, ()))
        outline = _outlined(view, candidates, kinds)
        return outline._replace(asking=asking, names=tuple(names), unasked=unasked, narrowed={})

    def _narrowed(self, outline: Outline, query: str) -> Outline:
        """The outline with those candidates whose wishes this query fulfils."""
        fitting = outline.unasked
        if query and any(map(query.__contains__, outline.names)):
            asked = parameters(query)
            fitting = tuple(n for n, candidate in enumerate(outline.asking) if asks(candidate.rule, asked))
        known = outline.narrowed.get(fitting)
        if known is None:
            chosen = {id(outline.asking[n]) for n in fitting}
            left = (one for one in outline.candidates if not one.rule.query or id(one) in chosen)
            known = _outlined(outline.view, tuple(left), outline.kinds)
            outline.narrowed[fitting] = known
        return known

    def _may(self, rule: Rule, page: bool) -> bool:
        if self._is_off(rule.event, rule.name):
            return False
        return page or rule.notice or rule.event not in PAGE_EVENTS or bool(rule.when)

    def _is_off(self, event: str, name: str) -> bool:
        return any(off.match(event) or off.match(name) for off in self._off)

    def _notices(self, visit: Visit) -> Outline:
        """Rules that hear a payment provider's server; the file's and the preset's."""
        platform = self.recognised(visit.host).name
        chosen = self._preset(platform)
        if not self._hears and chosen is None:
            return NOTHING
        kinds = path_kinds(visit.path)
        layers = [self._own] if chosen is None else [self._own, chosen.rules]
        found = [
            one
            for layer in layers
            for one in layer.candidates(visit.method, visit.path, kinds)
            if one.rule.notice and not self._is_off(one.rule.event, one.rule.name)
        ]
        return _outlined(False, tuple(found), kinds) if found else NOTHING


def _outlined(view: bool, candidates: tuple[Candidate, ...], kinds: Kinds) -> Outline:
    wanted: set[str] = set()
    bodies: set[str] = set()
    json = False
    for candidate in candidates:
        rule = candidate.rule
        for when in (*rule.when, *rule.next):
            wanted |= when.wants
        json = json or "json" in wanted or "response-json" in rule.sources or not rule.when
        if rule.event in ("ViewContent", "CustomizeProduct") or "facts" in rule.sources:
            wanted.add("product")
        if rule.sources & PAGE_SOURCES or rule.event in ("InitiateCheckout", "AddPaymentInfo", "Purchase"):
            wanted.add("html")
        bodies.update(_bodies(rule))
    wanted.discard("json")
    total = view and not kinds.isdisjoint({"cart", "checkout"})
    if total:
        wanted.add("html")  # its total, for a thank-you page that tells none
    idle = not view and all(map(_needs_page, candidates))
    quiet = not total and all(map(_needs_product, candidates))
    plain = quiet and all(map(_tells_the_page, candidates))
    notice = any(candidate.rule.notice for candidate in candidates)
    return Outline(
        view, candidates, frozenset(wanted), frozenset(bodies), json, kinds, notice, idle, quiet, plain, shown={}
    )


def _bodies(rule: Rule) -> Iterable[str]:
    if rule.graphql:
        return (JSON, GRAPHQL)
    if rule.json:
        return (JSON,)
    if rule.form:
        return (FORM,)
    if rule.looks == "adds to cart":
        return (FORM, JSON, GRAPHQL) if rule.paths else (FORM,)
    if rule.looks == "writes" or rule.event in ("AddToCart", "AddToWishlist") or rule.sources & {"form", "json"}:
        return (FORM, JSON, GRAPHQL)
    return ()


def _always(rule: Rule) -> bool:
    return not (rule.hosts or rule.query or rule.form or rule.json or rule.graphql)


def _chosen(settings: Settings) -> str | None:
    """The preset that the settings name; "" for none, None to recognise it."""
    platform = settings.shop.platform.strip().lower()
    if platform in _AUTO:
        return None
    if platform == "none":
        return ""
    return platform if platform in names() else None


def problems(settings: Settings) -> list[Problem]:
    """What only this room can tell of the settings: a platform there is no preset for."""
    found = []
    for shop in (settings, *settings.sites):
        platform = shop.shop.platform.strip().lower()
        if platform not in (*_AUTO, "none", *names()):
            key = f"site {shop.host}: shop.platform" if shop.host else "shop.platform"
            known = ", ".join(("auto", "none", *names()))
            right = f"{did_you_mean(platform, names())}Known: {known}. Until then it is recognised by itself."
            found.append(Problem("settings", 0, key, f"there is no preset {platform!r}.", right))
    return list(dict.fromkeys(found))


def _needs_page(candidate: Candidate) -> bool:
    """Whether the rule holds only where the answer is a page or a redirect."""
    when = candidate.rule.when
    return bool(when) and all(one.page or one.product or one.redirect or one.redirect_query for one in when)


def _needs_product(candidate: Candidate) -> bool:
    """Whether the rule holds only where the answer is a product's page, and says nothing where it does not."""
    rule = candidate.rule
    return rule.shipped and rule.event == "ViewContent" and bool(rule.when) and all(one.product for one in rule.when)


def _tells_the_page(candidate: Candidate) -> bool:
    """Whether the event depends on the page's facts alone, whoever opens the page."""
    rule = candidate.rule
    asked = rule.hosts or rule.query or rule.form or rule.json or rule.graphql or rule.looks
    told = rule.data or rule.key or rule.remember or rule.once or rule.next or rule.notice
    return not asked and not told and rule.send and all(one == _PRODUCT_PAGE for one in rule.when)
