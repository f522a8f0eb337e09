"""What the documents say is what the program says."""

from __future__ import annotations

from pathlib import Path

import pytest

from capi_middleware.page.csp import Row

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("case", Row)
def test_the_sentence_of_each_policy_stands_in_its_document(case: Row) -> None:
    assert case.value in (DOCS / "csp.md").read_text(encoding="utf-8")
