"""The deliverer: journals into the store, the store's events to Meta, Meta's verdicts into the store.

One thread does all that touches the store; only requests run beside it (:mod:`.posters`). Nothing here is on a
request's path.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from capi_middleware.settings import Settings

from .clock import Clock
from .orders import obey
from .rows import Counts, Report, Row, hour_of, row_of, unpack_event, unpack_report
from .segment import EVENT, FORGET, REPORT
from .sender import Sender
from .store import Limits, Store, StoreError

log = logging.getLogger("capi_middleware.delivery")
DRAIN = 5000
DAY = 86400.0
_HELD_FOR = 3600.0
_FORGET_FOR = 600.0
_SAY_AGAIN = 300.0


class Inlet(Protocol):
    """Where records come from: the journals of the host, or this process's memory."""

    def read(self, limit: int) -> list[tuple[int, bytes]]: ...
    def commit(self, mark: int = 0) -> dict[str, int]: ...
    def rewind(self) -> None: ...
    def sync(self) -> None: ...
    def release(self, oldest_unsettled: int) -> None: ...


class Deliverer:
    """``open_store`` is called until it succeeds, and again after the store has failed. :meth:`step` does what there is
    to do; call it for ever. ``current``: the settings in force. ``max_bytes``: a bound below that of the settings."""

    def __init__(
        self,
        current: Callable[[], Settings],
        inlets: Sequence[Inlet],
        open_store: Callable[[], Store],
        max_bytes: int = 0,
    ) -> None:
        self.inlets = list(inlets)
        self.store_error = ""
        self.clock = Clock()
        self.sender = Sender(current().delivery.connections, self.clock)
        self._current = current
        self._max_bytes = max_bytes
        self._open_store = open_store
        self._store: Store | None = None
        self._due = {"open": 0.0, "expire": 0.0, "tidy": time.monotonic() + 20.0, "release": 0.0, "losses": 0.0}
        self._lost: dict[str, int] = {}
        self._forgotten: dict[str, float] = {}
        self._drain_limit = DRAIN
        self._said: dict[str, float] = {}
        self._quiet = 0  # rounds without anything new

    def step(self, timeout: float) -> bool:
        """Do what there is to do, waiting at most ``timeout`` seconds for answers. True if more is at hand."""
        self.sender.receive(timeout)
        store = self._ready()
        if store is None:
            self._sync()
            return False
        try:
            self.sender.outcomes.write(store)
            more = self._drain(store)
            self.sender.dispatch(store, self._current())
            self._keep_house(store)
            self.store_error = ""
            self._quiet = 0 if more or self.sender.outcomes.out else self._quiet + 1
        except StoreError as error:
            self._trouble(error)
            return False
        except BaseException:
            self._rewind()
            raise
        return more

    def close(self, timeout: float) -> None:
        """Wait a little for requests under way, write what they brought, let go of the store."""
        end = time.monotonic() + timeout
        while not self.sender.outcomes.idle() and time.monotonic() < end:
            self.sender.receive(0.05)
            if self._store is not None:
                try:
                    self.sender.outcomes.write(self._store)
                except StoreError:
                    break
            if not self.sender.posters.under_way:
                break
        self.sender.posters.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def settled_down(self) -> bool:
        """The journals are read, the store is open, and nothing waits."""
        return self._quiet >= 3 and self.sender.all_done()

    def status(self) -> dict[str, Any]:
        """What is going on, as JSON values: for ``health`` and people."""
        states = self.sender.states()
        if self._store is not None and self._is_due("losses", 30.0):
            try:
                self._lost = self._store.losses()
            except StoreError as error:
                self._say(error)
        return {
            "time": time.time(),
            "pid": os.getpid(),
            "store_error": self.store_error,
            "waiting": sum(state.waiting for state in states),
            "oldest": min((state.oldest for state in states if state.waiting and state.oldest), default=0.0),
            "last_success": self.sender.outcomes.last_success,
            "pixels": [dataclasses.asdict(state) for state in states],
            "lost": self._lost,
        }

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out what a person asks (see :mod:`.orders`)."""
        if self._store is None:
            return {"error": self.store_error or "the store is not open"}
        answer = obey(self._store, order)
        self.sender.recount()
        return answer

    # -- the store -----------------------------------------------------------------------------------------------

    def _ready(self) -> Store | None:
        if self._store is not None or not self._is_due("open", 2.0):
            return self._store
        try:
            store = self._open_store()
            self.sender.recall(store)
        except StoreError as error:
            self._say(error)
            return None
        self._store = store
        return store

    def _trouble(self, error: StoreError) -> None:
        """The store failed: what was read is read again. A full disk is met with deleting; else the store is opened
        anew."""
        self._rewind()
        self._say(error)
        store = self._store
        if error.full and store is not None:
            try:
                store.make_room()
                self._drain_limit = max(50, self._drain_limit // 4)
                return
            except StoreError:
                pass
        if store is not None:
            if error.damaged:
                self.sender.abandon()
            else:
                self.sender.outcomes.drop_claims()
            store.close()
            self._store = None
        self._due["open"] = time.monotonic() + 1.0
        self._sync()

    def _rewind(self) -> None:
        """Whatever was read and is not in the store is read again."""
        for inlet in self.inlets:
            inlet.rewind()

    def _say(self, error: StoreError) -> None:
        now = time.monotonic()
        self.store_error = str(error)
        if now - self._said.get(self.store_error, -1e9) > _SAY_AGAIN:
            log.error("%s. Events are kept in the journal meanwhile", error)
            self._said[self.store_error] = now

    def _sync(self) -> None:
        """Without a store the journals are all there is: make them survive a power cut."""
        for inlet in self.inlets:
            try:
                inlet.sync()
            except OSError as error:
                log.error("a journal cannot be written to disk: %s", error.strerror)

    # -- in ------------------------------------------------------------------------------------------------------

    def _drain(self, store: Store) -> bool:
        more = False
        for inlet in self.inlets:
            records = inlet.read(self._drain_limit)
            if records:
                self._take_all(store, records)
                more = more or len(records) >= self._drain_limit
                self._drain_limit = min(DRAIN, self._drain_limit * 2)
            lost = inlet.commit(store.mark())
            if lost:
                self._count_lost(store, lost)
        return more

    def _take_all(self, store: Store, records: Sequence[tuple[int, bytes]]) -> None:
        """One that cannot be stored, for a reason that nobody thought of, is not to hold up all others for ever: they
        are taken one by one, where what is known already is not taken again."""
        try:
            self._take(store, records)
        except (StoreError, MemoryError):
            raise
        except Exception:
            for record in records:
                try:
                    self._take(store, [record])
                except (StoreError, MemoryError):
                    raise
                except Exception as error:
                    log.error("a record of the journal cannot be stored (%s): it is lost", type(error).__name__)
                    self._count_lost(store, {"unreadable": 1})

    def _take(self, store: Store, records: Sequence[tuple[int, bytes]]) -> None:
        now = time.time()
        rows: list[Row] = []
        reports: list[Report] = []
        forget: list[str] = []
        unreadable = 0
        for kind, data in records:
            try:
                if kind == EVENT:
                    rows.append(row_of(*unpack_event(data), now))
                elif kind == REPORT:
                    reports.append(unpack_report(data))
                elif kind == FORGET:
                    forget.append(data.decode("utf-8"))
            except Exception as error:
                unreadable += 1
                log.error("a record of the journal makes no sense (%s): it is counted as lost", type(error).__name__)
        self._forgotten.update((fbp, now) for fbp in forget)
        if self._forgotten:
            rows = [row for row in rows if not row.fbp or row.created > self._forgotten.get(row.fbp, 0.0)]
        self.sender.arrived(store.put(rows, reports))
        for fbp in forget:
            store.forget(fbp)
        if forget:
            self.sender.recount()
        if unreadable:
            self._count_lost(store, {"unreadable": unreadable})

    def _count_lost(self, store: Store, lost: dict[str, int]) -> None:
        log.error("events were lost: %s", ", ".join(f"{n} ({reason})" for reason, n in lost.items()))
        hour = hour_of(time.time())
        counts: Counts = Counter({(hour, "", "", f"lost:{reason}"): n for reason, n in lost.items()})
        store.add_counts(counts)
        self._due["losses"] = 0.0

    # -- housekeeping --------------------------------------------------------------------------------------------

    def _keep_house(self, store: Store) -> None:
        now = time.time()
        trusted = self.clock.check()
        if self._is_due("expire", 10.0) and trusted:
            self.sender.expire(store)
            store.drop_held(now - _HELD_FOR, now)
            self._forgotten = {fbp: at for fbp, at in self._forgotten.items() if now - at < _FORGET_FOR}
        if self._is_due("release", 5.0):
            store.check()
            oldest = store.oldest_unsettled()
            for inlet in self.inlets:
                inlet.release(oldest)
        if self._is_due("tidy", 300.0) and trusted:
            lost = store.tidy(self._limits(), now, self.sender.outcomes.out)
            if lost:
                log.error("the store reached its limit: %d unsent event(s) had to go", lost)
                self._due["losses"] = 0.0
                self.sender.recount()

    def _limits(self) -> Limits:
        delivery: Any = self._current().delivery
        return Limits(
            self._max_bytes or delivery.max_disk_mb << 20, delivery.keep_personal_days * DAY, delivery.keep_days * DAY
        )

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True
