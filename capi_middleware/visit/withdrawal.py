"""A visitor takes consent back: what must go."""

from __future__ import annotations

from typing import NamedTuple

from capi_middleware.settings import Settings

from .clickids import forget_click_ids, valid_fbp
from .consent import MIRROR_COOKIE, mirror_cookie
from .consent.mirror import read_mirror
from .cookies import set_cookie
from .identity import IDENTITY_COOKIE
from .visit import Answer, Visit


class Withdrawal(NamedTuple):
    """``fbp``: whose unsent events are to be deleted (``Outbox.forget``), "" where none is known. ``set_cookies``:
    ``Set-Cookie`` values that remove what we had set."""

    fbp: str
    set_cookies: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.fbp or self.set_cookies)


NOTHING = Withdrawal("", ())


def withdrawal(visit: Visit, settings: Settings, now: float) -> Withdrawal:
    """What a visitor who says no still carries from when he said yes; empty when he carries nothing or says no such
    thing. Reads the old ``_fbp`` for this one purpose."""
    if visit.consent.answer is not Answer.DENIED:
        return NOTHING
    cookies = forget_click_ids(visit, settings)
    if IDENTITY_COOKIE in visit.cookies:
        cookies += (set_cookie(IDENTITY_COOKIE, "", max_age=0),)
    mirror = read_mirror(visit.cookies.get(MIRROR_COOKIE, ""), now)
    if mirror and mirror.granted:
        cookies += (mirror_cookie(False, mirror.tool, now, secure=visit.scheme == "https"),)
    return Withdrawal(valid_fbp(visit.cookies.get("_fbp", "")), cookies)
