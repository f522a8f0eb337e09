"""Which pixel's events go where, with which token, by the settings in force."""

from __future__ import annotations

import hashlib
import logging
from typing import NamedTuple

from capi_middleware.settings import Settings

from .request import Target, target_of
from .store import Store

log = logging.getLogger("capi_middleware.delivery")
PAUSED = "paused by its owner"


class Route(NamedTuple):
    """``target`` None: no token is known here; ``problem`` then says so."""

    target: Target | None
    late: str
    problem: str = ""


def routes_of(settings: Settings, store: Store, now: float) -> dict[str, Route]:
    """A route for each pixel of the settings and their sites. A test code is left out once it has expired: its events
    count in production, so a forgotten one would spoil the shop's figures."""
    routes: dict[str, Route] = {}
    for site in (settings, *settings.sites):
        pixel_id = site.meta.pixel_id
        if not pixel_id or pixel_id in routes:
            continue
        if site.meta.paused:
            routes[pixel_id] = Route(None, site.delivery.late, PAUSED)
            continue
        if not site.meta.access_token:
            routes[pixel_id] = Route(None, site.delivery.late, "no access token is set: paste one from Events Manager")
            continue
        fresh = _test_code_is_fresh(site, store, now)
        routes[pixel_id] = Route(target_of(site.meta, fresh), site.delivery.late)
    return routes


def code_key(pixel_id: str, code: str) -> str:
    """Under which note the store remembers when a test code was first used."""
    return f"test:{pixel_id}:{hashlib.sha256(code.encode()).hexdigest()[:12]}"


def _test_code_is_fresh(site: Settings, store: Store, now: float) -> bool:
    code = site.meta.test_event_code
    if not code:
        return False
    if site.meta.test_event_until:
        return now < site.meta.test_event_until
    key = code_key(site.meta.pixel_id, code)
    since = store.note(key)
    if not since:
        store.set_note(key, str(now))
        log.warning(
            "events for pixel %s are marked with a test code for %g hours; they count all the same",
            site.meta.pixel_id,
            site.delivery.test_code_hours,
        )
        return True
    return now - float(since) < site.delivery.test_code_hours * 3600
