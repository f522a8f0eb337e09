"""Point and click: what the bar in the shop's page asks for, and where its pick ends: in a draft on our own page."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from capi_middleware.admin import inside, picker, ruleform, terms
from capi_middleware.admin.desk import Desk
from capi_middleware.admin.ruleform import Line, RuleForm
from capi_middleware.admin.shape import pattern_of
from capi_middleware.admin.words import value as show
from capi_middleware.settings.condition import PatternError
from capi_middleware.settings.value import css_parts, css_selector

from . import rules
from .attempt import attempt

LONGEST_SELECTOR, LONGEST_SAMPLE = 200, 80
_PAGE_EVENTS = ("ViewContent", "PageView", "Search", "InitiateCheckout", "Purchase")


def start(desk: Desk) -> Response:
    """Open the shop with the bar in it, for a quarter of an hour, in this browser alone."""
    session = desk.door.session
    path = desk.request.form.get("path", "/")
    place = inside.place_of(path[:500], desk.authority) or inside.Place("/")
    response = redirect(place.text, 303)
    desk.note("picker")
    response.set_cookie(picker.COOKIE, picker.cookie_for(session.token if session else "", desk.services.key),
                        max_age=picker.LIFE, path="/", httponly=True, samesite="Strict",
                        secure=desk.door.secure)  # fmt: skip
    return response


def end(desk: Desk) -> Response:
    """Away with the bar."""
    response = _json({"ok": True, "next": f"{desk.home}rules"})
    response.delete_cookie(picker.COOKIE, path="/", secure=desk.door.secure, httponly=True, samesite="Strict")
    return response


def stop(desk: Desk) -> Response:
    """The same from one of our own pages."""
    response = desk.go(
        "try" if desk.request.form.get("back") == "try" else "rules", desk.say("Point and click has ended.")
    )
    response.delete_cookie(picker.COOKIE, path="/", secure=desk.door.secure, httponly=True, samesite="Strict")
    return response


def words(desk: Desk) -> Response:
    """What the bar says, in the owner's language."""
    say = desk.say
    return _json(
        {
            "title": say("Point and click"),
            "pick": say("Pick something"),
            "picking": say("Click it in the page …"),
            "hint": say(
                "Click a button (such as “Add to cart”) or a price. Visits with this bar open do not count. "
                "Press Esc to stop."
            ),
            "free": say("Go to the page you want, then pick."),
            "press": say("Now press the button as a customer would. We watch what it sends."),
            "again": say("Pick again"),
            "wider": say("Select what surrounds it"),
            "move": say("Move the bar"),
            "end": say("End"),
            "go": say("Review and publish"),
            "picked": say("Picked:"),
            "event": say("Event"),
            "where": say("Where it counts"),
            "like": say("on all addresses like this"),
            "exact": say("at this address only"),
            "value": say("What it shows"),
            "element": say("Element in the page"),
            "asking": say("One moment …"),
            "here": say("On this page:"),
            "ended": say("Point and click has ended. Start it again."),
            "events": [[name, desk.event(name)] for name in terms.EVENTS],
            "values": [[key, say(text)] for key, text in terms.VALUES.items()],
        }
    )


def look(desk: Desk) -> Response:
    """What a pick would do, for the bar: its sentence, and the value that it reads on this very page."""
    form, wrong = _form(desk)
    if wrong:
        return _json({"ok": False, "text": wrong})
    made = rules.make(desk, form)
    if made.rule is None:
        problem = next(iter(made.problems))
        return _json({"ok": False, "text": desk.say(ruleform.field_problem(problem, form))})
    preview = rules.preview_of(desk, made)
    answer: dict[str, Any] = {
        "ok": True,
        "sentence": preview["sentence"],
        "fits": desk.say(
            "Fits {n} of {m} page views and actions of the last 14 days.", n=preview["fits"], m=preview["whole"]
        ),
        "values": [],
    }
    if form.trigger == "page":
        tried = attempt(desk, desk.request.form.get("url", ""), more=(made.rule,))
        events = tried.explanation.events if tried.explanation else ()
        event = next((one for one in events if one.rule == made.rule.name), None)
        data = event.custom_data if event else {}
        answer["values"] = [
            [desk.term("VALUES", key), _short(data[key], desk.language)] for key in terms.VALUES if key in data
        ]
        if tried.wrong or event is None:
            answer["values"] = []
            answer["text"] = tried.wrong or desk.say("On this page the rule does not match.")
    return _json(answer)


def draft(desk: Desk) -> Response:
    """The pick as a form on our own page, where the shop's scripts cannot press its button. Changes nothing."""
    form, wrong = _form(desk)
    if wrong:
        return desk.go("rules", wrong, "bad")
    made = rules.make(desk, form)
    return rules._form_page(desk, form, -1, made)


def _form(desk: Desk) -> tuple[RuleForm, str]:
    """The pick as a rule form. Everything in it comes from the shop's page: text, to be judged."""
    posted = desk.request.form
    place = inside.place_of(posted.get("path", "")[:1000], desk.authority)
    if place is None:
        return RuleForm(), desk.say("This goes to another address than the shop's: the server cannot see it.")
    event = posted.get("event", "AddToCart")[:50]
    like, exact = pattern_of(place.path)
    trigger = "page" if posted.get("trigger") == "page" else "act"
    path = exact if posted.get("scope") == "exact" else like
    lines: list[Line] = []
    selector = posted.get("selector", "")[: LONGEST_SELECTOR + 1]
    if selector:
        wrong = selector_problem(desk, selector)
        if wrong:
            return RuleForm(), wrong
        key = posted.get("key", "value")
        lines.append(Line(key if key in terms.VALUES else "value", "css", selector))
    if trigger == "act" and event not in _PAGE_EVENTS:
        field = posted.get("field", "")[:64]
        if field and "\n" not in field:
            lines.append(Line("content_ids", "form", field))
    return RuleForm(event, "", "", trigger, path, "", "", tuple(lines)), ""


def selector_problem(desk: Desk, selector: str) -> str:
    """Why a selector from the shop's page is not taken, "" for nothing. ``:has`` and its like may take for ever."""
    odd = not selector.isprintable() or selector.count(":has(") > 1 or selector.count(":") > 8
    if len(selector) > LONGEST_SELECTOR or odd:
        return desk.say("This element cannot be described simply enough. Pick one near it.")
    try:
        css_selector(css_parts(selector)[0])
    except PatternError:
        return desk.say("This element cannot be described simply enough. Pick one near it.")
    return ""


def _short(value: Any, language: str) -> str:
    text = show(value, language)
    return text if len(text) <= LONGEST_SAMPLE else text[: LONGEST_SAMPLE - 1] + "…"


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), content_type="application/json")
