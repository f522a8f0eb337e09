"""May we tell Meta? One resolver, three answers, one source."""

from __future__ import annotations

from .answer import ToolAnswer
from .memory import memory_for
from .mirror import MIRROR_COOKIE, mirror_cookie, mirror_value, read_mirror
from .pages import consent_tools_in, note_page, scan_due
from .resolve import resolve_consent
from .tester import ConsentTest, check_consent
from .tools import TOOL_NAMES

__all__ = [
    "MIRROR_COOKIE",
    "TOOL_NAMES",
    "ConsentTest",
    "ToolAnswer",
    "check_consent",
    "consent_tools_in",
    "memory_for",
    "mirror_cookie",
    "mirror_value",
    "note_page",
    "read_mirror",
    "resolve_consent",
    "scan_due",
]
