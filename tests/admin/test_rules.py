"""Rules by form, suggestion and hand: the file that agencies write, its comments, and the way back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from capi_middleware import CapiMiddleware
from capi_middleware.admin import narrate, rulebook, ruleform
from capi_middleware.admin.ruleform import Line, RuleForm
from capi_middleware.admin.traffic import ShapeCount
from capi_middleware.events import new_event_id
from capi_middleware.infer.preset import names, preset
from capi_middleware.sandbox import Sandbox
from capi_middleware.settings.rule_reader import RuleReader

from .conftest import CHROME, HOST, Owner, location, visit

AGENCY = """\
# Our shop. Ask Kim before you change this.
[meta]
pixel_id = "1234567890"  # the live one
access_token = "EAAsecret0123456789"

[shop]
currency = "SEK"

[[rule]]
# the old form, still on some pages
event = "Lead"
name = "kontakt"
path = "/kontakt"   # Swedish only
when = { status = 200 }

[[rule]]
event = "AddToCart"
name = "kundvagn"
method = "POST"
path = "/kundvagn/<int:id>"
data = { content_ids = "path:id" } # the id is the article's

[[site]]
host = "b.example"

[[site.rule]]
# theirs
event = "Search"
path = "/sok"
"""
NEW = {"event": "Purchase", "name": "tack", "method": "GET", "path": "/tack", "data": {"value": "css:.sum"}}
COMMENTS = [line.partition("#")[2].strip() for line in AGENCY.splitlines() if "#" in line]


def rules_of(text: str, host: str = "") -> list[dict[str, Any]]:
    tables = tomllib.loads(text)
    if host:
        tables = next(site for site in tables["site"] if site["host"] == host)
    return tables.get("rule", [])  # type: ignore[no-any-return]


def test_a_new_rule_is_the_first_and_every_comment_stays() -> None:
    text = rulebook.added(AGENCY, NEW, comment="admin page, 2026-11-23")
    assert [rule["name"] for rule in rules_of(text)] == ["tack", "kontakt", "kundvagn"]
    for comment in COMMENTS:
        assert comment in text
    assert "# admin page, 2026-11-23" in text
    assert rules_of(text, "b.example") == rules_of(AGENCY, "b.example")


def test_a_rule_of_a_site_is_the_site_s() -> None:
    text = rulebook.added(AGENCY, NEW, "b.example")
    assert [rule["event"] for rule in rules_of(text, "b.example")] == ["Purchase", "Search"]
    assert rules_of(text) == rules_of(AGENCY)
    assert "# theirs" in text


def test_a_site_that_the_file_does_not_know_yet() -> None:
    text = rulebook.added(AGENCY, NEW, "c.example")
    assert [rule["event"] for rule in rules_of(text, "c.example")] == ["Purchase"]


def test_changing_one_value_leaves_the_rest_as_it_was_written() -> None:
    before = rulebook.tables(AGENCY)[1]
    text = rulebook.replaced(AGENCY, 1, before, {**before, "path": "/varukorg/<int:id>"})
    assert 'path = "/varukorg/<int:id>"' in text
    assert "# the id is the article's" in text
    assert text.replace("/varukorg/<int:id>", "/kundvagn/<int:id>") == AGENCY


def test_removing_takes_one_away() -> None:
    before = rulebook.tables(AGENCY)[0]
    text = rulebook.removed(AGENCY, 0, before)
    assert [rule["name"] for rule in rules_of(text)] == ["kundvagn"]
    assert "Ask Kim" in text


def test_what_somebody_else_changed_meanwhile_is_not_overwritten() -> None:
    before = rulebook.tables(AGENCY)[0]
    changed = rulebook.removed(AGENCY, 0, before)
    with pytest.raises(rulebook.Gone):
        rulebook.replaced(changed, 0, before, NEW)
    with pytest.raises(rulebook.Gone):
        rulebook.removed(changed, 7, before)


def test_going_back_brings_rules_and_switches_and_nothing_else() -> None:
    later = rulebook.added(AGENCY, NEW)
    later = rulebook.switched(later, ["kontakt"])
    later = later.replace('currency = "SEK"', 'currency = "EUR"')
    text = rulebook.returned(later, rulebook.without_secrets(AGENCY))
    assert rules_of(text) == rules_of(AGENCY)
    tables = tomllib.loads(text)
    assert tables["shop"] == {"currency": "EUR"}
    assert tables["meta"]["access_token"] == "EAAsecret0123456789"
    assert "# the old form, still on some pages" in text


def test_a_copy_has_no_secret() -> None:
    text = rulebook.without_secrets(AGENCY + '\n[server]\nadmin_password = "hemligt"\n')
    assert "EAAsecret" not in text and "hemligt" not in text
    assert "Ask Kim" in text


@given(st.lists(st.sampled_from(["add", "remove", "switch", "change"]), max_size=8), st.text(max_size=20))
def test_whatever_is_done_in_turn_the_file_stays_a_file(steps: list[str], name: str) -> None:
    text = AGENCY
    for step in steps:
        found = rulebook.tables(text)
        if step == "add":
            text = rulebook.added(text, {**NEW, "name": name}, comment=name)
        elif step == "switch":
            text = rulebook.switched(text, [name])
        elif found and step == "remove":
            text = rulebook.removed(text, 0, found[0])
        elif found:
            text = rulebook.replaced(text, 0, found[0], {**found[0], "path": "/x"})
        tomllib.loads(text)
    assert rules_of(text, "b.example") == rules_of(AGENCY, "b.example")


# -- the form


FORMS = [
    RuleForm("ViewContent", path="/produkt/<slug>", trigger="page", lines=(Line("value", "css", ".price"),)),
    RuleForm("AddToCart", path="/kundvagn/ny", proof="proof"),
    RuleForm("Lead", path="/kontakt", proof="redirect", detail="/tack"),
    RuleForm("AddToCart", path="/api/cart", proof="json", detail="success"),
    RuleForm("Lead", path="/kontakt", proof="css", detail=".tack"),
    RuleForm("Subscribe", path="/nyhetsbrev", lines=(Line("content_name", "const", "Nyhetsbrev"),)),
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.event} {form.proof}")
def test_a_form_becomes_a_rule_and_the_rule_the_form(form: RuleForm) -> None:
    made = ruleform.make(form, "a name")
    assert made.problems == {}
    again = ruleform.form_of(made.table)
    assert again == form._replace(name="a name")
    (read,) = rulebook.parsed(rulebook.shown(made.table))
    assert dict(read) == made.table


def test_a_rule_that_says_more_is_changed_as_text() -> None:
    assert ruleform.form_of({"event": "Lead", "path": "/x", "method": "POST", "once": "visitor"}) is None
    assert ruleform.form_of({"event": "Lead", "path": ["/x", "/y"], "method": "POST"}) is None


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (RuleForm("Lead", path=""), "path"),
        (RuleForm("Lead", path="/a/<x"), "path"),
        (RuleForm("own", own="x" * 60, path="/x"), "own"),
        (RuleForm("own", own="AddToKart", path="/x"), "own"),
        (RuleForm("Lead", path="/x", proof="css", detail=">>"), "detail"),
        (RuleForm("Lead", path="/x", lines=(Line("value", "css", ">>"),)), "lines"),
        (RuleForm("Lead", path="/x", lines=(Line("value", "path", "id"),)), "lines"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(form: RuleForm, field: str) -> None:
    made = ruleform.make(form, "a name")
    assert made.rule is None and field in made.problems


def test_how_much_of_the_traffic_a_rule_fits() -> None:
    made = ruleform.make(FORMS[0], "a name")
    assert made.rule is not None
    counts = [
        ShapeCount("GET", "/produkt/<slug>", "page", "", 90),
        ShapeCount("GET", "/<slug>", "page", "", 10),
        ShapeCount("POST", "/produkt/<slug>", "page", "", 5),
    ]
    assert ruleform.matching(made.rule, counts) == (90, 100)


@pytest.mark.parametrize("name", ["general", *names()])
def test_every_shipped_rule_has_a_sentence(name: str) -> None:
    for rule in preset(name).rules.rules:
        text = narrate.sentence(rule, lambda message, **values: message.format(**values) if values else message)
        assert "{" not in text and len(text) > 20 and "“" in text, rule.name


# -- through the pages


def test_publish_switch_remove_and_back(app: CapiMiddleware, owner: Owner) -> None:
    fields = {"event": "Lead", "name": "min regel", "trigger": "act", "path": f"https://{HOST}/kontakt?x=1"}
    preview = owner.post("rules/new", fields)
    assert "Fits 0 of" in preview.text and app._source.current.rules == ()
    assert location(owner.post("rules/new", {**fields, "publish": "1"})) == "/_shop/admin/rules"
    assert [rule.paths[0].text for rule in app._source.current.rules] == ["/kontakt"]
    owner.post("rules/switch", {"name": "min regel", "on": "0"})
    assert app._source.current.shop.off == ("min regel",)
    owner.post("rules/remove", {"number": "0", "name": "min regel"})
    assert app._source.current.rules == ()
    page = owner.get("rules").text
    assert page.count("Go back to this version") == 3
    owner.post("rules/return", {"number": "3"})  # before it was removed
    assert [rule.name for rule in app._source.current.rules] == ["min regel"]
    assert app._source.current.shop.off == ("min regel",)
    owner.post("rules/return", {"number": "1"})  # before it was there
    assert app._source.current.rules == () and app._source.current.shop.off == ()


def test_a_published_rule_works_at_once(app: CapiMiddleware, owner: Owner, meta: Any) -> None:
    owner.post(
        "rules/new",
        {"event": "own", "own": "Lookbook", "trigger": "page", "path": "/kategori/*", "publish": "1",
         "key0": "content_name", "source0": "css", "text0": "h1"},
    )  # fmt: skip
    visit(app, "/kategori/koket")
    assert app.flush(5)
    told = next(event for event in meta.server_events if event.event_name == "Lookbook")
    assert told.custom_data["content_name"] == "Köket"


def test_a_rule_of_the_developer_s_file_has_no_form(make_app: Callable[..., CapiMiddleware]) -> None:
    app = make_app(text='[[rule]]\nevent = "Lead"\nname = "theirs"\npath = "/x"\n')
    owner = Owner(app)
    owner.log_in()
    page = owner.get("rules").text
    assert "developer or agency" in page and "rules/edit" not in page
    owner.post("rules/switch", {"name": "theirs", "on": "0"})
    assert app._source.current.shop.off == ("theirs",)


def test_a_rule_by_hand_is_checked_like_a_file(app: CapiMiddleware, owner: Owner) -> None:
    app._source.edit(lambda before: '[[rule]]\n# by hand\nevent = "Lead"\nname = "x"\npath = ["/x", "/y"]\n')
    assert "/y" in owner.get("rules/edit/0").text
    wrong = owner.post("rules/edit/0", {"toml": '[[rule]]\nevent = "Lead"\npath = "x"\n'})
    assert wrong.status_code == 422 and "slash" in wrong.text
    assert (
        owner.post("rules/edit/0", {"toml": '[[rule]]\nevent = "Lead"\nname = "x"\npath = "/z"\n'}).status_code == 303
    )
    assert "# by hand" in app._source.saved_text()
    assert [rule.paths[0].text for rule in app._source.current.rules] == ["/z"]


def test_a_suggestion_is_accepted_with_one_click(app: CapiMiddleware, owner: Owner) -> None:
    for visitor in range(20):
        app._shapes.note(HOST, "POST", "/kundvagn/ny", "", ">/kundvagn", [], visitor)
    page = owner.get("suggestions").text
    assert "POST /kundvagn/ny was sent 20 times and the cart page followed: is it “Added to cart”?" in page
    owner.post("suggestions", {"key": "AddToCart POST /kundvagn/ny", "answer": "yes"})
    (rule,) = app._source.current.rules
    assert (rule.event, rule.methods, rule.paths[0].text) == ("AddToCart", {"POST"}, "/kundvagn/ny")
    assert RuleReader("x").read(dict(rule.table), 1, lambda *parts: None) is not None


def test_a_suggestion_that_is_turned_down_stays_away(app: CapiMiddleware, owner: Owner) -> None:
    for visitor in range(20):
        app._shapes.note(HOST, "POST", "/kundvagn/ny", "", ">/kundvagn", [], visitor)
    owner.post("suggestions", {"key": "AddToCart POST /kundvagn/ny", "answer": "no"})
    assert "is it “Added to cart”?" not in owner.get("suggestions").text
    assert app._source.current.rules == ()


def call(app: CapiMiddleware, name: str, n: int = 1) -> None:
    """The shop's own pixel makes a call, as adopt.js tells of it."""
    for _ in range(n):
        message = {"v": 1, "k": "adopt", "u": f"https://{HOST}/", "i": new_event_id(), "n": name, "d": {}}
        headers = {"Sec-Fetch-Site": "same-origin", "User-Agent": CHROME, "Accept-Language": "sv"}
        answer = Client(app).post("/_shop/collect", json=message, headers=headers, base_url=f"https://{HOST}")
        assert answer.status_code == 200


