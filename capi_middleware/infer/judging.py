"""Does a request fit a rule, and did what it asks for happen?"""

from __future__ import annotations

from collections.abc import Sequence

from capi_middleware.settings.condition import truthy
from capi_middleware.settings.rule import PAGE_EVENTS, Rule, When
from capi_middleware.settings.words import NONE, bare, fold, path_words, phrases

from . import document, evidence
from .context import Context
from .evidence import Finding, Proof
from .looks import LOOKS


def asks(rule: Rule, query: Sequence[tuple[str, str]]) -> bool:
    """Whether the parameters of the address are as the rule wants them."""
    for test in rule.query:
        named = test.find or test.name.__eq__
        if not test.holds([value for name, value in query if named(name)]):
            return False
    return True


def fits(rule: Rule, context: Context) -> bool:
    """Whether the request itself is what the rule speaks of; method, path and exclusions fit already."""
    visit = context.visit
    if rule.hosts and not any(host.match(visit.host) for host in rule.hosts):
        return False
    if not asks(rule, context.query):
        return False
    for test in rule.form:
        if not test.holds(context.body.values(test.name, test.find)):
            return False
    for test in rule.json:
        if context.body.json is None or not test.holds([test.find(context.body.json)]):
            return False
    if rule.graphql and not any(name.match(asked) for name in rule.graphql for asked in context.body.operations):
        return False
    return not rule.looks or LOOKS[rule.looks](context)


def succeeded(rule: Rule, context: Context) -> Finding:
    """What the answer says: whether the rule's event happened."""
    if rule.when:
        return _any_of(rule.event, rule.when, context)
    if not rule.notice and (rule.event in PAGE_EVENTS or context.visit.method == "GET"):
        if context.is_page:
            return Finding(Proof.YES, "a full page that a person opened")
        return Finding(Proof.NO, "not a full page that a person opened")
    found = evidence.proof(rule.event, context)
    return found if found.proof is Proof.NO else Finding(Proof.YES, found.why)


def following(rule: Rule, context: Context) -> Finding:
    """What the page that follows says."""
    if not rule.next or proves(rule.next):
        return evidence.after(rule.event, context)
    return _any_of(rule.event, rule.next, context)


def _any_of(event: str, whens: Sequence[When], context: Context) -> Finding:
    missing = ""
    for when in whens:
        if when.proof:
            return evidence.proof(event, context)
        wrong = evidence.holds(when, context)
        if not wrong:
            return Finding(Proof.YES, _described(when))
        missing = missing or wrong
    return Finding(Proof.NO, missing)


def _described(when: When) -> str:
    parts = [f"{'no ' if test.absent else ''}json {test.name}" for test in when.json]
    parts += [f"cookie {test.name}" for test in when.cookie]
    if when.redirect:
        parts.append("redirect")
    if when.notice == "success":
        parts.append("a message of success")
    if when.page:
        parts.append("a full page that a person opened")
    return ", ".join(parts) or "the answer is as the rule wants it"


def proves(whens: Sequence[When]) -> bool:
    return any(when.proof for when in whens)


def refused_order(context: Context) -> str:
    """What on a thank-you page says that the order was declined, or is not paid yet; "" for nothing."""
    words = path_words()
    for name, value in context.query:
        told = (value, name) if truthy(value) else (value,)
        if any(words.get(bare(word), NONE) & {"refused", "pending"} for word in told if len(word) <= 32):
            return f"the address says {name}={value}"
    for kind in ("refused", "pending"):
        if kind in context.kinds:
            return f"the address speaks of an order that is {kind}"
    said = [context.facts.title, context.answer.notices.get("error", ""), *document.headings(context.answer.html)]
    for text in map(fold, said):
        for kind in ("refused", "pending"):
            found = next((phrase for phrase in phrases(kind) if phrase in text), "")
            if found:
                return f"the page says: {found}"
    return ""
