"""Event IDs: random for what happens once, derived for what must count once (an order)."""

from __future__ import annotations

import hashlib
import itertools
import os
import time

_SECRET = os.urandom(32)
_number = itertools.count().__next__


def new_event_id() -> str:
    """32 hex digits that nobody can guess and no two processes share.

    A keyed hash of process, time and a counter instead of fresh entropy: that is a system call, which on a busy or
    virtual machine costs more than the rest of an event. Forked workers share the secret and the counter (servers fork
    after import, uWSGI without telling Python), so the process number is part of the text each time.
    """
    text = b"%d %d %d" % (os.getpid(), time.time_ns(), _number())
    return hashlib.blake2b(text, digest_size=16, key=_SECRET).hexdigest()


def derived_event_id(pixel_id: str, event_name: str, key: str) -> str:
    """The same 32 hex digits for the same pixel, event and key (an order number), on every machine and reload."""
    text = "\x1f".join((pixel_id, event_name, key))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
