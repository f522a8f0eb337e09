"""The ledger's side of both stores: nothing here writes."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from .entry import Entry, Evidence, Filter, Hour, PixelState, Record, State

ENTRY = (
    "number, pixel_id, event_name, event_id, event_time, created, state, browser, evidence, evidence_at, tries, "
    "settled, code, subcode, reason, trace, rule, page"
)
_LEGS = {
    "both": (True, "evidence & 8 <> 0"),
    "server": (True, "evidence & 8 = 0"),
    "browser": (False, "evidence & 8 <> 0"),
    "none": (False, "evidence & 8 = 0"),
}
"""Whether the server leg was delivered, and what the browser's evidence says."""


class SqlLedger(ABC):
    """Statements are written with ``?``. ``FIND``: the database's function that gives the place of a text in another,
    from 1."""

    FIND = ""

    @abstractmethod
    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run a query."""

    def _numbers(self, select: str, values: Sequence[Any] = ()) -> list[int]:
        return [n for (n,) in self._rows(select, values)]

    def waiting(self) -> dict[str, tuple[int, float]]:
        lines = self._rows(
            "SELECT w.pixel_id, w.n, e.created FROM (SELECT pixel_id, count(*) AS n, min(number) AS lowest "
            "FROM event WHERE state = 'waiting' GROUP BY pixel_id) w JOIN event e ON e.number = w.lowest"
        )
        return {pixel_id: (n, oldest) for pixel_id, n, oldest in lines}

    def pixels(self) -> list[PixelState]:
        waiting = self.waiting()
        found = [
            dataclasses.replace(PixelState(*line), waiting=n, oldest=oldest)
            for line in self._rows(
                "SELECT pixel_id, state, reason, code, subcode, since, next_at, failures FROM pixel ORDER BY pixel_id"
            )
            for n, oldest in [waiting.pop(line[0], (0, 0.0))]
        ]
        return found + [PixelState(pixel_id, "open", waiting=n, oldest=o) for pixel_id, (n, o) in waiting.items()]

    def recent(self, wanted: Filter, limit: int) -> list[Entry]:
        where, values = self._where(wanted)
        newest = f"SELECT {ENTRY} FROM event {{}} ORDER BY number DESC LIMIT ?"
        selects = [newest.format(_all_of(*where, *states)) for states in _states(wanted)]
        values = [*values, limit] * len(selects)
        sql = selects[0]
        if len(selects) > 1:
            whole = " UNION ALL ".join(f"SELECT * FROM ({select}) s{place}" for place, select in enumerate(selects))
            sql = f"SELECT * FROM ({whole}) found ORDER BY number DESC LIMIT ?"
            values.append(limit)
        return [entry_of(line) for line in self._rows(sql, values)]

    def _where(self, wanted: Filter) -> tuple[list[str], list[Any]]:
        """Conditions and their values, the state's aside."""
        parts: list[str] = []
        values: list[Any] = []
        # Of a state that is rare, the index of that state finds fewer than that of the name: the name is to use none.
        rare = wanted.state not in (None, State.DELIVERED) or wanted.legs in ("browser", "none")
        for clause, value in (
            ("pixel_id =", wanted.pixel_id),
            ("event_name || '' =" if rare else "event_name =", wanted.event_name),
            ("event_time >=", wanted.since),
            ("event_time <", wanted.until),
            ("number <", wanted.before),
        ):
            if value:
                parts.append(f"{clause} ?")
                values.append(value)
        if wanted.event_name not in ("", "PageView"):
            parts.append("event_name <> 'PageView'")  # the very words of the index
        if wanted.text:
            parts.append(f"({self.FIND}(event_id, ?) > 0 OR {self.FIND}(page, ?) > 0)")
            values += [wanted.text, wanted.text]
        return parts, values

    def record(self, number: int) -> Record | None:
        lines = self._rows(f"SELECT {ENTRY} FROM event WHERE number = ?", (number,))
        if not lines:
            return None
        bodies = self._rows("SELECT payload, detail FROM body WHERE number = ?", (number,))
        payload, detail = bodies[0] if bodies else ("{}", "{}")
        told = json.loads(detail)
        return Record(entry_of(lines[0]), json.loads(payload), told.get("sources", {}), told.get("consent", ""))

    def number_of(self, pixel_id: str, event_name: str, event_id: str) -> int:
        found = self._numbers(
            "SELECT number FROM event WHERE event_id = ? AND event_name = ? AND pixel_id = ?",
            (event_id, event_name, pixel_id),
        )
        return found[0] if found else 0

    def visitor(self, fbp: str) -> list[int]:
        return self._numbers("SELECT number FROM event WHERE fbp = ? ORDER BY number", (fbp,))

    def hours(self, since: int, until: int, pixel_id: str, event_name: str) -> list[Hour]:
        where, values = "hour >= ? AND hour < ?", [since, until]
        for column, value in (("pixel_id", pixel_id), ("event_name", event_name)):
            if value:
                where += f" AND {column} = ?"
                values.append(value)  # type: ignore[arg-type]
        hours: dict[int, dict[str, int]] = {}
        for hour, what, n in self._rows(
            f"SELECT hour, what, sum(n) FROM count WHERE {where} GROUP BY hour, what ORDER BY hour", values
        ):
            hours.setdefault(hour, {})[what] = int(n)
        return [Hour(hour, counts) for hour, counts in hours.items()]

    def totals(self) -> Mapping[str, int]:
        return {what: int(n) for what, n in self._rows("SELECT what, sum(n) FROM count GROUP BY what")}

    def losses(self) -> dict[str, int]:
        lines = self._rows("SELECT what, sum(n) FROM count WHERE what LIKE 'lost:%' GROUP BY what")
        return {what.removeprefix("lost:"): int(n) for what, n in lines}

    def size(self) -> int:
        return int(self._rows("SELECT count(*) FROM event")[0][0])

    def note(self, key: str) -> str:
        found = self._rows("SELECT text FROM note WHERE key = ?", (key,))
        return str(found[0][0]) if found else ""


def _states(wanted: Filter) -> list[list[str]]:
    """Conditions for the state, as literals: a partial index serves those alone. All but the delivered are rare and
    have an index each; together they are looked for one by one, lest everything that was delivered be read."""
    parts = [f"state = '{wanted.state.value}'"] if wanted.state else []
    if not wanted.legs:
        return [parts]
    delivered, evidence = _LEGS[wanted.legs]
    parts.append(evidence)
    if delivered:
        return [[*parts, "state = 'delivered'"]]
    if wanted.state:
        return [[*parts, "state <> 'delivered'"]]
    return [[*parts, f"state = '{state.value}'"] for state in State if state is not State.DELIVERED]


def _all_of(*parts: str) -> str:
    return f"WHERE {' AND '.join(parts)}" if parts else ""


def entry_of(line: Sequence[Any]) -> Entry:
    """An :class:`Entry` from a row with the columns :data:`ENTRY`."""
    number, pixel_id, event_name, event_id, event_time, created, state, browser, evidence, *rest = line
    return Entry(
        number,
        pixel_id,
        event_name,
        event_id,
        event_time,
        created,
        State(state),
        bool(browser),
        Evidence(evidence),
        *rest,
    )
