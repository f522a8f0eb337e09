"""The face of the room: events in, without waiting."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import sys
import time
import weakref
from typing import Any

from capi_middleware.events import Event
from capi_middleware.settings import Settings

from .entry import Evidence
from .journal import Journal
from .lock import is_held
from .native import original, start_thread, threads_run
from .overflow import Overflow
from .places import journal_folder, lock_path, on_network, status_path
from .posters import prepare
from .rows import Report, pack_event, pack_report, value_of
from .runner import Runner
from .segment import EVENT, FORGET, REPORT

log = logging.getLogger("capi_middleware.delivery")
_STALE = 15.0
_HIGH = 3


class Outbox:
    """Takes events on the request thread; a background thread (of this or another process) delivers them.

    ``source.current`` is the :class:`Settings` in force. No thread, socket or file before the first event; a forked
    child starts afresh, and what its parent took stays the parent's.
    """

    def __init__(self, source: Any, stand_by: float = 0.0) -> None:
        self._source = source
        self._state: _State | None = None
        self._started: dict[int, _State] = {}
        self._stand_by = stand_by
        _every.add(self)

    def prepare(self) -> None:
        """Load what sending takes (a tenth of a second), at the start of a process instead of beside its first visitor.
        Starts nothing, and loads nothing in a process that stands by."""
        if not self._stand_by:
            prepare()

    def put(self, event: Event) -> None:
        """Take one event. Never waits, never raises. Once it has returned, the event survives ``kill -9``."""
        state = self._state
        if state is None or state.pid != os.getpid():
            state = self._begin()
        try:
            data = pack_event(event, time.time())
        except Exception as error:
            log.error("an event cannot be stored (%s): it is lost and counted", type(error).__name__)
            state.lose("not-storable")
            return
        if not state.journal.append(EVENT, data):
            state.overflow_takes(EVENT, data, value_of(event.event_name))

    def report(self, pixel_id: str, event_id: str, event_name: str, what: str, at: float | None = None) -> None:
        """The browser says of this event: ``script`` (ours ran), ``loaded`` or ``blocked`` (fbevents.js), ``handed``
        (the ID was given to ``fbq``). Other words are ignored."""
        evidence = Evidence.of(what)
        if evidence:
            data = pack_report(Report(pixel_id, event_id, event_name, evidence, time.time() if at is None else at))
            self._keep(REPORT, data, 0)

    def forget(self, fbp: str) -> None:
        """The visitor withdrew consent: delete what is unsent."""
        if fbp:
            self._keep(FORGET, fbp.encode("utf-8", "replace"), _HIGH)

    def _keep(self, kind: int, data: bytes, value: int) -> None:
        state = self._state
        if state is None or state.pid != os.getpid():
            state = self._begin()
        if not state.journal.append(kind, data):
            state.overflow_takes(kind, data, value)

    def _begin(self) -> _State:
        """The first event of this process. Another thread may have come first, even since the caller looked."""
        before = self._state
        if before is not None:
            if before.pid == os.getpid():
                return before
            before.abandon()
        fresh = _State(self._source, self._stand_by)
        state = self._started.setdefault(os.getpid(), fresh)  # atomic: of two threads one wins
        self._state = state
        if state is fresh:
            state.start()
        return state

    def wake(self) -> None:
        """Begin with what an earlier process left, instead of at the first event; for a process that will not fork any
        more. Never raises."""
        try:
            self._begin()
        except Exception as error:
            log.error("delivery could not begin (%s): the first event tries again", type(error).__name__)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything that was taken is handed to Meta; False if it was not within ``timeout`` seconds (or
        cannot be: a paused pixel)."""
        state = self._state
        return state is None or state.pid != os.getpid() or state.flush(timeout)

    def close(self, timeout: float = 3.0) -> None:
        """Stop the thread. What is not sent stays on disk for the next process."""
        state = self._state
        if state is not None and state.pid == os.getpid():
            state.close(timeout)
            self._started.pop(state.pid, None)
            self._state = None

    def health(self) -> dict[str, Any]:
        """How delivery goes, as JSON values; cheap, and without touching a database.

        ``ok``; ``waiting`` events; ``oldest``: age in seconds of the oldest; ``paused``: pixel to reason; ``lost``:
        reason to count; ``promise``: what a crash of this process costs (``disk``: nothing, ``memory``: what is
        unsent); ``problems``: sentences for people.
        """
        return _health(self._source.current, self._state)


