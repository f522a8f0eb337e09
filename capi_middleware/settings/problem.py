"""What is wrong in a settings file, and what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NUMBERED = re.compile(r"\b(rule|site)\[(\d+)\]\.?")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the settings, told to the person who can mend it.

    ``file`` is a path, ``"environment"`` or ``"keyword"``; ``line`` counts from 1, 0 where no line is known;
    ``key`` is dotted (``rule[2].data.value``, for programs: from 0; people read "rule 3, data.value").
    """

    file: str
    line: int
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = _NUMBERED.sub(lambda found: f"{found[1]} {int(found[2]) + 1}, ", self.key).removesuffix(", ")
        return f"{place}: {key}: {self.wrong} {self.right}"


def shown(value: Any) -> str:
    """A value of the file as people wrote it there: ``true``, not Python's ``True``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {shown(inner)}" for key, inner in value.items()) + " }"
    return repr(value) if isinstance(value, str) else str(value)


class SettingsError(ValueError):
    """Raised by :func:`~capi_middleware.settings.load.load` in strict mode: all problems at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
