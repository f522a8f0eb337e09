"""Cookie values as values: each is decoded exactly once and never believed. All raise ``ValueError`` on damage."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import unquote

MAX_VALUE = 8_192
"""Characters of a value that are looked at; a longer one is damage."""
_ALPHABET = {
    letter: index for index, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
}


def percent(value: str) -> str:
    """Percent-decoded once (``+`` stays)."""
    if len(value) > MAX_VALUE:
        raise ValueError("too long")
    return unquote(value, errors="strict") if "%" in value else value


def json_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def base64_json(text: str) -> dict[str, Any]:
    """A JSON object in base64, either alphabet, padded or not."""
    text = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    return json_object(octets.decode("utf-8"))


def flag(value: Any) -> bool | None:
    """True and False as tools write them; None for anything else."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {1: True, 0: False}.get(value)
    if isinstance(value, str):
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(value.lower())
    return None


class Bits:
    """A string of six bits a letter (base64url without padding, as IAB's strings), read from the left."""

    __slots__ = ("_left", "_value")

    def __init__(self, text: str) -> None:
        value = 0
        if not text:
            raise ValueError("empty")
        for letter in text.rstrip("="):
            index = _ALPHABET.get(letter, -1)
            if index < 0:
                raise ValueError("not base64url")
            value = value << 6 | index
        self._left = 6 * len(text.rstrip("="))
        self._value = value

    def take(self, count: int) -> int:
        """The next ``count`` bits as a number; ``ValueError`` when there are not as many left."""
        if count > self._left:
            raise ValueError("cut short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def fibonacci(self) -> int:
        """A number in Fibonacci code: ends with two ones."""
        total, low, high, last = 0, 1, 2, 0
        for _ in range(32):
            bit = self.take(1)
            if bit and last:
                return total
            total += low if bit else 0
            low, high, last = high, low + high, bit
        raise ValueError("too large")
