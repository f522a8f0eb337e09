"""From what a shop knows of a person to digests; plain values end here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from .countries import country_code
from .event import UserData
from .normalise import NORMALISERS, ascii_city, clean

USER_DATA_KEYS = tuple(NORMALISERS)
ALIASES = {
    "email": "em",
    "phone": "ph",
    "first_name": "fn",
    "last_name": "ln",
    "gender": "ge",
    "birth_date": "db",
    "date_of_birth": "db",
    "city": "ct",
    "state": "st",
    "zip": "zp",
    "postcode": "zp",
    "postal_code": "zp",
    "id": "external_id",
    "user_id": "external_id",
}
"""Names that say the same and that frameworks use; a shop need not learn Meta's."""
_WRITTEN_AS_AT_HOME = ("ph", "db")
"""What customers write in the way of the shop's country, unless they name one of their own."""
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_MAX_VALUES = 8
_MAX_LENGTH = 512
_LARGEST = 10**100


def user_data(mapping: Mapping[str, Any], country: str = "") -> UserData:
    """Normalise and hash a mapping such as ``environ["capi.user"]``.

    Values are text, whole numbers or dates, plain or already SHA-256 (64 hex digits, any case), or lists of these.
    ``country`` (ISO 3166) is the shop's; the person's own wins. Keys and values that make no sense are dropped:
    never raises, never hashes nothing. The digests serve ``fbq('init')`` and the server alike.
    """
    given: dict[str, list[str]] = {}
    for key, raw in mapping.items():
        name = ALIASES.get(key, key)
        if name in NORMALISERS:
            given.setdefault(name, []).extend(_texts(raw))
    own = next((code for text in given.get("country", ()) if (code := country_code(text))), "")
    found: dict[str, tuple[str, ...]] = {}
    for name, texts in given.items():
        where = own or (country if name in _WRITTEN_AS_AT_HOME else "")
        digests = dict.fromkeys(digest for text in texts for digest in _digests(name, text, where))
        if digests:
            found[name] = tuple(digests)[:_MAX_VALUES]
    return found


def digest(text: str) -> str:
    """Lower-case hex SHA-256 of the UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def merge_user_data(*sources: UserData) -> UserData:
    """Several sources as one; values of the earlier ones stand first."""
    keys = dict.fromkeys(key for source in sources for key in source)
    return {
        key: tuple(dict.fromkeys(value for source in sources for value in source.get(key, ())))[:_MAX_VALUES]
        for key in keys
    }


def _digests(name: str, text: str, country: str) -> Iterable[str]:
    if _DIGEST.fullmatch(text):
        yield text.lower()
        return
    normalised = NORMALISERS[name](text, country)
    if normalised:
        yield digest(normalised)
    if name == "ct":
        short = ascii_city(text)
        if short and short != normalised:
            yield digest(short)


def _texts(raw: Any) -> Iterable[str]:
    values = raw if isinstance(raw, (list, tuple, set, frozenset)) else (raw,)
    for value in list(values)[:_MAX_VALUES]:
        if isinstance(value, date):
            value = value.strftime("%Y%m%d")
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
            value = str(value)
        if isinstance(value, str) and len(value) <= _MAX_LENGTH and (text := clean(value)):
            yield text
