"""Values to JSON text: with orjson where it is installed (the extra ``fast``), which takes a fifth of the time."""

from __future__ import annotations

import json
from typing import Any

try:
    import orjson
except ImportError:
    orjson = None  # type: ignore[assignment]


def encode(value: Any) -> str:
    """Compact JSON. Raises ``ValueError`` (NaN and infinity too) or ``TypeError`` for what is none."""
    if orjson is not None:
        try:
            text = orjson.dumps(value, _as_list)
            # orjson writes NaN as null; and what it refuses (large numbers, half characters) the other may know.
            if b"null" not in text:
                return text.decode("utf-8")
        except TypeError:
            pass
    return _encode(value)


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    raise TypeError(f"{type(value).__name__} is no JSON")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_list).encode
