"""A request's body, read as forms, JSON and GraphQL come; bounded, and never raising on damaged input."""

from __future__ import annotations

import io
import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from .lazy import regex

MOST_FIELDS = 500
_FIELD = regex(r"[_A-Za-z]\w*")
_GRAPHQL_NOISE = regex(r"#[^\n]*|\"\"\".*?\"\"\"|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL)

FORM, JSON, GRAPHQL = "form", "json", "graphql"


def kind_of(content_type: str) -> str:
    """``form``, ``json``, ``graphql`` or "" for a request's Content-Type."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return FORM
    if kind == "application/graphql":
        return GRAPHQL
    if kind == "application/json" or kind.endswith("+json"):
        return JSON
    return FORM if kind == "" else JSON if kind == "text/plain" else ""


class Body:
    """``content``: the bytes, None where they were not kept. Each view is made when it is asked for, once."""

    def __init__(self, content: bytes | None, content_type: str) -> None:
        self._content = content or b""
        self._type = content_type

    @cached_property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Names and values of a posted form, in order; files are left out."""
        if not self._content or kind_of(self._type) != FORM:
            return ()
        kind, options = parse_options_header(self._type)
        try:
            if kind.lower() == "multipart/form-data":
                return _multipart(self._content, options.get("boundary", ""))
            text = self._content.decode("utf-8", "replace")
            return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except (ValueError, LookupError, RequestEntityTooLarge):
            return ()

    @cached_property
    def json(self) -> Any:
        """The posted JSON, None where there is none."""
        if not self._content or kind_of(self._type) not in (JSON, FORM):
            return None
        if self._content.removeprefix(BOM_UTF8).lstrip()[:1] not in (b"{", b"["):
            return None
        return read_json(self._content)

    def values(self, name: str, match: Any = None) -> Iterator[str]:
        """The values of a form's field. ``match``: a compiled glob for the name."""
        for known, value in self.fields:
            if match(known) if match else known == name:
                yield value

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """Names of a GraphQL request: of its operations and of the fields they ask for, as far as can be told
        without a schema: all names in its documents."""
        found: list[str] = []
        for request in self._graphql:
            name = request.get("operationName")
            if isinstance(name, str) and name:
                found.append(name)
            query = request.get("query")
            if isinstance(query, str):
                found += _FIELD.findall(_GRAPHQL_NOISE.sub(" ", query[:20_000]))
        return tuple(dict.fromkeys(found))

    @cached_property
    def query_text(self) -> str:
        """The GraphQL documents themselves, for values that are written into them."""
        texts = [request.get("query") for request in self._graphql]
        return "\n".join(text for text in texts if isinstance(text, str))[:20_000]

    @property
    def _graphql(self) -> list[Mapping[str, Any]]:
        if kind_of(self._type) == GRAPHQL:
            return [{"query": self._content.decode("utf-8", "replace")}]
        requests = self.json if isinstance(self.json, list) else [self.json]
        return [one for one in requests[:20] if isinstance(one, dict) and ("query" in one or "operationName" in one)]


def read_json(content: bytes) -> Any:
    """The value, None where it is no JSON."""
    try:
        return json.loads(content.decode("utf-8-sig", "replace"), parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None


def _multipart(content: bytes, boundary: str) -> tuple[tuple[str, str], ...]:
    if not boundary:
        return ()
    parser = MultiPartParser(max_form_memory_size=len(content) + 1, max_form_parts=MOST_FIELDS)
    form, files = parser.parse(io.BytesIO(content), boundary.encode("latin-1", "replace"), len(content))
    for _, file in files.items(multi=True):
        file.close()
    return tuple(form.items(multi=True))
