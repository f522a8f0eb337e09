"""From requests and pages to events. See docs/house.md."""

from __future__ import annotations

from .facts import FactReader
from .memory import ProductMemory
from .types import Conclusion, Facts, Inferred, Response

__all__ = ["Conclusion", "FactReader", "Facts", "Inferred", "ProductMemory", "Response"]
