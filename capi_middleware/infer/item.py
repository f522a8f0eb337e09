"""One product as one source describes it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from .lazy import regex
from .money import Amount

LONGEST_NAME = 300
LONGEST_ID = 100

_PREFIX = regex(
    r"^(?:sku|mpn|isbn|gtin\d*|ean|upc|asin|product|item|art(?:ikel)?\.? ?(?:nr|no|nummer|number)?|model"
    r"|ref(?:erence)?|id|#)\s*[:#.]\s*(?=\S)",
    re.I,
)
_ADDRESS = regex(r"^(?:https?:)?//|^[#/]|\.html?$|^_:|^urn:", re.I)
_NOTHING = frozenset(
    {"", "-", "n/a", "na", "none", "null", "undefined", "false", "true", "0", "nan", "[object object]", "tbd"}
)


@dataclass(slots=True)
class Item:
    """``ids`` by kind: ``sku``, ``product_id``, ``variant_id``, ``group_id``, ``mpn``, ``gtin``. ``paths``: where each
    field was read, by custom_data's names. ``currency``: a code or symbol as written. ``role``: ``main`` for a product
    that stands on its own; ``list``, ``related``, ``reviewed``, ``nested`` for one that is a part of something else.
    ``at``: where in the page it begins. ``spans``: the pieces of the page that it rests on, where known.
    ``taxed``: the price by ``incl`` and ``excl``, where the source tells it with and without value added tax."""

    source: str
    name: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    price: Amount | None = None
    currency: str = ""
    category: str = ""
    url: str = ""
    role: str = "main"
    group: bool = False
    variants: list[Item] = field(default_factory=list)
    at: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)
    taxed: dict[str, Amount] = field(default_factory=dict)

    def say(self, field_name: str, path: str) -> None:
        self.paths.setdefault(field_name, f"{self.source}:{path}")

    def add_id(self, kind: str, raw: object, path: str) -> None:
        """Keep an id if it is one; the first of its kind wins."""
        value = clean_id(raw)
        if value and kind not in self.ids:
            self.ids[kind] = value
            self.paths.setdefault(f"id.{kind}", f"{self.source}:{path}")

    def set_name(self, raw: object, path: str) -> None:
        value = clean_name(raw)
        if value and not self.name:
            self.name = value
            self.say("content_name", path)

    def set_price(self, amount: Amount | None, currency: object, path: str) -> None:
        """Keep an amount above nothing, with the currency of the same source."""
        if amount is None or self.price is not None or amount.value <= 0:
            return
        self.price = amount
        self.say("value", path)
        written = str(currency or "").strip() or (amount.mark if amount.mark != ":-" else "")
        if written:
            self.currency = written[:24]

    def cost(self, vat: str) -> Amount | None:
        """The price, with or without tax as the owner wishes, where the source tells both."""
        return self.taxed.get(vat, self.price) if self.price is not None else None


def clean_id(raw: object) -> str:
    """An id without its label (``sku:``, ``isbn:``); "" when it is an address, a placeholder or no id at all."""
    if isinstance(raw, bool) or raw is None or isinstance(raw, (dict, list)):
        return ""
    if isinstance(raw, float):
        raw = int(raw) if raw == raw and abs(raw) < 1e15 and raw == int(raw) else raw
    value = str(raw).strip()
    if len(value) > LONGEST_ID * 4:
        return ""
    if "&" in value:
        value = html.unescape(value)
    value = _whole(" ".join(value.split()).strip(" \"'"))
    value = _PREFIX.sub("", value)
    if value.startswith("gid://"):
        value = value.rpartition("/")[2]
    if value.lower() in _NOTHING or len(value) > LONGEST_ID or _ADDRESS.search(value) or "{{" in value or "<" in value:
        return ""
    return value if any(map(str.isalnum, value)) else ""


def _whole(text: str) -> str:
    """Without the halves of characters that scripts leave in JSON where they cut an emoji in two: no encoding writes
    them."""
    return text if text.isascii() else text.encode("utf-8", "ignore").decode("utf-8")


def clean_name(raw: object) -> str:
    """A name in one line, entities resolved (twice escaped ones too), tags taken out; "" when there is none."""
    if isinstance(raw, list):
        raw = raw[0] if raw else ""
    if isinstance(raw, dict):
        raw = raw.get("@value") or raw.get("name") or ""
    if not isinstance(raw, str):
        return ""
    value = raw[: LONGEST_NAME * 8]
    if "&" in value:
        value = html.unescape(html.unescape(value))
    if "<" in value:
        value = re.sub(r"<[^<>]{0,500}>", " ", value)
    value = _whole(" ".join(value.split())).strip(" \u200b\ufeff")
    if "{{" in value or value.lower() in _NOTHING:
        return ""
    return value[:LONGEST_NAME].strip()
