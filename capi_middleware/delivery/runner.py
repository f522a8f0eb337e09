"""The background thread of a process: tends its journal, and is the host's deliverer if no other process is."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import time
from pathlib import Path
from typing import Any

from capi_middleware.settings import Settings

from .deliverer import Deliverer
from .journal import Journal
from .lock import HostLock
from .native import Empty, SimpleQueue
from .orders import carry_out
from .overflow import Overflow
from .places import is_shared, lock_path, open_ledger, open_store, status_path
from .spool import Spool
from .sqlite import SqliteStore
from .store import StoreError

log = logging.getLogger("capi_middleware.delivery")
_chance = random.SystemRandom()  # the common one is the app's, and its tests'
TICK = 0.1
IDLE_TICK = 0.25
_STATUS_EVERY = 2.0
_YIELD_AFTER, _YIELD_AT_LAST = 5.0, 300.0  # seconds of leading before another process may have a turn
_GIVE_WAY = 3.0
_MEMORY = 64 << 20  # bytes of events that a process delivers from memory alone


class Runner:
    """``journal``: what this process writes, if it does. ``lead`` False: never deliver for the host. ``worker``: send
    from a shared store even while another process of the host drains its journals. ``stand_by``: seconds in which not
    to try to lead. :meth:`run` returns after :meth:`stop`."""

    def __init__(
        self,
        source: Any,
        folder: Path,
        journal: Journal | None,
        overflow: Overflow,
        lead: bool = True,
        worker: bool = False,
        stand_by: float = 0.0,
    ) -> None:
        self._source = source
        self._folder = folder
        self._journal = journal
        self._overflow = overflow
        self._lead = lead
        self._worker = worker
        self.hurry_always = False
        self._lock: HostLock | None = None
        self._spool: Spool | None = None
        self._leader: Deliverer | None = None
        self._private: Deliverer | None = None  # delivers from memory what no journal takes
        self._extra: Deliverer | None = None  # only sends, from a shared store
        self.stood_by = False
        self._stopping = False
        self._stopped: SimpleQueue[None] = SimpleQueue()
        self._nudge: SimpleQueue[None] = SimpleQueue()
        self._lock_due = time.monotonic() + stand_by
        self._poll_due = 0.0
        self._status_due = 0.0
        self._stuck_since = 0.0
        self._yield_due = 0.0
        self._yield_after = _YIELD_AFTER
        self._ask_due = 0.0
        self.problem = ""

    def settings(self) -> Settings:
        """The settings in force."""
        current: Settings = self._source.current
        return current

    def run(self) -> None:
        """Until :meth:`stop`. Whatever goes wrong is logged, and it goes on."""
        while not self._stopping:
            try:
                self._step()
            except Exception:
                log.exception("delivery stumbled; it goes on")
                self._rest(1.0)
        with contextlib.suppress(Exception):
            self._end()
        self._stopped.put(None)

    def stop(self, timeout: float) -> None:
        """Ask :meth:`run` to return and wait for it."""
        self._stopping = True
        self._nudge.put(None)
        for deliverer in self._deliverers():
            deliverer.sender.posters.wake()
        with contextlib.suppress(Exception):
            self._stopped.get(timeout=timeout)

    def hurry(self, flag: bool) -> None:
        """Somebody waits (:meth:`Outbox.flush`): send small batches at once."""
        for deliverer in self._deliverers():
            deliverer.sender.hurry = flag

    def _deliverers(self) -> list[Deliverer]:
        return [each for each in (self._leader, self._private, self._extra) if each is not None]

    def drained(self) -> bool:
        """For a worker: the journals are in the store, and nothing is left to send."""
        if not self._deliverers():
            return self.stood_by and not is_shared(self.settings())
        return all(each.settled_down() for each in self._deliverers())

    def all_sent(self) -> bool:
        """Whether the store has nothing left to send, as far as this process can see."""
        deliverers = self._deliverers()
        if not all(deliverer.sender.all_done() for deliverer in deliverers):
            return False
        if self._leader is not None or self._journal is None or not self._journal.open:
            return bool(deliverers) or self._journal is None or not self._journal.open
        return self._nothing_waits()

    def _nothing_waits(self) -> bool:
        """By the store, where another process delivers; asked a few times a second at most."""
        now = time.monotonic()
        if now < self._ask_due:
            return False
        self._ask_due = now + 0.2
        try:
            store = open_ledger(self.settings())
            if store is None:
                return False
            try:
                return not store.waiting()
            finally:
                store.close()
        except StoreError:
            return False

    def _rest(self, seconds: float) -> None:
        """Sleep, but not past :meth:`stop`."""
        with contextlib.suppress(Empty):
            self._nudge.get(timeout=seconds)

    def _step(self) -> None:
        now = time.monotonic()
        if now >= self._poll_due:
            self._poll_due = now + 1.0
            poll = getattr(self._source, "poll", None)
            if poll is not None:
                poll()
        if self._journal is not None:
            self._journal.tend()
            self._pour()
        self._rescue_memory(now)
        if self._private is not None:
            self._private.step(0.0)
        if self._leader is None and self._lead and now >= self._lock_due:
            self._try_to_lead(now)
        if self.hurry_always:
            self.hurry(True)
        if self._leader is None:
            if self._extra is not None:
                self._extra.step(TICK)
            else:
                self._rest(TICK if self._private is not None else IDLE_TICK)
            return
        more = self._leader.step(self.settings().delivery.sync_seconds)
        if more:
            self._leader.step(0.0)
        self._watch_over_lead(now)

    def _pour(self) -> None:
        """What is in memory goes into the journal as soon as that takes it again."""
        assert self._journal is not None
        while len(self._overflow) and (record := self._overflow.pop()) is not None:
            kind, data, value = record
            if not self._journal.append(kind, data):
                self._overflow.put(kind, data, value)
                return
        if self._journal.open:
            for reason, n in self._overflow.commit().items():
                self._journal.lose(reason, n)

    def _rescue_memory(self, now: float) -> None:
        """A journal that takes nothing for a while: deliver from memory, as well as that goes."""
        if not len(self._overflow):
            self._stuck_since = 0.0
            recovered = self._journal is not None and self._journal.error is None
            if recovered and self._private is not None and self._private.sender.all_done():
                self._private.close(0.0)
                self._private = None
            return
        self._stuck_since = self._stuck_since or now
        if self._private is None and now - self._stuck_since > 1.0:
            log.error(
                "no journal can be written: events are delivered from memory alone, and lost if this process dies"
            )
            self._private = Deliverer(self.settings, [self._overflow], lambda: SqliteStore(":memory:"), _MEMORY)

    def _try_to_lead(self, now: float) -> None:
        self._lock_due = now + _chance.uniform(0.8, 1.2)
        settings = self.settings()
        lock = HostLock(lock_path(settings))
        try:
            lock.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not lock.acquire():
                self.stood_by = True
                self._yield_after = _YIELD_AFTER
                if self._worker and self._extra is None and is_shared(settings):
                    self._extra = Deliverer(self.settings, [], lambda: open_store(self.settings()))
                return
        except OSError as error:
            self._say(f"the state folder {lock.path.parent} cannot be used ({error.strerror})")
            return
        self._say("")
        if self._extra is not None:
            self._extra.close(2.0)
            self._extra = None
        self._lock = lock
        self._spool = spool = Spool(self._folder)
        self._leader = Deliverer(self.settings, [spool], lambda: open_store(self.settings(), spool))
        self._yield_due = now + self._yield_after

    def _say(self, problem: str) -> None:
        if problem and problem != self.problem:
            log.error("%s. Events are delivered from memory alone", problem)
        self.problem = problem

    def _watch_over_lead(self, now: float) -> None:
        assert self._leader is not None and self._lock is not None
        if now >= self._status_due:
            self._status_due = now + _STATUS_EVERY
            self._write_status()
            carry_out(self._leader, status_path(self.settings()).parent)
            if not self._lock.still_ours():
                log.warning("the state folder was removed: delivery starts anew in a new one")
                self._stop_leading(0.0)
                return
        if now >= self._yield_due and self._leader.sender.unknown() and not is_shared(self.settings()):
            # Another shop's process uses the same folder, and only it knows the token: let it have a turn. If nobody
            # takes it, as where the shop's own pixel ID was another one before, the next is offered later and later.
            self._stop_leading(2.0)
            self._lock_due = now + _GIVE_WAY
            self._yield_after = min(2 * self._yield_after, _YIELD_AT_LAST)

    def _stop_leading(self, timeout: float) -> None:
        if self._leader is not None:
            self._leader.close(timeout)
        if self._spool is not None:
            self._spool.close()
        if self._lock is not None:
            self._lock.release()
        self._leader = self._spool = self._lock = None

    def _end(self) -> None:
        if self._leader is not None:
            self._leader.step(0.0)
            self._stop_leading(2.0)
        for deliverer in self._deliverers():
            deliverer.step(0.0)
            deliverer.close(2.0)

    def _write_status(self) -> None:
        assert self._leader is not None
        path = status_path(self.settings())
        fresh = path.with_suffix(f".{os.getpid()}")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self._leader.status(), file)
            os.replace(fresh, path)
        except OSError:
            pass

    def abandon(self) -> None:
        """In a forked child: nothing of this is ours; only what keeps the parent's locks alive is closed."""
        if self._lock is not None:
            self._lock.abandon()
