"""Many shops in one process: host name to upstream, changed while it runs, none able to slow another."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from capi_middleware.settings import Settings
from capi_middleware.settings.settings import ProxySettings, VisitSettings
from capi_middleware.visit.address import bare_host, shown_authority

from .body import Body
from .connection import Timeouts
from .failure import Failure, GatewayError
from .forwarded import trust_of
from .links import LinkedBody
from .upstream import Upstream, answer_failure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from capi_middleware.settings.source import SettingsSource

log = logging.getLogger("capi_middleware.proxy")

_SWEEP = 2.0


class _Shop(NamedTuple):
    settings: Settings
    lane: _Lane | None


class _Lane:
    """One upstream and how many requests are under way to it."""

    __slots__ = ("busy", "upstream")

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.busy = 0


class Shops:
    """A WSGI app: the shop of the request's host answers.

    ``threads``: how many requests this process can work on at once. Where there is more than one shop, a shop is
    never given more of them than are still free afterwards: one slow shop ends with half of the threads, k slow ones
    with k/(k+1), and the rest goes on as before. 503 with Retry-After is the answer beyond that. ``busy``: how many are
    under way.
    """

    def __init__(self, source: SettingsSource, threads: int) -> None:
        self._source = source
        self._threads = threads
        self._lock = threading.Lock()
        self._lanes: dict[tuple[ProxySettings, VisitSettings], _Lane] = {}
        self._shops: dict[int, _Shop] = {}
        self.busy = 0
        self._swept = time.monotonic()
        self._generation = -1

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            lane = self.lane_for(environ)
            self._enter(lane)
        except GatewayError as error:
            return answer_failure(error, environ, start_response)
        try:
            answer = lane.upstream(environ, start_response)
        except BaseException:
            self._leave(lane)
            raise
        if isinstance(answer, (Body, LinkedBody)):
            answer.finally_do(lambda: self._leave(lane))
        else:
            self._leave(lane)
        return answer

    def upstream_for(self, environ: WSGIEnvironment) -> Upstream:
        """The shop of this request. Raises :class:`GatewayError` where there is none."""
        return self.lane_for(environ).upstream

    def lane_for(self, environ: WSGIEnvironment) -> _Lane:
        source = self._source
        host = bare_host(shown_authority(environ, source.current.visit))
        settings = source.for_host(host)
        shop = self._shops.get(id(settings))
        if shop is None or shop.settings is not settings:
            shop = self._open(settings)
        if shop.lane is None:
            raise GatewayError(Failure.UNKNOWN_HOST, host)
        return shop.lane

    def close(self) -> None:
        """Close all idle connections."""
        for lane in list(self._lanes.values()):
            lane.upstream.close()

    def _open(self, settings: Settings) -> _Shop:
        """A shop seen for the first time, or changed: connections are kept where its address stayed the same."""
        with self._lock:
            if self._source.generation != self._generation:
                self._generation = self._source.generation
                self._forget()
            shop = _Shop(settings, self._lane(settings))
            self._shops[id(settings)] = shop
        return shop

    def _lane(self, settings: Settings) -> _Lane | None:
        proxy, trust = settings.proxy, trust_of(settings.visit)
        if not proxy.upstream:
            return None
        lane = self._lanes.get((proxy, trust))
        if lane is None:
            try:
                lane = _Lane(make_upstream(proxy, trust))
            except (ValueError, OSError) as error:
                log.error("%s: %s", settings.host or "[proxy]", error)
                return None
            self._lanes[proxy, trust] = lane
        return lane

    def _forget(self) -> None:
        """Drop shops and connections that the settings in force do not name any more."""
        named = [self._source.current, *self._source.hosts.values()]
        alive = {id(settings) for settings in named}
        self._shops = {key: shop for key, shop in self._shops.items() if key in alive}
        wanted = {(settings.proxy, trust_of(settings.visit)) for settings in named}
        for key in [key for key in self._lanes if key not in wanted]:
            self._lanes.pop(key).upstream.close()

    def _enter(self, lane: _Lane) -> None:
        now = time.monotonic()
        with self._lock:
            if lane.busy >= self._threads - self.busy and len(self._lanes) > 1 and lane.busy:
                raise GatewayError(Failure.BUSY, f"{lane.upstream.origin}: {lane.busy} requests under way")
            lane.busy += 1
            self.busy += 1
            sweep = now - self._swept > _SWEEP
            if sweep:
                self._swept = now
        if sweep:
            for other in list(self._lanes.values()):
                other.upstream.pool.sweep(now)

    def _leave(self, lane: _Lane) -> None:
        with self._lock:
            lane.busy -= 1
            self.busy -= 1


def make_upstream(proxy: ProxySettings, trust: VisitSettings) -> Upstream:
    """The upstream that ``[proxy]`` describes. Raises ``ValueError``, and ``OSError`` for an unreadable ``ca_file``."""
    return Upstream(
        proxy.upstream,
        host=proxy.host_header,
        timeouts=Timeouts(proxy.connect_timeout, proxy.answer_timeout, proxy.idle_timeout),
        verify=proxy.verify,
        ca_file=proxy.ca_file,
        trust=trust,
        max_body=proxy.max_body,
        links=proxy.links,
    )
