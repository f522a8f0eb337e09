"""A local stand-in of Meta: Graph's events endpoint, a pixel of our own, ``/tr``, deduplication, an events page.

For the demo, for tests and for trying out. ``Sandbox`` is the whole of it, usable in-process; nothing ever leaves the
machine. What it accepts and rejects is what Meta was observed or documented to accept and reject, traps included.
"""

from __future__ import annotations

from .application import SandboxApp
from .dedupe import Pair, deduplicate
from .fault import Fault
from .listener import Listener, unreachable
from .record import BrowserEvent, GraphCall, ServerEvent
from .sandbox import Sandbox

__all__ = [
    "BrowserEvent",
    "Fault",
    "GraphCall",
    "Listener",
    "Pair",
    "Sandbox",
    "SandboxApp",
    "ServerEvent",
    "deduplicate",
    "unreachable",
]
