"""From cookies and headers to one decision (docs/consent.md has the table)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ConsentSettings
from capi_middleware.visit.address import network_of
from capi_middleware.visit.census import visitors_of
from capi_middleware.visit.visit import Answer, Consent

from .answer import ToolAnswer
from .memory import memory_for
from .read import reader_for

_MODE_OFF = Consent(Answer.UNKNOWN, True, "settings", "mode_off")
_NO_BANNER = frozenset({"gpp", "us-privacy"})
"""Signals that exist without any consent tool on the page."""


def resolve_consent(
    environ: Mapping[str, Any],
    cookies: Mapping[str, str],
    host: str,
    settings: Settings,
    now: float,
    remember: bool = True,
    address: str = "",
) -> Consent:
    """One decision for both legs and the cookies. Never raises; damaged input is never a yes.

    ``remember``: whether a tool seen here may count for the host's other visitors too (not when a robot brings it).
    ``address``: the visitor's, "" where it is not known.
    """
    consent = settings.consent
    if consent.mode == "off":
        return _MODE_OFF
    answers: Sequence[ToolAnswer] = reader_for(consent).answers(cookies, now) if cookies else ()
    required, tool = _required(answers, host, settings, now, (lambda: _network(environ, address)) if remember else None)
    signal = _signal(environ, consent)
    return decide(answers, required, tool, signal, consent) if answers or signal else _unanswered(required, tool)


def _required(
    answers: Sequence[ToolAnswer], host: str, settings: Settings, now: float, network: Callable[[], str] | None
) -> tuple[bool, str]:
    """Whether a yes is needed, and for the ``auto`` mode the tool that makes it so. ``network``: tells of whom
    the answers are; None if they count for himself alone."""
    consent = settings.consent
    if consent.mode != "auto":
        return consent.mode == "required", ""
    memory = memory_for(settings)
    if answers:
        here = frozenset(answer.tool for answer in answers) - _NO_BANNER
        if here:
            if network is not None:
                memory.note_cookies(host, here, network, visitors_of, now)
            return True, min(here)
    seen = memory.seen(host)
    if seen and consent.ignore_tools:
        seen = seen.difference(consent.ignore_tools)
    return bool(seen or consent.cookie), min(seen) if seen else "generic" if consent.cookie else ""


def _network(environ: Mapping[str, Any], address: str) -> str:
    """Behind a proxy that the settings do not name, what that proxy wrote: believed for nothing else."""
    return network_of(address or (environ.get("HTTP_X_FORWARDED_FOR") or "").rpartition(",")[2].strip())


def decide(answers: Sequence[ToolAnswer], required: bool, tool: str, signal: str, settings: ConsentSettings) -> Consent:
    """The rule itself, on values. ``signal``: the header that says no for the whole browser, "" for none."""
    limited: tuple[str, int, int] | tuple[()] = ()
    granted = waived = unsure = None
    for answer in answers:
        if answer.answer is Answer.DENIED:
            if not (answer.us and settings.us_opt_out == "ldu"):
                return Consent(Answer.DENIED, False, answer.tool, answer.reason)
            limited = _limited(settings)
        elif answer.tool in _NO_BANNER:
            continue
        elif answer.answer is Answer.GRANTED:
            granted = granted or answer
        elif answer.not_needed:
            waived = waived or answer
        else:
            unsure = unsure or answer
    if signal and not (granted and settings.gpc == "outweighed"):
        if required or settings.us_opt_out != "ldu":
            return Consent(Answer.DENIED, False, signal, "gpc" if signal == "Sec-GPC" else "dnt")
        limited = _limited(settings)
    if granted:
        return Consent(Answer.GRANTED, True, granted.tool, granted.reason, limited)
    if waived and not unsure:
        return Consent(Answer.UNKNOWN, True, waived.tool, waived.reason, limited)
    if unsure:
        return Consent(Answer.UNKNOWN, not required, unsure.tool, unsure.reason, limited)
    return _unanswered(required, tool)._replace(data_processing_options=limited)


@lru_cache(64)
def _unanswered(required: bool, tool: str) -> Consent:
    return Consent(Answer.UNKNOWN, not required, tool, "not_answered" if tool else "no_tool")


def _signal(environ: Mapping[str, Any], settings: ConsentSettings) -> str:
    if environ.get("HTTP_SEC_GPC") == "1" and settings.gpc != "ignore":
        return "Sec-GPC"
    return "DNT" if settings.do_not_track and environ.get("HTTP_DNT") == "1" else ""


def _limited(settings: ConsentSettings) -> tuple[str, int, int]:
    """Limited Data Use; without a state Meta finds country and state out itself."""
    return ("LDU", 1, settings.ldu_state) if settings.ldu_state else ("LDU", 0, 0)
