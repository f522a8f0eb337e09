"""From requests and pages to events. See docs/house.md."""

from __future__ import annotations

from .facts import FactReader
from .inference import Inference, Memory
from .lazy import warm
from .memory import ProductMemory
from .orders import OrderMemory, Owner
from .plan import Plan
from .types import Conclusion, Facts, Inferred, Refused, Response

__all__ = [
    "Conclusion",
    "FactReader",
    "Facts",
    "Inference",
    "Inferred",
    "Memory",
    "OrderMemory",
    "Owner",
    "Plan",
    "ProductMemory",
    "Refused",
    "Response",
    "warm",
]
