"""The tester: one Cookie header in, the answer and why out (admin page, ``explain``)."""

from __future__ import annotations

from typing import NamedTuple

from capi_middleware.settings import Settings
from capi_middleware.visit.cookies import read_cookies
from capi_middleware.visit.visit import Consent

from .answer import ToolAnswer
from .read import reader_for
from .resolve import resolve_consent


class ConsentTest(NamedTuple):
    """``answers``: each tool's, names and codes only, never a cookie's value."""

    consent: Consent
    answers: tuple[ToolAnswer, ...]


def check_consent(
    cookie_header: str, settings: Settings, now: float, *, host: str = "", gpc: bool = False
) -> ConsentTest:
    """What a visitor with these cookies would be taken to have answered. Remembers nothing. Never raises."""
    header = cookie_header.strip()
    if header[:7].lower() == "cookie:":
        header = header[7:]
    cookies = read_cookies(header.encode("utf-8", "replace").decode("latin-1"))
    environ = {"HTTP_SEC_GPC": "1"} if gpc else {}
    consent = resolve_consent(environ, cookies, host, settings, now, remember=False)
    return ConsentTest(consent, tuple(reader_for(settings.consent).answers(cookies, now)))
