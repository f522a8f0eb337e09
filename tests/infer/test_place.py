"""Where a page sells, by the postal addresses on it: found by their digits, as the patterns alone would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capi_middleware.infer import place

_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "Portland, OR 97201, ",
                "NY<br>10001-1234<",
                " 12345 ",
                "1-800-555-1234",
                "(888) 555-1234",
                "877.555.1234",
            ),
            *(
                "Toronto, ON M5V 2T6",
                "BC&nbsp;V5K-0A1",
                "Sydney NSW 2000",
                "ABN: 12 345",
                "Auckland 1010",
                "0 0 0 0",
                "877.555.1234",
            ),
            *("Kowloon", "+852 2345", "C.P. 06600", "Canada", "USA", "U.S. dollars", "\n", " ", "<p>", "#888", "00000"),
        ]
    ),
    max_size=30,
)


@given(_PIECES)
def test_the_digits_lead_to_what_the_patterns_find(pieces: list[str]) -> None:
    page = "".join(pieces).encode()
    figures = page.translate(place._FIGURES)
    for trace in place._TRACES:
        found = [match.span() for match in place._matches(trace, page, figures)]
        assert found == [match.span() for match in trace.pattern.finditer(page)]


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("12 Main St, Portland, OR 97201, call 1-800-555-1234", ("US",)),
        ("King St, Toronto, ON M5V 2T6. Ships within Canada", ("CA",)),
        ("Pitt St, Sydney NSW 2000, ABN: 12 345 678 901", ("AU",)),
        ("Portland, OR 97201, and Toronto, ON M5V 2T6", ()),
        ("nothing of the kind", ()),
    ],
)
def test_a_country_is_told_by_its_addresses(text: str, country: tuple[str, ...]) -> None:
    assert place.addresses(text.encode()) == country
