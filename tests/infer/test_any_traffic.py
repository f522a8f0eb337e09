# ruff: noqa: E501
"""Whatever is asked and answered, on any platform: a conclusion, JSON all through, nothing raised."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from capi_middleware.infer import Facts, Inference, Memory, Response
from capi_middleware.infer.preset import names as preset_names
from capi_middleware.settings.words import vocabulary
from capi_middleware.visit.visit import Asker

from . import traffic

WORDS = sorted(
    {
        word
        for group in ("path", "field")
        for kind in vocabulary()[group].values()
        for words in kind.values()
        for word in words
    }
)
PARTS = st.sampled_from(WORDS) | st.text(max_size=8) | st.integers(0, 10**6).map(str)
PATHS = st.lists(PARTS, max_size=5).map(lambda parts: "/" + "/".join(parts))
PAIRS = st.lists(st.tuples(PARTS, PARTS), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | PARTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PARTS, inner, max_size=4),
    max_leaves=12,
)
POSTED = st.one_of(
    PAIRS.map(lambda pairs: ("form", pairs)),
    JSON.map(lambda document: ("json", document)),
    st.binary().map(lambda raw: ("raw", raw)),
)
# Requests of real shops, so that the events are there of which something is said.
REAL = [
    ("POST", "/cart/add.js", [], ("json", {"id": 1234, "quantity": 2})),
    ("POST", "/cart/add", [], ("form", [("id", "1234"), ("quantity", "2")])),
    ("POST", "/", [("wc-ajax", "add_to_cart")], ("form", [("product_id", "12"), ("quantity", "1")])),
    ("POST", "/index.php", [("route", "checkout/cart/add")], ("form", [("product_id", "12"), ("quantity", "1")])),
    ("POST", "/kundvagn/lagg-till/12", [], ("form", [("antal", "2")])),
    ("POST", "/newsletter/subscribe", [], ("form", [("email", "a@b.se")])),
    ("GET", "/search", [("q", "stol")], ("raw", b"")),
    ("GET", "/checkout", [], ("raw", b"")),
    ("GET", "/checkout/order-received/1001/", [("key", "wc_order_1")], ("raw", b"")),
]
ASKED = st.one_of(
    st.tuples(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), PATHS, PAIRS, POSTED),
    st.sampled_from(REAL),
    st.tuples(st.sampled_from(REAL), PAIRS, st.none() | POSTED).map(
        lambda mixed: (*mixed[0][:2], mixed[0][2] + mixed[1], mixed[2] or mixed[0][3])
    ),
)
HTML = st.lists(
    st.sampled_from(["<p>", "<td>", "</p>", "Ordernummer: 7", "Totalt: 99 kr", "<script>", "</script>", "transaction_id: '1'", "items: [", "<h1>"]) | st.text(max_size=10),
    max_size=12,
).map("".join)  # fmt: skip
HEADERS = st.lists(
    st.tuples(st.sampled_from(["Location", "Set-Cookie", "Content-Type", "X-A"]), st.text(max_size=30)), max_size=4
)
INFERENCES = {
    name: Inference(traffic.settings(platform=name), traffic.Products(), Memory()) for name in ("none", *preset_names())
}


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(INFERENCES)),
    ASKED,
    st.sampled_from([200, 200, 201, 204, 302, 303, 303, 400, 422, 500]),
    HEADERS,
    st.none() | JSON,
    st.none() | HTML,
    st.sampled_from([Asker.PERSON, Asker.PERSON, Asker.SCRIPT, Asker.SUSPECT, Asker.ROBOT]),
)  # fmt: skip
def test_any_traffic(
    platform: str,
    asked: Any,
    status: int,
    headers: Any,
    answer: Any,
    page: Any,
    asker: Asker,
) -> None:
    inference = INFERENCES[platform]
    method, path, query, (kind, content) = asked
    body, content_type = _body(kind, content)
    visit = traffic.visit(path.replace("?", ""), method, asker=asker)._replace(
        query="&".join(f"{name}={value}" for name, value in query)
    )
    plan = inference.plan(visit, content_type, len(body))
    facts = None if page is None else Facts(notices=("cart: 1",), more={"html": page.encode("utf-8", "replace")})
    told = None if answer is None else json.dumps(answer).encode()
    concluded = plan.conclude(Response(status, headers, facts, told, body))
    json.dumps([concluded.events, concluded.pending, concluded.refused], allow_nan=False)
    following = plan.conclude(Response(200, (), Facts(notices=("success: x",)), None, None, concluded.pending))
    for event in (*concluded.events, *following.events):
        assert event.custom_data.keys() == event.sources.keys()
        value = event.custom_data.get("value")
        assert value is None or (math.isfinite(value) and value >= 0 and event.custom_data["currency"])
        assert status < 400 or event in following.events
        assert "@" not in "".join(event.custom_data.get("content_ids", ()))


def _body(kind: str, content: Any) -> tuple[bytes, str]:
    if kind == "form":
        return "&".join(f"{name}={value}" for name, value in content).encode("utf-8", "replace"), (
            "application/x-www-form-urlencoded"
        )
    if kind == "json":
        return json.dumps(content).encode(), "application/json"
    return content, "multipart/form-data; boundary=x"
