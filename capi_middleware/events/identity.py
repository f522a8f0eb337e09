"""Event IDs: random for what happens once, derived for what must count once (an order)."""

from __future__ import annotations

import hashlib
import os


def new_event_id() -> str:
    """32 hex digits from the system's entropy: no state that forked workers could share (reference: PEP 3333 servers
    fork after import)."""
    return os.urandom(16).hex()


def derived_event_id(pixel_id: str, event_name: str, key: str) -> str:
    """The same 32 hex digits for the same pixel, event and key (an order number), on every machine and reload."""
    text = "\x1f".join((pixel_id, event_name, key))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]
