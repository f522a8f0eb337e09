"""A rule's table: every mistake at once, with its place and what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capi_middleware.settings import load
from capi_middleware.settings.rule import Rule
from capi_middleware.settings.rule_reader import RuleReader

GOOD: dict[str, Any] = {"event": "AddToCart", "path": "/kop/<int:id>"}


def read(table: dict[str, Any]) -> tuple[Rule | None, list[tuple[str, str, str]]]:
    found: list[tuple[str, str, str]] = []
    rule = RuleReader("shop.toml").read(table, 7, lambda *parts: found.append(parts))
    return rule, found


def test_whole() -> None:
    rule, problems = read(
        {
            "event": "AddToCart",
            "name": "the button",
            "path": ["/kop/<int:id>", "/buy/<int:id>"],
            "host": "*.shop.example",
            "method": ["post", "PUT"],
            "query": {"route": "cart/add"},
            "form": {"antal": ">0", "remove": False},
            "json": {"items[0].id": True},
            "graphql": "addToCart",
            "exclude": "/kop/0",
            "when": [{"status": [200, "3xx", "201-204"], "json": {"success": True}}, {"cookie": "cart"}],
            "next": {"notice": "success"},
            "data": {"content_ids": "path:id", "quantity": "form:antal", "currency": "const:SEK", "my_key": "query:x"},
            "key": "path:id",
            "remember": ["json:order", "form:order"],
            "once": "visitor",
            "order": -1,
            "server_only": True,
        }
    )
    assert problems == []
    assert rule is not None
    assert rule.methods == {"POST", "PUT"}
    assert rule.when[0].statuses == ((200, 200), (300, 399), (201, 204))
    assert [test.name for test in rule.when[1].cookie] == ["cart"]
    assert rule.sources == {"path", "form", "const", "query", "json"}
    assert (rule.once, rule.order, rule.server_only, rule.notice, rule.line) == ("visitor", -1, True, False, 7)


@pytest.mark.parametrize(
    ("change", "key", "wrong", "right"),
    [
        ({"event": None}, "event", "is missing", "AddToCart"),
        ({"event": "AddToCar"}, "event", "no standard event", "Did you mean AddToCart?"),
        ({"event": "addtocart"}, "event", "no standard event", "Did you mean AddToCart?"),
        ({"event": "x" * 60}, "event", "no event name", "50 characters"),
        ({"paths": "/x"}, "paths", "no key of a rule", "Did you mean path?"),
        ({"methode": "GET"}, "methode", "no key of a rule", "Did you mean method?"),
        ({"looks": "adds to cart"}, "looks", "no key of a rule", "Known: event"),
        ({"path": "kop"}, "path", "does not begin with a slash", "/kop"),
        ({"path": 3}, "path", "neither a text nor a list", '["one", "two"]'),
        ({"path": []}, "path", "empty list", "Leave the key out"),
        ({"method": "FETCH"}, "method", "not known", "Known: GET"),
        ({"query": "route=x"}, "query", "not a table of conditions", "query = {"),
        ({"query": {"a": []}}, "query.a", "empty list", "values"),
        ({"json": {"a[": 1}}, "json.a[", "no JMESPath", "jmespath.org"),
        ({"when": "sure"}, "when", "no condition", "status = 200"),
        ({"when": []}, "when", "no condition", "status = 200"),
        ({"when": {"statuses": 200}}, "when.statuses", "no key of when", "Did you mean status?"),
        ({"when": {"status": 2000}}, "when.status", "no status code", "2xx"),
        ({"when": {"notice": "green"}}, "when.notice", "not known", "success"),
        ({"when": {"page": "yes"}}, "when.page", "neither true nor false", "page = true"),
        ({"when": {"redirect": "korg"}}, "when.redirect", "does not begin with a slash", "/korg"),
        ({"when": {"css": {"..x": True}}}, "when.css...x", "no CSS selector", ".price"),
        ({"when": [{"status": 200}, {"status": "ok"}]}, "when[1].status", "no status code", "2xx"),
        ({"data": "value"}, "data", "not a table", "data = {"),
        ({"data": {"content_id": "path:id"}}, "data.content_id", "none of Meta's names", "content_ids"),
        ({"data": {"värde!": "path:id"}}, "data.värde!", "no name for a value", "Letters"),
        ({"data": {"value": "path:pris"}}, "data.value", "no variable pris", "The path has id."),
        ({"data": {"currency": "SEK"}}, "data.currency", "names no source", "const:SEK"),
        ({"key": "order"}, "key", "names no source", "const:order"),
        ({"once": "always"}, "once", "not known", "visitor"),
        ({"order": "first"}, "order", "no whole number", "order = 10"),
        ({"send": "no"}, "send", "neither true nor false", "without quotes"),
        ({"name": 3}, "name", "no text", "quotes"),
    ],
)
def test_mistake(change: dict[str, Any], key: str, wrong: str, right: str) -> None:
    rule, problems = read({**GOOD, **change})
    assert rule is None
    assert [problem[0] for problem in problems] == [key]
    assert wrong in problems[0][1]
    assert right in problems[0][2]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        """\
[meta]
pixelid = "1234567890"

[[rule]]
event = "AddToCar"
path = "kop"
data = { value = "ccs:.x", content_ids = "path:id" }

[[rule]]
event = "Lead"
path = "/tack"

[[rule]]
event = "Lead"
when = { status = "yes" }
""",
        encoding="utf-8",
    )
    loaded = load(path, environ={})
    assert {(problem.line, problem.key) for problem in loaded.problems} == {
        (2, "meta.pixelid"),
        (5, "rule[0].event"),
        (6, "rule[0].path"),
        (7, "rule[0].data.value"),
        (7, "rule[0].data.content_ids"),
        (15, "rule[2].when.status"),
    }
    assert [rule.event for rule in loaded.settings.rules] == ["Lead"], "the right rule is in force"
    assert str(loaded.problems[0]).startswith(f"{path}:2: meta.pixelid: is no setting. Did you mean pixel_id?")