def test_an_event_of_the_shop_s_own_pixel_is_allowed_with_one_click(
    app: CapiMiddleware, owner: Owner, meta: Sandbox
) -> None:
    call(app, "Sizes", 3)
    app.flush(5)
    assert meta.server_events == []
    assert "Sent by the browser only" in (page := owner.get("suggestions").text) and "3 times" in page
    assert owner.post("suggestions", {"key": "call:Sizes", "answer": "yes"}).status_code == 303
    assert app._source.current.browser.track == ("Sizes",)
    assert "Sent by the browser only" not in owner.get("suggestions").text
    call(app, "Sizes")
    app.flush(5)
    assert [event.event_name for event in meta.server_events] == ["Sizes"]


def test_an_event_that_nobody_has_seen_cannot_be_allowed(app: CapiMiddleware, owner: Owner) -> None:
    owner.post("suggestions", {"key": "call:Anything", "answer": "yes"})
    assert app._source.current.browser.track == ()


def test_an_event_of_the_shop_s_own_pixel_is_waved_away(app: CapiMiddleware, owner: Owner) -> None:
    call(app, "Sizes")
    owner.post("suggestions", {"key": "call:Sizes", "answer": "no"})
    assert "Sizes" not in owner.get("suggestions").text
    assert app._source.current.browser.track == ()


def test_made_up_events_do_not_crowd_out_the_shop_s_own(app: CapiMiddleware, owner: Owner) -> None:
    for _ in range(5):
        app._shapes.note_call(HOST, "Sizes")
    for number in range(300):
        app._shapes.note_call(HOST, f"made up {number}")
    app._shapes.write()
    marks = app._shapes.marks(HOST)
    assert marks["call:Sizes"] == 5
    assert len([what for what in marks if what.startswith("call:")]) == 50


def test_the_file_for_developers_has_no_token(app: CapiMiddleware, owner: Owner) -> None:
    owner.post("rules/new", {"event": "Lead", "trigger": "act", "path": "/x", "publish": "1"})
    text = owner.get("rules.toml").text
    assert rules_of(text)[0]["event"] == "Lead" and "access_token" not in text
