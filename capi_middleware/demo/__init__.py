"""A small shop to look at, and to click through."""

from __future__ import annotations

from .shop import Shop

__all__ = ["Shop"]
