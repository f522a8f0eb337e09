"""May we tell Meta? One resolver, three answers, one source."""

from __future__ import annotations

from .resolve import resolve_consent
from .seen import consent_tools_in, note_tools, tools_seen

__all__ = ["consent_tools_in", "note_tools", "resolve_consent", "tools_seen"]
