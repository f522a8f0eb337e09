"""Amounts of money as shops write them.

Two modes, because the same characters mean different things: a *machine* field (JSON, ``content=`` attributes) that
says ``1.299`` means one and a bit, a *human* text means one thousand. Linear time, never raises.
"""

from __future__ import annotations

import html
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from . import currency
from .lazy import regex

LONGEST = 400
LARGEST = Decimal("999999999")

_SPACES = str.maketrans(
    {
        "\u00a0": " ",
        "\u2007": " ",
        "\u2008": " ",
        "\u2009": " ",
        "\u200a": " ",
        "\u202f": " ",
        "\u205f": " ",
        "\u3000": " ",
        "\t": " ",
        "\n": " ",
        "\r": " ",
        "\u200b": None,
        "\u200e": None,
        "\u200f": None,
        "\u2060": None,
        "\ufeff": None,
        "\u00ad": None,
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2019": "'",
        "\u2018": "'",
        "\u00b4": "'",
        "\u02bc": "'",
        "\u066b": ",",
        "\u066c": "'",
        "\uff0c": ",",
        "\uff0e": ".",
        **{chr(0x0660 + digit): str(digit) for digit in range(10)},
        **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
        **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
    }
)

# Digit groups with one and the same separator (Indian 2-digit groups included), or plain digits; then decimals;
# then the dash that stands for "no decimals".
_NUMBER = regex(
    r"(?<![\d.,])(?:(?P<long>\d{1,9}\.\d{4,9}(?!\d))|"
    r"(?P<whole>\d{1,3}(?:(?P<sep>[ .,'])\d{3})(?:(?P=sep)\d{3}){0,3}(?!\d)|\d{1,2}(?:,\d{2}){1,3},\d{3}(?!\d)"
    r"|\d{1,12})"
    r"(?P<mark>[.,:'] ?(?=\d{1,2}(?!\d))|[€£$](?=\d{2}(?!\d)))?(?P<cents>(?<=[.,:'€£$ ])\d{1,2})?"
    r"|(?P<bare>[.,]\d{2}(?!\d))"
    r")(?P<dash>[.,:]?-{1,2}(?![\w.]))?"
)
_MACHINE = regex(r"\d{1,12}(?:[.,]\d{1,2})?")
_POINT = regex(r"(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})\.\d{3,12}")
# Currencies of three decimals, whose prices are written with all of them (the Iraqi dinar's are not).
_WITH_FILS = ("KWD", "BHD", "OMR", "JOD", "LYD", "TND", "د.ك")
_FILS = regex(r"(?<![\d.,])(\d{1,9}|\d{1,3}(?:,\d{3}){1,3})\.(\d{3})(?![\d.,]*\d)")
_MILLIMES = regex(r"(?<![\d.,])(\d{1,9}),(\d{3})(?![\d.,]*\d)")
# What stands before an amount that is not the price to pay.
_OLD = regex(
    r"(?:\bord(?:inarie)?\.?(?: ?pris)?|\btidigare(?: pris)?|\bförr|\brek\.?(?: ?pris)?|\bwas|\bbefore|\breg(?:ular)?"
    r"(?: price)?|\blist(?: price)?|\brrp|\bmsrp|\bm\.s\.r\.p\.?|\bsrp|\buvp|\bstatt|\bfr[üu]her|\binstead of"
    r"|\bcompare(?: at)?"
    r"|\bretail(?: price)?|\bvejl\.?(?: pris)?|\bfør(?:pris)?|\bnormalpris|\bveil\.?(?: pris)?|\bavant|\bau lieu de"
    r"|\bantes|\bprima|\bwaarde"
    r"|\badviesprijs|\bvan(?: voor)?|\bsave|\bspara|\bspar|\bdu sparar|\bsie sparen|\byou save|\br[ée]duction|\boff"
    r"|\brabatt|\bshipping|\bfrakt"
    r"|\bversand|\bporto|\bdelivery|\blivraison|\bsklepach|\bkatalogowa|\bregularna|\bp[řr]ed slevou"
    r"|\bp[ůo]vodn[íěa]\w*"
    r"|\bbe?ž[nň][áa] cena|\bredna cena|\bstara cena|\bstare cena|\blistino|\bprezzo di listino|\bрозница"
    r"|\bстарая цена)\s?[:\-(]?\s?$",
    re.I,
)
_UNIT = regex(
    r"\s?(?:/|per |pr\.? |pro |je |kr/)\s?(?:\d{1,4}\s?)?(?:kg|g|l|dl|cl|ml|m|m2|m²|m3|m³|cm|lb|oz|liter|litre"
    r"|meter|kilo|100)\b",
    re.I,
)
_BUNDLE = regex(r"\s?(?:för|for|f[øo]r|für|pour|por|per|st|pcs|pack|x)\b", re.I)
_RANGE = regex(r"\s?(?:-|to|till|til|bis|à|a|do|tot)\s?(?:[^\d\s]{1,4}\s?)?", re.I)


