"""The JSON schema of the settings file, made from the settings' own fields; editors complete and check with it.

``python -m capi_middleware.settings.schema`` writes ``schema.json`` anew.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .reader import SECTIONS
from .rule import CUSTOM_DATA, OWN_DATA
from .rule_keys import RULE_KEYS, WHEN_KEYS, Key
from .secret import Secret
from .value import SOURCES

PATH = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """The schema, draft 2020-12."""
    sections = {name: _section(kind) for name, kind in SECTIONS.items()}
    rules = {"type": "array", "items": {"$ref": "#/$defs/rule"}, "description": "Rules, in order."}
    site = {name: {"$ref": f"#/$defs/{name}"} for name in sections if name != "server"}
    host = {
        "description": "The host (or hosts) of this shop, without https:// and port.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "capi_middleware settings",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: {"$ref": f"#/$defs/{name}"} for name in sections},
            "rule": rules,
            "site": {
                "type": "array",
                "description": "One process, many shops: each site has its own pixel, rules and settings.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["host"],
                    "properties": {"host": host, **site, "rule": rules},
                },
            },
        },
        "$defs": {
            **sections,
            "rule": {
                "type": "object",
                "additionalProperties": False,
                "required": ["event"],
                "properties": _keys(RULE_KEYS, {"data": _data()}),
            },
            "when": {"type": "object", "additionalProperties": False, "properties": _keys(WHEN_KEYS, {})},
            "source": _source(),
        },
    }


def text() -> str:
    """The schema as it stands in ``schema.json``."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _section(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = {field.name: _field(hints[field.name], field) for field in dataclasses.fields(kind)}
    description = (kind.__doc__ or "").replace("``", "`").split("\n\n")[0]
    return {
        "type": "object",
        "description": " ".join(description.split()),
        "additionalProperties": False,
        "properties": properties,
    }


def _field(hint: Any, field: dataclasses.Field[Any]) -> dict[str, Any]:
    rules = field.metadata
    found: dict[str, Any] = {"description": rules["doc"] + (f" Environment: {rules['env']}." if rules["env"] else "")}
    if hint is bool:
        found["type"] = "boolean"
    elif hint in (int, float):
        found["type"] = "integer" if hint is int else "number"
    elif hint in (str, Secret):
        found["type"] = "string"
    else:
        found |= {"type": "array", "items": {"type": "string"}}
    each = found.get("items", found)
    if rules["choices"]:
        each["enum"] = list(rules["choices"])
    if rules["pattern"]:
        each["pattern"] = f"^(?:env:.*|{rules['pattern']})?$"
    for key, name in (("low", "minimum"), ("high", "maximum")):
        if rules[key] is not None:
            found[name] = rules[key]
    if isinstance(field.default, (str, int, float, bool)) and field.default != "":
        found["default"] = field.default
    elif isinstance(field.default, tuple) and field.default:
        found["default"] = list(field.default)
    return found


def _keys(keys: Mapping[str, Key], more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"description": key.doc, **more.get(name, key.schema)} for name, key in keys.items()}


def _data() -> dict[str, Any]:
    value = {"$ref": "#/$defs/source"}
    return {
        "type": "object",
        "properties": dict.fromkeys((*CUSTOM_DATA, *OWN_DATA), value),
        "additionalProperties": value,
    }


def _source() -> dict[str, Any]:
    known = "|".join(SOURCES)
    told = "; ".join(f"{kind}: {doc}" for kind, doc in SOURCES.items())
    text = {"type": "string", "pattern": f"^\\s*(?:{known}):\\S"}
    return {
        "description": f"Where a value comes from; several with | between them. {told}. false leaves it out.",
        "anyOf": [text, {"type": ["number", "boolean"]}, {"type": "array", "items": text, "minItems": 1}],
    }


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
