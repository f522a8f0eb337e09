"""A deliverer on a bench: real store, real HTTP to a sink, stepped by the test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from capi_middleware.delivery.deliverer import Deliverer
from capi_middleware.delivery.entry import Entry, Filter
from capi_middleware.delivery.overflow import Overflow
from capi_middleware.delivery.rows import pack_event
from capi_middleware.delivery.segment import EVENT
from capi_middleware.delivery.sqlite import SqliteStore
from capi_middleware.delivery.store import Store
from capi_middleware.events import Event
from capi_middleware.settings import Secret, Settings
from capi_middleware.settings.settings import DeliverySettings, MetaSettings
from tests.delivery.make import PIXEL
from tests.delivery.sink import Sink


def settings(
    url: str, token: str = "TOKEN", pixel_id: str = PIXEL, sites: tuple[Settings, ...] = (), **delivery: Any
) -> Settings:
    """Settings for one pixel at this address."""
    return Settings(
        meta=MetaSettings(pixel_id, Secret(token), graph_url=url),
        delivery=DeliverySettings(**delivery),
        sites=sites,
    )


class Bench:
    """Events go in by :meth:`put`; :meth:`run` steps until something is true."""

    def __init__(self, sink: Sink, folder: Path, **delivery: Any) -> None:
        self.sink = sink
        self.settings = settings(sink.url, **delivery)
        self.path = folder / "ledger.sqlite3"
        self.inlet = Overflow()
        self.opened: Store | None = None
        self.deliverer = self.make()

    def make(self) -> Deliverer:
        """A deliverer as a fresh process would have it."""
        return Deliverer(lambda: self.settings, [self.inlet], self._open)

    def _open(self) -> Store:
        self.opened = SqliteStore(self.path)
        return self.opened

    def change(self, **meta: Any) -> None:
        """Other settings, from now on."""
        self.settings = dataclasses.replace(self.settings, meta=dataclasses.replace(self.settings.meta, **meta))

    def put(self, *events: Event) -> None:
        for event in events:
            self.inlet.put(EVENT, pack_event(event, time.time()), 0)

    def run(self, until: Callable[[], bool], timeout: float = 20.0) -> None:
        """Fails the test where it does not come true in time."""
        end = time.monotonic() + timeout
        while not until():
            assert time.monotonic() < end, self.deliverer.status()
            self.deliverer.step(0.02)

    def finish(self, timeout: float = 20.0) -> None:
        """Until nothing waits."""
        self.run(lambda: not len(self.inlet) and self.deliverer.settled_down(), timeout)

    def idle(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.deliverer.step(0.02)

    def entries(self, **wanted: Any) -> list[Entry]:
        store = SqliteStore(self.path, write=False)
        try:
            return store.recent(Filter(**wanted), 100_000)
        finally:
            store.close()

    def states(self) -> dict[str, int]:
        """How many entries are in which state."""
        found: dict[str, int] = {}
        for entry in self.entries():
            found[entry.state.value] = found.get(entry.state.value, 0) + 1
        return found

    def close(self) -> None:
        self.deliverer.close(1.0)
        self.sink.close()


def poisoned(events: list[dict[str, Any]]) -> bool:
    """Whether a batch holds an event that the test marked as bad."""
    return any(event.get("custom_data", {}).get("bad") for event in events)
