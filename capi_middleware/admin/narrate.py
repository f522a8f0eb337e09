"""A rule as a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from capi_middleware.infer.ruleset import methods_of
from capi_middleware.settings.rule import Rule, When

from .terms import KINDS, VALUES, event_term

Say = Callable[..., str]


def sentence(rule: Rule, say: Say) -> str:
    """What the rule does, for people who write no rules."""
    start = moment(rule, say)
    if not rule.send:
        return say("{when}, “{event}” is not sent.", when=start, event=say(event_term(rule.event)))
    if rule.server_only:
        return say("{when}, “{event}” is sent by the server alone.", when=start, event=say(event_term(rule.event)))
    return say("{when}, “{event}” is sent.", when=start, event=say(event_term(rule.event)))


def moment(rule: Rule, say: Say) -> str:
    """When the rule fires: the sentence without its end."""
    where = _where(rule, say)
    methods = methods_of(rule)
    if rule.notice:
        start = say("When a payment provider tells the shop of a payment")
    elif methods == frozenset({"GET"}):
        start = say("When somebody opens {where}", where=where or say("a page"))
    elif "GET" in methods:
        start = say("When somebody opens or sends something to {where}", where=where or say("a page"))
    else:
        start = say("When the page sends something to {where}", where=where or say("the shop"))
    proof = _proof(rule, say)
    return say("{when} and {proof}", when=start, proof=proof) if proof else start


def values(rule: Rule, say: Say) -> str:
    """Where its values come from, in a few words; "" where they are found by themselves."""
    parts = []
    for name, value in rule.data.items():
        label = say(VALUES[name]) if name in VALUES else name
        if value.remove:
            parts.append(say("without {value}", value=label))
        elif value.sources:
            parts.append(f"{label}: {' | '.join(map(str, value.sources))}")
        else:
            parts.append(f"{label}: {value.fixed}")
    return "; ".join(parts)


def _where(rule: Rule, say: Say) -> str:
    """The addresses; "" for any."""
    if rule.graphql:
        return say("the shop's GraphQL")
    shown = list(dict.fromkeys(_pattern(pattern.text, say) for pattern in rule.paths))
    if len(shown) > 3:
        shown[3:] = ["…"]
    if not shown:
        return say("an address with {what}", what=_fields(rule)) if rule.query else ""
    if shown == [say("any page")] and not rule.query:
        return ""
    text = say(" or ").join(shown)
    return f"{text} ({_fields(rule)})" if rule.query else text


def _pattern(text: str, say: Say) -> str:
    if not text.startswith("words:"):
        return text
    words = [word for word in text[6:].split() if not word.startswith("-")]
    named = [say(KINDS.get(word.lstrip("~"), word.lstrip("~"))) for word in words]
    if not named:
        return say("any page")
    quoted = [say("“{word}”", word=word) for word in dict.fromkeys(named)]
    return say("an address with words like {words}", words=say(" and ").join(quoted))


def _fields(rule: Rule) -> str:
    return ", ".join(f"{test.name}={test.written}" if test.written is not True else test.name for test in rule.query)


def _proof(rule: Rule, say: Say) -> str:
    conditions = [_condition(when, say) for when in (*rule.when, *rule.next)]
    told = [condition for condition in dict.fromkeys(conditions) if condition]
    if rule.looks == "adds to cart":
        told.insert(0, say("it is a product that is put into the cart"))
    return say(" or ").join(told[:3])


def _condition(when: When, say: Say) -> str:
    parts: list[str] = []
    if when.proof:
        return say("the shop shows that it worked")
    if when.product:
        parts.append(say("the page shows one product"))
    if isinstance(when.redirect, tuple):
        parts.append(say("the shop goes on to {where}", where=say(" or ").join(_texts(when, say))))
    elif when.redirect:
        parts.append(say("the shop goes on to another page"))
    if when.json:
        parts.append(say("the shop's answer says so ({what})", what=", ".join(test.name for test in when.json)))
    if when.cookie:
        names = [name.strip("*") for test in when.cookie for name in test.name.split(" or ")]
        shown = [*names[:2], "…"] if len(names) > 2 else names
        parts.append(say("the shop sets a cookie ({name})", name=", ".join(shown)))
    if when.notice == "success":
        parts.append(say("the page shows a message of success"))
    if when.css:
        parts.append(say("the page holds {what}", what=", ".join(test.name for test in when.css)))
    if when.cart:
        parts.append(say("there is something in the cart"))
    return say(" and ").join(parts)


def _texts(when: When, say: Say) -> Sequence[str]:
    patterns = when.redirect if isinstance(when.redirect, tuple) else ()
    return list(dict.fromkeys(_pattern(pattern.text, say) for pattern in patterns))
