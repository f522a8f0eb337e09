"""What the ledger says of an event: both legs, their evidence, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum
from typing import Any


class State(StrEnum):
    """Where the server leg is."""

    WAITING = "waiting"
    HELD = "held"  # not sent before the browser leg reports in
    DELIVERED = "delivered"
    DEAD = "dead"  # refused by Meta or by local validation; kept with its reason, can be replayed
    EXPIRED = "expired"  # too old to be sent, or to be counted once
    DROPPED = "dropped"  # a held event whose browser never reported, or one that had to make room


class Evidence(IntFlag):
    """What the browser reported about its leg."""

    NONE = 0
    SCRIPT = 1  # our script ran in the page
    LOADED = 2  # fbevents.js loaded
    BLOCKED = 4  # fbevents.js did not load
    HANDED = 8  # this event ID was handed to fbq

    @classmethod
    def of(cls, what: str) -> Evidence:
        """The flag for a report's word: script, loaded, blocked, handed. ``NONE`` for anything else."""
        return _WORDS.get(what, cls.NONE)


_WORDS = {
    "script": Evidence.SCRIPT,
    "loaded": Evidence.LOADED,
    "blocked": Evidence.BLOCKED,
    "handed": Evidence.HANDED,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. Times are seconds since 1970 UTC.

    ``number`` grows with arrival (what :attr:`Filter.before` pages on). ``created`` is when the event was handed over,
    ``settled`` when its fate was known (0.0: not yet), ``page`` the path of ``event_source_url``. ``code``,
    ``subcode``, ``trace`` are Graph's ``error.code``, ``error.error_subcode`` and ``fbtrace_id``;
    ``reason`` says it in words.
    """

    number: int
    pixel_id: str
    event_name: str
    event_id: str
    event_time: int
    created: float
    state: State
    browser: bool
    evidence: Evidence
    evidence_at: float
    tries: int
    settled: float
    code: int
    subcode: int
    reason: str
    trace: str
    rule: str
    page: str

    @property
    def server(self) -> bool:
        """Whether Meta has accepted the server leg."""
        return self.state is State.DELIVERED

    @property
    def paired(self) -> bool:
        """Both legs: Meta accepted the server's, and the browser's was handed to fbevents.js."""
        return self.server and bool(self.evidence & Evidence.HANDED)


@dataclass(frozen=True, slots=True)
class Record:
    """One event whole. ``payload`` is the ``data`` entry as sent (personal data hashed; address and user agent as
    they are; empty once the retention time has passed), ``sources`` says where each value came from."""

    entry: Entry
    payload: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries: empty means all. ``legs``: "both", "server", "browser", "none" or "". ``text`` is searched in
    event ID and page. ``since`` / ``until`` compare ``event_time``. ``before``: a ``number`` to page on."""

    pixel_id: str = ""
    event_name: str = ""
    state: State | None = None
    legs: str = ""
    text: str = ""
    since: float = 0.0
    until: float = 0.0
    before: int = 0


@dataclass(frozen=True, slots=True)
class Hour:
    """Counts of one hour (``hour``: its start, seconds UTC), by what happened.

    ``counts``: made, expected (a browser leg was handed out), delivered, dead, expired, dropped, script, loaded,
    blocked, handed, paired, ``has:em`` and so on (server legs with that match key), ``delay:1`` and so on (delivered
    within that many seconds of being handed over), ``lost:disk`` and so on.
    """

    hour: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PixelState:
    """How sending goes for one pixel. ``state``: "open", "backing-off" or "paused"; ``reason`` is for people."""

    pixel_id: str
    state: str
    reason: str = ""
    code: int = 0
    subcode: int = 0
    since: float = 0.0
    next_at: float = 0.0
    failures: int = 0
    waiting: int = 0
    oldest: float = 0.0
