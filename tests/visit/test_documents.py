"""docs/consent.md and docs/privacy.md name what the code knows."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from capi_middleware.settings.settings import ConsentSettings, VisitSettings
from capi_middleware.visit import CONSENT_REASONS, Asker
from capi_middleware.visit.consent.tools import TOOLS

DOCS = Path(__file__).parents[2] / "docs"
CONSENT = (DOCS / "consent.md").read_text(encoding="utf-8")
PRIVACY = (DOCS / "privacy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("tool", sorted({tool.name for tool in TOOLS} | {"iubenda"}))
def test_tool_is_documented(tool: str) -> None:
    assert f"`{tool}`" in CONSENT


@pytest.mark.parametrize("name", sorted({name for tool in TOOLS for name in tool.cookies[:1]}))
def test_cookie_is_documented(name: str) -> None:
    assert f"`{name}`" in CONSENT


@pytest.mark.parametrize("reason", CONSENT_REASONS)
def test_reason_is_documented(reason: str) -> None:
    assert f"`{reason}`" in CONSENT


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(ConsentSettings)])
def test_consent_setting_is_documented(setting: str) -> None:
    assert setting in CONSENT


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(VisitSettings)])
def test_visit_setting_is_documented(setting: str) -> None:
    assert setting in PRIVACY


@pytest.mark.parametrize("asker", [asker.name.lower() for asker in Asker])
def test_verdict_is_documented(asker: str) -> None:
    assert f"| {asker} |" in PRIVACY
