"""What the traffic suggests, with one click to accept; and rules that have gone quiet."""

from __future__ import annotations

import json

from werkzeug.wrappers import Response

from capi_middleware.admin import rulebook, ruleform, suggest
from capi_middleware.admin.desk import Desk
from capi_middleware.admin.suggest import Suggestion
from capi_middleware.admin.traffic import CALL

from . import rules

_FOR_EVER = 4e9


def listing(desk: Desk) -> Response:
    """The questions; a click is the answer."""
    dismissed = _dismissed(desk)
    counts = desk.services.traffic.shapes(desk.host)
    found = suggest.suggestions(counts, dismissed)
    if desk.request.method == "POST":
        key = desk.request.form.get("key", "")[:500]
        if key.startswith(CALL):
            return _call(desk, key, dismissed)
        chosen = next((one for one in found if one.key == key), None)
        if chosen is None:
            return desk.go("suggestions", desk.say("This suggestion is not there any more."), "warn")
        if desk.request.form.get("answer") == "yes":
            return _accept(desk, chosen)
        _dismiss(desk, [*dismissed, key])
        return desk.go("suggestions", desk.say("It will not be suggested again."))
    quiet = suggest.quiet_rules(desk.services.traffic.rules(desk.host), desk.now)
    return desk.page(
        "suggestions.html",
        found=[(one, question(desk, one), rulebook.shown(_table(desk, one))) for one in found[:20]],
        quiet=quiet,
        calls=unlisted(desk),
        seen=sum(count.n for count in counts),
        counts=counts[:40],
    )


def unlisted(desk: Desk) -> list[tuple[str, int]]:
    """Events that the shop's own pixel sends and nobody has listed, with how often; the most frequent first."""
    settings, dismissed = desk.settings, set(_dismissed(desk))
    listed = {*settings.browser.track, *(rule.event for rule in settings.rules)}
    found = [
        (what.removeprefix(CALL), n)
        for what, n in desk.services.traffic.marks(desk.host, days=14).items()
        if what.startswith(CALL) and what not in dismissed
    ]
    return sorted(((name, n) for name, n in found if name not in listed), key=lambda one: (-one[1], one[0]))[:20]


def _call(desk: Desk, key: str, dismissed: list[str]) -> Response:
    """Whether an event of the shop's own pixel is to be sent by the server too."""
    name = key.removeprefix(CALL)
    if name not in {name for name, _ in unlisted(desk)}:
        return desk.go("suggestions", desk.say("This suggestion is not there any more."))
    if desk.request.form.get("answer") != "yes":
        _dismiss(desk, [*dismissed, key])
        return desk.go("suggestions", desk.say("It will not be suggested again."))
    wrong = desk.save({"browser": {"track": [*desk.settings.browser.track, name]}})
    if wrong:
        return desk.go("suggestions", wrong)
    desk.note("settings", f"track {name}")
    return desk.go("suggestions", desk.say("From now on the server sends “{name}” too.", name=name))


def question(desk: Desk, one: Suggestion) -> str:
    """The suggestion as a question."""
    event = desk.event(one.event)
    if not one.then:
        return desk.many(
            "Pages like {where} were opened once: is each of them “{event}”?",
            "Pages like {where} were opened {n} times: is each of them “{event}”?",
            one.n,
            where=one.shape,
            event=event,
        )
    endings = {
        "cart": desk.say("and the cart page followed"),
        "thanks": desk.say("and a page of thanks followed"),
        "json": desk.say("and the shop answered the page's script"),
        "page": desk.say("and a page was the answer"),
    }
    return desk.many(
        "{method} {where} was sent once {then}: is it “{event}”?",
        "{method} {where} was sent {n} times {then}: is it “{event}”?",
        one.n,
        method=one.method,
        where=one.shape,
        then=endings.get(one.then, ""),
        event=event,
    )


def _accept(desk: Desk, one: Suggestion) -> Response:
    made = ruleform.checked(_table(desk, one))
    if made.rule is None:
        return desk.go("suggestions", "; ".join(made.problems.values()), "bad")
    name = str(made.table["name"])
    what = desk.say("“{name}” published", name=name)
    comment = f"admin page, suggested by the traffic: seen {one.n} times"
    wrong = rules.change(desk, what, lambda text: rulebook.added(text, made.table, desk.site, comment))
    if wrong:
        return desk.go("suggestions", wrong, "bad")
    desk.note("rule", name)
    return desk.go("rules", desk.say("Published. The rule is in force."))


def _table(desk: Desk, one: Suggestion) -> dict[str, object]:
    """The suggestion's rule with a name of its own."""
    name = rules.fresh_name(desk, one.event, one.shape)
    return {"event": one.event, "name": name, **{key: value for key, value in one.table.items() if key != "event"}}


def _dismissed(desk: Desk) -> list[str]:
    try:
        found = json.loads(desk.services.state.note(f"dismissed {desk.site}", desk.now) or "[]")
    except ValueError:
        return []
    return [str(key) for key in found]


def _dismiss(desk: Desk, keys: list[str]) -> None:
    desk.services.state.set_note(f"dismissed {desk.site}", json.dumps(keys[-200:]), _FOR_EVER, desk.now)
