"""One request of a shop, from the door to the outbox (docs/house.md, "One request")."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .admin.traffic import Traffic
from .body import LARGEST_BODY, TeeInput
from .collect import Seal
from .events import Event, UserData, Visitor, derived_event_id, merge_user_data, new_event_id, user_data
from .filters import LARGEST_GATHERED, AnswerFilter, PageFilter, content_type
from .flash import FLASH_COOKIE, TOLD_COOKIE, Flash, FlashCodec, left, seen_once, set_once, taken_flash, told
from .infer import Conclusion, FactReader, Facts, Inferred, OrderMemory, Owner, Plan, ProductMemory, Response
from .infer.address import cut
from .page import Carrier, Decision, Verdict, adopted_id
from .page.caching import storable
from .page.server_timing import server_timing
from .page.verdict import Headers
from .shop import Shop
from .tracking import TRACKED, tracked
from .visit import (
    IDENTITY_COOKIE,
    Answer,
    Asker,
    ClickIds,
    FieldMemory,
    IdentityCodec,
    Visit,
    click_ids,
    note_page,
    scan_due,
    user_data_from_body,
    visitor,
    withdrawal,
)

USER = "capi.user"
"""The environ key under which the app may say who the visitor is."""


class Tools:
    """What all requests of a process share."""

    __slots__ = (
        "count",
        "failed",
        "fields",
        "flash",
        "forget",
        "identity",
        "memory",
        "orders",
        "put",
        "seal",
        "traffic",
    )

    def __init__(
        self,
        put: Callable[[Event], object],
        forget: Callable[[str], object],
        failed: Callable[[str, BaseException], None],
        count: Callable[[str], None],
        key: bytes,
        memory: ProductMemory | None,
        traffic: Traffic | None = None,
        orders: OrderMemory | None = None,
    ) -> None:
        self.put = put
        self.forget = forget
        self.failed = failed
        self.count = count
        self.flash = FlashCodec(key)
        self.identity = IdentityCodec(key)
        self.fields = FieldMemory()
        self.seal = Seal(key)
        self.memory = memory
        self.traffic = traffic
        self.orders = orders


NOBODY = Visitor()
NOTHING_KNOWN: UserData = {}
_VIEW = Inferred("PageView", {}, {}, "page view")
_LOOSE = frozenset({"text/html", "text/plain", "text/javascript", "application/javascript"})
"""Types in which shops answer their scripts, besides JSON's own."""
_REDIRECTS = (302, 303, 307)
"""301 and 308 may be stored by any cache (RFC 9111 section 4.2.2): nothing of a visitor's goes on them."""


