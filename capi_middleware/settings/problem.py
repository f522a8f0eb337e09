"""What is wrong in a settings file, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the settings, told to the person who can mend it.

    ``file`` is a path, ``"environment"`` or ``"keyword"``; ``line`` counts from 1, 0 where no line is known;
    ``key`` is dotted (``rule[2].data.value``).
    """

    file: str
    line: int
    key: str
    wrong: str
    right: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.wrong} {self.right}"


class SettingsError(ValueError):
    """Raised by :func:`~capi_middleware.settings.load.load` in strict mode: all problems at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
