"""The face of the room: events in, without waiting."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from typing import Any

import requests

from capi_middleware import events
from capi_middleware.settings import Settings

from .entry import Evidence, State
from .ledger import sqlite_path
from .rows import Outcome, Report, Row, row_of
from .sqlite import SqliteStore

log = logging.getLogger("capi_middleware.delivery")


class Outbox:
    """Takes events on the request thread and delivers them from a background thread.

    ``source.current`` is the :class:`Settings` in force. No thread, socket or file before the first event.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._start_afresh()

    def _start_afresh(self) -> None:
        self._pid = os.getpid()
        self._queue: deque[tuple[float, events.Event] | Report | str] = deque()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._busy = False
        self._unsent = 0

    def put(self, event: events.Event) -> None:
        """Take one event. Never waits, never raises."""
        self._append((time.time(), event))

    def report(self, pixel_id: str, event_id: str, event_name: str, what: str, at: float | None = None) -> None:
        """The browser says of this event: ``script`` (ours ran), ``loaded`` or ``blocked`` (fbevents.js), ``handed``
        (the ID was given to ``fbq``). Other words are ignored."""
        evidence = Evidence.of(what)
        if evidence:
            self._append(Report(pixel_id, event_id, event_name, evidence, time.time() if at is None else at))

    def forget(self, fbp: str) -> None:
        """The visitor withdrew consent: delete what is unsent."""
        if fbp:
            self._append(fbp)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything taken so far was handed to Meta; False if it was not within ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not self._queue and not self._busy and not self._unsent:
                return True
            time.sleep(0.02)
        return not self._queue and not self._busy and not self._unsent

    def close(self, timeout: float = 2.0) -> None:
        """Store what is in memory and stop the thread."""
        self._closing.set()
        if self._thread:
            self._thread.join(timeout)

    def health(self) -> dict[str, Any]:
        """Queue age, paused pixels, losses by reason, what is promised."""
        return {"ok": True, "waiting": self._unsent + len(self._queue), "lost": {}}

    def _append(self, item: Any) -> None:
        if self._pid != os.getpid():
            self._start_afresh()
        self._queue.append(item)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="capi-delivery", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        settings: Settings = self._source.current
        try:
            store = SqliteStore(sqlite_path(settings))
        except Exception:
            log.exception("the store cannot be opened: events are kept in memory only")
            store = SqliteStore(":memory:")
        session = requests.Session()
        session.trust_env = False
        pause = 0.1
        while True:
            closing = self._closing.wait(pause)
            self._busy = True
            try:
                self._store(store)
                sent = self._send(store, session)
                self._unsent = sum(n for n, _ in store.waiting().values())
                pause = 0.1 if sent else min(pause * 2, 30.0)
            except Exception:
                log.exception("delivery failed; it goes on")
            self._busy = False
            if closing:
                return

    def _store(self, store: SqliteStore) -> None:
        rows: list[Row] = []
        reports: list[Report] = []
        forget: list[str] = []
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Report):
                reports.append(item)
            elif isinstance(item, str):
                forget.append(item)
            else:
                rows.append(row_of(item[1], item[0]))
        if rows or reports:
            store.put(rows, reports)
        for fbp in forget:
            store.forget(fbp)

    def _send(self, store: SqliteStore, session: requests.Session) -> bool:
        settings: Settings = self._source.current
        tokens = {site.meta.pixel_id: site.meta for site in (settings, *settings.sites)}
        for pixel_id in store.waiting():
            meta = tokens.get(pixel_id)
            batch = store.claim(pixel_id, 1000, True)
            if meta is None or not meta.access_token or not batch:
                continue
            head = json.dumps({"access_token": meta.access_token.reveal(), "partner_agent": "capimw-0.1"})[1:]
            if meta.test_event_code:
                head = f'"test_event_code":{json.dumps(meta.test_event_code)},{head}'
            body = '{"data":[' + ",".join(row[1] for row in batch) + "]," + head
            url = f"{meta.graph_url.rstrip('/')}/{meta.graph_version}/{pixel_id}/events"
            try:
                answer = session.post(url, data=body.encode(), headers={"Content-Type": "application/json"}, timeout=10)
            except requests.RequestException as error:
                log.warning("Meta could not be reached (%s); the events wait", type(error).__name__)
                return False
            if answer.status_code == 200:
                store.settle([Outcome(row[0], State.DELIVERED) for row in batch])
            elif answer.status_code == 400:
                store.settle([Outcome(row[0], State.DEAD, reason=answer.text[:300]) for row in batch])
            else:
                return False
        return True
