"""What the traffic looks like, in counts by the shape of addresses: nothing personal, cheap where requests pass,
shared by all processes of a host through one small file.

An address lives in this process' memory for a few seconds at most. Stored is its shape, in which a part stands as it is
only if it is a word of shops or if three different visitors have had it (:mod:`.shape`).
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from capi_middleware.infer import Conclusion
from capi_middleware.infer.address import cut
from capi_middleware.settings.words import route_of
from capi_middleware.visit import Answer, Asker, Visit

from .shape import candidates, shape_of
from .shared_file import transaction

log = logging.getLogger("capi_middleware")

FILE = "traffic.sqlite3"
EVERY = 3.0
"""Seconds between two writes of a process."""
KEEP_DAYS = 28
VISITORS = 3
"""Different visitors after whom a part of an address may be kept as it is."""
WIDE = 25
"""Different parts below one place, above which they are no fixed parts but names of products and the like."""
CALL = "call:"
"""Begins the mark of an event that a page's own pixel sends and we do not mirror."""
TOOL = "consent:"
"""Begins the mark of a consent tool by whose cookie a visitor has agreed."""
_CALLS = 50
_LOOKS = 300
_SOUNDS_LIKE_CONSENT = re.compile(r"consent|cookie|gdpr|samtycke|privacy|ccpa|optin|opt-in", re.IGNORECASE)
_MOST = 2_000
_MOST_SHAPES = 3_000
_MOST_HOSTS = 1_000
_COUNTS = """
CREATE TABLE IF NOT EXISTS shape (
    host TEXT NOT NULL, day INTEGER NOT NULL, method TEXT NOT NULL, shape TEXT NOT NULL, outcome TEXT NOT NULL,
    event TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (host, day, method, shape, outcome, event)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule (
    host TEXT NOT NULL, hour INTEGER NOT NULL, event TEXT NOT NULL, rule TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (host, hour, event, rule)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (
    host TEXT NOT NULL, day INTEGER NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (host, day, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part (
    host TEXT NOT NULL, before TEXT NOT NULL, segment TEXT NOT NULL, PRIMARY KEY (host, before, segment)) WITHOUT ROWID;
"""
_RECENT = """
CREATE TABLE IF NOT EXISTS recent (
    host TEXT NOT NULL, hour INTEGER NOT NULL, what TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (host, hour, what)) WITHOUT ROWID;
"""
_TABLES = (_COUNTS, _RECENT)
_PAGES = frozenset(f"reason:{name}" for name in ("INLINE", "COLLECT", "CSP", "ALONE", "ENCODING", "NO_TRANSFORM"))
_OF_LATE = 200


_FEW_CALLS = """
DELETE FROM mark WHERE host = :host AND day = :day AND what LIKE 'call:%' AND what NOT IN (
    SELECT what FROM mark WHERE host = :host AND day = :day AND what LIKE 'call:%' ORDER BY n DESC LIMIT :most)
"""
"""Anybody can make names up: of those, the most frequent stay."""


class ShapeCount(NamedTuple):
    """``outcome``: what was answered: ``page``, ``json``, ``other``, ``error``, or the shape of the place it redirected
    to. ``event``: what a rule made of it, "" for nothing."""

    method: str
    shape: str
    outcome: str
    event: str
    n: int


class RuleCount(NamedTuple):
    """Events of one rule in one hour (its start, seconds UTC)."""

    hour: int
    event: str
    rule: str
    n: int


