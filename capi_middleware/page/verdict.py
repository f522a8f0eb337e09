"""Why a response is touched or not: one enumeration, counted, shown by ``explain`` and ``doctor``."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Reason(Enum):
    """Each member is a sentence for people; its name is the code in JSON and metrics."""

    INLINE = "an HTML page for this visitor alone: the IDs are printed in it"
    COLLECT = "an HTML page that a cache may store: the browser asks for its events"
    NOT_HTML = "not an HTML page"
    STATUS = "not a 200 answer"


class Carrier(Enum):
    """How an event ID reaches the browser (DESIGN.md section 3)."""

    INLINE = "inline"
    COLLECT = "collect"
    NONE = "none"


class Verdict(NamedTuple):
    """``inject``: whether bytes change. ``headers``: the response's headers as they go out."""

    reason: Reason
    carrier: Carrier
    headers: list[tuple[str, str]]

    @property
    def inject(self) -> bool:
        return self.carrier is not Carrier.NONE
