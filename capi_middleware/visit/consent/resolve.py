"""From cookies and headers to one decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capi_middleware.settings import Settings
from capi_middleware.visit.visit import Answer, Consent

from .seen import note_tools, tools_seen
from .tools import read_answers


def resolve_consent(environ: Mapping[str, Any], cookies: Mapping[str, str], host: str, settings: Settings) -> Consent:
    """One decision for both legs and the cookies. Never raises; damaged input is never a yes."""
    consent = settings.consent
    if consent.mode == "off":
        return Consent(Answer.UNKNOWN, True, "settings", "mode_off")
    answers = read_answers(cookies, consent)
    if answers:
        note_tools(host, frozenset(answer.tool for answer in answers))
    required = consent.mode == "required" or (consent.mode == "auto" and bool(tools_seen(host)))
    mode = "required" if required else "implied"
    for answer in answers:
        if answer.answer is Answer.DENIED:
            return Consent(Answer.DENIED, False, answer.tool, answer.reason)
    granted = next((answer for answer in answers if answer.answer is Answer.GRANTED), None)
    if environ.get("HTTP_SEC_GPC") == "1" and consent.gpc != "ignore" and not (granted and consent.gpc == "outweighed"):
        return Consent(Answer.DENIED, False, "Sec-GPC", "gpc")
    if granted:
        return Consent(Answer.GRANTED, True, granted.tool, granted.reason)
    reason = answers[0].reason if answers else "no_answer"
    return Consent(Answer.UNKNOWN, not required, answers[0].tool if answers else "", f"{mode}_{reason}")
