"""Robots by their user agent: the data of ``crawler-user-agents`` (MIT) behind a fast yes and a cache.

google-re2 (extra ``fast``) searches the 1 500 patterns in a few microseconds; the standard library needs some
hundred. Either way the great majority of people pass by :data:`_PLAIN_BROWSER` alone, and a visitor's second request
is a look-up.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from capi_middleware.settings import Settings

CUT = 512
"""Characters of a user agent that are judged; Meta's in-app browsers send the longest real ones, some 350."""
_CACHED = 4_096
_NUMBER = r"[\d.]{1,24}"
_PLAIN_BROWSER = re.compile(
    rf"""Mozilla/5\.0\ \(
    (?: Windows\ NT\ {_NUMBER}(?:;\ Win64;\ x64|;\ WOW64)?
      | Macintosh;\ Intel\ Mac\ OS\ X\ [\d_.]{{1,12}}
      | X11;\ (?:Ubuntu;\ )?Linux\ (?:x86_64|aarch64)
      | X11;\ CrOS\ x86_64\ {_NUMBER}
      | Linux;\ Android\ {_NUMBER};\ K
      | Android\ {_NUMBER};\ Mobile
      | i(?:Phone|Pad|Pod);\ CPU\ (?:iPhone\ )?OS\ [\d_]{{1,12}}\ like\ Mac\ OS\ X
    )(?:;\ rv:{_NUMBER})?\)
    (?: \ Gecko/{_NUMBER}\ Firefox/{_NUMBER}
      | \ AppleWebKit/{_NUMBER}\ \(KHTML,\ like\ Gecko\)
        (?:\ Version/{_NUMBER}|\ CriOS/{_NUMBER}|\ FxiOS/{_NUMBER}|\ EdgiOS/{_NUMBER}|\ GSA/{_NUMBER})?
        (?:\ SamsungBrowser/{_NUMBER})?
        (?:\ Chrome/{_NUMBER})?
        (?:\ Mobile(?:/\w{{4,8}})?)?
        \ Safari/{_NUMBER}
        (?:\ (?:Edg|EdgA|OPR)/{_NUMBER})?
    )""",
    re.VERBOSE | re.ASCII,
)


def robot_reason(user_agent: str, settings: Settings) -> str:
    """The code that makes this agent a robot, or ""."""
    visit = settings.visit
    agent = user_agent[:CUT]
    if visit.allow_agents or visit.refuse_agents:
        if any(part in agent for part in visit.refuse_agents):
            return "robot_by_settings"
        if any(part in agent for part in visit.allow_agents):
            return ""
    return judge_agent(agent)


@lru_cache(maxsize=_CACHED)
def judge_agent(user_agent: str) -> str:
    """``no_user_agent``, ``robot_agent``, or "" for what may be a person's browser."""
    if not user_agent.strip():
        return "no_user_agent"
    if _PLAIN_BROWSER.fullmatch(user_agent):
        return ""
    return "robot_agent" if _search()(user_agent) else ""


@lru_cache(maxsize=1)
def _search() -> Callable[[str], Any]:
    import crawleruseragents  # type: ignore[import-untyped]

    patterns = [str(entry["pattern"]) for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA]
    sys.modules.pop("crawleruseragents", None)  # a megabyte and a half that nobody asks any more
    return _fast_search(patterns) or re.compile(_alternation(patterns)).search


def _fast_search(patterns: list[str]) -> Callable[[str], Any] | None:
    try:
        import re2  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    options = re2.Options()
    options.max_mem = 64 << 20
    options.log_errors = False
    try:
        search: Callable[[str], Any] = re2.compile(_alternation(patterns), options).search
    except re2.error:
        return None
    return search


def _alternation(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)
