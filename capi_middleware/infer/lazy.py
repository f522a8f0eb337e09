"""Regular expressions that are compiled when they are first asked: the reading's patterns take 0.2 s together, which no
command that reads no page should wait for. A process that will read pages calls :func:`warm`."""

from __future__ import annotations

import re
import threading
from typing import Any, AnyStr, cast

_waiting: list[_Pattern] = []


class _Pattern:
    """Stands where a compiled pattern would; from the first use on its methods are the pattern's own."""

    __slots__ = ("_flags", "_source", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")

    def __init__(self, source: Any, flags: int) -> None:
        self._source = source
        self._flags = flags
        _waiting.append(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        compiled = self.compile()
        return getattr(compiled, name)

    def compile(self) -> re.Pattern[Any]:
        compiled = re.compile(self._source, self._flags)
        for method in self.__slots__[2:]:
            setattr(self, method, getattr(compiled, method))
        return compiled


def regex(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """``re.compile``, later. A mistake in the pattern shows at its first use."""
    return cast("re.Pattern[AnyStr]", _Pattern(source, flags))


def warm() -> threading.Thread:
    """Compile them all, in a thread of their own, so that the first page need not wait for it."""
    thread = threading.Thread(target=_compile_all, name="capi-patterns", daemon=True)
    thread.start()
    return thread


def _compile_all() -> None:
    while _waiting:
        try:
            one = _waiting.pop()
        except IndexError:  # another thread took the last one
            return
        one.compile()
