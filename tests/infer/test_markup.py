"""The flat reader of elements: as forgiving as browsers, bounded, linear."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer.markup import MOST_ELEMENTS, Markup, read_attributes, strip

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WHOLE = 1024 * 1024


def names(page: str) -> list[str]:
    return Markup(page.encode(), WHOLE).names


def test_elements_in_order_with_their_parents() -> None:
    page = Markup(b"<div><p>a<br>b</p><ul><li>1<li>2</ul></div><b>x</b>", WHOLE)
    assert page.names == ["div", "p", "br", "ul", "li", "li", "b"]
    assert [page.names[parent] if parent >= 0 else "" for parent in page.parents] == [
        "",
        "div",
        "p",
        "div",
        "ul",
        "ul",
        "",
    ]
    assert page.text(0) == "a b 1 2"


@pytest.mark.parametrize(
    "page",
    [
        "<script>var a = '<h1>no</h1>';</script><h1>yes</h1>",
        "<style>a{content:'<h1>'}</style><h1>yes</h1>",
        "<!-- <h1>no</h1> --><h1>yes</h1>",
        "<svg><title><h1>no</h1></title></svg><h1>yes</h1>",
        "<template><h1>no</h1></template><h1>yes</h1>",
        "<noscript><h1>no</h1></noscript><h1>yes</h1>",
        "<SCRIPT>'<h1>no</h1>'</SCRIPT><h1>yes</h1>",
    ],
)
def test_what_is_set_aside(page: str) -> None:
    assert names(page) == ["h1"]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (b"<a href=\"x\" class='y z' data-id=5 checked>", {"href": "x", "class": "y z", "data-id": "5", "checked": ""}),
        (b"<a HREF=x>", {"href": "x"}),
        (b'<a title="a &amp; b">', {"title": "a & b"}),
        (b'<a a="1" a="2">', {"a": "1"}),
        (b'<a title=""quoted"">', {"title": ""}),
        (b"<a>", {}),
        (b"<br/>", {}),
    ],
)
def test_attributes(tag: bytes, expected: dict[str, str]) -> None:
    read = read_attributes(tag)
    assert {name: read.get(name) for name in expected} == expected


def test_an_angle_bracket_in_a_quoted_value_ends_no_tag() -> None:
    page = Markup(b'<div data-x="a > b"><p>t</p></div>', WHOLE)
    assert page.names == ["div", "p"]
    assert page.get(0, "data-x") == "a > b"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("a<br>b", "a b"),
        ("<b>1</b>299", "1299"),
        ("<p>a</p><p>b</p>", "a b"),
        ("a &amp; b&nbsp;c", "a & b c"),
        ("x<script>y</script>z", "x z"),
        ("torn <a href=", "torn"),
    ],
)
def test_strip(markup: str, text: str) -> None:
    assert strip(markup) == text


def test_bounded() -> None:
    assert len(Markup(b"<p>" * 50_000, WHOLE)) == MOST_ELEMENTS
    assert names("<p>" * 10 + "x" * WHOLE + "<h1>") == ["p"] * 10


@PATIENT
@given(st.text(alphabet="<>/=\"' abdivpscrt!-&;", max_size=400))
def test_never_raises(page: str) -> None:
    markup = Markup(page.encode(), WHOLE)
    for index in range(len(markup)):
        markup.attributes(index)
        assert markup.starts[index] < markup.ends[index] <= len(page)
        assert markup.close(index) >= 0
        markup.text(index)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [
        *(b"<", b"<a ", b'<a b="', b"<div>", b"<!--", b"<script>", b"</b>", b"<a b=", b"<svg", b"<p a='", b"&", b"< "),
        *(b"<nav>", b"<nav itemprop>"),
    ],
)
def test_linear(piece: bytes) -> None:
    page = Markup(piece * (WHOLE // len(piece)), WHOLE)
    strip((piece * 20_000).decode())
    page.marked(b"a", b"b")
