"""A stand-in of Meta, and shops that send to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capi_middleware import CapiMiddleware
from capi_middleware.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def wrapping(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[..., CapiMiddleware]]:
    """Wraps an app, with settings of its own; closed at the end. All of a test share one state folder."""
    made: list[CapiMiddleware] = []

    def wrapped(app: Any, **keywords: Any) -> CapiMiddleware:
        usual = {"pixel_id": "1234567890", "access_token": "EAAtoken", "currency": "SEK"}
        here = {"graph_url": sandbox.url, "state_dir": str(tmp_path)}
        made.append(CapiMiddleware(app, **{**usual, **here, **keywords}))
        return made[-1]

    yield wrapped
    for app in made:
        app.close()
