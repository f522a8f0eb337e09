"""Who is asking: a person opening a page, a script of the page, a robot, a prefetch, an embedded frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from capi_middleware.settings import Settings

from .robots import robot_reason
from .visit import Asker

_FRAMES = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
_FRAGMENT_HEADERS = frozenset(
    {
        "HTTP_HX_REQUEST",
        "HTTP_TURBO_FRAME",
        "HTTP_X_PJAX",
        "HTTP_X_UP_VERSION",
        "HTTP_X_INERTIA",
        "HTTP_X_LIVEWIRE",
        "HTTP_X_BARBA",
    }
)
"""htmx, Turbo, pjax, Unpoly, Inertia, Livewire, barba.js: pieces of a page, fetched by its scripts."""
_BROWSER_HEADERS = frozenset(
    {
        "HTTP_ACCEPT_LANGUAGE",
        "HTTP_SEC_FETCH_MODE",
        "HTTP_SEC_FETCH_SITE",
        "HTTP_SEC_FETCH_DEST",
        "HTTP_UPGRADE_INSECURE_REQUESTS",
        "HTTP_SEC_CH_UA",
        "HTTP_DNT",
        "HTTP_SEC_GPC",
    }
)
"""Every browser of the last ten years sends at least one of these when it opens a page, over http too."""


_SUBRESOURCES = frozenset(
    {"audio", "font", "image", "manifest", "report", "script", "serviceworker", "sharedworker", "style", "track"}
    | {"video", "worker"}
)


def is_subresource(environ: Mapping[str, Any]) -> bool:
    """Whether the browser itself says that it fetches a picture, script or the like (Fetch Metadata): no event can
    come of it, so nothing else need be judged."""
    return environ.get("HTTP_SEC_FETCH_DEST") in _SUBRESOURCES


def judge_asker(environ: Mapping[str, Any], method: str, user_agent: str, settings: Settings) -> tuple[Asker, str]:
    """The asker and the code that led to it (:data:`~capi_middleware.visit.reasons.ASKER_REASONS`). Never raises."""
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
    if destination in _FRAMES:
        return (Asker.PERSON, "frame") if settings.visit.frames == "count" else (Asker.FRAME, "frame")
    if mode and mode != "navigate":
        return Asker.SCRIPT, "fetch_mode"
    # A service worker passes a navigation on without its destination; its mode no fetch() of a page may use.
    if destination and destination != "document" and not (mode == "navigate" and destination == "empty"):
        return Asker.SCRIPT, "fetch_destination"
    if method not in ("GET", "POST"):
        return Asker.SCRIPT, "method"
    if environ.get("HTTP_X_REQUESTED_WITH") == "XMLHttpRequest" or not _FRAGMENT_HEADERS.isdisjoint(environ):
        return Asker.SCRIPT, "fragment"  # Android's in-app browsers put their own name into X-Requested-With
    if mode:
        return Asker.PERSON, "navigation"
    if _BROWSER_HEADERS.isdisjoint(environ):
        return Asker.SUSPECT, "no_browser_headers"
    if not user_agent.startswith(("Mozilla/", "Opera/")):
        return Asker.SUSPECT, "unknown_agent"
    accept = environ.get("HTTP_ACCEPT") or ""
    if accept and "text/html" not in accept and "application/xhtml" not in accept:
        return Asker.SCRIPT, "accept"
    return Asker.PERSON, "page"


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
