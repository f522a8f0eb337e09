"""The shop owner's pages, for people who never touch code (docs/house.md, "The admin")."""

from __future__ import annotations
