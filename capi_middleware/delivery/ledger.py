"""The read side: what the admin page, ``status`` and ``export`` ask of the store."""

from __future__ import annotations

import csv
import io
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .entry import Entry, Filter, Hour, PixelState, Record
from .places import open_ledger
from .rows import hour_of
from .store import ReadStore

EVERYTHING = Filter()
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_abandoned: list[ReadStore] = []  # closing them here would disturb the parent process
_COLUMNS = (
    "event_time", "pixel_id", "event_name", "event_id", "state", "browser", "evidence", "paired", "delay", "tries",
    "code", "subcode", "reason", "trace", "rule", "page",
)  # fmt: skip


class Ledger:
    """Events with both legs. Every call answers from the store as it is now; with no store yet, with nothing.

    ``source.current`` is the :class:`Settings` in force. Calls may come from any thread. Raises
    :class:`~.store.StoreError` where there is a store that cannot be read.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._store: ReadStore | None = None
        self._pid = 0
        self._where: Any = None

    def recent(self, wanted: Filter = EVERYTHING, limit: int = 50) -> list[Entry]:
        """Entries, newest first; page on with ``Filter(before=entries[-1].number)``."""
        store = self._open()
        return store.recent(wanted, limit) if store else []

    def record(self, number: int) -> Record | None:
        """One event whole: payload, sources, consent."""
        store = self._open()
        return store.record(number) if store else None

    def find(self, pixel_id: str, event_name: str, event_id: str) -> Record | None:
        """One event whole, by its name and ID."""
        store = self._open()
        number = store.number_of(pixel_id, event_name, event_id) if store else 0
        return store.record(number) if store and number else None

    def hours(self, hours: int = 24, pixel_id: str = "", event_name: str = "", now: float | None = None) -> list[Hour]:
        """Counts of the last ``hours`` whole hours and the current one, oldest first, empty hours included."""
        last = hour_of(time.time() if now is None else now)
        first = last - (hours - 1) * 3600
        store = self._open()
        found = store.hours(first, last + 3600, pixel_id, event_name) if store else []
        known = {hour.hour: hour for hour in found}
        return [known.get(hour, Hour(hour, {})) for hour in range(first, last + 1, 3600)]

    def pixels(self) -> list[PixelState]:
        """How sending goes for each pixel."""
        store = self._open()
        return store.pixels() if store else []

    def totals(self) -> Mapping[str, int]:
        """Counts since the beginning, by what (see :class:`Hour`)."""
        store = self._open()
        return store.totals() if store else {}

    def size(self) -> int:
        """How many entries there are."""
        store = self._open()
        return store.size() if store else 0

    def visitor(self, fbp: str) -> Iterator[Record]:
        """Everything stored about one visitor."""
        store = self._open()
        for number in store.visitor(fbp) if store else []:
            record = store.record(number) if store else None
            if record:
                yield record

    def csv(self, wanted: Filter = EVERYTHING, limit: int = 100_000) -> Iterator[str]:
        """CSV text in parts: a heading line, then newest first. Cells that a spreadsheet would run are quoted."""
        yield _line(_COLUMNS)
        before, left = wanted.before, limit
        while left > 0:
            page = self.recent(
                Filter(
                    wanted.pixel_id, wanted.event_name, wanted.state, wanted.legs, wanted.text, wanted.since,
                    wanted.until, before,
                ),
                min(left, 1000),
            )  # fmt: skip
            if not page:
                return
            yield "".join(_line(_cells(entry)) for entry in page)
            before, left = page[-1].number, left - len(page)

    def close(self) -> None:
        with self._lock:
            if self._store is not None and self._pid == os.getpid():
                self._store.close()
            self._store = None

    def __del__(self) -> None:
        """A ledger that nobody has any more lets go of its file."""
        if self._store is not None and self._pid == os.getpid():
            self.close()

    def _open(self) -> ReadStore | None:
        """This process's connection: one that came over a fork is the parent's, and is left alone."""
        settings = self._source.current
        with self._lock:
            if self._store is not None and (self._pid, self._where) != (os.getpid(), settings.server):
                _abandoned.append(self._store)
                self._store = None
            if self._store is not None and not self._store.alive():
                self._store.close()
                self._store = None
            if self._store is None:
                self._pid, self._where = os.getpid(), settings.server
                self._store = open_ledger(settings)
            return self._store


def _cells(entry: Entry) -> tuple[Any, ...]:
    delay = round(entry.settled - entry.created, 3) if entry.server else ""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.event_time))
    evidence = "+".join((flag.name or "").lower() for flag in entry.evidence)
    return (
        when, entry.pixel_id, entry.event_name, entry.event_id, entry.state.value, int(entry.browser), evidence,
        int(entry.paired), delay, entry.tries, entry.code, entry.subcode, entry.reason, entry.trace, entry.rule,
        entry.page,
    )  # fmt: skip


def _line(cells: tuple[Any, ...]) -> str:
    out = io.StringIO()
    safe = [f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell for cell in cells]
    csv.writer(out).writerow(safe)
    return out.getvalue()
