"""What each consent tool's cookie says about marketing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from capi_middleware.settings.settings import ConsentSettings
from capi_middleware.visit.visit import Answer


class ToolAnswer(NamedTuple):
    """What one tool's cookie says."""

    tool: str
    answer: Answer
    reason: str


def read_answers(cookies: Mapping[str, str], settings: ConsentSettings) -> tuple[ToolAnswer, ...]:
    """The answers of all tools whose cookies are there."""
    found = []
    if "CookieConsent" in cookies:
        text = unquote(cookies["CookieConsent"])
        yes = re.search(r"[{,]marketing:(true|false)[,}]", text)
        answer = Answer.UNKNOWN if not yes else Answer.GRANTED if yes.group(1) == "true" else Answer.DENIED
        found.append(ToolAnswer("cookiebot", answer, "cookie"))
    if "OptanonConsent" in cookies:
        groups = dict(parse_qsl(cookies["OptanonConsent"])).get("groups", "").split(",")
        answer = Answer.UNKNOWN
        if "OptanonAlertBoxClosed" in cookies:
            answer = Answer.GRANTED if f"{settings.onetrust_group}:1" in groups else Answer.DENIED
        found.append(ToolAnswer("onetrust", answer, "cookie"))
    if "capi_consent" in cookies:
        mirror = re.fullmatch(r"v1\.([gd])\.[a-z0-9_-]{1,32}\.\d{9,11}", cookies["capi_consent"])
        if mirror:
            answer = Answer.GRANTED if mirror.group(1) == "g" else Answer.DENIED
            found.append(ToolAnswer("mirror", answer, "mirror"))
    return tuple(found)
