"""The shop owner's pages, for people who never touch code (docs/house.md, "Admin")."""

from __future__ import annotations
