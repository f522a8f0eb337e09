"""What is put into pages: readable, escaped, and the same for everyone where a cache may keep it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from capi_middleware.events import Event
from capi_middleware.page import Carrier, Form, Reason, Snippet, Verdict
from capi_middleware.page.csp import BOOTSTRAP_HASH
from capi_middleware.page.script import adoption, asset
from capi_middleware.settings import Settings
from capi_middleware.settings.settings import MetaSettings, PageSettings, VisitSettings
from tests.page.conftest import PIXEL
from tests.page.row import row

INLINE = Verdict(Reason.INLINE, Carrier.INLINE, [])
COLLECT = Verdict(Reason.COLLECT, Carrier.COLLECT, [])
ID = "0123456789abcdef0123456789abcdef"
VIEW = Event(PIXEL, "PageView", ID, 1, "https://shop.example/")
SEEN = Event(PIXEL, "ViewContent", ID, 1, "https://shop.example/", custom_data={"content_ids": ["A"], "value": 9.5})
CUSTOM = Event(PIXEL, "Sizes", ID, 1, "https://shop.example/", custom_data={"size": "XL"})
SHOP = Settings(meta=MetaSettings(pixel_id=PIXEL))
MADE = Snippet(SHOP)
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\u2028\u2029",
    "'); alert(1); ('",
    '"\\',
    "]]>",
    "&lt;",
]


def scripts(html: bytes) -> list[Any]:
    return LexborHTMLParser(b"<html><head>" + html + b"</head>").css("script")


def config(html: bytes) -> dict[str, Any]:
    """The object that the page's script reads."""
    first = scripts(html)[0]
    if first.attributes.get("type") == "application/json":
        return json.loads(first.text())  # type: ignore[no-any-return]
    found = re.match(r"\nwindow\.capi = (\{.*\});\n", first.text())
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_the_base_code_is_readable() -> None:
    head = MADE.head(INLINE, [VIEW], user={"em": ("a" * 64, "b" * 64)}).decode()
    assert f"fbq('init', '{PIXEL}', {{\"em\":\"{'a' * 64}\"}});" in head
    assert f"fbq('track', 'PageView', {{}}, {{eventID: '{ID}'}});" in head
    assert "https://connect.facebook.net/en_US/fbevents.js" in head
    assert "fbq.disablePushState = true;" in head
    assert f'<script async src="{asset(SHOP).path}"></script>' in head
    assert not re.search(r"^\s*//", head, re.M)


@pytest.mark.parametrize("nonce", ["", "n0nce=="])
@pytest.mark.parametrize(
    "user",
    [{}, {"external_id": ("a" * 64,)}, {"em": ("b" * 64, "c" * 64), "external_id": ("a" * 64,)}, {"ph": ()}],
    ids=["nobody", "a browser", "somebody", "nothing"],
)
def test_what_was_prepared_is_what_would_be_rendered(nonce: str, user: dict[str, tuple[str, ...]]) -> None:
    verdict = INLINE._replace(nonce=nonce)
    for event_id in ("1" * 32, "f" * 32):
        view = VIEW._replace(event_id=event_id)
        prepared = Snippet(SHOP)
        assert prepared.head(verdict, [VIEW], user=user)
        assert prepared.head(verdict, [view], user=user) == MADE._any(verdict, [view], False, user, ())


def test_what_is_no_plain_view_of_a_page_is_written_each_time() -> None:
    made = Snippet(SHOP)
    events = [VIEW._replace(event_name=name) for name in ("Lead", "Search", "PageView")]
    events += [VIEW._replace(custom_data={"value": value}) for value in (1, 2)]
    for event in events * 2:
        assert made.head(INLINE, [event]) == Snippet(SHOP)._any(INLINE, [event], False, None, ())


@pytest.mark.parametrize("tokens", [(), ("sealed",)])
@pytest.mark.parametrize("held", [True, False])
def test_the_only_view_waits_with_the_page(held: bool, tokens: tuple[str, ...]) -> None:
    head = MADE.head(INLINE, [VIEW], held=held, tokens=tokens)
    assert (ID.encode() in head) is not held
    assert config(head).get("tokens", []) == list(tokens)


def test_the_head_to_the_letter() -> None:
    head = MADE.head(INLINE, [VIEW, SEEN]).decode()
    assert head.startswith('\n<script>\nwindow.capi = {"v":1,')
    assert head.endswith(
        f"\nfbq('init', '{PIXEL}', {{}});\n"
        f"fbq('track', 'PageView', {{}}, {{eventID: '{ID}'}});\n"
        f"fbq('track', 'ViewContent', {{\"content_ids\":[\"A\"],\"value\":9.5}}, {{eventID: '{ID}'}});\n"
        f'</script>\n<script async src="{asset(SHOP).path}"></script>\n'
    )
    assert (
        MADE.head(COLLECT).decode().endswith(f'capi);\n</script>\n<script async src="{asset(SHOP).path}"></script>\n')
    )


