"""Room: see docs/house.md."""

from __future__ import annotations
