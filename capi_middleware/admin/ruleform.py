"""A rule from a form, and a form from a rule. Pure but for the rule reader, which checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from capi_middleware.settings.condition import PatternError
from capi_middleware.settings.pattern import path_pattern
from capi_middleware.settings.rule import Rule
from capi_middleware.settings.rule_reader import RuleReader
from capi_middleware.settings.words import path_kinds

from .inside import place_of
from .terms import N_, SOURCES
from .traffic import ShapeCount

LINES = 4
"""Rows of values in the form."""
PROOFS = ("", "proof", "redirect", "json", "css")
_SAMPLE = re.compile(r"<(?:(int)(?:\([^)]*\))?:|[a-z]+(?:\([^)]*\))?:)?[a-z_0-9]+>", re.IGNORECASE)
_ORDER = ("event", "name", "method", "path", "query", "form", "when", "next", "data")


class Line(NamedTuple):
    """One value: its name, kind of source, and what stands after the colon."""

    key: str = ""
    source: str = ""
    text: str = ""


class RuleForm(NamedTuple):
    """What stands in the form. ``trigger``: ``page`` (opened) or ``act`` (sent). ``proof``: of :data:`PROOFS`."""

    event: str = "AddToCart"
    own: str = ""
    name: str = ""
    trigger: str = "act"
    path: str = ""
    proof: str = ""
    detail: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def rows(self) -> tuple[Line, ...]:
        """The values, and empty rows after them."""
        return (*self.lines, *([Line()] * max(1, LINES - len(self.lines))))


class Made(NamedTuple):
    """``table``: as it stands in a file. ``problems``: field of the form to our English words on it; ``rule``: None
    where there are any."""

    table: dict[str, Any]
    rule: Rule | None
    problems: Mapping[str, str]


def read(form: Mapping[str, Any], authority: str) -> RuleForm:
    """From the fields of a posted form. ``path`` may be a whole address of the shop."""
    path = "".join(str(form.get("path", ""))[:500].split())
    if path and not path.startswith(("/", "words:", "re:")):
        place = place_of(path, authority)
        path = place.path if place is not None else path
    lines = []
    for number in range(20):
        key = str(form.get(f"key{number}", "")).strip()[:64]
        text = str(form.get(f"text{number}", "")).strip()[:200]
        source = str(form.get(f"source{number}", ""))
        if key and text and source in SOURCES:
            lines.append(Line(key, source, text))
    proof = str(form.get("proof", ""))
    return RuleForm(
        str(form.get("event", ""))[:50].strip(),
        str(form.get("own", ""))[:50].strip(),
        " ".join(str(form.get("name", "")).replace("*", "")[:80].split()),
        "page" if form.get("trigger") == "page" else "act",
        path,
        proof if proof in PROOFS else "",
        str(form.get("detail", ""))[:200].strip(),
        tuple(lines),
    )


def make(form: RuleForm, name: str) -> Made:
    """The rule that the form asks for. ``name``: for a rule that the form gives none."""
    event = form.own if form.event == "own" else form.event
    table: dict[str, Any] = {"event": event, "name": form.name or name}
    table["method"] = "GET" if form.trigger == "page" else "POST"
    problems: dict[str, str] = {}
    if form.path:
        table["path"] = form.path
    else:
        problems["path"] = "empty"
    table.update(_proof(form))
    if form.lines:
        table["data"] = {line.key: f"{line.source}:{line.text}" for line in form.lines}
    if any(str(value).startswith("env:") for value in table.values()):
        problems["name"] = "env:"
    return checked(table, problems)


def checked(table: Mapping[str, Any], before: Mapping[str, str] = {}) -> Made:
    """The same for a table from anywhere."""
    problems = dict(before)
    fields = {"event": "own", "path": "path", "name": "name", "when": "detail", "next": "detail", "data": "lines"}

    def report(key: str, wrong: str, right: str) -> None:
        field = fields.get(key.partition(".")[0].partition("[")[0], "name")
        problems.setdefault(field, f"{key}: {wrong} {right}")

    rule = RuleReader("admin").read(table, 0, report)
    ordered = {key: table[key] for key in (*_ORDER, *table) if key in table}
    return Made(ordered, None if problems else rule, problems)


def form_of(table: Mapping[str, Any]) -> RuleForm | None:
    """The form for a rule, None where the rule says more than the form can."""
    if set(table) - {"event", "name", "method", "path", "when", "next", "data"}:
        return None
    path, method = table.get("path", ""), table.get("method", "")
    data = table.get("data", {})
    if not isinstance(path, str) or method not in ("GET", "POST") or not isinstance(data, Mapping):
        return None
    lines = []
    for key, written in data.items():
        source, _, text = written.partition(":") if isinstance(written, str) else ("", "", "")
        if source not in SOURCES or " | " in text:
            return None
        lines.append(Line(key, source, text))
    told = {key: table[key] for key in ("when", "next") if key in table}
    proof, detail = "", ""
    if told == {"when": "proof", "next": "proof"}:
        proof = "proof"
    elif told:
        when = told.get("when")
        if set(told) != {"when"} or not isinstance(when, Mapping) or len(when) != 1:
            return None
        ((proof, value),) = when.items()
        if proof in ("json", "css") and isinstance(value, Mapping) and len(value) == 1:
            detail = next(iter(value)) if next(iter(value.values())) is True else ""
        elif proof == "redirect" and isinstance(value, str):
            detail = value
        if not detail:
            return None
    trigger = "page" if method == "GET" else "act"
    event = str(table.get("event", ""))
    return RuleForm(event, "", str(table.get("name", "")), trigger, path, proof, detail, tuple(lines))


def matching(rule: Rule, counts: list[ShapeCount]) -> tuple[int, int]:
    """(requests of the last days whose address fits, requests of that method in all)."""
    fits = whole = 0
    for count in counts:
        if count.method not in (rule.methods or {count.method}):
            continue
        whole += count.n
        path = count.shape.partition("?")[0]
        sample = _SAMPLE.sub(lambda found: "1" if found[1] else "x", path.replace("/**", "/x"))
        if not rule.paths or any(_fits(pattern.text, path, sample) for pattern in rule.paths):
            fits += count.n
    return fits, whole


def _fits(pattern: str, shape: str, sample: str) -> bool:
    if pattern == shape:
        return True
    try:
        return path_pattern(pattern).match(sample, path_kinds(sample)) is not None
    except PatternError:
        return False


def _proof(form: RuleForm) -> dict[str, Any]:
    if form.proof == "proof":
        return {"when": "proof", "next": "proof"}
    if form.proof == "redirect" and form.detail:
        return {"when": {"redirect": form.detail}}
    if form.proof == "json" and form.detail:
        return {"when": {"json": {form.detail: True}}}
    if form.proof == "css" and form.detail:
        return {"when": {"css": {form.detail: True}}}
    return {}


def field_problem(field: str, form: RuleForm) -> str:
    """Our words (a msgid) for a field of the form that is wrong; the reader's own say the details."""
    texts = {
        "own": N_("This is no name for an event: letters and digits, at most 50."),
        "path": N_("This pattern cannot be read. Try the simple form: /product/*"),
        "name": N_("This name cannot be used."),
        "detail": N_("This condition cannot be read."),
        "lines": N_("One of the values cannot be read."),
    }
    if field == "path" and not form.path:
        return N_("Write the address, such as /product/*")
    if field == "path" and form.path.startswith("re:"):
        return N_("This pattern is too complicated. Try the simple form: /product/*")
    return texts.get(field, texts["name"])
