"""Advanced matching: who a visitor is, from what he types into the shop's own forms.

Opt-in (``[visit] advanced_matching``). Plain values live in this module's local variables only; what leaves it is
hashed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from capi_middleware.events import UserData, user_data
from capi_middleware.settings import Settings

from .field_names import AUTOCOMPLETE, Recognised, own_fields, recognise

LONGEST_BODY = 65_536
_LONGEST_TEXT = 256
_MAX_FIELDS = 300
_MAX_DEPTH = 8
_TAG = re.compile(rb"<(?:input|select|textarea)\b[^<>]{1,600}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    rb"\s(name|type|autocomplete)\s{0,4}=\s{0,4}(?:\"([^\"<>]{1,120})\"|'([^'<>]{1,120})'|([^\s\"'<>]{1,120}))",
    re.IGNORECASE,
)


def user_data_from_body(
    content_type: str, body: bytes, settings: Settings, learned: Mapping[str, str] | None = None
) -> UserData:
    """The digests of what a form post or JSON call tells about its sender; empty unless the shop opted in.

    ``learned``: field names to keys, from the page that holds the form (:func:`fields_in`). A post counts only if it
    names somebody: an e-mail address, a phone number, or first and last name. Never raises; bodies above 64 KiB are
    not looked at.
    """
    if not settings.visit.advanced_matching or not body or len(body) > LONGEST_BODY:
        return {}
    try:
        fields = list(body_fields(content_type, body))
    except Exception:  # a body that its own app may understand, and we do not
        return {}
    return user_data_from_fields(fields, settings, learned)


def user_data_from_fields(
    fields: Iterable[tuple[str, str]], settings: Settings, learned: Mapping[str, str] | None = None
) -> UserData:
    """As :func:`user_data_from_body`, from fields already read: (name, text)."""
    if not settings.visit.advanced_matching:
        return {}
    own = own_fields(settings.visit.matching_fields, settings.shop.platform)
    best: dict[str, tuple[Recognised, str]] = {}
    for name, text in fields:
        if text and len(text) <= _LONGEST_TEXT:
            found = recognise(name, text, own, learned or {})
            if found.key and (found.key not in best or found.rank < best[found.key][0].rank):
                best[found.key] = (found, text)
    person = {key: text for key, (_, text) in best.items()}
    words = person.pop("name", "").split()
    if len(words) == 2:
        person.setdefault("fn", words[0])
        person.setdefault("ln", words[1])
    if not ("em" in person or "ph" in person or ("fn" in person and "ln" in person)):
        return {}
    return user_data(person, settings.shop.country)


def body_fields(content_type: str, body: bytes) -> Iterable[tuple[str, str]]:
    """(name, text) of a urlencoded, multipart or JSON body; nested names are written ``a[b]``."""
    kind, options = parse_options_header(content_type)
    if kind == "application/x-www-form-urlencoded":
        yield from parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
    elif kind == "multipart/form-data":
        yield from _multipart(body, options.get("boundary", ""))
    elif kind == "application/json" or kind.endswith("+json"):
        yield from _leaves(json.loads(body), "", 0)


def _multipart(body: bytes, boundary: str) -> Iterable[tuple[str, str]]:
    decoder = MultipartDecoder(boundary.encode("latin-1"), max_parts=_MAX_FIELDS)
    decoder.receive_data(body)
    decoder.receive_data(None)
    name, text = "", b""
    while not isinstance(event := decoder.next_event(), (Epilogue, NeedData)):
        if isinstance(event, Field):
            name, text = event.name, b""
        elif isinstance(event, File):
            name = ""
        elif isinstance(event, Data):
            text += event.data
            if name and not event.more_data:
                yield name, text.decode("utf-8", "replace")


def _leaves(value: Any, name: str, depth: int) -> Iterable[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, inner in list(value.items())[:_MAX_FIELDS]:
            yield from _leaves(inner, f"{name}[{key}]" if name else str(key), depth + 1)
    elif isinstance(value, list):
        for inner in value[:20]:
            yield from _leaves(inner, name, depth + 1)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield name, str(value)


def fields_in(html: bytes) -> dict[str, str]:
    """Field names of a page's forms to keys, from ``autocomplete`` and ``type`` (``{"q7": "em"}``): for forms whose
    names tell nothing. Linear in the page."""
    found: dict[str, str] = {}
    for tag in _TAG.finditer(html):
        attributes = {
            match.group(1).lower(): (match.group(2) or match.group(3) or match.group(4)).decode("utf-8", "replace")
            for match in _ATTRIBUTE.finditer(tag.group())
        }
        name, words = attributes.get(b"name", ""), attributes.get(b"autocomplete", "").lower().split()
        key = AUTOCOMPLETE.get(words[-1], "") if words else ""
        key = key or {"email": "em", "tel": "ph"}.get(attributes.get(b"type", "").lower(), "")
        if name and key and len(found) < 64:
            found.setdefault(name, key)
    return found
