"""Event names as the pixel's documentation allows them."""

from __future__ import annotations

import pytest

from capi_middleware.events import is_standard, is_valid_name


def test_names_are_metas_to_the_letter() -> None:
    assert is_standard("AddToCart") and not is_standard("addtocart") and not is_standard("ViewCart")


@pytest.mark.parametrize("name", ["CompleteRegistration", "ViewCart", "my event_2.b-c", "x" * 50])
def test_valid(name: str) -> None:
    assert is_valid_name(name)


@pytest.mark.parametrize("name", ["", "x" * 51, "köp", "a\n", "<b>", "a'b"])
def test_not_valid(name: str) -> None:
    assert not is_valid_name(name)
