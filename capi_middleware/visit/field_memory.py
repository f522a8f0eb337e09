"""What the fields of a shop's forms mean, learned from the pages that hold the forms (``autocomplete``, ``type``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .forms import fields_in

_MAX_HOSTS = 64
_MAX_PAGES = 512
_MAX_FIELDS = 256
_NOTHING: Final[Mapping[str, str]] = {}


class FieldMemory:
    """One a process; names of fields only, never what is typed into them. A page is read once; bounded."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, str]] = {}
        self._pages: set[tuple[str, str]] = set()

    def due(self, host: str, path: str) -> bool:
        """Whether this page's forms were not read yet."""
        return (host, path) not in self._pages

    def learn(self, host: str, path: str, html: bytes) -> None:
        """Read a page's forms; of two meanings of one name the first stays."""
        if len(self._pages) >= _MAX_PAGES:
            self._pages = set()
        self._pages.add((host, path))
        found = fields_in(html)
        if not found:
            return
        if len(self._fields) >= _MAX_HOSTS and host not in self._fields:
            self._fields = {}
        known = self._fields.get(host, {})
        if len(known) < _MAX_FIELDS:
            self._fields[host] = {**found, **known}

    def known(self, host: str) -> Mapping[str, str]:
        """Field names to keys, as :func:`~capi_middleware.visit.forms.user_data_from_body` takes them."""
        return self._fields.get(host, _NOTHING)
