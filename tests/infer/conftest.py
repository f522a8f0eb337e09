from __future__ import annotations

import pytest

from capi_middleware.infer import facts


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long the pages were that were read rather than remembered."""
    lengths: list[int] = []
    real = facts.read

    def read_and_count(body: bytes, *rest: object) -> object:
        lengths.append(len(body))
        return real(body, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(facts, "read", read_and_count)
    return lengths
