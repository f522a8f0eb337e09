"""The corpus of pages: ``tests/pages/NAME.html`` with what is expected of it in ``NAME.json`` beside it.

The pages are written in the shapes of shop platforms; none is a site's own. ``product``: the facts, ``None`` for a page
that is no product's. ``notices``, ``ids``, ``cards``: some of what else it says.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from capi_middleware.settings import ShopSettings
from capi_middleware.visit import Answer, Asker, Consent, Visit

FOLDER = Path(__file__).parent.parent / "pages"


class Sample(NamedTuple):
    name: str
    page: bytes
    expected: dict[str, Any]

    @property
    def visit(self) -> Visit:
        return visit_to(self.expected["url"])

    @property
    def shop(self) -> ShopSettings:
        return ShopSettings(**self.expected.get("settings", {}))


@cache
def samples() -> tuple[Sample, ...]:
    """All of them, by name."""
    return tuple(
        Sample(path.stem, path.read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8")))
        for path in sorted(FOLDER.glob("*.html"))
    )


def visit_to(url: str) -> Visit:
    """A person's visit to an address."""
    cut = urlsplit(url)
    consent = Consent(Answer.GRANTED, True, "", "")
    return Visit(
        "GET", cut.scheme, cut.hostname or "", cut.path, cut.query, url, url, "", "", "", {}, Asker.PERSON, "", consent
    )
