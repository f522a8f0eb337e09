"""From requests and pages to events. See docs/house.md."""

from __future__ import annotations

from .facts import FactReader
from .inference import Inference, Plan
from .memory import ProductMemory
from .types import Conclusion, Facts, Inferred, Response

__all__ = ["Conclusion", "FactReader", "Facts", "Inference", "Inferred", "Plan", "ProductMemory", "Response"]
