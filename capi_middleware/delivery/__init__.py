"""Delivery: events in without waiting, out to Meta whatever happens; and the ledger of both legs."""

from __future__ import annotations

from .entry import Entry, Evidence, Filter, Hour, PixelState, Record, State
from .ledger import Ledger
from .orders import OrderDesk
from .outbox import Outbox
from .store import StoreError
from .trial import Trial, send_test_event, try_access
from .validate import may_be_sent
from .verdict import Verdict

__all__ = [
    "Entry",
    "Evidence",
    "Filter",
    "Hour",
    "Ledger",
    "OrderDesk",
    "Outbox",
    "PixelState",
    "Record",
    "State",
    "StoreError",
    "Trial",
    "Verdict",
    "may_be_sent",
    "send_test_event",
    "try_access",
]
