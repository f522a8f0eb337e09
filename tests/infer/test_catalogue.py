"""Catalogue feeds in the formats that Meta takes, and what is said of the shop's ids."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

import pytest

from capi_middleware.infer import catalogue

TSV = "id\ttitle\titem_group_id\nA-1\tMug\tG1\nA-2\tBowl\tG1\n"
RSS = """<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>
<item><g:id>A-1</g:id><id>no</id><g:item_group_id>G1</g:item_group_id></item>
<item><g:id> A-2 </g:id></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><id>tag:shop</id>
<entry><g:id>A-1</g:id></entry><entry><id>tag:shop,1</id><g:id>A-2</g:id></entry></feed>"""


def _zip(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed.csv", data)
    return packed.getvalue()


LOCKED = bytearray(_zip(TSV.encode()))
LOCKED[6] |= 1  # the flag of the file, and of the table of contents
LOCKED[LOCKED.index(b"PK\x01\x02") + 8] |= 1

MOVED = bytearray(_zip(TSV.encode()))
MOVED[MOVED.index(b"PK\x05\x06") + 17] = 1  # where the table of contents begins

FEEDS = {
    "tsv": (TSV.encode(), "tsv"),
    "csv": (TSV.replace("\t", ",").encode(), "csv"),
    "csv with semicolons": (TSV.replace("\t", ";").encode(), "csv"),
    "csv quoted": (b'"id","title"\n"A-1","a, ""b""\nc"\n"A-2","x"\n', "csv"),
    "a comment above the header": (b"# made by a plugin\nid,title\nA-1,x\nA-2,y\n", "csv"),
    "byte order mark": ("\ufeff" + TSV).encode("utf-8"),
    "utf-16": TSV.encode("utf-16"),
    "latin-1": TSV.replace("Mug", "Mugg på fot").encode("cp1252"),
    "rss": (RSS.encode(), "rss"),
    "atom": (ATOM.encode(), "atom"),
    "gzip": gzip.compress(RSS.encode()),
    "bzip2": bz2.compress(TSV.encode()),
    "bzip2 by several processors": bz2.compress(TSV[:9].encode()) + bz2.compress(TSV[9:].encode()),
    "zip": _zip(TSV.encode()),
}
BAD = {
    "empty": (b"", "empty"),
    "no header": (b"a,b\n1,2\n", "column `id`"),
    "broken xml": (b"<rss><channel>", "cannot be read"),
    "broken gzip": (b"\x1f\x8b\x08xyz", "compression"),
    "bzip2 cut short": (bz2.compress(TSV.encode())[:-9], "compression"),
    "zip with a password": (LOCKED, "compression"),
    "zip whose table is elsewhere": (MOVED, "compression"),
    "an encoding that there is not": (b"<?xml version='1.0' encoding='utf8mb4'?><rss/>", "cannot be read"),
    "an encoding that nobody reads": (b"<?xml version='1.0' encoding='shift-jis'?><rss/>", "cannot be read"),
    "no ids": (b"<rss><channel><item><title>x</title></item></channel></rss>", "`<g:id>`"),
}


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_feed(feed: bytes | tuple[bytes, str]) -> None:
    data, kind = feed if isinstance(feed, tuple) else (feed, "")
    read = catalogue.read(data)
    assert read.ids == {"A-1", "A-2"}
    if kind:
        assert read.kind == kind


@pytest.mark.parametrize(("data", "says"), BAD.values(), ids=BAD)
def test_bad_feed(data: bytes, says: str) -> None:
    with pytest.raises(catalogue.FeedError, match=says):
        catalogue.read(data)


def test_match() -> None:
    feed = catalogue.Feed(frozenset({"A-1", "A-2"}), frozenset({"G1"}), "csv")
    match = catalogue.match([{"content_ids": ["A-1"]}, {"content_ids": ["G1"]}, {"content_ids": ["Z"]}, {}], feed)
    assert (match.seen, match.known, match.unknown, match.better) == (3, 2, ("Z",), "")
    assert match.share == pytest.approx(2 / 3)


def test_a_better_id_is_named() -> None:
    feed = catalogue.Feed(frozenset({"SKU-1", "SKU-2"}), frozenset(), "csv")
    seen = [{"content_ids": [str(n)], "ids": {"sku": f"SKU-{n}", "product_id": str(n)}} for n in (1, 2)]
    match = catalogue.match(seen, feed)
    assert (match.known, match.better) == (0, "{sku}")


def test_a_prefix_is_named() -> None:
    feed = catalogue.Feed(frozenset({"shop_SE_10", "shop_SE_11"}), frozenset(), "csv")
    match = catalogue.match([{"content_ids": ["10"]}, {"content_ids": ["11"]}], feed)
    assert match.better == "shop_SE_{id}"


def test_nothing_seen() -> None:
    assert catalogue.match([], catalogue.Feed(frozenset({"1"}), frozenset(), "csv")).share == 0.0
