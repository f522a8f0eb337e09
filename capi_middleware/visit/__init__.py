"""Visit: who is asking, from where, and may we tell Meta (docs/privacy.md, docs/consent.md)."""

from __future__ import annotations

from .clickids import click_ids, forget_click_ids
from .consent import consent_tools_in, note_tools, tools_seen
from .reading import read_visit
from .scrub import scrub_url
from .visit import Answer, Asker, ClickIds, Consent, Visit

__all__ = [
    "Answer",
    "Asker",
    "ClickIds",
    "Consent",
    "Visit",
    "click_ids",
    "consent_tools_in",
    "forget_click_ids",
    "note_tools",
    "read_visit",
    "scrub_url",
    "tools_seen",
]