class _State:
    """What one process has."""

    def __init__(self, source: Any, stand_by: float) -> None:
        settings: Settings = source.current
        self.pid = os.getpid()
        self.settings = settings
        folder = journal_folder(settings)
        network = on_network(folder)
        if network:
            log.error(
                "%s lies on a network file system (%s): set CAPI_STATE_DIR to a local disk. Until then events are "
                "delivered from memory alone",
                folder,
                network,
            )
        self.journal = Journal(folder, settings.delivery.max_journal_mb << 20, f"{network} folder" if network else "")
        self.overflow = Overflow()
        self.started = time.monotonic()
        self.no_threads = threads_run()
        lead = settings.delivery.deliverer == "auto" and not network
        self.runner = Runner(source, folder, self.journal, self.overflow, lead, stand_by=stand_by)

    def start(self) -> None:
        if self.no_threads:
            log.error(self.no_threads)
            return
        # mod_wsgi destroys interpreters without running atexit.
        subscribe = getattr(sys.modules.get("mod_wsgi"), "subscribe_shutdown", None)
        if subscribe is not None:
            subscribe(lambda *_, **__: _at_exit())
        try:
            start_thread(self.runner.run, "capi-delivery")
        except RuntimeError:  # the interpreter is shutting down: the journal keeps it for the next process
            self.no_threads = "no thread can be started any more; the next process delivers"

    def overflow_takes(self, kind: int, data: bytes, value: int) -> None:
        """The journal did not."""
        if self.journal.error is None:
            self.lose("too-large")
        else:
            self.overflow.put(kind, data, value)

    def lose(self, reason: str) -> None:
        self.overflow.lose(reason)

    def flush(self, timeout: float) -> bool:
        sleep = original("time", "sleep") if self.no_threads else time.sleep
        end = time.monotonic() + timeout
        self.runner.hurry(True)
        try:
            while True:
                if self._sent():
                    return True
                if time.monotonic() >= end:
                    return False
                self.runner.hurry(True)
                sleep(0.02)
        finally:
            self.runner.hurry(False)

    def _sent(self) -> bool:
        return len(self.overflow) == 0 and self.journal.drained() and self.runner.all_sent()

    def close(self, timeout: float) -> None:
        if not self.no_threads:
            self.runner.stop(timeout)
        self.journal.close()

    def abandon(self) -> None:
        """In a forked child: all of this is the parent's."""
        with contextlib.suppress(Exception):
            self.runner.abandon()
            self.journal.abandon()


def _health(settings: Settings, state: _State | None) -> dict[str, Any]:
    problems: list[str] = []
    told: dict[str, Any] = {}
    try:
        told = json.loads(status_path(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    alive = time.time() - told.get("time", 0.0) < _STALE
    lost = dict(told.get("lost", {}))
    waiting = int(told.get("waiting", 0))
    promise = "disk"
    if state is not None:
        for reason, n in state.overflow.lost.items():
            lost[reason] = max(lost.get(reason, 0), n)
        waiting += len(state.overflow)
        if state.no_threads:
            problems.append(state.no_threads)
        if state.journal.error is not None:
            promise = "memory"
            problems.append(f"no journal can be written ({state.journal.error.strerror}): a crash would cost events")
        if (
            not alive
            and not state.no_threads
            and time.monotonic() - state.started > _STALE
            and not is_held(lock_path(settings))
        ):
            problems.append("no process delivers: run `capi-middleware worker`, or set [delivery] deliverer to auto")
    if alive and told.get("store_error"):
        problems.append(f"the store cannot be used: {told['store_error']}")
    paused = {pixel["pixel_id"]: pixel["reason"] for pixel in told.get("pixels", ()) if pixel["state"] == "paused"}
    problems += [f"pixel {pixel_id} is paused: {reason}" for pixel_id, reason in paused.items()]
    oldest = told.get("oldest", 0.0)
    return {
        "ok": not problems,
        "waiting": waiting,
        "oldest": round(time.time() - oldest, 1) if oldest and waiting else 0.0,
        "paused": paused,
        "lost": lost,
        "promise": promise,
        "last_success": told.get("last_success", 0.0),
        "problems": problems,
    }


_every: weakref.WeakSet[Outbox] = weakref.WeakSet()


def _after_fork() -> None:
    """In the child: no I/O and no thread here (gevent), only let go of what keeps the parent's locks alive."""
    for outbox in list(_every):
        state = outbox._state
        if state is not None:
            outbox._state = None
            outbox._started.clear()
            state.abandon()


def _at_exit() -> None:
    """What is taken is on disk already. Stop cleanly, so that another process takes over at once."""
    for outbox in list(_every):
        with contextlib.suppress(Exception):
            outbox.close(2.0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