class Traffic:
    """One a process. :meth:`observe`, :meth:`matched` and :meth:`mark` never wait."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._watched: Counter[str] = Counter()
        self._anew()
        self._known: dict[tuple[str, str], set[str]] = {}
        self._looks: dict[str, int] = {}
        self._hosts: set[str] = set()
        self._hosts_of = 0
        _EVERY.add(self)

    def _anew(self) -> None:
        self._requests: dict[tuple[str, ...], list[Any]] = {}
        self._rules: Counter[tuple[str, int, str, str]] = Counter()
        self._marks: Counter[tuple[str, str]] = Counter()
        self._seen: dict[tuple[str, str, str], set[int]] = {}
        self._told = dict(self._watched)
        self._busy = False
        self._due = time.monotonic() + EVERY
        self._writing = threading.Lock()

    # -- where requests pass

    def observe(self, visit: Visit, status: int, headers: Iterable[tuple[str, str]], found: Conclusion) -> None:
        """One request of a visitor who has agreed, its answer, and what the rules made of it."""
        if visit.asker is not Asker.PERSON and visit.method == "GET":
            return
        visitor = hash((visit.address, visit.user_agent))
        if len(found.events) == 1 and found.events[0].event_name == "PageView" and not (found.refused or found.pending):
            outcome, names = "page", _NO_NAMES  # most requests: whatever views a page has answered with one
        else:
            outcome, names = _outcome(visit.host, status, headers), _names(found)
        self.note(visit.host, visit.method, visit.path, visit.query, outcome, names, visitor)
        if visit.consent.answer is Answer.GRANTED:
            self.mark(visit.host, f"{TOOL}{visit.consent.source}")
        elif visit.consent.reason == "no_tool" and visit.cookies and self._looks.get(visit.host, 0) < _LOOKS:
            self.note_cookies(visit.host, visit.cookies)

    def note(
        self, host: str, method: str, path: str, query: str, outcome: str, events: Iterable[str], visitor: int
    ) -> None:
        """One request and what became of it. ``outcome``: as :attr:`ShapeCount.outcome`, a redirect's as ``>`` and its
        path. ``visitor``: a hash, which does not leave this process."""
        key = (host, method, path, query if "=" in query and len(query) < 256 else "", outcome, " ".join(events))
        found = self._requests.get(key)
        if found is not None:
            found[0] += 1
            found[1].add(visitor)
        elif len(self._requests) < _MOST:
            self._requests[key] = [1, {visitor}]
        if time.monotonic() >= self._due:
            self._start()

    def matched(self, host: str, event: str, rule: str, at: float = 0.0) -> None:
        """A rule has made an event, ``at`` that time (seconds UTC; 0: now)."""
        key = (host, int(at or time.time()) // 3600 * 3600, event, rule)
        if key in self._rules or len(self._rules) < _MOST:
            self._rules[key] += 1
        if time.monotonic() >= self._due:
            self._start()

    def note_cookies(self, host: str, names: Iterable[str]) -> None:
        """Cookies that sound like a consent tool's, where none was recognised; of the first pages only."""
        if len(self._looks) > _MOST_HOSTS:
            self._looks.clear()
        self._looks[host] = self._looks.get(host, 0) + 1
        for name in names:
            if _SOUNDS_LIKE_CONSENT.search(name) and len(name) <= 40:
                self.mark(host, f"cookie:{name}")

    def note_call(self, host: str, name: str) -> None:
        """A call of the page's own pixel that is not mirrored."""
        self.mark(host, f"{CALL}{name}")

    def watch(self, counter: Counter[str]) -> None:
        """Write this counter's growth too, as marks ``reason:NAME`` of no host."""
        self._watched = counter
        self._told = dict(counter)

    def mark(self, host: str, what: str, n: int = 1) -> None:
        """Count something else that the pages tell of: ``reason:CSP``, ``bare:ViewContent``, ``cookie:NAME`` …"""
        if (host, what) in self._marks or len(self._marks) < _MOST:
            self._marks[host, what] += n

    def _start(self) -> None:
        if self._busy:
            return
        self._busy = True
        self._due = time.monotonic() + EVERY
        try:
            threading.Thread(target=self._write_aside, name="capi-traffic", daemon=True).start()
        except RuntimeError:  # the interpreter is ending
            self._busy = False

    def _write_aside(self) -> None:
        try:
            self.write()
        except (OSError, sqlite3.Error) as error:
            log.debug("traffic could not be counted: %s", error)
        finally:
            self._busy = False

    # -- the file

    def write(self) -> None:
        """Put what was counted so far into the file. Raises ``OSError`` or ``sqlite3.Error``; then it is gone."""
        with self._writing:
            requests, self._requests = self._requests, {}
            rules, self._rules = self._rules, Counter()
            marks, self._marks = self._marks, Counter()
            now = dict(self._watched)
            for name, n in now.items():
                if n > self._told.get(name, 0):
                    marks["", f"reason:{name}"] = n - self._told.get(name, 0)
            self._told = now
            if not (requests or rules or marks):
                return
            day = int(time.time()) // 86400
            with self._open() as database:
                named = {key[0] for key in requests} | {key[0] for key in rules} | {key[0] for key in marks}
                hosts = self._admitted(database, named, day)
                requests = {key: found for key, found in requests.items() if key[0] in hosts}
                rules = Counter({key: n for key, n in rules.items() if key[0] in hosts})
                marks = Counter({key: n for key, n in marks.items() if key[0] in hosts})
                shapes = self._shapes(database, requests)
                room = _MOST_SHAPES - database.execute("SELECT count(*) FROM shape").fetchone()[0]
                for key, n in shapes.items():
                    host, *rest = key
                    sql = "UPDATE shape SET n = n + ? WHERE host = ? AND day = ? AND method = ? AND shape = ? "
                    sql += "AND outcome = ? AND event = ?"
                    if not database.execute(sql, (n, host, day, *rest)).rowcount and room > 0:
                        database.execute("INSERT INTO shape VALUES (?, ?, ?, ?, ?, ?, ?)", (host, day, *rest, n))
                        room -= 1
                database.executemany(
                    "INSERT INTO rule VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                    [(*rule, n) for rule, n in rules.items()],
                )
                database.executemany(
                    "INSERT INTO mark VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                    [(host, day, what, n) for (host, what), n in marks.items()],
                )
                hour = int(time.time()) // 3600
                database.executemany(
                    "INSERT INTO recent VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                    [(host, hour, what, n) for (host, what), n in marks.items() if not what.startswith(CALL)],
                )
                database.execute("DELETE FROM recent WHERE hour < ?", (hour - 24,))
                for host in {host for host, what in marks if what.startswith(CALL)}:
                    database.execute(_FEW_CALLS, {"host": host, "day": day, "most": _CALLS})
                for table, bound in (("shape", day - KEEP_DAYS), ("mark", day - KEEP_DAYS)):
                    database.execute(f"DELETE FROM {table} WHERE day < ?", (bound,))
                database.execute("DELETE FROM rule WHERE hour < ?", ((day - KEEP_DAYS) * 86400,))

    def _admitted(self, database: sqlite3.Connection, hosts: set[str], day: int) -> set[str]:
        """Anybody can invent hosts: of these, those that are known, and new ones while there is room."""
        if self._hosts_of != day:
            known = database.execute("SELECT DISTINCT host FROM rule UNION SELECT DISTINCT host FROM mark").fetchall()
            self._hosts, self._hosts_of = {"", *(host for (host,) in known)}, day
        for host in hosts - self._hosts:
            if len(self._hosts) < _MOST_HOSTS:
                self._hosts.add(host)
        return hosts & self._hosts

    def _shapes(
        self, database: sqlite3.Connection, requests: Mapping[tuple[str, ...], list[Any]]
    ) -> Counter[tuple[str, ...]]:
        """The same counts, by shape."""
        for host in {key[0] for key in requests}:
            self._recall(database, host)
        for (host, method, path, query, *_), (_, visitors) in requests.items():
            self._learn(database, host, method, path, visitors)
            self._learn(database, host, "?", route_of(query), visitors)
        shapes: Counter[tuple[str, ...]] = Counter()
        for (host, method, path, query, outcome, event), (n, _) in requests.items():
            shape = self._shape(host, method, path)
            route = route_of(query)
            if route:
                shape += f"?{self._shape(host, '?', route)}"
            if outcome.startswith(">"):
                outcome = self._shape(host, "GET", outcome[1:])
            shapes[host, method, shape, outcome, event] += n
        return shapes

    def _shape(self, host: str, method: str, path: str) -> str:
        return shape_of(
            path, lambda before, part: part in self._known.get((host, _place(method, before.count("/"))), ())
        )

    def _recall(self, database: sqlite3.Connection, host: str) -> None:
        found: dict[tuple[str, str], set[str]] = {}
        for before, segment in database.execute("SELECT before, segment FROM part WHERE host = ?", (host,)):
            found.setdefault((host, before), set()).add(segment)
        self._known.update(found)

    def _learn(self, database: sqlite3.Connection, host: str, method: str, path: str, visitors: set[int]) -> None:
        """Which parts are no one visitor's; in a place with very many of them, none is."""
        for depth, segment in candidates(path):
            before = _place(method, depth)
            known = self._known.setdefault((host, before), set())
            if segment in known or "*" in known:
                continue
            seen = self._seen.setdefault((host, before, segment), set())
            seen |= visitors
            if len(seen) < VISITORS:
                continue
            del self._seen[host, before, segment]
            if len(known) >= WIDE:
                segment = "*"
                database.execute("DELETE FROM part WHERE host = ? AND before = ?", (host, before))
                known.clear()
            known.add(segment)
            database.execute("INSERT OR IGNORE INTO part VALUES (?, ?, ?)", (host, before, segment))
        while len(self._seen) > _MOST:
            self._seen.pop(next(iter(self._seen)))

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return transaction(self.path, _TABLES)

    # -- for people

    def shapes(self, host: str, days: int = 14) -> list[ShapeCount]:
        """Requests of the last days, the most frequent first."""
        since = int(time.time()) // 86400 - days
        return self._ask(
            ShapeCount,
            "SELECT method, shape, outcome, event, sum(n) AS total FROM shape WHERE host = ? AND day >= ? "
            "GROUP BY method, shape, outcome, event ORDER BY total DESC",
            (host, since),
        )

    def rules(self, host: str, days: int = 14) -> list[RuleCount]:
        """Events of the last days by rule and hour."""
        since = int(time.time()) - days * 86400
        return self._ask(
            RuleCount,
            "SELECT hour, event, rule, sum(n) FROM rule WHERE host = ? AND hour >= ? "
            "GROUP BY hour, event, rule ORDER BY hour",
            (host, since),
        )

    def marks(self, host: str, days: int = 2) -> dict[str, int]:
        """What else was counted in the last days."""
        since = int(time.time()) // 86400 - days
        sql = "SELECT what, sum(n) FROM mark WHERE host IN (?, '') AND day >= ? GROUP BY what"
        return dict(self._ask(tuple, sql, (host, since)))

    def marks_of_late(self, host: str) -> dict[str, int]:
        """The same of as many whole hours, the latest first, as it takes to have seen some hundred pages; of a day at
        most. What has been mended is gone from it an hour later."""
        since = int(time.time()) // 3600 - 24
        sql = "SELECT hour, what, sum(n) FROM recent WHERE host IN (?, '') AND hour > ? GROUP BY hour, what "
        rows = self._ask(tuple, sql + "ORDER BY hour DESC", (host, since))
        found: Counter[str] = Counter()
        last = 0
        for hour, what, n in rows:
            if hour != last and sum(found[name] for name in _PAGES) >= _OF_LATE:
                break
            last = hour
            found[what] += n
        return dict(found)

    def _ask(self, make: Any, sql: str, values: tuple[Any, ...]) -> list[Any]:
        """Rows, none where there is no file yet. What this process holds goes in first."""
        try:
            self.write()
            if not self.path.exists():
                return []
            with self._open() as database:
                rows = database.execute(sql, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            log.debug("traffic could not be read: %s", error)
            return []
        return [make(row) if make is tuple else make(*row) for row in rows]

    def close(self) -> None:
        """Write what is left."""
        try:
            self.write()
        except (OSError, sqlite3.Error):
            pass


class Outbox(Protocol):
    """Where events go."""

    def put(self, event: Any) -> None: ...
    def report(self, pixel_id: str, event_id: str, event_name: str, what: str) -> None: ...
    def forget(self, fbp: str) -> None: ...


class Counted:
    """An outbox that counts what its events' rules are, and which of them lack what they need."""

    def __init__(self, outbox: Outbox, traffic: Traffic) -> None:
        self._outbox = outbox
        self._traffic = traffic
        self.report = outbox.report
        self.forget = outbox.forget

    def put(self, event: Any) -> None:
        self._outbox.put(event)
        try:
            host = _host_of(event.event_source_url)
            self._traffic.matched(host, event.event_name, event.rule, event.event_time)
            if event.event_name == "ViewContent":
                whole = "value" in event.custom_data and "content_ids" in event.custom_data
                self._traffic.mark(host, "whole:ViewContent" if whole else "bare:ViewContent")
        except Exception as error:  # an event that is on its way is worth more than a figure about it
            log.debug("traffic: %s", type(error).__name__)


def _outcome(host: str, status: int, headers: Iterable[tuple[str, str]]) -> str:
    """What was answered, as :meth:`Traffic.note` wants it."""
    if status >= 400:
        return "error"
    if status in (301, 302, 303, 307, 308):
        target = cut(_header(headers, "location"))
        return f">{target.path}" if target.hostname in (None, host) else "other"
    kind = _header(headers, "content-type").partition(";")[0].strip().lower()
    if kind == "text/html":
        return "page"
    return "json" if kind == "application/json" or kind.endswith("+json") else "other"


def _header(headers: Iterable[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in headers if name.lower() == wanted), "")


_NO_NAMES: Sequence[str] = ()


def _names(found: Conclusion) -> Sequence[str]:
    """What the rules spoke of, the view itself aside."""
    if not (found.refused or found.pending):
        names = [one.event_name for one in found.events if one.event_name != "PageView"]
        if len(names) < 2:
            return names
    every = {one.event_name for one in found.events} | {one.event_name for one in found.refused}
    every.update(str(pending.get("event", "")) for pending in found.pending)
    return sorted(every - {"PageView"})


@lru_cache(4096)
def _host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def _place(method: str, depth: int) -> str:
    """Where a part stands. What is posted to has a place of its own: those addresses are few, pages are many."""
    return f"{method if method in ('GET', '?') else 'POST'} {depth}"


_EVERY: weakref.WeakSet[Traffic] = weakref.WeakSet()


def _after_fork() -> None:
    for traffic in list(_EVERY):
        traffic._anew()  # what was counted is the parent's, and so is its lock


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
