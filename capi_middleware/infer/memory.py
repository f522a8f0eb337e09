"""What the shop has shown of its products: facts of pages seen, by id and by address, for all processes of a host.

In front stands a bounded cache of this process; a thread behind it writes what was learnt to a SQLite file in the state
folder and reads what other processes learnt. No request ever touches the file. Addresses are kept as hashes only.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from threading import Event, Lock, Thread
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from cachetools import LRUCache

from .address import plain_address
from .types import Facts

PAGES = 10_000
IDS = 40_000
ROWS = 30_000
LOADED = 5_000
WAITING = 5_000
ACTIVE = 0.25
IDLE = 5.0
NOT_A_PRODUCT = 24 * 3600.0
KEPT = 30 * 24 * 3600.0
REWRITTEN = 3600.0

_FILE = "products-1.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (
    number INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL, address BLOB NOT NULL, seen REAL NOT NULL,
    data TEXT NOT NULL, UNIQUE (host, address)
)"""
_log = logging.getLogger(__name__)


class _Page(NamedTuple):
    """``told``: what the reading told besides the product; its cards and variants stand under their ids alone."""

    facts: Facts
    seen: float
    told: tuple[int, ...]


class _Entry(NamedTuple):
    """``page``: 1 when the product's own page told it, 0 for a card in a listing."""

    data: Mapping[str, Any]
    page: int


