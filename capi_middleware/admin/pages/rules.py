"""The rules in force, in order: the shop's own, the platform's, the general ones; on, off, new and earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from capi_middleware.admin import narrate, picker, rulebook, ruleform, terms, versions
from capi_middleware.admin.desk import Desk
from capi_middleware.admin.ruleform import Made, RuleForm
from capi_middleware.admin.shape import pattern_of
from capi_middleware.admin.words import clock
from capi_middleware.infer.platform import Platforms
from capi_middleware.infer.preset import GENERAL, names, preset
from capi_middleware.settings import SettingsError
from capi_middleware.settings.condition import glob
from capi_middleware.settings.rule import Rule

from .attempt import attempt, verdict_words

_SHOWN = 20


class Listed(NamedTuple):
    """One rule of the list. ``off``: "" or what switches it off; ``number``: its place among those saved here, -1 for
    all others; ``made``: events of the last 14 days; ``text``: what it says, of which ``moment`` is the first part."""

    rule: Rule
    text: str
    moment: str
    values: str
    off: str
    number: int
    made: int
    named: bool
    line: int


class Group(NamedTuple):
    """Rules of one origin. ``key``: ``own``, ``file``, ``preset`` or ``general``."""

    key: str
    title: str
    rules: tuple[Listed, ...]


def listing(desk: Desk, problem: str = "", status: int = 200) -> Response:
    """What each rule says, in words."""
    return desk.page(
        "rules.html",
        status,
        groups=groups(desk),
        problems=desk.services.source.problems,
        versions=versions.latest(desk.services.state, desk.site, _SHOWN),
        platform=_platform(desk),
        platforms=names(),
        problem=problem,
        connected=bool(desk.settings.meta.pixel_id),
    )


def groups(desk: Desk) -> list[Group]:
    """All rules in force, in the order in which they are asked."""
    counts: dict[tuple[str, str], int] = {}
    for count in desk.services.traffic.rules(desk.host):
        counts[count.event, count.rule] = counts.get((count.event, count.rule), 0) + count.n
    off = desk.settings.shop.off
    saved = rulebook.tables(_text(desk), desk.site)
    own: list[Listed] = []
    filed: list[Listed] = []
    for rule in desk.settings.rules:
        number = _number(rule, saved, str(desk.services.source.saved_path))
        (own if number >= 0 else filed).append(_listed(desk, rule, off, number, counts))
    found = []
    if own:
        found.append(Group("own", desk.say("Your own rules"), tuple(own)))
    if filed:
        found.append(Group("file", desk.say("From the settings file of your developer or agency"), tuple(filed)))
    platform = _platform(desk)
    if platform:
        shipped = preset(platform)
        rules = tuple(_listed(desk, rule, off, -1, counts) for rule in shipped.rules.rules)
        found.append(Group("preset", desk.say("For {platform}", platform=shipped.title), rules))
    rules = tuple(_listed(desk, rule, off, -1, counts) for rule in preset(GENERAL).rules.rules)
    found.append(Group("general", desk.say("For any shop"), rules))
    return found


def _listed(desk: Desk, rule: Rule, off: Sequence[str], number: int, counts: Mapping[tuple[str, str], int]) -> Listed:
    silenced = next((text for text in off if glob(text).match(rule.event) or glob(text).match(rule.name)), "")
    named = rule.shipped or bool(rule.table.get("name"))
    return Listed(
        rule,
        narrate.sentence(rule, desk.say),
        narrate.moment(rule, desk.say),
        narrate.values(rule, desk.say),
        silenced,
        number,
        counts.get((rule.event, rule.name), 0),
        named,
        rule.line,
    )


def _number(rule: Rule, saved: Sequence[Mapping[str, Any]], path: str) -> int:
    """The place of a rule among those saved here; -1 for a rule from elsewhere."""
    if rule.file != path:
        return -1
    return next((number for number, table in enumerate(saved) if table == dict(rule.table)), -1)


def switch(desk: Desk) -> Response:
    """A rule on or off, by its name; it stays in its place."""
    name, on = desk.request.form.get("name", "")[:200], desk.request.form.get("on") == "1"
    known = {listed.rule.name for group in groups(desk) for listed in group.rules}
    off = list(desk.settings.shop.off)
    if on and name in off:
        off.remove(name)
    elif not on and name in known and name not in off:
        off.append(name)
    else:
        return listing(desk, desk.say("Somebody else has changed the rules in the meantime. Please look again."), 409)
    what = desk.say("“{name}” switched on", name=name) if on else desk.say("“{name}” switched off", name=name)
    wrong = change(desk, what, lambda text: rulebook.switched(text, off, desk.site))
    if wrong:
        return listing(desk, wrong, 422)
    desk.note("rule on" if on else "rule off", name)
    return desk.go("rules", f"{what}.")


def new(desk: Desk) -> Response:
    """A rule without code: form, preview, publish."""
    return _editor(desk, None, -1)


def edit(desk: Desk, number: int) -> Response:
    """The same for a rule that stands."""
    saved = rulebook.tables(_text(desk), desk.site)
    if not 0 <= number < len(saved):
        raise NotFound(desk.say("This rule is not there any more."))
    return _editor(desk, saved[number], number)


def _editor(desk: Desk, before: Mapping[str, Any] | None, number: int) -> Response:
    posted = desk.request.form
    if desk.request.method != "POST":
        form = ruleform.form_of(before) if before is not None else _started(desk)
        if form is None and before is not None:
            return _as_text(desk, before, number)
        return _form_page(desk, form or RuleForm(), number)
    if "toml" in posted:
        return _from_text(desk, before, number)
    form = ruleform.read(posted, desk.authority)
    if posted.get("like"):
        form = form._replace(path=pattern_of(form.path)[0])
        return _form_page(desk, form, number)
    made = make(desk, form)
    if made.rule is None or not posted.get("publish"):
        return _form_page(desk, form, number, made)
    return _publish(desk, made, before, number, lambda problem: _form_page(desk, form, number, made, problem))


def _started(desk: Desk) -> RuleForm:
    """A form that another page has begun."""
    args = desk.request.args
    event = args.get("event", "AddToCart")[:50]
    return RuleForm(
        event=event, trigger="page" if args.get("trigger") == "page" else "act", path=args.get("path", "")[:500]
    )


def _as_text(desk: Desk, table: Mapping[str, Any], number: int, problem: str = "", text: str = "") -> Response:
    """A rule that says more than the form can, as it stands in the file."""
    return desk.page(
        "rule_text.html", 422 if problem else 200, toml=text or rulebook.shown(table), number=number, problem=problem
    )


def _from_text(desk: Desk, before: Mapping[str, Any] | None, number: int) -> Response:
    text = desk.request.form.get("toml", "")[:20_000]
    try:
        tables = rulebook.parsed(text)
    except ValueError as error:
        return _as_text(desk, {}, number, str(error), text)
    if len(tables) != 1:
        return _as_text(desk, {}, number, desk.say("Write exactly one rule here."), text)
    table = dict(tables[0])
    made = ruleform.checked(table, {"name": "env:"} if "env:" in str(table) else {})
    if made.rule is None:
        return _as_text(desk, {}, number, "; ".join(made.problems.values()), text)
    return _publish(desk, made, before, number, lambda problem: _as_text(desk, {}, number, problem, text))


def _publish(
    desk: Desk, made: Made, before: Mapping[str, Any] | None, number: int, again: Callable[[str], Response]
) -> Response:
    name = str(made.table.get("name", ""))
    what = desk.say("“{name}” published", name=name)

    def write(text: str) -> str:
        if before is None:
            return rulebook.added(text, made.table, desk.site, _comment(desk))
        return rulebook.replaced(text, number, before, made.table, desk.site)

    wrong = change(desk, what, write)
    if wrong:
        return again(wrong)
    desk.note("rule", name)
    response = desk.go("rules", desk.say("Published. The rule is in force."))
    if picker.COOKIE in desk.request.cookies:  # the pick has led here; visits of this browser count again
        response.delete_cookie(picker.COOKIE, path="/", secure=desk.door.secure, httponly=True, samesite="Strict")
    return response


def _comment(desk: Desk) -> str:
    return f"admin page, {clock(desk.now)[:10]}"


def _form_page(desk: Desk, form: RuleForm, number: int, made: Made | None = None, problem: str = "") -> Response:
    problems = {}
    if made is not None:
        problems = {name: (desk.say(ruleform.field_problem(name, form)), told) for name, told in made.problems.items()}
    preview: dict[str, Any] = {}
    if made is not None and made.rule is not None:
        preview = preview_of(desk, made)
        example = desk.request.form.get("example", "")
        if example:
            preview["tried"] = attempt(desk, example, "GET" if form.trigger == "page" else "POST", more=(made.rule,))
    return desk.page(
        "rule.html",
        422 if problems or problem else 200,
        form=form,
        number=number,
        problems=problems,
        problem=problem,
        preview=preview,
        events=list(terms.EVENTS),
        known=terms.VALUES,
        sources=terms.SOURCES,
        like=pattern_of(form.path)[0] if form.path.startswith("/") and "<" not in form.path else "",
        example=desk.request.form.get("example", ""),
        verdict_words=lambda explanation: verdict_words(desk, explanation),
    )


def preview_of(desk: Desk, made: Made) -> dict[str, Any]:
    """What a rule would do: its sentence, its text, how much of the traffic it fits."""
    assert made.rule is not None
    fits, whole = ruleform.matching(made.rule, desk.services.traffic.shapes(desk.host))
    return {
        "sentence": narrate.sentence(made.rule, desk.say),
        "values": narrate.values(made.rule, desk.say),
        "toml": rulebook.shown(made.table),
        "fits": fits,
        "whole": whole,
        "tried": None,
    }


def remove(desk: Desk) -> Response:
    """Take one of the shop's own rules away; the version before stays one click away."""
    number = desk.request.form.get("number", -1, type=int)
    saved = rulebook.tables(_text(desk), desk.site)
    name = desk.request.form.get("name", "")
    if not 0 <= number < len(saved) or str(saved[number].get("name", "")) != name:
        return listing(desk, desk.say("Somebody else has changed the rules in the meantime. Please look again."), 409)
    what = desk.say("“{name}” removed", name=name)
    wrong = change(desk, what, lambda text: rulebook.removed(text, number, saved[number], desk.site))
    if wrong:
        return listing(desk, wrong, 422)
    desk.note("rule removed", name)
    return desk.go("rules", f"{what}.")


