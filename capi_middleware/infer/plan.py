"""What one request may turn out to be, and what it was once the shop has answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from capi_middleware.settings.rule import Rule
from capi_middleware.settings.words import NONE, Kinds
from capi_middleware.visit.visit import Asker, Visit

from .answer import Answer
from .body import Body
from .context import Context, is_page
from .custom_data import Data, place_of
from .evidence import Finding, Proof
from .funnel import data_of
from .judging import fits, following, proves, refused_order, succeeded
from .order import read_order, references_of
from .ruleset import Candidate
from .types import Conclusion, Facts, Inferred, Reference, Refused, Response
from .value import first_text

if TYPE_CHECKING:
    from .inference import Inference

_MOST_PENDING = 4
_MOST_SHOWN = 2
_MOST_LINES = 10
_NOTHING_TO_TELL = "nothing is known of what it is about"


class Outline(NamedTuple):
    """What is the same for all requests of one kind to one path, so that it can be kept.

    ``view``: a PageView if the answer is a full page. ``wanted``: parts of a page to read. ``bodies``: kinds of request
    bodies that are worth a copy. ``json``: whether a JSON answer is. ``idle``: nothing fires unless a page answers or a
    redirect. ``quiet``: nothing but the PageView unless a product's page does.
    ``plain``: nor then anything but what the page tells, so that ``shown`` keeps it, by the page's facts.
    ``asking``: candidates that depend on the query too; ``names``: what must stand in it for any of them to;
    ``unasked``: those that fit where nothing of it does; ``narrowed``: for each set of them, the outline with those.
    """

    view: bool = False
    candidates: tuple[Candidate, ...] = ()
    wanted: frozenset[str] = frozenset()
    bodies: frozenset[str] = frozenset()
    json: bool = False
    kinds: Kinds = NONE
    notice: bool = False
    idle: bool = False
    quiet: bool = False
    plain: bool = False
    asking: tuple[Candidate, ...] = ()
    names: tuple[str, ...] = ()
    unasked: tuple[int, ...] = ()
    narrowed: dict[tuple[int, ...], Outline] = {}
    shown: dict[int, tuple[Facts, Conclusion]] = {}


NOTHING = Outline()
_PERSONAL = frozenset({"cart", "checkout", "thanks"})


class Plan:
    """What one request needs. ``page_view``: a PageView if the answer is a full page. ``wants_body``: tee the request's
    body; ``wants_page``: read facts; ``wants_json``: keep a JSON answer, all within bounds. ``wanted``: the parts of a
    page to read, of ``"product"``, ``"notices"`` and ``"html"`` (the page's bytes, up to 1 MiB, in
    ``Facts.more["html"]``: thank-you pages, CSS selectors of rules, a platform not yet recognised). ``notice``: the
    request may be a payment provider's, whose events belong to another visitor (:attr:`Inferred.order`).
    """

    __slots__ = (
        "_content_type",
        "_curious",
        "_inference",
        "_outline",
        "_visit",
        "page_view",
        "wants_body",
        "wants_json",
        "wants_page",
    )

    def __init__(
        self, inference: Inference, visit: Visit, outline: Outline, content_type: str, wants_body: bool
    ) -> None:
        self._inference = inference
        self._visit = visit
        self._outline = outline
        self._content_type = content_type
        self.page_view = outline.view
        self.wants_body = wants_body
        self.wants_page = outline.view or bool(outline.wanted)
        self.wants_json = outline.json
        self._curious = outline.view and inference.curious(visit.host)

    @property
    def wanted(self) -> frozenset[str]:
        outline = self._outline
        if self._curious:
            return outline.wanted | {"html"}
        return outline.wanted

    @property
    def notice(self) -> bool:
        return self._outline.notice

    @property
    def personal(self) -> bool:
        """Whether the address is a cart's, a checkout's or an order's."""
        return not self._outline.kinds.isdisjoint(_PERSONAL)

    def conclude(self, response: Response) -> Conclusion:
        """The events of this request, now that its answer is known; PageView, if any, is the first of them."""
        outline = self._outline
        if not outline.candidates and not outline.view and not response.pending:
            return self._ask(response) if self._changes_cart else _NO_CONCLUSION
        facts = response.facts
        if not outline.quiet or response.pending or self._curious:
            return self._ask(response)
        # Most pages: asking each rule would come to the same, at twenty times the cost.
        page = outline.view and is_page(self._visit, response)
        if facts is None or not facts.is_product:
            return _VIEW if page else _NO_CONCLUSION
        if not outline.plain or not page or self._visit.method != "GET":
            return self._ask(response)
        known = outline.shown.get(id(facts))
        if known is not None and known[0] is facts:
            return known[1]
        concluded = self._ask(response)
        if len(outline.shown) >= _MOST_SHOWN:
            outline.shown.clear()
        outline.shown[id(facts)] = facts, concluded
        return concluded

    @property
    def _changes_cart(self) -> bool:
        """Whether a line may be taken out of a cart: no event, but what the cart page said holds no more."""
        return self._visit.method not in ("GET", "HEAD") and "~cart" in self._outline.kinds

    def _ask(self, response: Response) -> Conclusion:
        """Each rule in turn."""
        outline, inference = self._outline, self._inference
        context = inference.context(
            self._visit, outline.kinds, Body(response.body, self._content_type), Answer(response)
        )
        inference.learn(context)
        concluding = _Concluding(inference, context)
        if outline.view and context.is_page:
            concluding.events.append(_PAGE_VIEW)
        for pending in response.pending[:_MOST_PENDING]:
            concluding.confirm(pending)
        concluding.try_all(outline.candidates)
        concluding.note_total()
        return concluding.conclusion()


