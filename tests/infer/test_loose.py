"""JSON-LD as pages ship it: 22 classes of defects, and that no input makes the reader raise or hang."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.infer.loose import literal, values

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SOUND = '{"@type":"Product","name":"X","offers":{"price":"10"}}'
DEFECTS = {
    "sound": SOUND,
    "byte order mark": "\ufeff" + SOUND,
    "html comment": f"<!-- {SOUND} -->",
    "cdata": f"<![CDATA[{SOUND}]]>",
    "cdata behind slashes": f"//<![CDATA[\n{SOUND}\n//]]>",
    "cdata in comments": f"/*<![CDATA[*/{SOUND}/*]]>*/",
    "trailing comma": '{"@type":"Product","name":"X","offers":{"price":"10",},}',
    "trailing semicolon": SOUND + ";",
    "trailing brace": SOUND + "}",
    "missing closers": SOUND[:-2],
    "comments": '{"@type":"Product", // c\n"name":"X",/* x */"offers":{"price":"10"}}',
    "single quotes": "{'@type':'Product','name':'X','offers':{'price':'10'}}",
    "bare keys": "{@type:'Product',name:'X',offers:{price:'10'}}",
    "doubled comma": '{"@type":"Product",,"name":"X","offers":{"price":"10"}}',
    "bad escapes": '{"@type":"Product","name":"X","d":"a \\\'b\\\' \\x41 \\%","offers":{"price":"10"}}',
    "raw line breaks": '{"@type":"Product","name":"X","d":"a\nb\tc","offers":{"price":"10"}}',
    "inch mark": '{"@type":"Product","name":"X","d":"12" monitor, black","offers":{"price":"10"}}',
    "quoted speech": '{"@type":"Product","name":"X","d":"he said "hi", then left","offers":{"price":"10"}}',
    "nan": '{"@type":"Product","name":"X","r":NaN,"offers":{"price":"10"}}',
    "entities": SOUND.replace('"', "&quot;"),
    "space that does not break": '{"@type":"Product"\u00a0,\u00a0"name":"X","offers":{"price":"10"}}',
    "missing value": '{"@type":"Product","name":"X","r":,"offers":{"price":"10"}}',
    "missing comma": '{"@type":"Product","name":"X"\n"offers":{"price":"10"}}',
    "expression": '{"@type":"Product","name":"X","v":f(1,{a:2})+"x","offers":{"price":"10"}}',
    "two objects": SOUND + '{"@type":"Other"}',
}


@pytest.mark.parametrize("text", DEFECTS.values(), ids=DEFECTS)
def test_defect(text: str) -> None:
    read = values(text)[0]
    assert (read["@type"], read["name"], read["offers"]) == ("Product", "X", {"price": "10"})


def test_all_of_several_objects() -> None:
    assert [one["@type"] for one in values(DEFECTS["two objects"])] == ["Product", "Other"]


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@PATIENT
@given(st.dictionaries(st.text(min_size=1, max_size=8), _JSON, min_size=1, max_size=5))
def test_sound_json_is_read_as_the_standard_library_reads_it(value: dict[str, Any]) -> None:
    assert values(json.dumps(value, ensure_ascii=False)) == [value]


@PATIENT
@given(st.text(alphabet="{}[]\"',:\\/*abc019.- \n&;<>!-", max_size=300))
def test_never_raises(text: str) -> None:
    values(text)


@PATIENT
@given(st.binary(max_size=300))
def test_never_raises_on_bytes(raw: bytes) -> None:
    values("{" + raw.decode("utf-8", "replace"))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    ['"b" c ', "[", '{"a":', '"b', "{/*", ":", '\\"', "f(", "a:f(),", "'", "//", "<!--", ",", "{", "\\u"],
)
def test_linear(piece: str) -> None:
    values('{"a":"' + piece * (200_000 // len(piece)))
    values("{" + piece * (200_000 // len(piece)))


def test_a_literal_and_where_it_ends() -> None:
    text = "push({event: 'view_item', price: 1.5, list: [1, 2,], on: true, f: undefined}); more"
    value, end = literal(text, text.index("{"))
    assert value == {"event": "view_item", "price": 1.5, "list": [1, 2], "on": True, "f": None}
    assert text[end:] == "); more"