def test_init_gets_the_first_value_of_each_key() -> None:
    somebody = {"em": ("b" * 64, "c" * 64), "ph": (), "external_id": ("a" * 64,)}
    told = f'{{"em":"{"b" * 64}","external_id":"{"a" * 64}"}}'
    head = MADE.head(INLINE, [VIEW, SEEN], user=somebody)
    assert f"fbq('init', '{PIXEL}', {told});\n".encode() in head
    assert config(head)["user"] == json.loads(told)
    assert config(MADE.head(INLINE, [VIEW], user={"em": ("b",), "external_id": ("a",)}))["user"] == {
        "em": "b",
        "external_id": "a",
    }
    assert f"fbq('init', '{PIXEL}', {{}});\n".encode() in MADE.head(INLINE, [VIEW])
    assert config(MADE.head(INLINE, [VIEW, SEEN], user={"external_id": ("a" * 64,)}))["user"] == {
        "external_id": "a" * 64
    }


def test_several_events_of_one_page() -> None:
    head = MADE.head(INLINE, [VIEW, SEEN])
    assert config(head)["fired"] == [["PageView", ID], ["ViewContent", ID]]
    assert head.index(b"'PageView'") < head.index(b"'ViewContent'")


@pytest.mark.parametrize(("name", "event_id"), [('a"b', ID), ("Lead", 'a"b'), ("Köp", ID), ("Lead", "å1")])
def test_one_odd_value_beside_a_plain_one(name: str, event_id: str) -> None:
    head = MADE.head(INLINE, [VIEW, VIEW._replace(event_name=name, event_id=event_id)])
    assert head.isascii() and config(head)["fired"] == [["PageView", ID], [name, event_id]]


def test_what_the_script_reads() -> None:
    assert config(MADE.head(INLINE, [VIEW])) == {
        "v": 1,
        "pixel": PIXEL,
        "pixelUrl": "https://connect.facebook.net/en_US/fbevents.js",
        "mount": "/_shop",
        "state": "granted",
        "carrier": "inline",
        "existing": "adopt",
        "adopt": adoption(SHOP).path,
        "fired": [["PageView", ID]],
    }


def test_held_pages_call_nothing() -> None:
    head = MADE.head(INLINE, [VIEW], held=True, tokens=["sealed"], user={"em": ("a" * 64,)})
    assert b"fbq('" not in head
    assert ID.encode() not in head
    assert b"a" * 64 not in head
    found = config(head)
    assert (found["state"], found["tokens"]) == ("held", ["sealed"])
    assert "fired" not in found


def test_events_without_a_browser_leg_stay_out() -> None:
    alone = VIEW._replace(browser=False)
    assert ID.encode() not in MADE.head(INLINE, [alone]) + MADE.tail(INLINE, [alone])
    assert MADE.tail(INLINE, [alone]) == b""


@pytest.mark.parametrize("verdict", [COLLECT, COLLECT._replace(form=Form.EXTERNAL), COLLECT._replace(nonce="n")])
def test_pages_for_a_cache_know_no_visitor(verdict: Verdict) -> None:
    head = MADE.head(verdict, [VIEW], user={"em": ("a" * 64,)}, tokens=["sealed"])
    assert head == MADE.head(verdict._replace(headers=[("Set-Cookie", "a=1")], coding="gzip"))
    assert MADE.tail(verdict, [SEEN], tokens=["sealed"]) == b""
    assert config(head)["state"] == "held"
    assert b"fbq('init'" not in head
    assert Snippet(SHOP).head(verdict) == head


@pytest.mark.parametrize("form", [Form.EXTERNAL, Form.HASH])
@pytest.mark.parametrize("carrier", [Carrier.INLINE, Carrier.COLLECT])
def test_without_inline_code(form: Form, carrier: Carrier) -> None:
    verdict = INLINE._replace(form=form, carrier=carrier)
    head = MADE.head(verdict, [VIEW])
    block, loader = scripts(head)
    assert block.attributes == {"type": "application/json", "id": "capi-config"}
    assert not {"existing", "adopt"} & config(head).keys(), "for inline code alone"
    if form is Form.EXTERNAL:
        assert loader.attributes == {"async": None, "src": asset(SHOP).path}
        assert not loader.text()
    else:
        digest = base64.b64encode(hashlib.sha256(loader.text().encode()).digest()).decode()
        assert f"'sha256-{digest}'" == BOOTSTRAP_HASH
        assert config(head)["script"] == asset(SHOP).path
    if carrier is Carrier.INLINE:
        assert config(head)["events"] == [["PageView", {}, ID]]
        (tail,) = scripts(MADE.tail(verdict, [SEEN, CUSTOM], tokens=["sealed"]))
        assert tail.attributes == {"type": "application/json", "data-capi": None}
        assert json.loads(tail.text()) == {
            "events": [["ViewContent", SEEN.custom_data, ID], ["Sizes", CUSTOM.custom_data, ID, 1]],
            "tokens": ["sealed"],
        }


