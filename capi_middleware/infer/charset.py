"""A page's character encoding, as the page itself says or shows it."""

from __future__ import annotations

import codecs
import re

from .lazy import regex

_DECLARED = regex(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{3,30})", re.I)


def of(page: bytes) -> str:
    """A name that Python's decoders know, of an encoding that contains ASCII."""
    found = _DECLARED.search(page, 0, 4096)
    name = found[1].decode("ascii").lower() if found else "utf-8"
    if name in ("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"):
        return "cp1252"  # as browsers do
    try:
        name = codecs.lookup(name).name
        if "{<".encode(name) != b"{<":
            return "utf-8"
    except (LookupError, UnicodeError):
        name = "utf-8"
    return name if name != "utf-8" else _shown(page)


def _shown(page: bytes) -> str:
    """UTF-8, unless most of what is no ASCII is no UTF-8 either."""
    sample = page[:256_000]
    if sample.isascii():
        return "utf-8"
    text = sample.decode("utf-8", "replace")
    torn = text.count("\ufffd")
    if torn < 4:
        return "utf-8"
    return "cp1252" if torn > (len(sample) - len(text)) / 2 else "utf-8"
