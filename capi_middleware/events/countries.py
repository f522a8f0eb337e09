"""ISO 3166 countries: their names in the languages of Europe, their calling codes (``countries.json``)."""

from __future__ import annotations

import json
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple


class Plan(NamedTuple):
    """How a country writes its phone numbers: calling code, the prefix of national writing ("" where there is none:
    a leading zero then belongs to the number), lengths of whole national numbers (only where they tell)."""

    code: str
    prefix: str
    lengths: tuple[int, ...]


@lru_cache(maxsize=1)
def _data() -> tuple[dict[str, str], dict[str, Plan]]:
    raw = json.loads(files(__package__).joinpath("countries.json").read_text(encoding="utf-8"))
    names: dict[str, str] = raw["names"]
    names.update(raw["alpha3"])
    names.update({code: code for code in raw["alpha3"].values()})
    plans = {country: Plan(code, prefix, tuple(lengths)) for country, (code, prefix, lengths) in raw["calling"].items()}
    return names, plans


def country_code(text: str) -> str:
    """``Sverige``, ``SWE``, ``S.E.`` and ``se`` are ``se``; "" for what is no country."""
    folded = unicodedata.normalize("NFC", text).lower()
    return _data()[0].get("".join(letter for letter in folded if letter.isalpha()), "")


def phone_plan(country: str) -> Plan | None:
    """The plan of an ISO 3166 country (two letters, any case)."""
    return _data()[1].get(country.lower())
