"""``capi-middleware replay``: dead letters once more."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from capi_middleware.delivery import Ledger, OrderDesk, State, may_be_sent
from capi_middleware.settings import SettingsSource
from capi_middleware.settings.settings import DeliverySettings

from .delivering import answer, common_options, guarded, source_of

_LARGEST = 1 << 63


def options(parser: argparse.ArgumentParser) -> None:
    common_options(parser)
    parser.add_argument(
        "number", nargs="*", type=int, help="numbers from `status` (dead or expired events); none: all dead letters"
    )


def run(arguments: argparse.Namespace) -> int:
    """They keep their IDs, so Meta counts none twice within 48 hours. 1 where one cannot be sent again."""
    return guarded(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    source = source_of(arguments)
    refused = _refused(source, arguments.number)
    wanted = [number for number in dict.fromkeys(arguments.number) if number not in refused]
    done = OrderDesk(source).replay(wanted) if wanted or not arguments.number else 0
    words = [f"{done} event(s) wait to be sent again.", *refused.values()]
    answer(arguments, {"replayed": done, "refused": refused}, "\n".join(words))
    return 1 if refused else 0


def _refused(source: SettingsSource, numbers: Sequence[int]) -> dict[int, str]:
    """Numbers that cannot be sent again, and why in a sentence."""
    found = {}
    ledger = Ledger(source)
    try:
        for number in numbers:
            record = ledger.record(number) if 0 < number < _LARGEST else None
            if record is None:
                found[number] = f"There is no event {number}: capi-middleware status shows the dead ones."
            elif record.entry.state not in (State.DEAD, State.EXPIRED):
                found[number] = f"Event {number} is {record.entry.state.value}, neither dead nor expired."
            elif not may_be_sent(record.entry, _delivery(source, record.entry.pixel_id), time.time()):
                found[number] = f"Event {number} is too old: Meta would refuse it, or count it twice ([delivery] late)."
            elif not record.payload:
                found[number] = f"Event {number} is known by its line alone: what it said has been deleted."
    finally:
        ledger.close()
    return found


def _delivery(source: SettingsSource, pixel_id: str) -> DeliverySettings:
    """The settings of the pixel's shop."""
    current = source.current
    return next((site for site in current.sites if site.meta.pixel_id == pixel_id), current).delivery
