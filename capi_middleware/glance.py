"""A script's request of which most likely nothing will come: looked at only when its answer begins.

Shops' pages fetch stock, prices and suggestions all the time. No rule speaks of these requests, so who is asking need
not be judged, unless the answer turns out to be a page (which a cache may keep) or a redirect (some shops put things
into the cart at a GET), or the app itself has something to say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .flash import FLASH_COOKIE
from .journey import USER, Journey
from .page import Decision
from .page.verdict import Headers
from .tracking import TRACKED

_REDIRECTS = frozenset({"301", "302", "303", "307", "308"})
_MODES = frozenset({"cors", "same-origin", "no-cors"})


def is_fetch(environ: dict[str, Any]) -> bool:
    """Whether the browser says that a script reads something (Fetch Metadata), with nothing of ours on the request."""
    return (
        environ.get("HTTP_SEC_FETCH_MODE") in _MODES
        and environ.get("REQUEST_METHOD") == "GET"
        and "HTTP_IF_NONE_MATCH" not in environ
        and FLASH_COOKIE not in environ.get("HTTP_COOKIE", "")
    )


class Glance:
    """Follows one answer until it is known to be nobody's business. ``begin`` makes the journey that it should have
    been otherwise."""

    __slots__ = ("_begin", "_environ", "_failed")

    def __init__(
        self,
        begin: Callable[[dict[str, Any]], Journey],
        failed: Callable[[str, BaseException], None],
        environ: dict[str, Any],
    ) -> None:
        self._begin = begin
        self._failed = failed
        self._environ = environ
        environ[TRACKED] = []
        environ.setdefault(USER, {})

    def on_start(self, status: str, headers: Headers) -> Decision | None:
        """What :func:`page.answer` asks; never raises."""
        environ = self._environ
        if not environ.get(TRACKED) and status[:3] not in _REDIRECTS:
            for name, value in headers:
                if name.lower() == "content-type":
                    if value.lower().startswith("text/html"):
                        break
                    return None
            else:
                return None
        said = environ.get(TRACKED)
        try:
            journey = self._begin(environ)
        except Exception as error:
            self._failed("glance", error)
            return None
        environ[TRACKED] = said
        return journey.on_start(status, headers)
