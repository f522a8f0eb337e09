"""A string that does not show itself."""

from __future__ import annotations

from typing import final


@final
class Secret:
    """A token or password: prints as ``***``, so that no log, traceback or page can leak it by accident.

    >>> Secret("EAAB")
    Secret('***')
    >>> Secret("EAAB").reveal()
    'EAAB'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        self._value = value

    def reveal(self) -> str:
        """The plain value; call it only where the value is used."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return f"Secret('{'***' if self._value else ''}')"

    __str__ = __repr__
