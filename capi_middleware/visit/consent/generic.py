"""The rule in the file: a consent tool that we do not know, in five settings."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from capi_middleware.settings.settings import ConsentSettings

from .answer import NO, UNANSWERED, YES, Said
from .decode import base64_json, json_object, percent


def read_generic(value: str, settings: ConsentSettings) -> Said:
    """What the shop's own cookie says; ``ValueError`` and the like on damage."""
    found = _value(value, settings)
    texts = [_text(item) for item in found] if isinstance(found, list) else [_text(found)]
    if any(_among(text, settings.cookie_denied) for text in texts):
        return NO
    if any(_among(text, settings.cookie_granted) for text in texts):
        return YES
    return NO if isinstance(found, list) else UNANSWERED


def _value(value: str, settings: ConsentSettings) -> Any:
    if settings.cookie_format == "raw":
        return percent(value)
    if settings.cookie_format == "query":
        fields = dict(parse_qsl(value, keep_blank_values=True, max_num_fields=100, errors="strict"))
        return fields[settings.cookie_path] if settings.cookie_path else value
    data: Any = base64_json(percent(value)) if settings.cookie_format == "b64json" else json_object(percent(value))
    for key in settings.cookie_path.split(".") if settings.cookie_path else ():
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def _text(item: Any) -> str:
    return str(item).lower() if isinstance(item, (str, bool, int, float)) else ""


def _among(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, pattern.lower()) for pattern in patterns)
