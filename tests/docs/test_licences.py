"""``docs/licences.md`` names what is installed, and nothing of it keeps the project from being MIT-licensed."""

from __future__ import annotations

import re

import pytest

from tests.docs.test_made import script

made = script("make_licences")
PAGE: str = made.PAGE.read_text(encoding="utf-8")
GROUPS = made.groups()


def test_the_page_names_every_package_where_it_comes_in() -> None:
    """Else run ``python docs/make_licences.py``. Licences are not compared: packages reword theirs."""
    told = [re.findall(r"^\| (\S+) \|", part, re.MULTILINE)[1:] for part in PAGE.split("\n## ")[1:]]
    assert told == [[one.name for one in packages] for packages in GROUPS.values()]


@pytest.mark.parametrize(("extra", "package"), [(extra, one) for extra, found in GROUPS.items() for one in found])
def test_no_licence_reaches_the_code_that_uses_it(extra: str, package: object) -> None:
    """Notice-only ones and the MPL anywhere; the LGPL only where a shop asks for it by an extra; no other."""
    allowed = made.NOTICE_ONLY | made.PER_FILE | (made.LIBRARY if extra else set())
    assert made.parts(package.licence) <= allowed, package  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", {"MIT"}),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", {"MPL-2.0", "Apache-2.0"}),
        ("GPL-3.0-only AND MIT", {"GPL-3.0-only", "MIT"}),
    ],
)
def test_parts_of_an_expression(text: str, expected: set[str]) -> None:
    assert made.parts(text) == expected
