"""What needs attention, and what to do about it, in plain words. Pure: a situation in, advice out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from capi_middleware.delivery import PixelState
from capi_middleware.settings import Problem, Settings
from capi_middleware.visit import Census

from .answers import meaning
from .suggest import Quiet
from .terms import event_term
from .traffic import TOOL
from .words import clock

Say = Callable[..., str]
ENOUGH = 20
"""Pages or events from which a share says something."""
MANY = 200
"""Pages among which a shop shows a product."""
OLD = 60.0
"""Seconds that an event may wait before it is worth a word."""


class Advice(NamedTuple):
    """``level``: "good", "note" (information), "warn" or "bad". ``place``: the page of ours that helps, or ""."""

    level: str
    text: str
    todo: str = ""
    place: str = ""


class Situation(NamedTuple):
    """What is known. ``counts``: of the last 24 hours (:class:`delivery.Hour`), summed; ``lost``: events by reason, of
    all pixels; ``marks``: of the last two days, ``late``: of the latest pages (:class:`.traffic.Traffic`); ``tools``:
    consent tools seen on this host."""

    settings: Settings
    pixel: PixelState | None
    counts: Mapping[str, int]
    health: Mapping[str, Any]
    lost: Mapping[str, int]
    marks: Mapping[str, int]
    late: Mapping[str, int]
    census: Census
    tools: frozenset[str]
    problems: Sequence[Problem]
    quiet: Sequence[Quiet]
    now: float
    memory: str = ""


def status(it: Situation, say: Say, many: Say) -> Advice:
    """Is it working, in one sentence."""
    meta = it.settings.meta
    if not meta.pixel_id:
        return Advice(
            "warn", say("Not connected yet: no Pixel ID."), say("Paste the Pixel ID and the access token."), "connect"
        )
    if meta.paused:
        text = say("Paused. Your shop works as usual, but nothing is sent to Meta.")
        return Advice("warn", text, say("Start again in the settings."), "settings")
    if not meta.access_token:
        text = say("Half connected: the browser sends, the server cannot, since there is no access token.")
        return Advice("warn", text, say("Paste the access token."), "connect")
    if it.pixel is not None and it.pixel.state != "open":
        return _trouble(it.pixel, it, say, many)
    waiting, oldest = queue(it)
    if waiting and oldest > OLD:
        text = many(
            "Meta is slow right now. One event is waiting and will be sent automatically.",
            "Meta is slow right now. {n} events are waiting and will be sent automatically.",
            waiting,
        )
        return Advice("warn", text)
    return _working(it, say, many)


def queue(it: Situation) -> tuple[int, float]:
    """How many events wait, and for how many seconds the oldest has. The store knows of this moment, and of this pixel
    alone; the deliverer tells every few seconds, and of what has not reached the store."""
    waiting, oldest = int(it.health.get("waiting", 0)), float(it.health.get("oldest", 0.0))
    if it.pixel is not None and it.pixel.waiting:
        waiting, oldest = max(waiting, it.pixel.waiting), max(oldest, it.now - it.pixel.oldest)
    return waiting, oldest


def _working(it: Situation, say: Say, many: Say) -> Advice:
    delivered = it.counts.get("delivered", 0)
    if not it.counts.get("made", 0):
        text = say("Connected, and no visits yet.")
        return Advice("note", text, say("Open your shop: the visit appears here within two seconds."), "try")
    if it.counts.get("dead", 0) > delivered:
        text = say("Meta refuses most events.")
        return Advice("bad", text, say("See which events were refused, and why."), "events?state=dead")
    if not delivered:
        return Advice("note", say("The first events are on their way to Meta."), say("See them arrive."), "events")
    dead = it.counts.get("dead", 0)
    if dead:
        text = many(
            "It works. Meta accepted {good} events in the last 24 hours and refused one.",
            "It works. Meta accepted {good} events in the last 24 hours and refused {n}.",
            dead,
            good=delivered,
        )
        return Advice("good", text, say("See which events were refused, and why."), "events?state=dead")
    text = many(
        "Everything works. Your shop has sent one event in the last 24 hours and Meta accepted it.",
        "Everything works. Your shop has sent {n} events in the last 24 hours and Meta accepted them all.",
        delivered,
    )
    return Advice("good", text)


def _trouble(pixel: PixelState, it: Situation, say: Say, many: Say) -> Advice:
    told = meaning(pixel.code, pixel.subcode, pixel.reason, say, pixel.pixel_id)
    waiting = many(
        "One event waits and is sent once this is fixed; it is not lost.",
        "{n} events wait and are sent once this is fixed; none is lost.",
        queue(it)[0],
    )
    if pixel.state == "paused" or told.kind in ("token", "pixel", "permission", "policy"):
        place = "connect" if told.kind in ("token", "pixel", "permission") else "events"
        return Advice("bad", f"{told.text} {waiting}", told.todo, place)
    waiting = many(
        "One event is waiting and will be sent automatically.",
        "{n} events are waiting and will be sent automatically.",
        queue(it)[0],
    )
    return Advice("warn", f"{told.text} {waiting}", told.todo if told.kind == "network" else "")


def attention(it: Situation, say: Say, many: Say) -> list[Advice]:
    """Everything else that a person should know, most urgent first."""
    found = [
        *_faults(it, say, many),
        *_rules(it, say),
        *_pages(it, say),
        *_consent(it, say),
        *_visitors(it, say),
        *_figures(it, say),
    ]
    order = {"bad": 0, "warn": 1, "note": 2, "good": 3}
    return sorted(found, key=lambda one: order[one.level])


_LOST = {"consent", "robot"}


def _faults(it: Situation, say: Say, many: Say) -> list[Advice]:
    found = []
    for problem in it.problems[:5]:
        text = say("A mistake in the settings: {what}", what=str(problem))
        todo = say("The last good version stays in force. Whoever wrote the file should correct it.")
        found.append(Advice("warn", text, todo, "settings#mistakes"))
    for reason, count in sorted(it.lost.items()):
        if count and reason not in _LOST:
            text = many("One event was lost ({reason}).", "{n} events were lost ({reason}).", count, reason=reason)
            found.append(Advice("bad", text, say("Whoever runs the server should look at its log."), ""))
    for problem in it.health.get("problems") or ():
        if not str(problem).startswith("pixel "):  # a paused pixel is what the status speaks of
            text = say("The server cannot keep events safely: {what}", what=str(problem))
            found.append(Advice("bad", text, say("Whoever runs the server should look at its disk and its log."), ""))
    if it.memory:
        text = say("The server's processes do not share what they learn of products: {what}", what=it.memory)
        found.append(Advice("warn", text, say("Whoever runs the server should look at its disk and its log."), ""))
    faults = sum(n for what, n in it.late.items() if what.startswith("reason:FAULT"))
    if faults:
        text = many(
            "One page could not be handled because of an error in this program; it went out as the shop made it.",
            "{n} pages could not be handled because of an error in this program; they went out as the shop made them.",
            faults,
        )
        found.append(Advice("warn", text, say("Please report it: the server's log says where."), ""))
    return found


def _rules(it: Situation, say: Say) -> list[Advice]:
    found = []
    for quiet in it.quiet[:5]:
        text = say(
            "“{event}” came about {n} times a day by the rule “{rule}”, and has not come since {date}.",
            event=say(event_term(quiet.event)),
            n=round(quiet.usual),
            rule=quiet.rule,
            date=_date(quiet.since),
        )
        found.append(Advice("bad", text, say("The shop may have changed. Try the rule, or pick it again."), "rules"))
    return found


def _pages(it: Situation, say: Say) -> list[Advice]:
    found = []
    marks = {what.removeprefix("reason:"): n for what, n in it.late.items() if what.startswith("reason:")}
    touched = marks.get("INLINE", 0) + marks.get("COLLECT", 0)
    pages = touched + sum(marks.get(name, 0) for name in ("CSP", "ALONE", "ENCODING", "CHARSET", "NO_TRANSFORM"))
    blocked = marks.get("CSP", 0) + marks.get("ALONE", 0)
    if pages >= ENOUGH and blocked > pages * 0.02:
        text = say("Your shop's security policy (CSP) stops the pixel on {share} of the pages.", share=blocked / pages)
        todo = say(
            "Whoever runs the shop should allow 'self' and connect.facebook.net in script-src, and www.facebook.com in "
            'img-src and connect-src, or set csp = "extend".'
        )
        found.append(Advice("warn", text, todo, ""))
    packed = marks.get("ENCODING", 0)
    if pages >= ENOUGH and packed > pages * 0.02:
        text = say(
            "{share} of the pages could not be changed: the shop compresses them in a way that we cannot read.",
            share=packed / pages,
        )
        found.append(
            Advice("warn", text, say("The shop should compress with gzip, or leave it to the web server."), "")
        )
    fixed = marks.get("NO_TRANSFORM", 0)
    if pages >= ENOUGH and fixed > pages * 0.02:
        text = say("{share} of the pages say that they must not be changed (no-transform).", share=fixed / pages)
        found.append(Advice("warn", text, say("The shop should leave no-transform out of Cache-Control."), ""))
    if marks.get("OTHER_PIXEL", 0) >= 3:
        text = say("The shop's pages bring another Meta pixel of their own.")
        todo = say("Each of the two counts every visit: keep both only if that is on purpose.")
        found.append(Advice("note", text, todo, ""))
    shared = it.late.get("shared id", 0)
    if shared >= 3:
        text = say("A cache in front of the shop hands one visitor's page to others, with its event numbers.")
        todo = say('The cache must obey Cache-Control; or write carrier = "collect" under [page] in the settings file.')
        found.append(Advice("bad", text, todo, ""))
    bare, whole = it.late.get("bare:ViewContent", 0), it.late.get("whole:ViewContent", 0)
    if bare >= ENOUGH and bare > whole:
        text = say("On most product pages no price or product number is found.")
        found.append(Advice("warn", text, say("Show where they stand: point and click at the price."), "rules"))
    elif touched >= MANY and not bare + whole:
        text = say("No product page was recognised among many pages.")
        found.append(Advice("warn", text, say("Show one: open a product and point at its price."), "rules"))
    return found


def _consent(it: Situation, say: Say) -> list[Advice]:
    found = []
    census, mode = it.census, it.settings.consent.mode
    cookies = sorted(
        ((n, what.removeprefix("cookie:")) for what, n in it.marks.items() if what.startswith("cookie:")), reverse=True
    )
    if (
        cookies
        and cookies[0][0] >= 5
        and not it.tools
        and not it.settings.consent.cookie
        and mode in ("auto", "implied")
    ):
        text = say("The shop seems to use a consent tool that we do not know: cookie “{name}”.", name=cookies[0][1])
        todo = say("Choose “only after a yes” and name the cookie, so that a no is respected.")
        found.append(Advice("bad", text, todo, "consent"))
    brought = {what.removeprefix(TOOL): n for what, n in it.marks.items() if what.startswith(TOOL) and n >= 3}
    unproven = frozenset(brought) - it.tools - set(it.settings.consent.ignore_tools) - {"generic"}
    if unproven and mode == "auto":
        text = say(
            "Visitors bring the cookie of a consent tool that was not seen in the shop's pages: {tools}.",
            tools=_list(unproven),
        )
        todo = say(
            "If the shop asks by it, choose “only after a yes”. If it does not, somebody has made the cookie up."
        )
        found.append(Advice("warn", text, todo, "consent"))
    answered = census.answers.get("granted", 0) + census.answers.get("denied", 0)
    if it.tools and census.views >= 100 and not answered:
        text = say("The consent tool {tools} was seen, but no visitor's answer can be read.", tools=_list(it.tools))
        found.append(Advice("warn", text, say("Try a cookie in the tester."), "consent"))
    if mode == "off" and it.tools:
        text = say(
            "The shop asks its visitors for consent ({tools}), but the settings ignore it.", tools=_list(it.tools)
        )
        found.append(Advice("bad", text, say("Choose “automatic”, so that a no is respected."), "consent"))
    return found


def _visitors(it: Situation, say: Say) -> list[Advice]:
    code = it.census.addresses.code
    todo = say("Whoever runs the server should set trusted_hops or trusted_proxies (docs/privacy.md).")
    if code == "one_address":
        text = say(
            "All visitors seem to come from one IP address: a proxy stands in front of the server. Meta recognises "
            "fewer of them."
        )
        return [Advice("warn", text, todo, "")]
    if code == "no_address":
        text = say("The visitors' IP addresses are not known. Meta recognises fewer of them.")
        return [Advice("note", text, todo, "")]
    return []


def _figures(it: Situation, say: Say) -> list[Advice]:
    found = []
    counts, meta = it.counts, it.settings.meta
    if meta.test_event_code and (not meta.test_event_until or it.now < meta.test_event_until):
        text = say("A test code is set. Test events count in Meta's reports too.")
        found.append(Advice("note", text, say("Remove it when you are done."), "test"))
    loaded, blocked = counts.get("loaded", 0), counts.get("blocked", 0)
    if blocked and loaded + blocked >= ENOUGH:
        text = say(
            "{share} of the visitors' browsers block the pixel; the server covered for them.",
            share=blocked / (loaded + blocked),
        )
        found.append(Advice("note", text))
    expected, paired = counts.get("expected", 0), counts.get("paired", 0)
    if expected >= ENOUGH and paired / expected < 0.85 and blocked < expected * 0.3:
        level = "warn" if paired / expected < 0.6 else "note"
        text = say("{share} of the events came from browser and server both.", share=paired / expected)
        todo = say("See which came from the server only, and why.")
        found.append(Advice(level, text, todo, "events?legs=server"))
    return found


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _date(at: float) -> str:
    return clock(at)[:16]
