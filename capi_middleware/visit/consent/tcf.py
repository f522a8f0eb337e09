"""IAB Transparency and Consent Framework strings (TCF 2.x, "Consent string and vendor list formats v2"), and the
additional-consent string beside them.

Meta is no vendor of IAB's list: its place is Google's list of ad technology providers, which the additional-consent
string names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .answer import NO, NO_ADDITIONAL_CONSENT, NOT_LISTED, YES, Said
from .decode import Bits

NEEDED_PURPOSES = (1, 3, 4, 7)
"""Store or access, create profiles for ads, select personal ads, measure ads."""
_ADDITIONAL = re.compile(r"[12]~((?:\d{1,6}(?:\.\d{1,6})*)?)(?:~dv\.((?:\d{1,6}(?:\.\d{1,6})*)?))?")


class TcString(NamedTuple):
    """What we read of the core segment. ``purposes``: numbers of those consented to."""

    cmp_id: int
    policy_version: int
    purposes: frozenset[int]


def read_tc_string(text: str) -> TcString:
    """The core segment, whatever segments follow. Raises ``ValueError`` on damage: the vendor part is walked through
    too, so that a string that was cut short does not pass for a whole one."""
    bits = Bits(text.partition(".")[0])
    if bits.take(6) != 2:
        raise ValueError("another version")
    bits.take(72)
    cmp_id = bits.take(12)
    bits.take(42)
    policy_version = bits.take(6)
    bits.take(14)
    purposes = frozenset(number for number in range(1, 25) if bits.take(1))
    bits.take(24 + 1 + 12)
    _skip_vendors(bits)
    _skip_vendors(bits)
    return TcString(cmp_id, policy_version, purposes)


def _skip_vendors(bits: Bits) -> None:
    highest = bits.take(16)
    if not bits.take(1):
        bits.take(highest)
        return
    for _ in range(bits.take(12)):
        bits.take(32 if bits.take(1) else 16)


def read_tcf(tc_string: str, additional: str | None, meta_id: int, without_additional: bool) -> Said:
    """Purposes 1, 3, 4 and 7, and Meta in the additional-consent string (``2~89.1234~dv.9.21``: consented, then
    disclosed only). Raises ``ValueError`` on damage."""
    if not read_tc_string(tc_string).purposes.issuperset(NEEDED_PURPOSES):
        return NO
    if not additional:
        return YES if without_additional else NO_ADDITIONAL_CONSENT
    found = _ADDITIONAL.fullmatch(additional)
    if not found:
        raise ValueError("no additional-consent string")
    if str(meta_id) in found.group(1).split("."):
        return YES
    disclosed = found.group(2)
    return NO if disclosed is None or str(meta_id) in disclosed.split(".") else NOT_LISTED
