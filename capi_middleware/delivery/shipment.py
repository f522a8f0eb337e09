"""A request under way and what it is about."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .bisection import Bisection
from .lane import Lane
from .rows import Claimed
from .store import Claim


@dataclass(slots=True, eq=False)
class Case:
    """A refused batch under examination; one request of it at a time."""

    bisection: Bisection[Claimed]
    claim: Claim
    under_way: bool = False


@dataclass(slots=True, eq=False)
class Shipment:
    """Rows of one claim in one request. ``case``: it belongs to an examination."""

    lane: Lane
    claim: Claim
    rows: list[Claimed]
    case: Case | None = None
    clamped: bool = False
    size: int = 0


def clamp_to(row: Claimed, now: int) -> Claimed:
    """The row with an ``event_time`` not after ``now``."""
    if row.event_time <= now:
        return row
    payload = json.loads(row.payload)
    payload["event_time"] = now
    return row._replace(payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")), event_time=now)
