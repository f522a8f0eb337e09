"""Delivery: events in without waiting, out to Meta whatever happens; and the ledger of both legs."""

from __future__ import annotations

from .entry import Entry, Evidence, Filter, Hour, PixelState, Record, State
from .ledger import Ledger
from .outbox import Outbox

__all__ = ["Entry", "Evidence", "Filter", "Hour", "Ledger", "Outbox", "PixelState", "Record", "State"]
