"""A Meta catalogue feed's ids, and how many of the ids that the shop shows it knows.

Feeds as Meta takes them (developers.facebook.com/docs/marketing-api/catalog/reference): CSV or TSV with a header line,
RSS 2.0 or Atom with ``g:`` elements; plain, gzipped, zipped or bzip2ed.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast
from xml.etree import ElementTree

MOST_ITEMS = 5_000_000
LARGEST = 2 * 1024 * 1024 * 1024
SHOWN = 10

_ID = ("id", "g:id", "retailer_id", "item_id")
_GROUP = ("item_group_id", "g:item_group_id", "retailer_product_group_id")


class FeedError(ValueError):
    """The feed cannot be read. The message says what it is and what is right."""


class Feed(NamedTuple):
    """``ids``: of all items. ``groups``: their ``item_group_id``. ``kind``: ``csv``, ``tsv``, ``rss`` or ``atom``."""

    ids: frozenset[str]
    groups: frozenset[str]
    kind: str


class Match(NamedTuple):
    """``seen``: products the shop has shown; ``known``: of these, how many the feed knows by the id that is sent.
    ``unknown``: some of the ids that it does not know. ``templates``: for other ways to make an id, how many it would
    know. ``better``: the setting ``content_id`` that would know most, "" when the present one is as good."""

    seen: int
    known: int
    unknown: tuple[str, ...]
    templates: Mapping[str, int]
    better: str

    @property
    def share(self) -> float:
        """Between 0 and 1; 0 when nothing was seen."""
        return self.known / self.seen if self.seen else 0.0


def read(data: bytes) -> Feed:
    """The ids of a whole feed. Raises ``FeedError``."""
    data = _unpacked(data)
    head = data[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not head:
        raise FeedError("The feed is empty.")
    try:
        feed = _from_xml(data) if head.startswith(b"<") else _from_table(data)
    except (ElementTree.ParseError, csv.Error, ValueError, LookupError) as error:  # the last two: its encoding
        raise FeedError(f"The feed cannot be read: {error}.") from error
    if not feed.ids:
        raise FeedError(
            "The feed has no ids. A CSV or TSV needs a header line with a column `id`; RSS and Atom need `<g:id>` in "
            "each item."
        )
    return feed


def _unpacked(data: bytes) -> bytes:
    try:
        if data[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                return _bounded(packed.read(LARGEST + 1))
        if data[:3] == b"BZh":
            with bz2.BZ2File(io.BytesIO(data)) as packed:
                return _bounded(packed.read(LARGEST + 1))
        if data[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX")]
                if any(one.startswith("xl/") for one in names):
                    raise FeedError("The feed is an Excel workbook: save it as CSV.")
                if len(names) != 1:
                    raise FeedError(f"The archive holds {len(names)} files: it must hold the feed alone.")
                with archive.open(names[0]) as member:
                    return _bounded(member.read(LARGEST + 1))
    except FeedError:
        raise
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile) as error:
        raise FeedError(f"The feed's compression is damaged: {error}.") from error
    return data


def _bounded(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise FeedError("The feed is larger than 2 GiB when unpacked.")
    return data


def _from_xml(data: bytes) -> Feed:
    ids: set[str] = set()
    groups: set[str] = set()
    kind = "rss"
    root: ElementTree.Element | None = None
    for event, element in ElementTree.iterparse(io.BytesIO(data), events=("start", "end")):
        if root is None:
            root = element
        name = element.tag.rpartition("}")[2]
        if event == "start" or name not in ("item", "entry"):
            continue
        kind = "atom" if name == "entry" else "rss"
        found: dict[str, str] = {}
        for child in element:
            space, _, local = child.tag.rpartition("}")
            text = (child.text or "").strip()
            if text and (local not in found or "google" in space):
                found[local] = text
        _add(found, ids, groups)
        element.clear()
        if len(ids) > MOST_ITEMS:
            break
    return Feed(frozenset(ids), frozenset(groups), kind)


def _from_table(data: bytes) -> Feed:
    text = _decoded(data)
    delimiter = _delimiter(text)
    ids: set[str] = set()
    groups: set[str] = set()
    csv.field_size_limit(1024 * 1024)
    for row in _rows(text, delimiter):
        _add(row, ids, groups)
        if len(ids) > MOST_ITEMS:
            break
    return Feed(frozenset(ids), frozenset(groups), "tsv" if delimiter == "\t" else "csv")


def _delimiter(text: str) -> str:
    """What parts the cells of the first line that names an id column."""
    for line in text[:64_000].split("\n", 20)[:20]:
        for mark in "\t,;|":
            if any(cell.strip(" #\"'\r").lower() in _ID for cell in line.split(mark)):
                return mark
    return ","


def _rows(text: str, delimiter: str) -> Iterator[Mapping[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names: list[str] = []
    for row in reader:
        cells = [cell.strip() for cell in row]
        if not names:
            low = [cell.lower().strip("# ") for cell in cells]
            if any(name in low for name in _ID):
                names = low
            continue
        yield dict(zip(names, cells, strict=False))


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _add(row: Mapping[str, str], ids: set[str], groups: set[str]) -> None:
    content_id = next((row[name] for name in _ID if row.get(name)), "")
    if content_id:
        ids.add(content_id)
    group = next((row[name] for name in _GROUP if row.get(name)), "")
    if group:
        groups.add(group)


def match(products: Iterable[Mapping[str, Any]], feed: Feed) -> Match:
    """Hold what the shop shows against the feed. ``products``: as :meth:`ProductMemory.products` gives them."""
    seen = known = 0
    unknown: list[str] = []
    tried: Counter[str] = Counter()
    affixes: Counter[str] = Counter()
    ends = _ends(feed)
    for one in products:
        sent = [str(content_id) for content_id in one.get("content_ids", ())]
        if not sent:
            continue
        seen += 1
        if any(content_id in feed.ids or content_id in feed.groups for content_id in sent):
            known += 1
        elif len(unknown) < SHOWN:
            unknown.append(sent[0])
        for kind, value in cast("Mapping[str, str]", one.get("ids", {})).items():
            tried[f"{{{kind}}}"] += value in feed.ids or value in feed.groups
        for prefix in ends.get(sent[0], ()):
            affixes[f"{prefix}{{id}}"] += 1
    tried.update({template: count for template, count in affixes.items() if count > 1})
    best = max(tried, key=lambda template: tried[template], default="")
    better = best if best and tried[best] > known else ""
    return Match(seen, known, tuple(unknown), dict(tried.most_common(SHOWN)), better)


def _ends(feed: Feed) -> Mapping[str, tuple[str, ...]]:
    """Feed ids by what stands after their last separators, with the prefix before it: ``shop_SE_12`` by ``12``."""
    found: dict[str, tuple[str, ...]] = {}
    for content_id in list(feed.ids)[:200_000]:
        for at, character in enumerate(content_id):
            if character in "_-:./" and 0 < at < len(content_id) - 1 and at < 40:
                end = content_id[at + 1 :]
                found[end] = (*found.get(end, ()), content_id[: at + 1])[:3]
    return found
