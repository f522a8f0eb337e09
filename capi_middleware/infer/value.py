"""Values from where a rule says: each source asked in turn, the first that gives something counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from capi_middleware.settings.value import Source, Value

from . import document
from .context import Context


class Found(NamedTuple):
    """A value and where it came from; for a list, ``value`` is a list."""

    value: Any
    source: str


def find(value: Value, context: Context, accepts: Callable[[Any], bool] = bool) -> Found | None:
    """The first source's value, None where none gives any. ``""``, ``None`` and empty lists are nothing.

    ``accepts``: what else must be true of it, such as being an id."""
    if value.fixed is not None:
        return Found(value.fixed, "rule")
    for source in value.sources:
        found = _READERS[source.kind](source, context)
        if found not in (None, "", [], (), {}) and (accepts is bool or accepts(found)):
            return Found(
                found, context.facts.sources.get(source.name, str(source)) if source.kind == "facts" else str(source)
            )
    return None


def first_text(value: Value, context: Context) -> str:
    """As one text: of a list the first."""
    found = find(value, context)
    if found is None:
        return ""
    part = found.value[0] if isinstance(found.value, list) and found.value else found.value
    return part.strip() if isinstance(part, str) else "" if isinstance(part, (dict, list)) else str(part)


def _several(values: Iterable[Any]) -> Any:
    found = [value for value in values if value not in (None, "")]
    return found[0] if len(found) == 1 else found


def _path(source: Source, context: Context) -> Any:
    return context.arguments.get(source.name)


def _query(source: Source, context: Context) -> Any:
    return _several(context.query_values(source.name))


def _form(source: Source, context: Context) -> Any:
    return _several(context.body.values(source.name, source.compiled))


def _json(source: Source, context: Context) -> Any:
    return None if context.body.json is None else source.compiled(context.body.json)


def _response_json(source: Source, context: Context) -> Any:
    return source.compiled(context.answer.json) if context.answer.has_json else None


def _css(source: Source, context: Context) -> Any:
    selector, attribute = source.compiled
    return _several(document.select(context.answer.html, selector, attribute))


def _jsonld(source: Source, context: Context) -> Any:
    for node in document.json_ld(context.answer.html):
        found = source.compiled(node)
        if found not in (None, "", []):
            return found
    return None


def _meta(source: Source, context: Context) -> Any:
    return document.meta(context.answer.html, source.name)


def _cookie(source: Source, context: Context) -> Any:
    for cookies in (context.answer.cookies, context.visit.cookies):
        if source.compiled is None:
            if source.name in cookies:
                return cookies[source.name]
            continue
        for name, value in cookies.items():
            if source.compiled(name):
                return value
    return None


def _header(source: Source, context: Context) -> Any:
    return context.answer.headers.get(source.name.lower())


def _redirect(source: Source, context: Context) -> Any:
    if source.name in context.redirect_arguments:
        return context.redirect_arguments[source.name]
    return _several(value for name, value in context.answer.target_query if name == source.name)


def _facts(source: Source, context: Context) -> Any:
    kind, dot, name = source.name.partition(".")
    if dot and kind == "ids":
        ids: Mapping[str, Any] = context.facts.more.get("ids", {})
        return ids.get(name)
    return context.facts.product.get(source.name)


def _const(source: Source, context: Context) -> Any:
    return source.name


_READERS: Mapping[str, Callable[[Source, Context], Any]] = {
    "path": _path,
    "query": _query,
    "form": _form,
    "json": _json,
    "response-json": _response_json,
    "css": _css,
    "jsonld": _jsonld,
    "meta": _meta,
    "cookie": _cookie,
    "header": _header,
    "redirect": _redirect,
    "facts": _facts,
    "const": _const,
}
PAGE_SOURCES = frozenset({"css", "jsonld", "meta"})
"""Kinds of sources that need the page's bytes."""