class Journey:
    """Follows one answer. :meth:`on_start` is what :func:`page.answer` asks; it never raises.

    The order matters: events are handed over before the last bytes leave, so that whoever has the whole page has safe
    events (reference: delivery, "What is promised at each crash point").
    """

    __slots__ = (
        "_cookies", "_environ", "_flash", "_late", "_learns", "_named", "_now", "_original", "_pixel", "_plan",
        "_prepared", "_shop", "_status", "_tee", "_view", "_visit", "_who", "tools",
    )  # fmt: skip

    def __init__(self, tools: Tools, shop: Shop, visit: Visit, plan: Plan, environ: dict[str, Any], now: float) -> None:
        self.tools = tools
        self._shop = shop
        self._visit = visit
        self._plan = plan
        self._environ = environ
        self._now = now
        self._flash = tools.flash.read(visit.cookies)
        self._who = NOBODY
        self._cookies: tuple[str, ...] = ()
        self._tee: TeeInput | None = None
        self._status = 0
        self._original: Headers = []
        self._late = False
        self._learns = False
        self._named = False
        self._pixel = True
        self._view: Event | None = None
        self._prepared = shop.judge.prepare(environ, visit)
        if plan.wants_body or _matching(shop, visit, environ):
            self._tee = environ["wsgi.input"] = TeeInput(environ["wsgi.input"])
        environ[TRACKED] = []
        environ.setdefault(USER, {})

    def on_start(self, status: str, headers: Headers) -> Decision | None:
        """The app has begun to answer, or begins again after an error of its own."""
        try:
            return self._decide(status, headers)
        except Exception as error:
            self.tools.failed("start", error)
            return None

    def _decide(self, status: str, headers: Headers) -> Decision | None:
        self._status = int(status[:3])
        self._original = headers
        visit = self._visit
        verdict = self._shop.judge(status, headers, visit, self._prepared, self._plan.personal)
        self._pixel = verdict.pixel
        self.tools.count(verdict.reason._name_)  # .name is a look-up in Python code
        self._identify()
        if verdict.inject:
            return self._page(verdict)
        if self._tells(content_type(headers)):
            out = list(verdict.headers)
            return Decision(out, AnswerFilter(out, self.settle_answer, self.tools.failed), LARGEST_GATHERED)
        extra = self.settle_without_page(None)
        if extra:
            return Decision([*verdict.headers, *extra])
        return None if verdict.headers is headers else Decision(verdict.headers)

    def _tells(self, kind: str) -> bool:
        """Whether the body of an answer that is no page tells what became of the request, or of the one before it."""
        plan, visit = self._plan, self._visit
        if kind == "application/json" or kind.endswith("+json"):
            return plan.wants_json
        if visit.asker is not Asker.SCRIPT or kind not in _LOOSE or self._status >= 300:
            return False
        acts = visit.method not in ("GET", "HEAD") and (plan.wants_json or "notices" in plan.wanted)
        return acts or bool(self._flash.pending)

    def _identify(self) -> None:
        """Who it is, as far as Meta may know, and the cookies that say so next time; or what a no takes back."""
        visit, settings = self._visit, self._shop.settings
        if not visit.consent.allowed:
            if visit.consent.answer is Answer.DENIED:
                taken = withdrawal(visit, settings, self._now)
                self._cookies = taken.set_cookies
                if taken.fbp:
                    self.tools.forget(taken.fbp)
            return
        ids: ClickIds = click_ids(visit, settings, self._now)
        held = visit.cookies.get(IDENTITY_COOKIE)
        known = self.tools.identity.load(held) if held else NOTHING_KNOWN
        said = self._environ.get(USER)
        fresh = user_data(said, settings.shop.country) if said and isinstance(said, Mapping) else NOTHING_KNOWN
        if self._tee is not None and settings.visit.advanced_matching:
            body = self._tee.body or b""
            learned = self.tools.fields.known(visit.host)
            typed = user_data_from_body(self._environ.get("CONTENT_TYPE", ""), body, settings, learned)
            fresh = merge_user_data(fresh, typed)
        self._cookies = ids.set_cookies
        if fresh:
            held_next = self.tools.identity.cookies(visit, fresh)
            self._cookies += held_next
            self._named = bool(held_next)
            known = merge_user_data(fresh, known)
        self._who = visitor(visit, ids, known, settings.shop.country)

    # -- pages

    def note_fault(self, error: BaseException) -> None:
        """The injection has failed; the page goes on as it came."""
        self.tools.failed("page", error)

    def note_refusal(self, reason: str) -> None:
        """The bytes turned out to be no page for a snippet."""
        self.tools.count(reason)

    def shows_consent_tool(self, html: bytes) -> bool:
        """Whether this page tells that the shop asks for consent, which nobody knew before (mode ``auto``)."""
        visit, settings = self._visit, self._shop.settings
        found = scan_due(visit.host, settings) and note_page(visit.host, html, settings, self._now)
        return bool(found) and settings.consent.mode == "auto"

    def note_pixels(self, html: bytes) -> None:
        """Counts pages that bring a pixel of their own, for the person who asks ``health``."""
        found = self._shop.sightings.look(html)
        if found:
            self.tools.count(found)

    def learn_forms(self, html: bytes) -> None:
        """What this page's form fields mean, for the post that will come of them (advanced matching)."""
        visit, fields = self._visit, self.tools.fields
        if self._shop.settings.visit.advanced_matching and (self._learns or fields.due(visit.host, visit.path)):
            self._learns = True  # a page comes in pieces
            fields.learn(visit.host, visit.path, html)

    def _page(self, verdict: Verdict) -> Decision:
        out = list(verdict.headers)
        if verdict.carrier is Carrier.COLLECT:
            return Decision(out, PageFilter(self, verdict, out, self._shop.snippet.head(verdict), None))
        visit, held = self._visit, not self._visit.consent.allowed
        first = self._view = self.event(_VIEW) if self._plan.page_view else None
        own = (first,) if first else ()
        out += [("Set-Cookie", cookie) for cookie in self._cookies]
        if held:
            head = self._shop.snippet.head(verdict, held=True, tokens=self._sealed(own))
        else:
            head = self._shop.snippet.head(verdict, (*own, *self._flash.calls), user=self._who.user_data)
            if FLASH_COOKIE in visit.cookies or TOLD_COOKIE in visit.cookies:
                out += [("Set-Cookie", cookie) for cookie in taken_flash(visit.cookies)]
        return Decision(out, PageFilter(self, verdict, out, head, None if held else first))

    def reader(self) -> FactReader | None:
        """Reads product facts from the passing page, if a rule may want them."""
        if not self._plan.wants_page:
            return None
        wanted = self._plan.wanted
        if self._flash.pending:
            wanted = wanted | {"notices"}
        return FactReader(self._visit, self._shop.settings.shop, wanted, self.tools.memory)

    def settle_answer(self, body: bytes, late: bool) -> Headers:
        """As :meth:`settle_without_page`, with a body that tells: JSON, whatever type it is sent with, or a piece of a
        page with its messages. ``late``: its headers are gone."""
        self._late = late
        if not body or body.lstrip()[:1] in (b"{", b"["):
            return self.settle_without_page(body or None)
        reader = FactReader(self._visit, self._shop.settings.shop, {"notices"})
        reader.feed(body[:LARGEST_GATHERED])
        return self.settle_without_page(None, reader.facts())

    def settle_page(self, verdict: Verdict, facts: Facts) -> tuple[bytes, list[Event]]:
        """What the end of the page carries, and the events whose server leg is due."""
        visit, view = self._visit, self._view  # the PageView stands in the head already
        if verdict.carrier is Carrier.COLLECT:
            # Whoever is shown this page from a cache asks for its events later: the page itself is read only now.
            shown = self._shop.look.plan(visit).conclude(Response(self._status, self._original, facts))
            self._learn(facts, shown)
            return b"", []
        concluded = self._conclude(facts, None)
        self._learn(facts, concluded)
        events = [self.event(found) for found in concluded.events if found.event_name != "PageView" or view is None]
        if events:
            events = [event for event in events if not seen_once(visit.cookies, event.event_id)]
        if not visit.consent.allowed:
            return self._shop.snippet.tail(verdict, held=True, tokens=self._sealed(events)), []
        return self._shop.snippet.tail(verdict, events), events

    def _learn(self, facts: Facts, concluded: Conclusion | None) -> None:
        """The product as its own page told it: what an add to cart takes name, price and content_id from."""
        memory = self.tools.memory
        for event in concluded.events if concluded is not None else ():
            if event.event_name == "ViewContent":
                if facts.is_product and event.custom_data == facts.product:
                    return  # the reader has told it already
                facts = facts._replace(product=event.custom_data, sources=event.sources, is_product=True)
                break
        if memory is not None and facts.is_product:
            memory.learn(self._visit.host, _address(self._visit), facts)

    def once_cookies(self, events: Sequence[Event]) -> Headers:
        """The cookie that keeps a reload of the thank-you page from telling the same order again."""
        keyed = [event.event_id for event in events if event.event_name == "Purchase"]
        if not keyed:
            return []
        return [("Set-Cookie", set_once(self._visit.cookies, keyed, secure=self._visit.scheme == "https"))]

    def _sealed(self, events: Sequence[Event]) -> tuple[str, ...]:
        return (self.tools.seal.dump(events),) if events else ()

    # -- everything else

    def settle_without_page(self, json: bytes | None, facts: Facts | None = None) -> Headers:
        """Hands over the events of an answer that is no page. Returns the headers that carry their browser legs."""
        visit = self._visit
        if visit.asker not in (Asker.PERSON, Asker.SCRIPT) or (self._plan.notice and not visit.consent.allowed):
            if self._plan.notice:
                self._conclude(facts, json)
            return []
        if not visit.consent.allowed:
            return self._hold(json)
        concluded = self._conclude(facts, json)
        events = self._acts(concluded)
        if not events and not concluded.pending and not (self._flash and visit.asker is Asker.SCRIPT):
            return self._landing()
        if not self._carries():
            self.hand_over([event._replace(browser=False) for event in events])
            return []
        carried = [("Set-Cookie", cookie) for cookie in self._cookies]
        fresh = Flash(tuple(event for event in events if event.browser), tuple(concluded.pending))
        codec, held, secure = self.tools.flash, self._flash, visit.scheme == "https"
        if self._status in (301, *_REDIRECTS, 308) or visit.asker is Asker.PERSON:
            carried += left(codec, held, fresh, secure=secure)
        else:
            timing = server_timing([*held.calls, *fresh.calls])
            carried += told(codec, held, fresh, timing, decided=facts is not None, secure=secure)
        self.hand_over(events)
        return carried

    def _acts(self, concluded: Conclusion) -> list[Event]:
        """Events of an answer that is no page. They happened on the page that sent the request: the address of a cart's
        endpoint is none that a visitor was ever at."""
        events = [self.event(found) for found in concluded.events if found.event_name != "PageView"]
        page = self._visit.referrer
        if not events or cut(page).hostname != self._visit.host:
            return events
        return [event._replace(event_source_url=page, referrer_url="") for event in events]

    def _hold(self, json: bytes | None) -> Headers:
        """Without consent an event lives no longer than the page that caused it, and nowhere else."""
        if self._visit.asker is not Asker.SCRIPT or self._visit.consent.answer is Answer.DENIED or not self._carries():
            return []
        events = self._acts(self._conclude(None, json))
        timing = server_timing((), self._sealed(events))
        return [("Server-Timing", timing)] if timing else []

    def _landing(self) -> Headers:
        """What is kept though nothing has happened. A redirect may drop ``fbclid``: the click, where the visitor lands
        first. And who he is, where a script of the page has posted that."""
        lands = self._status in _REDIRECTS and self._visit.asker is Asker.PERSON
        posts = self._named and self._visit.method == "POST" and self._status < 400
        if (lands or posts) and self._carries():
            return [("Set-Cookie", cookie) for cookie in self._cookies]
        return []

    def _carries(self) -> bool:
        """Whether this answer's headers can carry what is this visit's alone: they are still to go, and no cache may
        give them to another."""
        if self._late:
            return False
        if self._visit.method not in ("GET", "HEAD"):
            return True
        found = {name.lower(): value for name, value in self._original}
        return self._status not in (301, 308) and not storable(found)

    # -- events

    def _conclude(self, facts: Facts | None, json: bytes | None) -> Conclusion:
        body = self._tee.body if self._tee is not None else None
        response = Response(self._status, self._original, facts, json, body, self._flash.pending, self._who.fbp)
        found = self._plan.conclude(response)
        if self.tools.traffic is not None:
            try:
                self.tools.traffic.observe(self._visit, self._status, self._original, found)
            except Exception as error:
                self.tools.failed("traffic", error)
        if found.remember:
            self._remember(found)
        if self._plan.notice:
            for heard in (one for one in found.events if one.order):
                self._hear(heard)
            found = found._replace(events=tuple(one for one in found.events if not one.order))
        said = tracked(self._environ)
        return found._replace(events=found.events + said) if said else found

    def _remember(self, concluded: Conclusion) -> None:
        """Who goes to pay for these orders, in case only the payment provider's server comes back."""
        orders, visit = self.tools.orders, self._visit
        if orders is None or not visit.consent.allowed:
            return
        for reference in concluded.remember:
            basis, options = self._basis()
            owner = Owner(self._who, visit.source_url, basis, options, reference.custom_data)
            orders.remember(visit.host, (reference.order,), owner)

    def _hear(self, found: Inferred) -> None:
        """A payment provider's notice: the event is the visitor's who went to pay for that order, under the consent
        that they gave then. Of an order that nobody is known for, Meta could make nothing."""
        orders = self.tools.orders
        owner = orders.recall(self._visit.host, found.order) if orders is not None else None
        data = {**owner.custom_data, **found.custom_data} if owner is not None else found.custom_data
        if owner is None or (found.event_name == "Purchase" and not {"value", "currency"} <= data.keys()):
            self.tools.count("NOTICE_WITHOUT_ORDER")
            return
        event = self.event(found)._replace(
            event_source_url=owner.source_url,
            referrer_url="",
            visitor=owner.visitor,
            custom_data=data,
            consent=owner.consent,
            data_processing_options=owner.data_processing_options,
            browser=False,
            hold=False,
        )
        self.hand_over([event])

    def _basis(self) -> tuple[str, tuple[str, int, int] | tuple[()]]:
        consent = self._visit.consent
        return f"{consent.source} {consent.reason}".strip(), consent.data_processing_options

    def event(self, found: Inferred) -> Event:
        """The event of this visit, with its ID and time."""
        visit, pixel_id = self._visit, self._shop.settings.meta.pixel_id
        event_id = (
            derived_event_id(pixel_id, found.event_name, found.key)
            if found.key
            else adopted_id(visit.cookies, found.event_name) or new_event_id()
        )
        basis, options = self._basis()
        return Event(
            pixel_id,
            found.event_name,
            event_id,
            int(self._now),
            visit.source_url,
            self._who,
            found.custom_data,
            visit.referrer,
            found.browser and self._pixel,
            found.rule,
            found.sources,
            basis,
            options,
            hold=visit.asker is Asker.SUSPECT,
        )

    def hand_over(self, events: Sequence[Event]) -> None:
        """To the outbox, without waiting."""
        for event in events:
            self.tools.put(event)


def _matching(shop: Shop, visit: Visit, environ: dict[str, Any]) -> bool:
    """Whether the body may hold what a visitor types of himself, and the shop has asked to use it."""
    if visit.method != "POST" or not shop.settings.visit.advanced_matching or not visit.consent.allowed:
        return False
    length = environ.get("CONTENT_LENGTH") or ""
    return length.isascii() and length.isdigit() and int(length) <= LARGEST_BODY


def _address(visit: Visit) -> str:
    return f"{visit.path}?{visit.query}" if visit.query else visit.path
