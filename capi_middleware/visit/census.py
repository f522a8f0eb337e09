"""The last thousand page views of this process: what the admin page and ``doctor`` say about visitors.

Counts, names and codes leave this module; addresses and user agents stay in memory, as hashes.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import NamedTuple

from .address import AddressFinding, judge_addresses
from .visit import Answer, Asker, Visit

_LENGTH = 1_000
_recent: deque[tuple[str, Asker, str, Answer, bool, str, str, int, int]] = deque(maxlen=_LENGTH)


class Census(NamedTuple):
    """``allowed`` of ``views`` were told to Meta; ``answers``: granted, denied, unknown; ``sources``: the tool or
    header that decided; ``askers`` and ``reasons``: who came and by which code."""

    visits: int
    views: int
    allowed: int
    answers: dict[str, int]
    sources: dict[str, int]
    askers: dict[str, int]
    reasons: dict[str, int]
    addresses: AddressFinding


def count_visit(visit: Visit) -> None:
    """Remember one visit, for the figures only."""
    consent = visit.consent
    _recent.append(
        (
            visit.host,
            visit.asker,
            visit.reason,
            consent.answer,
            consent.allowed,
            consent.source,
            consent.reason,
            hash(visit.address) if visit.address else 0,
            hash(visit.user_agent),
        )
    )


def visit_census(host: str = "") -> Census:
    """The figures, of one host or of all."""
    rows = [row for row in list(_recent) if not host or row[0] == host]
    views = [row for row in rows if row[1] in (Asker.PERSON, Asker.SUSPECT)]
    return Census(
        visits=len(rows),
        views=len(views),
        allowed=sum(row[4] for row in views),
        answers=dict(Counter(row[3].value for row in views)),
        sources=dict(Counter(row[5] for row in views if row[5])),
        askers=dict(Counter(row[1].name.lower() for row in rows)),
        reasons=dict(Counter(row[2] for row in rows)),
        addresses=judge_addresses((str(row[7]) if row[7] else "", str(row[8])) for row in views),
    )


def visitors_of(host: str) -> int:
    """How many different people (by their address) the last visits of a host were."""
    return len({row[7] for row in list(_recent) if row[0] == host and row[1] is Asker.PERSON})


def forget_census() -> None:
    """Start counting anew."""
    _recent.clear()