_NO_CONCLUSION = Conclusion()
_PAGE_VIEW = Inferred("PageView", {}, {}, "page view")
_VIEW = Conclusion((_PAGE_VIEW,))


class _Concluding:
    def __init__(self, inference: Inference, context: Context) -> None:
        self._inference = inference
        self._context = context
        self.events: list[Inferred] = []
        self._pending: list[Mapping[str, Any]] = []
        self._refused: list[Refused] = []
        self._remember: dict[str, Reference] = {}

    def conclusion(self) -> Conclusion:
        return Conclusion(
            tuple(self.events), tuple(self._pending), tuple(self._refused), tuple(self._remember.values())
        )

    def try_all(self, candidates: Iterable[Candidate]) -> None:
        """For each event the first rule whose request fits decides; what the others say is not asked."""
        decided = {event.event_name for event in self.events if event.event_name != "PageView"}
        for candidate in candidates:
            rule = candidate.rule
            if rule.event in decided:
                continue
            context = self._context
            context.arguments = candidate.arguments
            if not fits(rule, context):
                continue
            decided.add(rule.event)
            if rule.event == "Purchase" and not rule.notice:
                decided.add("InitiateCheckout")  # a thank-you page is the end of a checkout, whatever its address says
            if rule.send:
                self._decide(rule)

    def _decide(self, rule: Rule) -> None:
        context = self._context
        found = succeeded(rule, context)
        if rule.next and (found.proof is Proof.UNSURE or (found.proof is Proof.YES and not proves(rule.when))):
            found = following(rule, context) if context.is_page else self._wait(rule, found)
        if found.proof is Proof.YES:
            if rule.event == "Purchase" and not rule.notice:
                context.currency_before = self._inference.counting.noted_currency(context)
            self._count(rule, data_of(rule, context), found.why)
        elif found.proof is Proof.NO or not rule.next:
            self._refuse(rule, found.why)

    def _wait(self, rule: Rule, found: Finding) -> Finding:
        """Leave the decision to the page that follows."""
        answer = self._context.answer
        follows = answer.redirects or (self._context.visit.asker is Asker.SCRIPT and not proves(rule.when))
        if not follows or len(self._pending) >= _MOST_PENDING:
            return found if found.proof is Proof.UNSURE else Finding(Proof.NO, "no page follows that could prove it")
        data = data_of(rule, self._context)
        if not _worth(rule, data):
            return Finding(Proof.NO, _NOTHING_TO_TELL)
        self._pending.append(
            {
                "event": rule.event,
                "rule": rule.name,
                "data": _small(data.values),
                "sources": data.sources,
                "key": first_text(rule.key, self._context) if rule.key is not None else "",
            }
        )
        return Finding(Proof.UNSURE, "the page that follows decides")

    def confirm(self, pending: Mapping[str, Any]) -> None:
        """What an earlier request left to be decided, now that a page has followed."""
        context = self._context
        if context.answer.status != 200 or context.answer.facts is None:
            return
        name, event = str(pending.get("rule", "")), str(pending.get("event", ""))
        rule = self._inference.rule(name) or Rule(event, name)
        if rule.event != event:
            return
        found = following(rule, context)
        if found.proof is not Proof.YES:
            self._refuse(rule, found.why)
            return
        data = Data(dict(pending.get("data", {})), dict(pending.get("sources", {})))
        self._append(rule, data, str(pending.get("key", "")), found.why)

    def _count(self, rule: Rule, data: Data, why: str) -> None:
        context = self._context
        key = first_text(rule.key, context) if rule.key is not None else ""
        if rule.event == "Purchase":
            wrong, key = self._purchase(rule, data, key)
            if wrong:
                self._refuse(rule, wrong)
                return
        if not _worth(rule, data):
            self._refuse(rule, _NOTHING_TO_TELL)
            return
        self._append(rule, data, key, why)

    def _append(self, rule: Rule, data: Data, key: str, why: str) -> None:
        context = self._context
        counting = self._inference.counting
        order = str(data.values.get("order_id") or key) if rule.notice else ""
        if rule.notice:
            if not order:
                self._refuse(rule, "the notice names no order")
                return
            if not counting.notice(context.visit.host, rule.event, order):
                self._refuse(rule, f"a notice of {order} was counted before")
                return
        else:
            wrong = counting.refusal(rule, context, data.values, key)
            if wrong:
                self._refuse(rule, wrong)
                return
        if rule.event in ("InitiateCheckout", "AddPaymentInfo") and "value" not in data.values:
            self._add_noted_total(data)
        for reference in references_of(rule, context):
            self._remember[reference] = Reference(reference, data.values)
        self.events.append(
            Inferred(rule.event, data.values, data.sources, rule.name, key, not rule.server_only, why, order)
        )
        if rule.event == "Purchase" and not rule.notice:
            counting.ordered(context)
        elif rule.event == "AddToCart":
            counting.forget_total(context)

    def _add_noted_total(self, data: Data) -> None:
        total = self._inference.counting.noted_total(self._context)
        if total is not None:
            data.put("value", total[0], "the cart page before")
            data.put("currency", total[1], "the cart page before")

    def _purchase(self, rule: Rule, data: Data, key: str) -> tuple[str, str]:
        """Why it is no purchase, and the key of one that is."""
        context = self._context
        wrong = "" if rule.notice else refused_order(context)
        key = key or str(data.values.get("order_id", ""))
        if not wrong and not key and not self._inference.counting.was_at_checkout(context):
            wrong = "no order number, and this visitor was not seen at the checkout"
        if "value" not in data.values and not rule.notice:
            self._add_noted_total(data)
        if not wrong and not rule.notice and ("value" not in data.values or "currency" not in data.values):
            wrong = "no total with a currency was found: give data.value in a rule, or shop.currency"
        return wrong, key

    def note_total(self) -> None:
        """A cart's or checkout's total, for a thank-you page that tells none; not past a change to the cart."""
        context = self._context
        if context.visit.method not in ("GET", "HEAD") and "~cart" in context.kinds:
            self._inference.counting.forget_total(context)
        if not context.is_page or context.kinds.isdisjoint({"cart", "checkout"}) or "thanks" in context.kinds:
            return
        told = next((event.custom_data for event in self.events if event.event_name == "InitiateCheckout"), None)
        if told is None:
            data = Data({}, {})
            read_order(data, context, placed=False)
            told = data.values
        if "value" in told and "currency" in told:
            self._inference.counting.note_total(context, told["value"], told["currency"])
        elif len(codes := place_of(context).codes) == 1:
            self._inference.counting.note_currency(context, codes[0])

    def _refuse(self, rule: Rule, why: str) -> None:
        if not (rule.shipped and rule.event == "ViewContent"):  # most pages are no product's: that is no refusal
            self._refused.append(Refused(rule.event, rule.name, why))


def _worth(rule: Rule, data: Data) -> bool:
    """A product event that names no product, and a search without words, tell Meta nothing."""
    if rule.event == "Search":
        return "search_string" in data.values
    return rule.event not in ("AddToCart", "AddToWishlist") or bool(data.values)


def _small(values: Mapping[str, Any]) -> dict[str, Any]:
    """What fits into a cookie."""
    small = dict(values)
    for name in ("contents", "content_ids"):
        if name in small:
            small[name] = small[name][:_MOST_LINES]
    if "content_name" in small:
        small["content_name"] = str(small["content_name"])[:120]
    return small
