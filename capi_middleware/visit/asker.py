"""Who is asking: a person opening a page, a script of the page, a robot, a prefetch, an embedded frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capi_middleware.settings import Settings

from .robots import robot_reason
from .visit import Asker

_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_FRAGMENT_HEADERS = ("HTTP_X_REQUESTED_WITH", "HTTP_HX_REQUEST", "HTTP_TURBO_FRAME", "HTTP_X_PJAX", "HTTP_X_UP_VERSION")
_BROWSER_HEADERS = (
    "HTTP_ACCEPT_LANGUAGE",
    "HTTP_SEC_FETCH_MODE",
    "HTTP_SEC_FETCH_SITE",
    "HTTP_SEC_FETCH_DEST",
    "HTTP_UPGRADE_INSECURE_REQUESTS",
    "HTTP_SEC_CH_UA",
    "HTTP_DNT",
    "HTTP_SEC_GPC",
)


def judge_asker(environ: Mapping[str, Any], method: str, user_agent: str, settings: Settings) -> tuple[Asker, str]:
    """The asker and the code that led to it. Never raises."""
    reason = robot_reason(user_agent, settings)
    if reason:
        return Asker.ROBOT, reason
    if method == "HEAD":
        return Asker.ROBOT, "head_request"
    purpose = _purpose(environ)
    if purpose:
        return Asker.PREFETCH, purpose
    destination = environ.get("HTTP_SEC_FETCH_DEST") or ""
    mode = environ.get("HTTP_SEC_FETCH_MODE") or ""
    if destination in _FRAMES and settings.visit.frames != "count":
        return Asker.FRAME, "frame"
    if mode and mode not in ("navigate", "nested-navigate"):
        return Asker.SCRIPT, "fetch_mode"
    if destination and destination != "document" and destination not in _FRAMES:
        return Asker.SCRIPT, "fetch_dest"
    for header in _FRAGMENT_HEADERS:
        if header in environ:
            return Asker.SCRIPT, "fragment"
    if _suspect(environ, user_agent):
        return Asker.SUSPECT, "no_browser_headers"
    accept = environ.get("HTTP_ACCEPT") or ""
    if accept and not mode and "text/html" not in accept and "application/xhtml" not in accept and accept != "*/*":
        return Asker.SCRIPT, "accept"
    return Asker.PERSON, "navigation" if mode else "page"


def _purpose(environ: Mapping[str, Any]) -> str:
    purpose = environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE") or environ.get("HTTP_X_PURPOSE")
    if purpose:
        if "prerender" in purpose:
            return "prerender"
        if "prefetch" in purpose:
            return "prefetch"
        if "preview" in purpose:
            return "preview"
    return "prefetch" if environ.get("HTTP_X_MOZ") == "prefetch" else ""


def _suspect(environ: Mapping[str, Any], user_agent: str) -> bool:
    return user_agent.startswith("Mozilla/5.0") and not any(header in environ for header in _BROWSER_HEADERS)
