"""Patterns that people type."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings.condition import PatternError, glob, number, truthy, value_test
from capi_middleware.settings.pattern import path_pattern
from capi_middleware.settings.words import path_kinds


def match(text: str, path: str) -> Mapping[str, str] | None:
    return path_pattern(text).match(path, path_kinds(path))


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("/produkt/<slug>", "/produkt/mugg", {"slug": "mugg"}),
        ("/produkt/<slug>", "/produkt/mugg/", {"slug": "mugg"}),
        ("/produkt/<slug>/", "/produkt/mugg", {"slug": "mugg"}),
        ("/produkt/<slug>", "/produkt/mugg/bild", None),
        ("/produkt/<slug>", "/produkt/", None),
        ("/p/<int:id>", "/p/007", {"id": "007"}),
        ("/p/<int:id>", "/p/seven", None),
        ("/p/<int(min=10):id>", "/p/9", None),
        ("/p/<int(min=10):id>", "/p/10", {"id": "10"}),
        ("/<any(sv,en):lang>/p/<id>", "/sv/p/1", {"lang": "sv", "id": "1"}),
        ("/<any(sv,en):lang>/p/<id>", "/de/p/1", None),
        ("/<string(length=2):lang>/p/<id>", "/sv/p/1", {"lang": "sv", "id": "1"}),
        ("/<path:where>/kop", "/a/b/c/kop", {"where": "a/b/c"}),
        ("/<uuid:id>", "/0190d4c5-9b7e-7a3c-8b1d-7e5a4f3c2b1a", {"id": "0190d4c5-9b7e-7a3c-8b1d-7e5a4f3c2b1a"}),
        ("/catalogue/<slug>_<int:pk>/", "/catalogue/snow-crash_12/", {"slug": "snow-crash", "pk": "12"}),
        ("/blogg/*", "/blogg/a/b", {}),
        ("/blogg/*", "/blogg", None),
        ("/a*c", "/abbbc", {}),
        ("/a*c", "/ab/bc", None),
        ("/**/kop", "/x/y/kop", {}),
        ("/Produkt/<slug>", "/produkt/mugg", {"slug": "mugg"}),
        ("/k%C3%B6p/<id>", "/köp/1", {"id": "1"}),
        ("/köp/<id>", "/ko\u0308p/1", {"id": "1"}),
        ("/", "/", {}),
        ("/", "/x", None),
        ("words:cart add", "/kundvagn/lagg-till/5", {}),
        ("words:cart add", "/kundvagn", None),
        ("words:cart -change", "/cart/remove", None),
        ("words:~cart", "/cart_line_items", {}),
        ("words:cart", "/my_cart_page", None),
    ],
)
def test_path(text: str, path: str, expected: dict[str, str] | None) -> None:
    assert match(text, path) == expected


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("produkt/<slug>", "does not begin with a slash", '"/produkt/<slug>"'),
        ("https://shop.example/p", "whole address", "host"),
        ("/index.php?route=product", "query string", 'query = { route = "product" }'),
        ("/<number:id>", "no such kind of variable", "Known: any, float, int, path, string, uuid"),
        ("/<intt:id>", "no such kind of variable", "Did you mean int?"),
        ("/<id", "stray <", "<name>"),
        ("/<id>/<id>", "twice", "name of its own"),
        ("/<int(minimum=2):id>", "wrong arguments", "converters"),
        ("/<a>-<b>-<c>", "more than two variables", "slashes"),
        ("/<path:a>/**/<path:b>", "more than two wildcards", "twice"),
        ("words:chekout", "knows no words", "Did you mean checkout?"),
        ("re:(?=x)", "no regular expression", "look-around"),
    ],
)
def test_path_error(text: str, wrong: str, right: str) -> None:
    with pytest.raises(PatternError) as caught:
        path_pattern(text)
    assert wrong in caught.value.wrong
    assert right in caught.value.right


def test_regular_expression() -> None:
    pattern = path_pattern(r"re:^/p-(?P<id>[0-9]+)\.html$")
    assert pattern.match("/p-12.html", frozenset()) == {"id": "12"}
    assert pattern.match("/p-x.html", frozenset()) is None


def test_regular_expression_without_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(PatternError, match="google-re2 is not installed"):
        path_pattern("re:^/p")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_pattern_or_an_error(text: str, path: str) -> None:
    try:
        pattern = path_pattern(text)
    except PatternError as error:
        assert error.wrong and error.right
        return
    assert match(text, "/" + path) is None or pattern.names == tuple(pattern.search("/" + path) or pattern.names)


@pytest.mark.parametrize("text", ["/**a**b", "/<path:a>x<path:b>", "/<a>-<b>/*", "/*a*b/**/c"])
def test_no_path_makes_a_pattern_hang(text: str) -> None:
    """A bound, no gate: the worst patterns that are accepted, on the longest paths that are looked at."""
    pattern = path_pattern(text)
    began = time.perf_counter()
    for unit in ("a", "-", "ab", "a-"):
        pattern.match("/" + unit * (1023 // len(unit)), frozenset())
    assert time.perf_counter() - began < 5
    assert pattern.match("/" + "a" * 5000, frozenset()) is None


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("cart", "CART", True),
        ("*cart*", "mini-cart-x", True),
        ("a*b*c", "a1b2c", True),
        ("a*b*c", "acb", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("*.shop.example", "www.shop.example", True),
        ("*.shop.example", "shop.example", False),
    ],
)
def test_glob(pattern: str, text: str, expected: bool) -> None:
    assert glob(pattern).match(text) is expected


@given(st.text("ab*", max_size=12), st.text("ab", max_size=30))
def test_glob_agrees_with_fnmatch(pattern: str, text: str) -> None:
    import fnmatch

    assert glob(pattern).match(text) is fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("written", "value", "expected"),
    [
        (True, True, True),
        (True, "a sentence", True),
        (True, "false", False),
        (True, 0, False),
        (True, [], False),
        (False, None, True),
        (False, False, True),
        (False, [], True),
        (False, {"x": 1}, False),
        (False, "yes", False),
        ("success", "Success", True),
        ("suc*", "success", True),
        ("suc*", {"x": 1}, False),
        ("*", "", True),
        (12, "12", True),
        (12, 12.0, True),
        (12, "twelve", False),
        (">0", 1, True),
        (">0", "0", False),
        (">0", None, False),
        ("<=400", 400, True),
        ("!=2", 3, True),
        (["a", "b"], "b", True),
        (["a", ">3"], 4, True),
        ("true", True, True),
    ],
)
def test_value(written: Any, value: Any, expected: bool) -> None:
    assert value_test("name", written).holds([value]) is expected


@pytest.mark.parametrize("written", [[], {"a": 1}, None])
def test_value_error(written: Any) -> None:
    with pytest.raises(PatternError):
        value_test("name", written)


def test_absent_needs_every_value_to_be_empty() -> None:
    assert value_test("x", False).holds([])
    assert not value_test("x", False).holds(["", "1"])
    assert not value_test("x", True).holds([])


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)))
def test_values_never_raise(value: Any) -> None:
    truthy(value)
    number(value)
    for written in (True, False, "a*", 3, ">1", ["x", 2]):
        value_test("name", written).holds([value])
