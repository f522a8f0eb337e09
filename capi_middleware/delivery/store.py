"""What a store must do: queue and ledger in one. One suite of tests holds for both of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple, Protocol

from .entry import Entry, Filter, Hour, PixelState, Record
from .rows import Claimed, Counts, Outcome, Report, Row


class StoreError(Exception):
    """The store cannot do it now; events stay where they are. ``full``: for lack of room. ``damaged``: the file is
    not what it should be."""

    def __init__(self, reason: str, full: bool = False, damaged: bool = False) -> None:
        super().__init__(reason)
        self.full = full
        self.damaged = damaged


class Claim:
    """Rows taken out for sending. ``left``: the numbers whose fate is not written yet."""

    __slots__ = ("left", "rows")

    def __init__(self, rows: list[Claimed]) -> None:
        self.rows = rows
        self.left = {row.number for row in rows}


class Limits(NamedTuple):
    """Bounds of the store: bytes on disk, seconds that personal data and entries are kept."""

    bytes: int
    personal: float
    entries: float


class ReadStore(Protocol):
    """The ledger's side. Every call raises :class:`StoreError` alone."""

    version: int

    def recent(self, wanted: Filter, limit: int) -> list[Entry]: ...
    def record(self, number: int) -> Record | None: ...
    def number_of(self, pixel_id: str, event_name: str, event_id: str) -> int: ...
    def visitor(self, fbp: str) -> list[int]: ...
    def hours(self, since: int, until: int, pixel_id: str, event_name: str) -> list[Hour]: ...
    def totals(self) -> Mapping[str, int]: ...
    def losses(self) -> dict[str, int]: ...
    def size(self) -> int: ...
    def waiting(self) -> dict[str, tuple[int, float]]: ...
    def pixels(self) -> list[PixelState]: ...
    def note(self, key: str) -> str: ...
    def alive(self) -> bool: ...
    def close(self) -> None: ...


class Store(ReadStore, Protocol):
    """The whole store. ``shared``: other hosts send from it too."""

    shared: bool

    def put(self, rows: Sequence[Row], reports: Sequence[Report] = ()) -> Mapping[str, int]:
        """Add rows (those already known by pixel, name and ID are ignored) and apply reports, in one transaction.
        Returns how many more events wait now, by pixel. Raises ``ValueError`` or ``OverflowError`` where a row holds
        what no column can: then none is added, and the store is as good as before."""

    def claim(self, pixel_id: str, limit: int, newest: bool, skip: Set[int]) -> Claim | None:
        """Take up to ``limit`` waiting rows, the newest or the oldest, in order of arrival; none of ``skip`` (what the
        caller has out already), none that another process has out. A process that dies gives its claims back."""

    def settle(self, claim: Claim, outcomes: Sequence[Outcome], now: float) -> None:
        """Write what became of some of a claim's rows. WAITING puts a row back, with one try more."""

    def release(self, claim: Claim, numbers: Set[int]) -> None:
        """These rows of a claim are free again."""

    def expire(self, pixel_id: str, event_time: int, browser_time: int, now: float, skip: Set[int]) -> int:
        """Give up waiting events older than ``event_time``, and those with a browser twin that are older than
        ``browser_time`` (a twin whose fbevents.js was blocked is none). How many."""

    def drop_held(self, before: float, now: float) -> int:
        """Drop held events from before ``before``: no browser ever reported. How many."""

    def forget(self, fbp: str) -> int:
        """Delete a visitor's unsent events. How many."""

    def purge(self, *, fbp: str = "", before: float = 0.0, dead: bool = False) -> int:
        """Delete all of a visitor, all settled before a time, or dead letters. How many."""

    def replay(self, numbers: Sequence[int], now: float) -> int:
        """Make dead or expired events wait again. Empty: all dead ones. How many."""

    def tidy(self, limits: Limits, now: float, skip: Set[int]) -> int:
        """Keep the bounds: personal data, entries, bytes. Returns how many unsent events had to go (they are counted
        as ``lost:store-full``), those of least value first."""

    def make_room(self) -> int:
        """The disk is full: up to a fifth less, of what is settled. How many entries went."""

    def add_counts(self, counts: Counts) -> None:
        """Add to the counts (losses that were counted elsewhere)."""

    def save_pixel(self, pixel: PixelState, fingerprint: str) -> None:
        """Remember how sending goes for a pixel, over restarts."""

    def fingerprints(self) -> dict[str, str]:
        """For each remembered pixel, the settings with which it was refused."""

    def set_note(self, key: str, text: str) -> None:
        """Remember a word over restarts."""

    def check(self) -> None:
        """Raises :class:`StoreError` if the store is not what was opened (its file was deleted or replaced)."""

    def mark(self) -> int:
        """The highest number given so far; 0 where journals need not be kept (see :meth:`Spool.commit`)."""

    def oldest_unsettled(self) -> int:
        """The lowest number of an event that is not settled; one above the highest number if all are."""
