"""What the shop answered, looked at from all sides that evidence needs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote

from .address import cut
from .body import read_json
from .types import Facts, Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({"", "deleted", '""', "null"})


class Answer:
    """A :class:`Response`, with what is asked of it made once."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.status = response.status
        self.facts: Facts | None = response.facts

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names; of several, the first."""
        found: dict[str, str] = {}
        for name, value in self.response.headers:
            found.setdefault(name.lower(), value)
        return found

    @cached_property
    def json(self) -> Any:
        """The JSON answer, None where there is none."""
        return read_json(self.response.json) if self.response.json else None

    @cached_property
    def has_json(self) -> bool:
        return self.response.json is not None and self.json is not None

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """Cookies that the answer sets; those that it deletes are left out."""
        found: dict[str, str] = {}
        for name, value in self.response.headers:
            if name.lower() == "set-cookie":
                key, text = _cookie(value)
                if key:
                    found[key] = text
        return found

    @cached_property
    def location(self) -> str:
        """The address redirected to, "" for none."""
        return self.headers.get("location", "") if self.status in REDIRECTS or self.status == 201 else ""

    @property
    def redirects(self) -> bool:
        return self.status in REDIRECTS and bool(self.location)

    @cached_property
    def target(self) -> str:
        """The decoded path redirected to."""
        return unquote(cut(self.location).path)

    @cached_property
    def target_query(self) -> tuple[tuple[str, str], ...]:
        try:
            return tuple(parse_qsl(cut(self.location).query[:2048], keep_blank_values=True, max_num_fields=64))
        except ValueError:
            return ()

    @cached_property
    def notices(self) -> Mapping[str, str]:
        """The page's first message of each kind: ``success``, ``error``, ``cart``."""
        found: dict[str, str] = {}
        for notice in self.facts.notices if self.facts is not None else ():
            kind, _, text = notice.partition(":")
            found.setdefault(kind.strip(), text.strip())
        return found

    @property
    def html(self) -> bytes:
        """The page's bytes, as far as they were held."""
        held = self.facts.more.get("html", b"") if self.facts is not None else b""
        return held if isinstance(held, bytes) else b""


def _cookie(header: str) -> tuple[str, str]:
    """Name and value of a Set-Cookie header; ("", "") where it deletes one."""
    pair, _, attributes = header.partition(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name or value.lower() in _GONE:
        return "", ""
    low = attributes.lower()
    if "max-age=0" in low.replace(" ", "") or "expires=thu, 01 jan 1970" in low or "expires=thu, 01-jan-1970" in low:
        return "", ""
    return name, _unquoted(value)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        morsels = SimpleCookie(f"x={value}")
        return morsels["x"].value
    except (CookieError, KeyError):
        return value.strip('"')