class ProductMemory:
    """Facts by ``(host, id)`` and by ``(host, path and query)``. No method waits for a disk or raises; without a
    folder, or when it cannot be written, the memory is this process's alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._pages: LRUCache[tuple[str, bytes], _Page] = LRUCache(PAGES)
        self._ids: LRUCache[tuple[str, str], _Entry] = LRUCache(IDS)
        self._waiting: deque[tuple[str, bytes, float, str]] = deque(maxlen=WAITING)
        self._lock = Lock()
        self._wake = Event()
        self._flushed = Event()
        self._closed = False
        self._pid = 0
        self._used = 0.0
        self._thread: Thread | None = None
        self.trouble = ""
        """Why what is learnt is not shared with other processes at the moment, "" while it is."""

    # -- what the request thread calls

    def learn(self, host: str, address: str, facts: Facts) -> None:
        """A page was read. ``address``: path and query. Its product is kept by address and by each of its ids, its
        variants by theirs, the cards of a listing by theirs; that it is no product's page is kept for a day."""
        try:
            self._learn(host, hashed(address), facts)
        except Exception:
            _log.exception("A page's facts were not remembered.")

    def by_id(self, host: str, content_id: str) -> Mapping[str, Any] | None:
        """custom_data of the product that has this id of any kind (``content_ids``, ``content_name``, ``value``,
        ``currency``, …) as the shop showed it, with ``ids`` by kind; None when it was not seen."""
        self._awake()
        with self._lock:
            entry = self._ids.get((host, content_id))
        return entry.data if entry is not None else None

    def by_url(self, host: str, address: str) -> Facts | None:
        """The facts of the page at this path and query; None when it was not seen: then what other processes have
        learnt is looked at at once, for whoever asks again."""
        self._awake()
        with self._lock:
            page = self._pages.get((host, hashed(address)))
        if page is None or (not page.facts.is_product and time.time() - page.seen > NOT_A_PRODUCT):
            self._wake.set()
            return None
        return page.facts

    def products(self, host: str = "") -> list[Mapping[str, Any]]:
        """The products whose own pages were seen, all that the file holds (of one host, when named), the latest first:
        for commands, since it reads the file. Each as :meth:`by_id` gives it."""
        if self._folder is None:
            with self._lock:
                pages = [page.facts for (one, _), page in self._pages.items() if host in ("", one)]
        else:
            self.flush()
            pages = [facts for data in _stored(self._folder, host) if (facts := _read(data)) is not None]
        return [{**facts.product, "ids": facts.more.get("ids", {})} for facts in pages if facts.is_product]

    # -- learning

    def _learn(self, host: str, address: bytes, facts: Facts) -> None:
        now, kept = time.time(), _kept(facts)
        self._awake()
        with self._lock:
            known = self._pages.get((host, address))
            if known is not None and now - known.seen < REWRITTEN and _same(known, kept):
                return
            self._remember(host, address, kept, now)
        if self._folder is not None:
            self._waiting.append((host, address, now, _written(kept)))
            self._wake.set()

    def _remember(self, host: str, address: bytes, facts: Facts, seen: float) -> None:
        page = facts._replace(more={"ids": facts.more.get("ids", {})})
        self._pages[host, address] = _Page(page, seen, _told(facts))
        if facts.is_product:
            ids: Mapping[str, str] = facts.more.get("ids", {})
            data = MappingProxyType({**facts.product, "ids": ids})
            for one in facts.more.get("variants", ()):
                own = {key: one[key] for key in ("value", "currency") if key in one}
                entry = _Entry(MappingProxyType({**facts.product, **own, "ids": {**ids, **one.get("ids", {})}}), 1)
                for value in one.get("ids", {}).values():
                    self._ids[host, value] = entry
            for value in (*facts.product.get("content_ids", ()), *ids.values()):
                self._ids[host, str(value)] = _Entry(data, 1)
        for card in facts.more.get("cards", ()):
            entry = _Entry(MappingProxyType(dict(card)), 0)
            for value in (*card.get("content_ids", ()), *card.get("ids", {}).values()):
                known = self._ids.get((host, str(value)))
                if known is None or not known.page:
                    self._ids[host, str(value)] = entry

    # -- the thread behind

    def _awake(self) -> None:
        """Start the thread where there is none: at first use, and in each process after a fork."""
        self._used = time.monotonic()
        pid = os.getpid()
        if self._pid == pid or self._folder is None or self._closed:
            return
        if self._pid:  # forked: the parent's lock may be held for ever, its thread is not here
            self._lock, self._wake, self._flushed = Lock(), Event(), Event()
            self._waiting = deque(maxlen=WAITING)
        self._pid = pid
        self._thread = Thread(target=self._run, name="capi-product-memory", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        store: _Store | None = None
        while True:
            try:
                if store is None:
                    assert self._folder is not None
                    store = _Store(self._folder)
                self._exchange(store)
                self.trouble = ""
            except Exception as error:  # without this thread nothing would be shared any more
                if str(error)[:200] != self.trouble:  # said once, not at each new try
                    self.trouble = str(error)[:200]
                    _log.warning("Product memory is not shared with other processes for now: %s", error)
                if store is not None:
                    store.close()
                    store = None
            self._flushed.set()
            if self._closed:
                break
            active = time.monotonic() - self._used < 10
            if self._wake.wait(ACTIVE if active and store is not None else IDLE):
                self._wake.clear()
                time.sleep(0.05)  # what one page teaches comes together
        if store is not None:
            store.close()

    def _exchange(self, store: _Store) -> None:
        batch: list[tuple[str, bytes, float, str]] = []
        while self._waiting and len(batch) < 500:
            batch.append(self._waiting.popleft())
        try:
            if batch:
                store.write(batch)
        except sqlite3.Error:
            self._waiting.extendleft(reversed(batch))
            raise
        for host, address, seen, data in store.news():
            facts = _read(data)
            with self._lock:
                known = self._pages.get((host, address))
                if facts is not None and (known is None or known.seen < seen):
                    self._remember(host, address, facts, seen)

    def flush(self, timeout: float = 5.0) -> bool:
        """Has all that was learnt been written, and what others wrote been read, within ``timeout`` seconds?"""
        if self._folder is None or self._thread is None:
            return True
        until = time.monotonic() + timeout
        for _ in range(2):  # a round may have begun before the last thing was learnt
            self._flushed.clear()
            self._wake.set()
            if not self._flushed.wait(max(0.0, until - time.monotonic())):
                return False
        return not self._waiting

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self._closed = True
        self._wake.set()
        thread = self._thread
        if thread is not None and self._pid == os.getpid():
            thread.join(2.0)


class _Store:
    """The file. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / _FILE
        try:
            self._connection = self._open()
        except sqlite3.OperationalError:  # locked, full or not to be written: nothing is wrong with what is in it
            raise
        except sqlite3.DatabaseError:
            for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm"):
                (folder / name).unlink(missing_ok=True)
            self._connection = self._open()
        self._last = -1
        self._version = -1
        self._written = 0

    def _open(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=2.0, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")  # a memory may be lost with the machine, never with a process
            connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def write(self, batch: list[tuple[str, bytes, float, str]]) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "INSERT OR REPLACE INTO page (host, address, seen, data) VALUES (?, ?, ?, ?)", batch
            )
            self._written += len(batch)
            if self._written >= 500:
                self._written = 0
                run("DELETE FROM page WHERE seen < ?", (time.time() - KEPT,))
                run(
                    "DELETE FROM page WHERE number <= (SELECT number FROM page ORDER BY number DESC LIMIT 1 OFFSET ?)",
                    (ROWS,),
                )
            run("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    def news(self) -> list[tuple[str, bytes, float, str]]:
        """What stands in the file since the last look; the latest at the first one."""
        run = self._connection.execute
        version = run("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return []
        self._version = version
        if self._last < 0:
            rows = run(
                "SELECT number, host, address, seen, data FROM page ORDER BY number DESC LIMIT ?", (LOADED,)
            ).fetchall()[::-1]
        else:
            rows = run(
                "SELECT number, host, address, seen, data FROM page WHERE number > ? ORDER BY number LIMIT ?",
                (self._last, LOADED),
            ).fetchall()
        self._last = rows[-1][0] if rows else max(self._last, 0)
        return [row[1:] for row in rows]

    def close(self) -> None:
        self._connection.close()


def _stored(folder: Path, host: str) -> list[str]:
    if not os.path.exists(folder / _FILE):
        return []
    connection = sqlite3.connect(f"file:{quote(str(folder / _FILE))}?mode=ro", uri=True, timeout=5.0)
    try:
        rows = connection.execute(
            "SELECT data FROM page WHERE ? IN ('', host) ORDER BY number DESC", (host,)
        ).fetchall()
    finally:
        connection.close()
    return [row[0] for row in rows]


def hashed(address: str) -> bytes:
    """An address as the memory knows it: what advertising adds taken off, then hashed."""
    return blake2b(plain_address(address).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _same(known: _Page, facts: Facts) -> bool:
    """Whether a reading tells nothing new. A page read in short at first has told less of all but its
    product."""
    return (
        known.facts.is_product == facts.is_product
        and known.facts.product == facts.product
        and known.facts.title == facts.title
        and all(new <= old for new, old in zip(_told(facts), known.told, strict=True))
    )


def _told(facts: Facts) -> tuple[int, ...]:
    more = facts.more
    return len(more.get("ids", ())), bool(more.get("variants")), bool(more.get("cards"))


def _kept(facts: Facts) -> Facts:
    """What is worth remembering. The title of a page that is no product's may greet its visitor by name."""
    more = {key: facts.more[key] for key in ("ids", "variants", "cards") if facts.more.get(key)}
    return Facts(facts.product, facts.sources, facts.is_product, facts.title if facts.is_product else "", (), more)


def _written(facts: Facts) -> str:
    return json.dumps(
        [
            dict(facts.product),
            dict(facts.sources),
            facts.is_product,
            facts.title,
            {key: _plain(value) for key, value in facts.more.items()},
        ],
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _plain(value: Any) -> Any:
    return [dict(one) for one in value] if isinstance(value, (tuple, list)) else dict(value)


def _read(data: str) -> Facts | None:
    try:
        product, sources, is_product, title, more = json.loads(data)
        return Facts(product, sources, bool(is_product), title, (), more)
    except (ValueError, TypeError):
        return None
