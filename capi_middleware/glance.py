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
from .page import Aside, Decision
from .page.verdict import LOWER, Headers
from .shop import Shop
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


class Glance(Aside):
    """Follows one answer until it is known to be nobody's business. ``begin``: makes the journey that it should have
    been otherwise, of ``environ``, ``shop`` and ``now``."""

    __slots__ = ("_begin", "_environ", "_failed", "_now", "_shop")

    def __init__(
        self,
        begin: Callable[[dict[str, Any], Shop, float], Journey],
        failed: Callable[[str, BaseException], None],
        environ: dict[str, Any],
        shop: Shop,
        now: float,
    ) -> None:
        self._begin = begin
        self._failed = failed
        self._environ = environ
        self._shop = shop
        self._now = now
        environ[TRACKED] = []
        environ.setdefault(USER, {})

    def passes(self, status: str, headers: Headers) -> bool:
        """Whether this answer is nobody's business: no page, no redirect, and the app has nothing to say."""
        try:
            if self._environ.get(TRACKED) or status[:3] in _REDIRECTS:
                return False
            for name, value in headers:
                if LOWER[name] == "content-type":
                    return not value.lower().startswith("text/html")
        except Exception as error:  # no headers as PEP 3333 has them: the server shall judge
            self._failed("glance", error)
        return True

    def on_start(self, status: str, headers: Headers) -> Decision | None:
        """What is asked of all others; never raises."""
        environ = self._environ
        if self.passes(status, headers):
            return None
        said = environ.get(TRACKED)
        try:
            journey = self._begin(environ, self._shop, self._now)
        except Exception as error:
            self._failed("glance", error)
            return None
        environ[TRACKED] = said
        return journey.on_start(status, headers)
