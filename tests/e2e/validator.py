"""The one validator of all browser tests: each expected event has exactly one browser leg and one server leg.

``check(sandbox, expected, visitor)`` waits for the legs, then asserts: equal names and IDs, equal ``_fbp``, times
within 30 seconds, the same custom data, the same shop, no console error, nothing unpaired, nothing twice, nothing
unexpected.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from capi_middleware.sandbox import BrowserEvent, Pair, Sandbox, ServerEvent

_REAL = bool(os.environ.get("CAPI_REAL_FBEVENTS"))
SECONDS_APART = 30.0
SETTLE = 0.6
"""Seconds without any arrival after which nothing more is expected."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One event: its name, the path of its page ("" = any), and the custom data that must be there (a subset)."""

    event_name: str
    path: str = ""
    custom_data: Mapping[str, Any] = field(default_factory=dict)


class HasErrors(Protocol):
    """A visitor, as far as the validator cares."""

    @property
    def errors(self) -> Sequence[str]: ...


def check(
    sandbox: Sandbox, expected: Sequence[Expected | str], visitor: HasErrors | None = None, timeout: float = 15.0
) -> list[Pair]:
    """Wait for both legs of every expected event, then assert all of the above; returns the pairs in order.

    ``visitor``: whose console must be clean; None where errors are part of the scenario.
    """
    wanted = [Expected(one) if isinstance(one, str) else one for one in expected]
    arrive(sandbox, len(wanted), len(wanted), timeout)
    pairs = sandbox.pairs()
    faults = [fault for pair in pairs for fault in faults_of(pair)]
    faults += unmatched(wanted, pairs)
    if visitor is not None:
        faults += [f"console: {error}" for error in visitor.errors]
    faults += [f"Graph refused: {call}" for call in sandbox.calls if call.code and not call.by_fault]
    assert not faults, "\n".join([*faults, "", *overview(sandbox)])
    return pairs


def check_server_only(sandbox: Sandbox, expected: Sequence[Expected | str], timeout: float = 15.0) -> list[ServerEvent]:
    """Where the browser's leg cannot be: each expected event exactly once from the server, none from the browser."""
    wanted = [Expected(one) if isinstance(one, str) else one for one in expected]
    arrive(sandbox, 0, len(wanted), timeout)
    pairs = sandbox.pairs()
    faults = [f"{_name(pair)}: a browser leg where none can be" for pair in pairs if pair.browser]
    faults += [f"{_name(pair)}: {len(pair.server)} server legs" for pair in pairs if len(pair.server) != 1]
    faults += unmatched(wanted, pairs)
    assert not faults, "\n".join([*faults, "", *overview(sandbox)])
    return sandbox.server_events


def arrive(sandbox: Sandbox, browser: int, server: int, timeout: float = 15.0) -> None:
    """Wait until so many legs are there, then until nothing more comes."""
    sandbox.wait(lambda now: len(now.browser_events) >= browser and len(now.server_events) >= server, timeout)
    seen = -1
    while seen != len(sandbox.browser_events) + len(sandbox.server_events):
        seen = len(sandbox.browser_events) + len(sandbox.server_events)
        time.sleep(SETTLE)


def faults_of(pair: Pair) -> list[str]:
    """What is wrong with one pair, as sentences; none where it is right."""
    name = _name(pair)
    if len(pair.browser) != 1 or len(pair.server) != 1:
        return [f"{name}: {len(pair.browser)} browser legs and {len(pair.server)} server legs"]
    browser, server = pair.browser[0], pair.server[0]
    faults = []
    if pair.method != "id":
        faults.append(f"{name}: matched by {pair.method}, not by ID")
    if (not browser.fbp or browser.fbp != server.fbp) and not _REAL:
        faults.append(f"{name}: _fbp {browser.fbp!r} in the browser, {server.fbp!r} from the server")
    if abs(browser.event_time - server.event_time) > SECONDS_APART:
        faults.append(f"{name}: {browser.event_time - server.event_time:+.0f} s apart")
    if wire(browser.custom_data) != wire(server.custom_data):
        faults.append(f"{name}: custom data {browser.custom_data} in the browser, {server.custom_data} from the server")
    if urlsplit(browser.url).netloc != urlsplit(server.url).netloc:
        faults.append(f"{name}: page {browser.url!r} in the browser, {server.url!r} from the server")
    return faults


def unmatched(wanted: Sequence[Expected], pairs: Sequence[Pair]) -> list[str]:
    """Expected events that did not come, and events that nobody expected."""
    left = list(pairs)
    faults = []
    for one in wanted:
        found = next((pair for pair in left if _fits(one, pair)), None)
        if found is None:
            faults.append(f"missing: {one.event_name} {one.path} {dict(one.custom_data) or ''}".rstrip())
        else:
            left.remove(found)
    return [*faults, *(f"not expected: {_name(pair)}" for pair in left)]


def wire(data: Mapping[str, Any]) -> dict[str, Any]:
    """Custom data in the one form that both legs share: the browser's scalars travel as text."""
    return {key: _plain(value) for key, value in data.items()}


def overview(sandbox: Sandbox) -> list[str]:
    """What arrived, a line an event: for the person who reads a failure."""
    legs: list[BrowserEvent | ServerEvent] = [*sandbox.browser_events, *sandbox.server_events]
    return [
        f"  {'browser' if isinstance(leg, BrowserEvent) else 'server '} {leg.event_name:<16} {leg.event_id} "
        f"fbp={leg.fbp} {leg.url} {dict(leg.custom_data)}"
        for leg in sorted(legs, key=lambda leg: leg.number)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _fits(one: Expected, pair: Pair) -> bool:
    leg = pair.legs[0]
    if pair.event_name != one.event_name or (one.path and urlsplit(leg.url).path != one.path):
        return False
    data = wire((*pair.server, *pair.browser)[0].custom_data)
    return all(data.get(key) == _plain(value) for key, value in one.custom_data.items())


def _name(pair: Pair) -> str:
    leg = pair.legs[0]
    return f"{pair.event_name} {pair.event_id} on {urlsplit(leg.url).path}"
