"""A small shop to look at, and to click through."""

from __future__ import annotations

from .server import ShopServer
from .shop import Shop

__all__ = ["Shop", "ShopServer"]
