"""In which line a key stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings.lines import Lines

TEXT = '''\
# a comment
[meta]
pixel_id = "1"   # another
access_token = """
pixel_id = not a key
"""

[[rule]]
event = "Lead"
path = [
    "/a",
    "/b",
]

[[rule]]
event = "X"
when = [
    { status = 200 },
    { status = 302 },
]
[rule.data]
value = "css:.x"

[[site]]
host = "a.example"
meta = { pixel_id = "2" }

[[site]]
host = "b.example"
[site.shop]
currency = "SEK"
[[site.rule]]
event = "Y"
[[site.rule]]
event = "Z"
"data" = { value = 1 }
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("meta", 2),
        ("meta.pixel_id", 3),
        ("meta.access_token", 4),
        ("meta.unknown", 2),
        ("rule[0]", 8),
        ("rule[0].event", 9),
        ("rule[0].path", 10),
        ("rule[1].event", 16),
        ("rule[1].when[0].status", 18),
        ("rule[1].when[1]", 19),
        ("rule[1].data.value", 22),
        ("site[0].meta.pixel_id", 26),
        ("site[1].shop.currency", 31),
        ("site[1].rule[0].event", 33),
        ("site[1].rule[1].data.value", 36),
        ("nowhere", 0),
        ("", 0),
    ],
)
def test_line(key: str, line: int) -> None:
    assert Lines(TEXT).of(key) == line


@given(st.text(alphabet="[]{}=\".#\n ab'", max_size=80), st.text(alphabet="ab.[]01", max_size=20))
def test_never_raises(text: str, key: str) -> None:
    assert 0 <= Lines(text).of(key) <= text.count("\n") + 1
