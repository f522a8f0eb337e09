"""The browser's rendering: an :class:`Event` as an ``fbq`` call, safe inside a script element."""

from __future__ import annotations

import json
from typing import Any

from .event import Event
from .standard import is_standard

_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode
_ESCAPES = str.maketrans({"<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "'": "\\u0027"})


def script_json(value: Any) -> str:
    """JSON that is also JavaScript and harmless in HTML: pure ASCII (so right in every charset, U+2028 included),
    without ``<`` (``</script``, ``<!--``), ``>``, ``&`` and ``'``."""
    return _encode(value).translate(_ESCAPES)


def pixel_call(event: Event) -> str:
    """``fbq('track', 'ViewContent', {…}, {eventID: '…'});`` for this event."""
    method = "track" if is_standard(event.event_name) else "trackCustom"
    data = script_json(dict(event.custom_data)) if event.custom_data else "{}"
    return f"fbq('{method}', {_quoted(event.event_name)}, {data}, {{eventID: {_quoted(event.event_id)}}});"


def _quoted(text: str) -> str:
    """A single-quoted JavaScript string, as people know it from the base code."""
    if text.isascii() and text.isalnum():
        return f"'{text}'"
    inner = script_json(text)[1:-1].replace('\\"', '"')
    return f"'{inner}'"
