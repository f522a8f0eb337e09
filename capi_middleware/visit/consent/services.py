"""What Meta's pixel is called in tools that ask for each service by itself."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = re.compile(r"[^\W_]+")


def is_meta(name: str, services: tuple[str, ...]) -> bool:
    """Whether a service's key (``facebook_pixel``, ``c:meta-ads``, ``MetaPixel``) is one of ``services``: one of its
    words, or all of them together. ``tiktok-pixel`` is not Meta's."""
    words = _WORDS.findall(name.lower())
    return bool(words) and ("".join(words) in services or any(word in services for word in words))


def named(names: Iterable[object], services: tuple[str, ...]) -> bool:
    """Whether Meta's pixel is among the names."""
    return any(isinstance(name, str) and is_meta(name, services) for name in names)