def test_no_script_at_all() -> None:
    verdict = INLINE._replace(form=Form.NONE, pixel=False, script=False)
    assert MADE.head(verdict, [VIEW]) == b""
    assert MADE.tail(verdict, [SEEN]) == b""


def test_a_nonce_stands_on_every_script() -> None:
    verdict = INLINE._replace(nonce="r4nd0m+/=")
    for part in scripts(MADE.head(verdict, [VIEW]) + MADE.tail(verdict, [SEEN])):
        assert part.attributes["nonce"] == "r4nd0m+/="


def test_where_the_pixel_is_kept_out() -> None:
    verdict = INLINE._replace(pixel=False)
    head = MADE.head(verdict, [VIEW._replace(browser=False)])
    assert config(head)["pixelUrl"] == ""
    assert b"fbq('init'" not in head


def test_where_our_file_is_kept_out() -> None:
    head = MADE.head(INLINE._replace(script=False), [VIEW])
    assert len(scripts(head)) == 1
    assert "adopt" not in config(head)


def test_the_end_of_a_page() -> None:
    tail = MADE.tail(INLINE, [SEEN, CUSTOM]).decode()
    assert tail == (
        "<script>\n"
        f'capi.fired.push(["ViewContent","{ID}"]);\n'
        f"fbq('track', 'ViewContent', {{\"content_ids\":[\"A\"],\"value\":9.5}}, {{eventID: '{ID}'}});\n"
        f'capi.fired.push(["Sizes","{ID}"]);\n'
        f"fbq('trackCustom', 'Sizes', {{\"size\":\"XL\"}}, {{eventID: '{ID}'}});\n"
        "</script>\n"
    )
    assert MADE.tail(INLINE) == b""
    assert MADE.tail(INLINE._replace(pixel=False), [SEEN, CUSTOM]).decode() == (
        "<script>\n"
        f'capi.events.push(["ViewContent",{{"content_ids":["A"],"value":9.5}},"{ID}"]);\n'
        f'capi.events.push(["Sizes",{{"size":"XL"}},"{ID}",1]);\n'
        "</script>\n"
    )
    assert (
        MADE.tail(INLINE, [SEEN], held=True, tokens=["sealed"]) == b'<script>\ncapi.tokens.push("sealed");\n</script>\n'
    )


@row("values into script")
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", [Form.INLINE, Form.EXTERNAL, Form.HASH])
def test_values_into_script(form: Form, text: str) -> None:
    event = SEEN._replace(custom_data={"content_name": text, text: 1}, event_id=text, event_name=text)
    verdict = INLINE._replace(form=form)
    for html in (MADE.head(verdict, [event], tokens=[text]), MADE.tail(verdict, [event], tokens=[text])):
        assert html.isascii()
        assert html.count(b"</script") == len(scripts(html))
        assert b"<!--" not in html
        assert b"alert(1)</" not in html


@row("values into script")
@given(st.text(), st.text())
def test_any_values_into_script(key: str, value: str) -> None:
    event = SEEN._replace(custom_data={key: value})
    (tail,) = scripts(MADE.tail(INLINE._replace(form=Form.EXTERNAL), [event]))
    assert json.loads(tail.text())["events"] == [["ViewContent", {key: value}, ID]]


@row("`<noscript>` image")
def test_no_noscript() -> None:
    assert b"noscript" not in MADE.head(INLINE, [VIEW]) + MADE.tail(INLINE, [SEEN])


@row("SRI / Integrity-Policy")
def test_no_integrity_on_what_changes_without_notice() -> None:
    assert b"integrity" not in MADE.head(INLINE, [VIEW])


def test_frames_count_only_where_they_shall() -> None:
    assert "frames" not in config(MADE.head(COLLECT))
    counted = Settings(meta=MetaSettings(pixel_id=PIXEL), visit=VisitSettings(frames="count"))
    assert config(Snippet(counted).head(COLLECT))["frames"] is True


def test_what_to_do_with_an_existing_pixel() -> None:
    for choice in ("adopt", "replace", "ignore"):
        shop = Settings(meta=MetaSettings(pixel_id=PIXEL), page=PageSettings(existing=choice))
        assert config(Snippet(shop).head(INLINE))["existing"] == choice


def test_it_is_small() -> None:
    assert len(MADE.head(INLINE, [VIEW])) < 3600
