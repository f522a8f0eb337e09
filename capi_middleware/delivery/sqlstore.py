"""What both stores say in SQL. Statements are written with ``?`` and few: each is a round trip, or a lost GIL."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from typing import Any

from .entry import Evidence, PixelState, State
from .rows import DELAY_WORDS, DELAYS, Counts, Outcome, Report, Row, hour_of, made_counts
from .sqlledger import SqlLedger
from .store import Claim, Limits

CHUNK = 500
AT_ONCE = 5_000
"""Events that one statement writes at most: a server cuts a statement off after seconds, and then nothing is done."""
ORPHANS = 10_000
"""Reports without an event that are kept, for an hour. Anybody can make some up: what comes above that is dropped."""


class SqlStore(SqlLedger):
    """``LISTED``: how ``number`` is compared with the parameter that :meth:`_list` makes; ``FREE``: what an UPDATE also
    sets to end a claim."""

    LISTED = ""
    FREE = ""
    shared = False

    # -- what a database must do ---------------------------------------------------------------------------------

    @abstractmethod
    def _do(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; how many rows it changed."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Any]:
        """All or nothing."""

    @abstractmethod
    def _list(self, numbers: Iterable[int]) -> Any:
        """Numbers as one parameter."""

    @abstractmethod
    def _insert(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Add rows; those that were new."""

    @abstractmethod
    def used(self) -> int:
        """Bytes that events take, about."""

    @abstractmethod
    def _compact(self) -> None:
        """After deleting: give room back, where that is not done by itself."""

    # -- the queue -----------------------------------------------------------------------------------------------

    def put(self, rows: Sequence[Row], reports: Sequence[Report] = ()) -> Mapping[str, int]:
        with self._transaction():
            fresh = self._insert(rows) if rows else rows
            waiting = Counter(row.pixel_id for row in fresh if row.state is State.WAITING)
            counts = made_counts(fresh)
            room = ORPHANS
            if fresh or reports:
                room -= self._rows("SELECT count(*) FROM orphan")[0][0]
            if fresh and room < ORPHANS:
                reports = [*self._early(), *reports]
            for report in reports:
                found = self._report(report, counts)
                if found is None and room > 0:
                    self._do(
                        "INSERT INTO orphan VALUES (?, ?, ?, ?, ?)", (*report[:3], int(report.evidence), report.at)
                    )
                    room -= 1
                elif found:
                    waiting[report.pixel_id] += 1
            self._count(counts)
        return waiting

    def _early(self) -> list[Report]:
        """Reports that came before their events, which are here now."""
        of_ours = "e.event_id = orphan.event_id AND e.event_name = orphan.event_name AND e.pixel_id = orphan.pixel_id"
        lines = self._rows(
            "SELECT orphan.pixel_id, orphan.event_id, orphan.event_name, orphan.evidence, orphan.at "
            f"FROM orphan JOIN event e ON {of_ours}"
        )
        if lines:
            self._do(f"DELETE FROM orphan WHERE EXISTS (SELECT 1 FROM event e WHERE {of_ours})")
        return [Report(p, i, n, Evidence(e), at) for p, i, n, e, at in lines]

    def _report(self, report: Report, counts: Counts) -> bool | None:
        """True if the event waits from now on; None where it is still in another process' journal, or nowhere."""
        found = self._rows(
            "SELECT number, event_time, state, evidence FROM event "
            "WHERE event_id = ? AND event_name = ? AND pixel_id = ?",
            (report.event_id, report.event_name, report.pixel_id),
        )
        if not found:
            return None
        number, event_time, held, before = found[0]
        new = Evidence(report.evidence & ~before)
        if not new:
            return False
        self._do(
            "UPDATE event SET evidence = evidence | ?, evidence_at = ?, "
            "state = CASE state WHEN 'held' THEN 'waiting' ELSE state END WHERE number = ?",
            (int(new), report.at, number),
        )
        hour = hour_of(event_time)
        for flag in new:
            counts[hour, report.pixel_id, report.event_name, (flag.name or "").lower()] += 1
        if new & Evidence.HANDED:
            # Asked after our own update: whoever settles the event meanwhile sees this evidence, or we its delivery.
            ((state,),) = self._rows("SELECT state FROM event WHERE number = ?", (number,))
            if state == State.DELIVERED:
                counts[hour, report.pixel_id, report.event_name, "paired"] += 1
        return bool(held == State.HELD)

    def _count(self, counts: Counts) -> None:
        lines = sorted((*key, n) for key, n in counts.items())  # in one order everywhere: no deadlock between workers
        for start in range(0, len(lines), CHUNK):
            part = lines[start : start + CHUNK]
            self._do(
                f"INSERT INTO count VALUES {places(5, len(part))} "
                "ON CONFLICT (hour, pixel_id, event_name, what) DO UPDATE SET n = count.n + excluded.n",
                [value for line in part for value in line],
            )

    def add_counts(self, counts: Counts) -> None:
        with self._transaction():
            self._count(counts)

    def settle(self, claim: Claim, outcomes: Sequence[Outcome], now: float) -> None:
        groups: dict[tuple[Any, ...], list[int]] = {}
        for outcome in outcomes:
            groups.setdefault(outcome[1:], []).append(outcome[0])
        counts: Counts = Counter()
        with self._transaction():
            for (state, code, subcode, reason, trace), numbers in groups.items():
                listed = self._list(numbers)
                if state is State.WAITING:
                    self._back(code, subcode, reason, listed)
                    continue
                if self.shared:
                    # Lock them first: evidence that comes meanwhile must be counted by one of the two.
                    self._rows(f"SELECT 1 FROM event WHERE number {self.LISTED} ORDER BY number FOR UPDATE", (listed,))
                self._settling(counts, listed, state, now)
                self._do(
                    "UPDATE event SET state = ?, code = ?, subcode = ?, reason = ?, trace = ?, settled = ?, "
                    f"tries = tries + 1{self.FREE} WHERE number {self.LISTED} AND state = 'waiting'",
                    (state.value, code, subcode, reason, trace, now, listed),
                )
            self._count(counts)

    def _back(self, code: int, subcode: int, reason: str, listed: Any) -> None:
        self._do(
            f"UPDATE event SET tries = tries + 1, code = ?, subcode = ?, reason = ?{self.FREE} "
            f"WHERE number {self.LISTED} "
            "AND state = 'waiting'",
            (code, subcode, reason, listed),
        )

    def _settling(self, counts: Counts, listed: Any, state: State, now: float) -> None:
        """Count rows that are about to be settled; the database adds them up."""
        slow = " ".join(f"WHEN created >= ? THEN {index}" for index in range(len(DELAYS)))
        for hour, pixel_id, event_name, handed, delay, n in self._rows(
            f"SELECT event_time / 3600, pixel_id, event_name, evidence & 8, CASE {slow} ELSE {len(DELAYS)} END, "
            f"count(*) FROM event WHERE number {self.LISTED} AND state IN ('waiting', 'held') GROUP BY 1, 2, 3, 4, 5",
            (*(now - bound for bound in DELAYS), listed),
        ):
            counts[hour * 3600, pixel_id, event_name, state.value] += n
            if state is State.DELIVERED:
                counts[hour * 3600, pixel_id, event_name, DELAY_WORDS[delay]] += n
                if handed:
                    counts[hour * 3600, pixel_id, event_name, "paired"] += n

    def expire(self, pixel_id: str, event_time: int, browser_time: int, now: float, skip: Set[int]) -> int:
        return self._give_up(
            "SELECT number FROM event WHERE state = 'waiting' AND pixel_id = ? AND (event_time < ? OR "
            "(browser AND event_time < ? AND evidence & 12 <> 4))",
            (pixel_id, event_time, browser_time),
            State.EXPIRED,
            "too old: Meta refuses events after 7 days, and counts those with a browser twin twice after 48 hours",
            now,
            skip,
        )

    def drop_held(self, before: float, now: float) -> int:
        return self._give_up(
            "SELECT number FROM event WHERE state = 'held' AND created < ?",
            (before,),
            State.DROPPED,
            "held for its browser leg, which never reported: no person's browser, as it seems",
            now,
        )

    def _give_up(
        self, select: str, values: Sequence[Any], state: State, reason: str, now: float, skip: Set[int] = frozenset()
    ) -> int:
        numbers = [n for n in self._numbers(select, values) if n not in skip]
        for listed in self._lists(numbers):
            counts: Counts = Counter()
            with self._transaction():
                self._settling(counts, listed, state, now)
                self._do(
                    f"UPDATE event SET state = ?, reason = ?, settled = ? WHERE number {self.LISTED} "
                    "AND state IN ('waiting', 'held')",
                    (state.value, reason, now, listed),
                )
                self._count(counts)
        return len(numbers)

    # -- what people ask for -------------------------------------------------------------------------------------

    def forget(self, fbp: str) -> int:
        # One state a query: each is found by its own index, instead of by reading everything that was ever delivered.
        of_state = "SELECT number FROM event WHERE state = '{}' AND fbp = ?"
        select = f"{of_state.format(State.WAITING)} UNION ALL {of_state.format(State.HELD)}"
        return self._delete(self._numbers(select, (fbp, fbp)), "forgotten")

    def purge(self, *, fbp: str = "", before: float = 0.0, dead: bool = False) -> int:
        parts: list[str] = []
        values: list[Any] = []
        if fbp:
            parts.append("fbp = ?")
            values.append(fbp)
        if before:
            parts.append("event_time < ?")
            values.append(int(before))
        if dead:
            parts.append("state IN ('dead', 'expired', 'dropped')")
        elif not fbp:
            parts.append("state NOT IN ('waiting', 'held')")
        return self._delete(self._numbers(f"SELECT number FROM event WHERE {' AND '.join(parts)}", values), "purged")

    def replay(self, numbers: Sequence[int], now: float) -> int:
        wanted = numbers or self._numbers("SELECT number FROM event WHERE state = 'dead'")
        return sum(self._replay(listed) for listed in self._lists(wanted))

    def _replay(self, listed: Any) -> int:
        with self._transaction():
            lines = self._rows(
                "SELECT number, event_time, pixel_id, event_name, state FROM event "
                f"WHERE number {self.LISTED} AND state IN ('dead', 'expired') "
                "AND EXISTS (SELECT 1 FROM body b WHERE b.number = event.number AND b.payload <> '{}')",
                (listed,),
            )
            counts: Counts = Counter()
            for _, event_time, pixel_id, event_name, state in lines:
                counts[hour_of(event_time), pixel_id, event_name, state] -= 1
                counts[hour_of(event_time), pixel_id, event_name, "replayed"] += 1
            self._count(counts)
            self._do(
                "UPDATE event SET state = 'waiting', settled = 0, reason = '', code = 0, subcode = 0 "
                f"WHERE number {self.LISTED}",
                (self._list(line[0] for line in lines),),
            )
        return len(lines)

    # -- bounds --------------------------------------------------------------------------------------------------

    def tidy(self, limits: Limits, now: float, skip: Set[int]) -> int:
        select = "SELECT number FROM event WHERE settled > 0 AND settled < ?"
        self._delete(self._numbers(select, (now - limits.entries,)))
        for listed in self._lists(self._numbers(f"{select} AND fbp <> '-'", (now - limits.personal,))):
            with self._transaction():
                self._do(f"UPDATE body SET payload = '{{}}' WHERE number {self.LISTED}", (listed,))
                self._do(f"UPDATE event SET fbp = '-' WHERE number {self.LISTED}", (listed,))
        with self._transaction():
            self._do("DELETE FROM orphan WHERE at < ?", (now - 3600,))
            self._roll_up(now)
        return self._make_room(limits.bytes, skip)

    def _roll_up(self, now: float) -> None:
        """Counts older than two weeks become those of days, and go after four hundred days."""
        day = (int(now) // 86400 - 14) * 86400
        self._do(
            "INSERT INTO count SELECT hour / 86400 * 86400, pixel_id, event_name, what, CAST(sum(n) AS BIGINT) "
            "FROM count WHERE hour < ? AND hour % 86400 <> 0 GROUP BY 1, 2, 3, 4 "
            "ON CONFLICT (hour, pixel_id, event_name, what) DO UPDATE SET n = count.n + excluded.n",
            (day,),
        )
        self._do("DELETE FROM count WHERE hour < ? AND (hour % 86400 <> 0 OR hour < ?)", (day, day - 386 * 86400))

    def make_room(self) -> int:
        return self._delete_history(int(self.used() * 0.8))

    def _make_room(self, limit: int, skip: Set[int]) -> int:
        """Below the limit: what is settled goes first, oldest first; then what waits, the least valuable first."""
        lost = 0
        self._delete_history(limit)
        while self.used() > limit:
            select = "SELECT number FROM event WHERE settled = 0 ORDER BY value, number LIMIT 2000"
            numbers = [n for n in self._numbers(select) if n not in skip]
            if not numbers:
                break
            lost += self._delete(numbers, "lost:store-full")
        return lost

    def _delete_history(self, limit: int) -> int:
        """Delete what is settled, oldest first, until the limit is kept; how many."""
        gone = 0
        while (excess := self.used() - limit) > 0:
            select = "SELECT number FROM event WHERE settled > 0 ORDER BY number LIMIT ?"
            numbers = self._numbers(select, (self._at_once(excess),))
            if not numbers:
                break
            gone += self._delete(numbers)
            self._compact()
        return gone

    def _at_once(self, excess: int) -> int:
        """How many events to delete before asking again whether this was enough."""
        return CHUNK

    def _delete(self, numbers: Sequence[int], word: str = "") -> int:
        for listed in self._lists(numbers):
            with self._transaction():
                if word:
                    counts: Counts = Counter()
                    for event_time, pixel_id, event_name in self._rows(
                        f"SELECT event_time, pixel_id, event_name FROM event WHERE number {self.LISTED}", (listed,)
                    ):
                        counts[hour_of(event_time), pixel_id, event_name, word] += 1
                    self._count(counts)
                self._do(f"DELETE FROM body WHERE number {self.LISTED}", (listed,))
                self._do(f"DELETE FROM event WHERE number {self.LISTED}", (listed,))
        return len(numbers)

    def _lists(self, numbers: Sequence[int]) -> Iterator[Any]:
        """Numbers as parameters of statements, a transaction for each."""
        for start in range(0, len(numbers), AT_ONCE):
            yield self._list(numbers[start : start + AT_ONCE])

    # -- what is remembered --------------------------------------------------------------------------------------

    def save_pixel(self, pixel: PixelState, fingerprint: str) -> None:
        columns = ("state", "reason", "code", "subcode", "since", "next_at", "failures", "fingerprint")
        self._do(
            f"INSERT INTO pixel (pixel_id, {', '.join(columns)}) VALUES {places(9, 1)} ON CONFLICT (pixel_id) "
            f"DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in columns)}",
            (*dataclasses.astuple(pixel)[:8], fingerprint),
        )

    def fingerprints(self) -> dict[str, str]:
        return dict(self._rows("SELECT pixel_id, fingerprint FROM pixel"))

    def set_note(self, key: str, text: str) -> None:
        self._do(
            "INSERT INTO note (key, text) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET text = excluded.text",
            (key, text),
        )


def places(width: int, height: int) -> str:
    """Placeholders for ``height`` rows of ``width`` values."""
    one = "(" + ",".join("?" * width) + ")"
    return ",".join([one] * height)