class Amount(NamedTuple):
    """``value`` in major units. ``mark``: what stood beside it (a code or a symbol, as written), "" when nothing.
    ``unit``: it is a price per kilogram, litre, …"""

    value: Decimal
    mark: str = ""
    unit: bool = False


def plain(text: str) -> str:
    """Entities resolved (twice escaped ones too), every kind of space made plain, apostrophes and dashes too."""
    text = text[:LONGEST]
    if "&" in text:
        text = html.unescape(html.unescape(text))
    return text.translate(_SPACES)


def amounts(text: str, limit: int = 12) -> list[Amount]:
    """All amounts in a human text, in order; percentages, "2 for", negative ones, old prices and savings left out."""
    text = plain(text)
    if any(mark in text for mark in _WITH_FILS):
        if "TND" in text:  # in Tunisia the decimal mark is a comma as often
            text = _MILLIMES.sub(_thousandths, text)
        text = _FILS.sub(_thousandths, text)
    found: list[Amount] = []
    ended = 0
    for match in _NUMBER.finditer(text):
        if len(found) >= limit:
            break
        start, end = match.span()
        before, after = text[max(0, start - 24) : start], text[end : end + 24]
        if after[:1] in "./" and after[1:2].isdigit():
            continue  # a date, an address
        if after[:1] == "%" or after[:2] == " %" or before[-1:] == "#":
            continue
        mark = currency.mark_after(after) or currency.mark_before(before)
        if before[-1:].isalnum() and not mark:
            continue  # the 12 of "RTX12", not the 100 of "SEK100"
        if after[:1].isalpha() and not currency.mark_after(after) and not match["dash"]:
            continue  # the 12 of "12GB"
        if before.rstrip()[-1:] == "-" and not before.rstrip()[-2:-1].strip() and not match["dash"]:
            continue  # a discount: "-100 kr"
        if not mark and match["mark"] == ":" and len(match["whole"]) < 3 and int(match["whole"]) <= 24:
            continue  # a time of day
        if _after_old(before) or (not mark and _BUNDLE.match(after)):
            continue
        value = _value(match)
        if value is not None and value <= LARGEST:
            unit = bool(_UNIT.match(currency.without_leading_mark(after)))
            written = mark or (":-" if match["dash"] else "")
            if found and written and not found[-1].mark and _RANGE.fullmatch(text, ended, start):
                found[-1] = found[-1]._replace(mark=written)
            found.append(Amount(value, written, unit))
            ended = end
    return found


def _thousandths(match: re.Match[str]) -> str:
    """With a fourth decimal, which no thousands have."""
    return f"{match[1].replace(',', '')}.{match[2]}0"


@lru_cache(1024)
def _after_old(before: str) -> bool:
    return bool(_OLD.search(currency.without_mark(before)))


def _value(match: re.Match[str]) -> Decimal | None:
    if match["long"]:
        return Decimal(match["long"])
    if match["bare"]:
        return Decimal("0." + match["bare"][1:])
    whole, separator, cents = match["whole"], match["sep"], match["cents"]
    if not cents and separator in (".", ",") and whole.count(separator) == 1 and whole[0] == "0":
        return Decimal(whole.replace(",", "."))  # 0.999 is no thousand
    digits = "".join(filter(str.isdigit, whole))
    return Decimal(f"{digits}.{cents}" if cents else digits)


def human(text: str) -> Amount | None:
    """The price in a text that people read: the first amount beside a currency, else the first amount."""
    found = amounts(text)
    return min(found, key=_doubt, default=None)


def _doubt(amount: Amount) -> int:
    return 3 if amount.unit else 2 if not amount.mark else 1 if currency.may_measure(amount.mark) else 0


def is_old(label: str) -> bool:
    """Does a label say that the amount after it is not the one to pay?"""
    return bool(_OLD.search(plain(label)[-40:]))


def machine(raw: Any) -> Amount | None:
    """The price in a field that programs read."""
    if isinstance(raw, bool) or raw is None:
        return None
    if isinstance(raw, (int, float, Decimal)):
        if raw != raw or not 0 <= raw <= LARGEST:
            return None
        return Amount(Decimal(str(raw)))
    text = plain(str(raw)).strip()
    if _MACHINE.fullmatch(text):
        return Amount(Decimal(text.replace(",", ".")))
    if _POINT.fullmatch(text):
        return Amount(Decimal(text.replace(",", "")))
    return human(text)
