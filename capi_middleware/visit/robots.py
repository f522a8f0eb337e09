"""Robots by their user agent: the data of ``crawler-user-agents`` behind a cache."""

from __future__ import annotations

import re
from functools import lru_cache

from capi_middleware.settings import Settings

_CUT = 512


def robot_reason(user_agent: str, settings: Settings) -> str:
    """The code that makes this agent a robot, or ""."""
    visit = settings.visit
    return _judged(user_agent[:_CUT], visit.allow_agents, visit.refuse_agents)


@lru_cache(maxsize=4096)
def _judged(user_agent: str, allowed: tuple[str, ...], refused: tuple[str, ...]) -> str:
    if any(part in user_agent for part in refused):
        return "robot_by_settings"
    if any(part in user_agent for part in allowed):
        return ""
    if not user_agent.strip():
        return "no_user_agent"
    return "robot_agent" if _pattern().search(user_agent) else ""


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    import crawleruseragents  # type: ignore[import-untyped]

    return re.compile("|".join(f"(?:{entry['pattern']})" for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA))