def back(desk: Desk) -> Response:
    """The rules as they were before something was done."""
    found = versions.one(desk.services.state, desk.site, desk.request.form.get("number", 0, type=int))
    if found is None:
        return listing(desk, desk.say("This version is not kept any more."), 404)
    what = desk.say("back to before “{what}”", what=found.what)
    wrong = change(desk, what, lambda text: rulebook.returned(text, found.text, desk.site))
    if wrong:
        return listing(desk, wrong, 422)
    desk.note("rules back", str(found.number))
    return desk.go("rules", desk.say("Done. The earlier rules are in force."))


def version(desk: Desk, number: int) -> Response:
    """One version, as its file stands."""
    found = versions.one(desk.services.state, desk.site, number)
    if found is None:
        raise NotFound(desk.say("This version is not kept any more."))
    return desk.page("version.html", version=found)


def export(desk: Desk) -> Response:
    """What was saved here, as a file for a developer; without token."""
    text = rulebook.without_secrets(_text(desk))
    response = Response(text, content_type="application/toml; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="rules.toml"'
    return response


def change(desk: Desk, what: str, make: Callable[[str], str]) -> str:
    """Change the saved rules and keep the version before. What is wrong with it, "" for nothing."""
    source = desk.services.source
    before: list[str] = []

    def write(text: str) -> str:
        before.append(text)
        return make(text)

    try:
        source.edit(write)
    except rulebook.Gone:
        return desk.say("Somebody else has changed the rules in the meantime. Please look again.")
    except SettingsError as error:
        return "; ".join(f"{problem.key}: {problem.wrong} {problem.right}" for problem in error.problems)
    except OSError as error:
        return desk.say("The server cannot write its settings: {why}", why=error.strerror or "")
    versions.keep(desk.services.state, desk.site, what, rulebook.without_secrets(before[0]), desk.now)
    return ""


def make(desk: Desk, form: RuleForm) -> Made:
    """The rule that a form asks for, with a name of its own."""
    event = form.own if form.event == "own" else form.event
    return ruleform.make(form, fresh_name(desk, event, form.path or "…"))


def fresh_name(desk: Desk, event: str, where: str) -> str:
    """A name that no rule has yet, after the event."""
    taken = {rule.name for rule in desk.settings.rules}
    base = f"{desk.event(event)}: {where}"[:70].replace("*", "…")
    name, n = base, 1
    while name in taken:
        n += 1
        name = f"{base} ({n})"
    return name


def _platform(desk: Desk) -> str:
    chosen = desk.settings.shop.platform.strip().lower()
    if chosen in names():
        return chosen
    if chosen == "none":
        return ""
    found = Platforms(desk.folder).known(desk.host).name
    return found if found in names() else ""


def _text(desk: Desk) -> str:
    try:
        return desk.services.source.saved_text()
    except OSError:
        return ""
