"""Who asks: every known robot, hundreds of people's browsers, and the requests that open no page."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import crawleruseragents
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.settings import Settings
from capi_middleware.visit import ASKER_REASONS, Asker, click_ids, is_subresource
from capi_middleware.visit.asker import judge_asker
from capi_middleware.visit.robots import _search, judge_agent

ROBOTS = sorted({agent for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA for agent in entry["instances"]})
PEOPLE = [
    line
    for line in Path(__file__).with_name("browser_agents.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
CURL = {
    "sec_fetch_dest": None,
    "sec_fetch_mode": None,
    "sec_fetch_site": None,
    "accept_language": None,
    "accept": "*/*",
}
OLD = {"sec_fetch_dest": None, "sec_fetch_mode": None, "sec_fetch_site": None}


def test_no_known_robot_is_a_person(look: Any) -> None:
    assert len(ROBOTS) > 500
    passed = [agent for agent in ROBOTS if look(user_agent=agent).asker is not Asker.ROBOT]
    assert passed == []


def test_no_person_is_a_robot(look: Any) -> None:
    assert len(PEOPLE) >= 300
    refused = [agent for agent in PEOPLE if look(user_agent=agent).asker is not Asker.PERSON]
    assert refused == []


def test_no_person_with_an_old_browser_is_refused(look: Any) -> None:
    refused = [agent for agent in PEOPLE if look(user_agent=agent, **OLD).asker is not Asker.PERSON]
    assert refused == []


def test_without_re2_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [judge_agent(agent) for agent in ROBOTS[::20] + PEOPLE]
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "re2":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    judge_agent.cache_clear()
    _search.cache_clear()
    try:
        assert [judge_agent(agent) for agent in ROBOTS[::20] + PEOPLE] == expected
    finally:
        judge_agent.cache_clear()
        _search.cache_clear()


@pytest.mark.parametrize(
    ("headers", "asker", "reason"),
    [
        ({}, Asker.PERSON, "navigation"),
        (OLD, Asker.PERSON, "page"),
        ({"sec_fetch_dest": None, "sec_fetch_mode": None, "accept": None}, Asker.PERSON, "page"),
        ({"user_agent": None}, Asker.ROBOT, "no_user_agent"),
        ({"user_agent": "  "}, Asker.ROBOT, "no_user_agent"),
        ({"user_agent": "curl/8.5.0"}, Asker.ROBOT, "robot_agent"),
        ({"user_agent": "facebookexternalhit/1.1"}, Asker.ROBOT, "robot_agent"),
        ({"user_agent": "Mozilla/5.0+(compatible; UptimeRobot/2.0)"}, Asker.ROBOT, "robot_agent"),
        ({"user_agent": "WhatsApp/2.23.20.0"}, Asker.ROBOT, "robot_agent"),
        ({"sec_purpose": "prefetch"}, Asker.PREFETCH, "prefetch"),
        ({"sec_purpose": "prefetch;prerender"}, Asker.PREFETCH, "prerender"),
        ({"sec_purpose": "prefetch;anonymous-client-ip"}, Asker.PREFETCH, "prefetch"),
        ({"purpose": "prefetch"}, Asker.PREFETCH, "prefetch"),
        ({"x_moz": "prefetch"}, Asker.PREFETCH, "prefetch"),
        ({"x_purpose": "preview"}, Asker.PREFETCH, "preview"),
        ({"sec_fetch_dest": "iframe"}, Asker.FRAME, "frame"),
        ({"sec_fetch_dest": "object"}, Asker.FRAME, "frame"),
        ({"sec_fetch_dest": "empty", "sec_fetch_mode": "cors"}, Asker.SCRIPT, "fetch_mode"),
        ({"sec_fetch_dest": "image", "sec_fetch_mode": "no-cors"}, Asker.SCRIPT, "fetch_mode"),
        ({"sec_fetch_dest": "image", "sec_fetch_mode": None}, Asker.SCRIPT, "fetch_destination"),
        ({**OLD, "x_requested_with": "XMLHttpRequest"}, Asker.SCRIPT, "fragment"),
        ({**OLD, "hx_request": "true"}, Asker.SCRIPT, "fragment"),
        ({**OLD, "turbo_frame": "cart"}, Asker.SCRIPT, "fragment"),
        ({**OLD, "x_requested_with": "com.facebook.katana"}, Asker.PERSON, "page"),
        ({"x_requested_with": "com.instagram.android"}, Asker.PERSON, "navigation"),
        ({**OLD, "accept": "*/*"}, Asker.SCRIPT, "accept"),
        ({**OLD, "accept": "application/json"}, Asker.SCRIPT, "accept"),
        ({**OLD, "accept": "application/xhtml+xml"}, Asker.PERSON, "page"),
        (CURL, Asker.SUSPECT, "no_browser_headers"),
        ({**CURL, "accept": "text/html"}, Asker.SUSPECT, "no_browser_headers"),
        ({**OLD, "user_agent": "Shoplib/1.0 (+https://shoplib.example)"}, Asker.SUSPECT, "unknown_agent"),
    ],
)  # fmt: skip
def test_asker(headers: dict[str, str | None], asker: Asker, reason: str, look: Any) -> None:
    visit = look(**headers)
    assert (visit.asker, visit.reason) == (asker, reason)
    assert reason in ASKER_REASONS


@pytest.mark.parametrize(
    ("method", "asker", "reason"),
    [
        ("HEAD", Asker.ROBOT, "head_request"),
        ("POST", Asker.PERSON, "navigation"),
        ("PUT", Asker.SCRIPT, "method"),
        ("DELETE", Asker.SCRIPT, "method"),
    ],
)
def test_method(method: str, asker: Asker, reason: str, look: Any) -> None:
    visit = look(None, "https://www.example.com/", method)
    assert (visit.asker, visit.reason) == (asker, reason)


@pytest.mark.parametrize(
    ("destination", "sub"),
    [("image", True), ("script", True), ("font", True), ("document", False), ("empty", False), ("iframe", False)],
)
def test_subresources_are_told_apart_at_once(destination: str, sub: bool, make_environ: Any) -> None:
    assert is_subresource(make_environ(sec_fetch_dest=destination)) is sub
    assert not is_subresource(make_environ(sec_fetch_dest=None))


def test_frames_count_if_the_shop_lives_in_one(look: Any, make_settings: Any) -> None:
    visit = look(make_settings(visit={"frames": "count"}), sec_fetch_dest="iframe")
    assert (visit.asker, visit.counts) == (Asker.PERSON, True)


def test_the_shops_own_tests_can_be_let_in(look: Any, make_settings: Any) -> None:
    agent = (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36"
    )
    assert look(user_agent=agent).asker is Asker.ROBOT
    assert look(make_settings(visit={"allow_agents": ("HeadlessChrome",)}), user_agent=agent).asker is Asker.PERSON


def test_a_shop_can_refuse_more(look: Any, make_settings: Any) -> None:
    visit = look(make_settings(visit={"refuse_agents": ("Windows NT 10.0",)}))
    assert (visit.asker, visit.reason) == (Asker.ROBOT, "robot_by_settings")


@pytest.mark.parametrize(
    ("headers", "counts"),
    [({}, True), (CURL, True), ({"user_agent": "curl/8"}, False), ({"sec_purpose": "prefetch"}, False)],
)
def test_what_counts_as_a_view(headers: dict[str, str | None], counts: bool, look: Any) -> None:
    assert look(**headers).counts is counts


def test_robots_get_no_cookies(look: Any, make_settings: Any) -> None:
    assert click_ids(look(user_agent="curl/8"), make_settings(), 0.0).set_cookies == ()


@given(st.text(max_size=900))
def test_any_agent_is_judged(agent: str) -> None:
    asker, reason = judge_asker({}, "GET", agent, Settings())
    assert asker in Asker
    assert reason in ASKER_REASONS


@given(
    st.dictionaries(
        st.sampled_from(
            ["HTTP_SEC_FETCH_MODE", "HTTP_SEC_FETCH_DEST", "HTTP_SEC_PURPOSE", "HTTP_ACCEPT", "HTTP_X_REQUESTED_WITH"]
        ),
        st.text(max_size=40),
    ),
    st.text(max_size=10),
)
def test_any_headers_are_judged(environ: dict[str, str], method: str) -> None:
    assert judge_asker(environ, method, PEOPLE[0], Settings())[1] in ASKER_REASONS


def test_visits_of_the_shop_s_own_people_do_not_count(look: Any, make_settings: Any) -> None:
    office = make_settings(visit={"ignore_addresses": ("8.8.8.0/24", "2001:db8::/48")})
    assert look(office, REMOTE_ADDR="9.9.9.9").asker is Asker.PERSON
    own = look(office)
    assert (own.asker, own.reason) == (Asker.ROBOT, "ignored_address")
    told = look(cookies="a=1; shop_uncounted=1")
    assert (told.asker, told.reason) == (Asker.ROBOT, "ignored_browser")
    assert {own.reason, told.reason} <= set(ASKER_REASONS)
