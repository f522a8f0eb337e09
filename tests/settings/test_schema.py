"""The JSON schema for editors."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import jsonschema
import pytest

from capi_middleware.infer.preset import FOLDER
from capi_middleware.settings.schema import PATH, schema, text

VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_shipped_schema_is_current() -> None:
    """Else run ``python -m capi_middleware.settings.schema``."""
    assert PATH.read_text(encoding="utf-8") == text()


def test_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(text()))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: str(getattr(path, "stem", path)))
def test_presets_rules_fit_the_schema(path: Any) -> None:
    for rule in tomllib.loads(path.read_text(encoding="utf-8")).get("rule", ()):
        known = {key: value for key, value in rule.items() if key not in ("note", "looks")}
        VALIDATOR.validate({"rule": [known]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"metaa": {}},
        {"meta": {"pixelid": "1"}},
        {"meta": {"pixel_id": "abc"}},
        {"consent": {"mode": "sometimes"}},
        {"rule": [{"path": "/x"}]},
        {"rule": [{"event": "Lead", "when": {"statuz": 200}}]},
        {"rule": [{"event": "Lead", "data": {"value": "SEK"}}]},
        {"site": [{"meta": {}}]},
        {"site": [{"host": "a", "server": {}}]},
    ],
)
def test_mistakes_do_not_fit(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(wrong)
