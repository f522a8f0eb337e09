"""What the page's script asks and reports (docs/browser.md)."""

from __future__ import annotations

from .answer import Answer, Report, Shop, answer
from .collector import Collector
from .limits import Limits
from .message import Handed, Kind, Message, read_message
from .seal import Seal

__all__ = [
    "Answer",
    "Collector",
    "Handed",
    "Kind",
    "Limits",
    "Message",
    "Report",
    "Seal",
    "Shop",
    "answer",
    "read_message",
]
