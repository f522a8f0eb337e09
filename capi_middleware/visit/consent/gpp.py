"""IAB Global Privacy Platform strings and the older US privacy string: has this visitor opted out?"""

from __future__ import annotations

import re

from .answer import NO, NO_ADDITIONAL_CONSENT, UNANSWERED, US_OPT_OUT, Said
from .decode import Bits
from .tcf import NEEDED_PURPOSES, read_tc_string

_US_PRIVACY = re.compile(r"1[YN-][YN-][YN-]", re.IGNORECASE)
_OPT_OUTS = {7: (6, 7, 8), 8: (3, 4), 9: (3, 4), 10: (3, 4), 11: (4, 5), 12: (3, 4)}
"""US sections (7 national, 8 California, 9 Virginia, 10 Colorado, 11 Utah, 12 Connecticut): which two-bit fields
after the version say "opted out" of sale, sharing or targeted advertising with 1 (IAB, "GPP sections US")."""
_TCF_EU = 2
_US_PRIVACY_SECTION = 6


def read_us_privacy(text: str) -> Said:
    """``1YNN``: version, notice given, opted out of sale, limited service. Raises ``ValueError`` on damage."""
    if not _US_PRIVACY.fullmatch(text):
        raise ValueError("no US privacy string")
    return US_OPT_OUT if text[2] in "Yy" else UNANSWERED


def read_gpp(text: str) -> Said:
    """The sections we know; others are left out. Never a yes: Meta is not named in it. Raises ``ValueError``."""
    header, *sections = text.split("~")
    ids = section_ids(header)
    if len(ids) != len(sections):
        raise ValueError("sections do not match the header")
    answers = [_section(number, section) for number, section in zip(ids, sections, strict=True)]
    for answer in (NO, US_OPT_OUT, NO_ADDITIONAL_CONSENT):
        if answer in answers:
            return answer
    return UNANSWERED


def section_ids(header: str) -> tuple[int, ...]:
    """The section numbers in a GPP header (``DBACNY`` is 2 and 6)."""
    bits = Bits(header)
    if bits.take(6) != 3 or bits.take(6) != 1:
        raise ValueError("no GPP header")
    found: list[int] = []
    last = 0
    for _ in range(bits.take(12)):
        group = bits.take(1)
        first = last = last + bits.fibonacci()
        if group:
            last = first + bits.fibonacci()
        if last - first > 64 or len(found) > 64:
            raise ValueError("too many sections")
        found.extend(range(first, last + 1))
    return tuple(found)


def _section(number: int, text: str) -> Said:
    if number == _TCF_EU:
        complete = read_tc_string(text).purposes.issuperset(NEEDED_PURPOSES)
        return NO_ADDITIONAL_CONSENT if complete else NO
    if number == _US_PRIVACY_SECTION:
        return read_us_privacy(text)
    if number not in _OPT_OUTS:
        return UNANSWERED
    core, *more = text.split(".")
    bits = Bits(core)
    if bits.take(6) != 1:
        return UNANSWERED  # another version of the section: its fields may have moved
    fields = _OPT_OUTS[number]
    values = [bits.take(2) for _ in range(max(fields) + 1)]
    opted_out = any(values[field] == 1 for field in fields)
    return US_OPT_OUT if opted_out or any(_gpc(segment) for segment in more) else UNANSWERED


def _gpc(segment: str) -> bool:
    """The GPC segment: type 1 in two bits, then whether the signal was seen."""
    bits = Bits(segment)
    return bits.take(2) == 1 and bits.take(1) == 1
