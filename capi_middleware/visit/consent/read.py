"""All tools' answers in a request, read once for each distinct value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from capi_middleware.settings.settings import ConsentSettings
from capi_middleware.visit.per_settings import PerSettings
from capi_middleware.visit.visit import Answer

from .answer import UNREADABLE, Said, ToolAnswer
from .generic import read_generic
from .mirror import MIRROR_COOKIE, read_mirror
from .tools import IUBENDA, IUBENDA_NAME, TOOLS, Tool, Values

_CACHED = 1_024
_LONGEST_CACHED = 2_048


class Reader:
    """The readers under one shop's settings. Safe to share between threads."""

    def __init__(self, settings: ConsentSettings) -> None:
        self.settings = settings
        self._tools: dict[str, Tool] = {
            tool.cookies[0]: tool for tool in TOOLS if tool.name not in settings.ignore_tools
        }
        if settings.cookie:
            self._tools[settings.cookie] = Tool("generic", (settings.cookie,), _generic)
        self._iubenda = "iubenda" not in settings.ignore_tools
        self._mirror = "mirror" not in settings.ignore_tools
        self._remembered = lru_cache(maxsize=_CACHED)(self._read)

    def answers(self, cookies: Mapping[str, str], now: float) -> list[ToolAnswer]:
        """What each tool that has a cookie here says. Never raises."""
        tools = self._tools
        found = []
        for name in cookies:
            if name in tools:
                tool = tools[name]
                names = tool.cookies
                values = (cookies[name],) if len(names) == 1 else tuple(map(cookies.get, names))
                found.append(self._judged(tool, values))
            elif name[:5] == "_iub_" and self._iubenda and IUBENDA_NAME.fullmatch(name):
                found.append(self._judged(IUBENDA, (cookies[name],)))
        if self._mirror and MIRROR_COOKIE in cookies:
            self._add_mirror(found, cookies[MIRROR_COOKIE], now)
        return found

    def _judged(self, tool: Tool, values: tuple[str | None, ...]) -> ToolAnswer:
        for value in values:
            if value and len(value) > _LONGEST_CACHED:
                return self._read(tool, values)
        return self._remembered(tool, values)

    def _read(self, tool: Tool, values: tuple[str | None, ...]) -> ToolAnswer:
        try:
            said = tool.read(values, self.settings)
        except Exception:  # whatever a damaged cookie provokes is no answer
            said = UNREADABLE
        return ToolAnswer(tool.name, *said)

    def _add_mirror(self, found: list[ToolAnswer], value: str, now: float) -> None:
        """The mirror stands back where the tool it names has answered in a cookie of its own: that one is newer."""
        mirror = read_mirror(value, now)
        if mirror is None:
            found.append(ToolAnswer("mirror", *UNREADABLE))
        elif mirror.tool not in self.settings.ignore_tools and not any(
            answer.tool == mirror.tool and answer.answer is not Answer.UNKNOWN for answer in found
        ):
            answer = Answer.GRANTED if mirror.granted else Answer.DENIED
            found.append(ToolAnswer(mirror.tool, answer, "accepted" if mirror.granted else "refused"))


def _generic(values: Values, settings: ConsentSettings) -> Said:
    return read_generic(values[0] or "", settings)


reader_for = PerSettings(Reader)
