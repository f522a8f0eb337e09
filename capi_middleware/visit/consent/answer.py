"""What one consent tool's cookie says about marketing."""

from __future__ import annotations

from typing import NamedTuple

from capi_middleware.visit.visit import Answer


class ToolAnswer(NamedTuple):
    """``reason`` is a code of :data:`~capi_middleware.visit.reasons.CONSENT_REASONS`. ``not_needed``: the tool itself
    says that no answer is needed of this visitor (another region). ``us``: a denial that is a US state's opt-out, for
    which Limited Data Use exists."""

    tool: str
    answer: Answer
    reason: str
    not_needed: bool = False
    us: bool = False


class Said(NamedTuple):
    """A reader's answer, before the tool's name is put to it."""

    answer: Answer
    reason: str
    not_needed: bool = False
    us: bool = False


YES = Said(Answer.GRANTED, "accepted")
NO = Said(Answer.DENIED, "refused")
UNANSWERED = Said(Answer.UNKNOWN, "not_answered")
UNREADABLE = Said(Answer.UNKNOWN, "unreadable")
NOT_NEEDED = Said(Answer.UNKNOWN, "not_needed", not_needed=True)
NOT_LISTED = Said(Answer.UNKNOWN, "not_listed")
OPAQUE = Said(Answer.UNKNOWN, "opaque")
NO_ADDITIONAL_CONSENT = Said(Answer.UNKNOWN, "no_additional_consent")
US_OPT_OUT = Said(Answer.DENIED, "us_opt_out", us=True)


def said(value: bool | None) -> Said:
    """True, False, and None for what was not answered."""
    return UNANSWERED if value is None else YES if value else NO
