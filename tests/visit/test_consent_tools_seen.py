"""``auto``: implied until a consent tool is seen, required from then on, for every visitor and in every process."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from capi_middleware.visit import Answer, consent_tools_in, memory_for, note_page, scan_due
from capi_middleware.visit.consent.memory import KEEP, PAGES_EVERY, ToolMemory
from capi_middleware.visit.consent.pages import MARKS

COOKIEBOT = "CookieConsent={stamp:'x'%2Cmarketing:true%2Cver:1}"
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NOW = 1_700_000_000.0


def settle() -> None:
    """Wait for the threads that write the file."""
    for thread in threading.enumerate():
        if thread.name == "capi-consent-tools":
            thread.join(10)


def test_a_shop_without_a_tool_sends(look: Any) -> None:
    assert look().consent.allowed


PEOPLE = ("8.8.8.8", "81.2.69.142", "2a00:1450:400f:80d::7")


def brought(look: Any, settings: Any, cookies: str = COOKIEBOT, people: tuple[str, ...] = PEOPLE, **more: str) -> None:
    """Visitors of these addresses come with the cookies."""
    for address in people:
        look(settings, cookies=cookies, REMOTE_ADDR=address, **more)


def test_visitors_of_several_networks_with_a_tool_s_cookie_bind_the_others(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    brought(look, settings)
    assert look(settings).consent == (Answer.UNKNOWN, False, "cookiebot", "not_answered", ())
    assert look(settings, "https://other.example/").consent.allowed


def test_a_forged_cookie_binds_its_sender_alone(look: Any, make_settings: Any) -> None:
    """However often it is sent, and from however many addresses of one network."""
    settings = make_settings()
    asked = look(settings, cookies="CookieConsent=0", REMOTE_ADDR="81.2.69.9")
    assert not asked.consent.allowed, "his own answer is still asked for"
    for number in range(300):
        look(settings, cookies=COOKIEBOT, REMOTE_ADDR=f"81.2.69.{number % 250}")
        look(settings, cookies=COOKIEBOT, REMOTE_ADDR=f"2a00:1450:400f:{number % 200:x}::{number}")
    assert look(settings).consent.allowed
    assert memory_for(settings).seen("www.example.com") == frozenset()


def test_a_few_forgers_among_many_visitors_bind_nobody(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    for number in range(200):
        look(settings, REMOTE_ADDR=f"81.3.{number}.7")
    brought(look, settings, people=tuple(f"81.4.{number}.7" for number in range(8)))
    assert look(settings).consent.allowed
    brought(look, settings, people=tuple(f"81.5.{number}.7" for number in range(8)))
    assert not look(settings).consent.allowed, "one in twenty has answered: there is something that asks"


def test_behind_a_proxy_that_no_setting_names_its_word_tells_visitors_apart(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    for address in PEOPLE:
        look(settings, cookies=COOKIEBOT, REMOTE_ADDR="127.0.0.1", x_forwarded_for=f"1.1.1.1, {address}")
    assert not look(settings).consent.allowed


def test_where_no_address_is_known_cookies_bind_nobody(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    for _ in range(10):
        look(settings, cookies=COOKIEBOT, REMOTE_ADDR=None)
    assert look(settings).consent.allowed


def test_a_robot_binds_nobody(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    brought(look, settings, user_agent=ROBOT)
    assert look(settings).consent.allowed


def test_a_us_privacy_string_is_no_consent_tool(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    brought(look, settings, "usprivacy=1YNN")
    assert look(settings).consent.allowed


def test_a_page_that_loads_a_tool_binds_all(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    assert scan_due("www.example.com", settings)
    html = b'<head><script id="Cookiebot" src="https://consent.cookiebot.com/uc.js"></script>'
    assert note_page("www.example.com", html, settings, NOW) == {"cookiebot"}
    assert not scan_due("www.example.com", settings)
    assert look(settings).consent == (Answer.UNKNOWN, False, "cookiebot", "not_answered", ())


def test_a_tool_that_the_shop_has_left_can_be_ignored(look: Any, make_settings: Any) -> None:
    settings = make_settings()
    brought(look, settings)
    assert look(make_settings(consent={"ignore_tools": ("cookiebot",)})).consent.allowed
    memory_for(settings).forget("www.example.com")
    assert look(settings).consent.allowed


@pytest.mark.parametrize("tool", sorted(MARKS))
def test_each_tool_is_found_by_its_script(tool: str) -> None:
    for mark in MARKS[tool]:
        assert tool in consent_tools_in(b"<script src='//" + mark + b"'></script>")


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"<p>We use cookies. <a href='/cookies'>Cookie policy</a></p>",
        b"<h1>Oatmeal cookies, 12 pieces</h1>",
        b"<script src='/assets/consent.js'></script>",
    ],
)
def test_talk_of_cookies_is_no_tool(html: bytes) -> None:
    assert consent_tools_in(html) == frozenset()


def test_pages_are_looked_at_less_and_less(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    memory = ToolMemory(None)
    looked = [memory.scan_due("shop.example") for _ in range(1000)]
    assert looked == [True] * 16 + [False] * 984
    now[0] += PAGES_EVERY
    assert [memory.scan_due("shop.example") for _ in range(3)] == [True, False, False]
    assert memory.scan_due("other.example")


def test_processes_share_what_they_saw(tmp_path: Path) -> None:
    one, other = ToolMemory(tmp_path), ToolMemory(tmp_path)
    assert other.seen("shop.example") == frozenset()
    one.note("shop.example", frozenset({"onetrust"}), time.time())
    settle()
    other._looked = 0.0
    assert other.seen("shop.example") == {"onetrust"}
    assert ToolMemory(tmp_path).seen("shop.example") == {"onetrust"}
    other.forget("shop.example")
    assert ToolMemory(tmp_path).seen("shop.example") == frozenset()


def test_two_processes_do_not_overwrite_each_other(tmp_path: Path) -> None:
    one, other = ToolMemory(tmp_path), ToolMemory(tmp_path)
    one.note("a.example", frozenset({"klaro"}), time.time())
    settle()
    other.note("b.example", frozenset({"didomi"}), time.time())
    settle()
    fresh = ToolMemory(tmp_path)
    assert (fresh.seen("a.example"), fresh.seen("b.example")) == ({"klaro"}, {"didomi"})


def test_what_nobody_brings_any_more_is_forgotten(tmp_path: Path) -> None:
    memory = ToolMemory(tmp_path)
    memory.note("shop.example", frozenset({"klaro"}), time.time() - KEEP - 1)
    settle()
    assert ToolMemory(tmp_path).seen("shop.example") == frozenset()


@pytest.mark.parametrize("text", ["", "[", "[]", '{"shop.example": 1}', '{"shop.example": {"klaro": "x"}}'])
def test_a_damaged_file_is_no_fault(text: str, tmp_path: Path) -> None:
    (tmp_path / "consent_tools.json").write_text(text)
    memory = ToolMemory(tmp_path)
    assert memory.seen("shop.example") == frozenset()
    memory.note("shop.example", frozenset({"klaro"}), time.time())
    settle()
    assert json.loads((tmp_path / "consent_tools.json").read_text())["shop.example"]["klaro"] > 0


def test_a_folder_that_cannot_be_written_costs_only_the_sharing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    memory = ToolMemory(blocked)
    memory.note("shop.example", frozenset({"klaro"}), time.time())
    settle()
    assert memory.seen("shop.example") == {"klaro"}


def test_developers_own_hosts_are_not_written(tmp_path: Path) -> None:
    memory = ToolMemory(tmp_path)
    memory.note("localhost", frozenset({"klaro"}), time.time())
    settle()
    assert memory.seen("localhost") == {"klaro"}
    assert os.listdir(tmp_path) == []


def test_invented_hosts_do_not_fill_the_memory(tmp_path: Path) -> None:
    memory = ToolMemory(None)
    for number in range(2000):
        memory.note(f"h{number}.example", frozenset({"klaro"}), NOW + number)
    assert len(memory._times) <= 512
    assert memory.seen("h1999.example") == {"klaro"}
