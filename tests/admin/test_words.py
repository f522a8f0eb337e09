"""The catalogue is complete and current, and both languages write numbers and times as they do."""

from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path
from types import ModuleType

import pytest

from capi_middleware.admin import terms, words

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def catalogue() -> ModuleType:
    spec = importlib.util.spec_from_file_location("catalogue", ROOT / "tools" / "catalogue.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_is_translated_and_compiled(catalogue: ModuleType) -> None:
    assert list(catalogue.problems()) == []


def test_every_term_is_in_the_catalogue() -> None:
    swedish = words.translations("sv")
    tables = [table for name, table in vars(terms).items() if name.isupper() and isinstance(table, dict)]
    assert len(tables) > 10
    same = {"Global Privacy Control"}
    for table in tables:
        for text in table.values():
            assert swedish.gettext(text) != text or text in same, text


def test_swedish_is_written_as_swedish_is(catalogue: ModuleType) -> None:
    """Quotes, no-break spaces and the words of the house (reference: admin, A5)."""
    for message in catalogue.known():
        for text in [message.string] if isinstance(message.string, str) else message.string:
            if not message.id:
                continue
            text = re.sub(r"\{\w+\}", "", text)
            assert "“" not in text, f"Swedish quotes are ”…”: {text}"
            assert not re.search(r"\b([Ee]vents?(?! Manager)|consent|cookies?|endpoint|payload|dedup|hash)\b", text), (
                text
            )
            assert not re.search(r"\bCAPI\b", text), text


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        ("", "sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        ("", "de-DE,en-GB;q=0.5,sv;q=0.4", "en"),
        ("", "fi", "en"),
        ("", "", "en"),
        ("sv", "en", "sv"),
        ("xx", "sv", "sv"),
        ("../../etc/passwd", "", "en"),
    ],
)
def test_the_language_is_the_browser_s_unless_chosen(cookie: str, accepted: str, language: str) -> None:
    assert words.choose(cookie, accepted) == language


@pytest.mark.parametrize(
    ("value", "decimals", "swedish", "english"),
    [(1234567.0, 0, "1\u00a0234\u00a0567", "1,234,567"), (1234.5, 1, "1\u00a0234,5", "1,234.5"), (0, 0, "0", "0")],
)
def test_numbers(value: float, decimals: int, swedish: str, english: str) -> None:
    assert words.number(value, "sv", decimals) == swedish
    assert words.number(value, "en", decimals) == english


def test_shares_and_durations() -> None:
    assert words.percent(0.214, "sv") == "21\u00a0%"
    assert words.percent(0.214, "en") == "21%"
    assert words.percent(None, "sv") == "–"
    assert words.duration(0.44, "sv") == "0,4\u00a0s"
    assert words.duration(300, "en") == "5\u00a0min"


def test_values_as_the_language_writes_them() -> None:
    assert words.value(249.0, "sv") == "249" == words.value(249.0, "en")
    assert words.value(1459.5, "sv") == "1\u00a0459,50"
    assert words.value(1459.5, "en") == "1,459.50"
    assert words.value([{"id": "A", "quantity": 2}, {"id": "B"}], "sv") == "2 × A, 1 × B"


def test_a_moment_of_today_is_a_time_and_any_other_a_date() -> None:
    now = time.mktime((2026, 11, 27, 20, 0, 0, 0, 0, -1))
    assert words.moment(now - 60, now) == "19:59:00"
    assert words.moment(now - 86400, now) == "2026-11-26 20:00"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("jsonld:offers.price", "sidans produktdata"),
        ("product memory x quantity", "produktens egen sida, sedd tidigare"),
        ("form:antal", "ett fält i formuläret"),
        ("heading", "sidan"),
    ],
)
def test_where_a_value_was_read_in_words(source: str, said: str) -> None:
    assert words.translations("sv").gettext(terms.origin_term(source)) == said


def test_an_unknown_language_is_english() -> None:
    assert words.translations("../sv").gettext("Events") == "Events"
