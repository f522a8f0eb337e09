"""The way in: set-up code, Pixel ID and token as people type them, and where on that way they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest

from capi_middleware import CapiMiddleware

from .conftest import PASSWORD, PIXEL, TOKEN, Owner, location

BARE = '[shop]\ncurrency = "SEK"\n'


@pytest.fixture
def fresh(make_app: Callable[..., CapiMiddleware]) -> tuple[CapiMiddleware, Owner]:
    """A shop with an owner, as yet without pixel and token."""
    app = make_app(text=BARE)
    owner = Owner(app)
    assert owner.log_in().status_code == 303
    return app, owner


def value_of(page: str, name: str) -> str:
    """What stands in a field."""
    found = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', page)
    assert found, name
    return unescape(found[1])


def told_of(page: str, name: str) -> str:
    """The problem at a field."""
    found = re.search(rf'<p class="wrong" id="{name}-wrong">([^<]+)</p>', page)
    return unescape(found[1]) if found else ""


@pytest.mark.parametrize("typed", ["my pixel", " 12 ", "123 456 x", "１２３４５６７８９０１２３４５６", "<b>"])
def test_a_bad_pixel_id_comes_back_as_typed_with_one_error_beside_it(
    fresh: tuple[CapiMiddleware, Owner], typed: str
) -> None:
    answer = fresh[1].post("connect", {"pixel_id": typed, "access_token": TOKEN})
    assert answer.status_code == 422
    assert value_of(answer.text, "pixel_id") == typed
    told = told_of(answer.text, "pixel_id")
    assert told and unescape(answer.text.split("<script", 1)[0]).count(told) == 1


def test_a_good_token_is_not_asked_for_again_when_the_pixel_id_was_wrong(fresh: tuple[CapiMiddleware, Owner]) -> None:
    app, owner = fresh
    answer = owner.post("connect", {"pixel_id": "my pixel", "access_token": TOKEN})
    assert 'name="use_kept"' in answer.text and TOKEN not in answer.text
    answer = owner.post("connect", {"pixel_id": PIXEL, "access_token": "", "use_kept": "1"})
    assert location(answer).startswith("/_shop/admin/try")
    assert app._source.current.meta.access_token.reveal() == TOKEN


def test_a_token_in_the_pixel_id_s_field_is_kept_and_never_shown(fresh: tuple[CapiMiddleware, Owner]) -> None:
    app, owner = fresh
    answer = owner.post("connect", {"pixel_id": TOKEN, "access_token": ""})
    assert answer.status_code == 422 and TOKEN not in answer.text
    assert "access token" in told_of(answer.text, "pixel_id")
    assert value_of(answer.text, "pixel_id") == ""
    owner.post("connect", {"pixel_id": PIXEL, "access_token": "", "use_kept": "1"})
    assert app._source.current.meta.access_token.reveal() == TOKEN


def test_pixel_id_and_token_in_each_other_s_field_change_places(fresh: tuple[CapiMiddleware, Owner]) -> None:
    app, owner = fresh
    assert location(owner.post("connect", {"pixel_id": TOKEN, "access_token": PIXEL})).startswith("/_shop/admin/try")
    assert (app._source.current.meta.pixel_id, app._source.current.meta.access_token.reveal()) == (PIXEL, TOKEN)


@pytest.mark.parametrize("pasted", [f"{TOKEN[:9]}\n{TOKEN[9:]}", f' "{TOKEN}" ', f"access_token={TOKEN}\r\n"])
def test_a_token_as_people_paste_it(fresh: tuple[CapiMiddleware, Owner], pasted: str) -> None:
    app, owner = fresh
    owner.post("connect", {"pixel_id": f" {PIXEL} ", "access_token": pasted})
    assert app._source.current.meta.access_token.reveal() == TOKEN


def step(page: str) -> str:
    """The step that the owner is told to be at, "" where the page counts none."""
    found = re.search(r'<li data-n="\d" aria-current="step"><span>([^<]+)</span>', page)
    return found[1] if found else ""


def test_the_steps_of_the_first_run(make_app: Callable[..., CapiMiddleware], caplog: pytest.LogCaptureFixture) -> None:
    owner = Owner(make_app(text=BARE, owned=False))
    code = caplog.text.partition("set-up code ")[2].split()[0]
    assert step(owner.get("setup").text) == "Password"
    owner.post("setup", {"code": code, "password": PASSWORD, "again": PASSWORD})
    connect = owner.get("connect").text
    assert step(connect) == "Connect to Meta" and connect.count('class="past"') == 1
    found = re.search(r'name="csrf" value="([^"]+)"', connect)
    assert found
    owner.csrf = found[1]
    there = location(owner.post("connect", {"pixel_id": PIXEL, "access_token": TOKEN}))
    assert step(owner.get(there).text) == "See it work"
    assert step(owner.get(there).text) == "See it work", "reloading loses nothing"
    owner.get("")
    assert step(owner.get("try").text) == "" == step(owner.get("connect").text), "later it is no step of anything"


def test_a_password_set_by_the_server_is_no_step(make_app: Callable[..., CapiMiddleware]) -> None:
    owner = Owner(make_app(text=BARE, owned=False, admin_password=PASSWORD))
    owner.log_in()
    page = owner.get("connect").text
    assert re.findall(r'<li data-n="(\d)"[^>]*><span>([^<]+)<', page) == [
        ("1", "Connect to Meta"),
        ("2", "See it work"),
    ]
    assert step(page) == "Connect to Meta"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "AAAAA-BBBBB", "password": PASSWORD, "again": PASSWORD}, "code"),
        ({"code": "AAAAA-BBBBB", "password": PASSWORD, "again": "other"}, "again"),
        ({"code": "CODE", "password": "short", "again": "short"}, "password"),
        ({"code": "CODE", "password": "password1234", "again": "password1234"}, "password"),
    ],
)
def test_what_is_wrong_with_the_set_up_is_said_at_its_field(
    make_app: Callable[..., CapiMiddleware], caplog: pytest.LogCaptureFixture, given: dict[str, str], field: str
) -> None:
    app = make_app(text=BARE, owned=False)
    given = {**given, "code": given["code"].replace("CODE", caplog.text.partition("set-up code ")[2].split()[0])}
    answer = Owner(app).post("setup", given)
    assert answer.status_code == 422 and told_of(answer.text, field)
    assert value_of(answer.text, "code") == given["code"]


def test_saved_without_meta_s_word_is_a_warning(fresh: tuple[CapiMiddleware, Owner], meta: object) -> None:
    answer = fresh[1].post("connect", {"pixel_id": "999999999999999", "access_token": TOKEN, "anyway": "1"})
    assert 'class="banner warn" role="status"' in fresh[1].get(location(answer)).text


def test_point_and_click_that_is_still_on_is_said_where_visits_should_count(owner: Owner) -> None:
    assert "Point and click is still on" not in owner.get("try").text
    owner.post("rules/pick", {"path": "/"})
    assert "Point and click is still on" in owner.get("try").text
    owner.post("rules/pick/stop", {"back": "try"})
    assert "Point and click is still on" not in owner.get("try").text
