"""Visit: who is asking, from where, and may we tell Meta (docs/privacy.md, docs/consent.md)."""

from __future__ import annotations

from .address import AddressFinding, judge_addresses, network_of
from .asker import is_subresource
from .census import Census, visit_census
from .clickids import click_ids, forget_click_ids, valid_fbc, valid_fbp
from .consent import (
    ConsentTest,
    check_consent,
    consent_tools_in,
    memory_for,
    mirror_cookie,
    mirror_value,
    note_page,
    scan_due,
)
from .field_memory import FieldMemory
from .forms import fields_in, user_data_from_body, user_data_from_fields
from .identity import IDENTITY_COOKIE, IdentityCodec, visitor
from .reading import read_visit
from .reasons import ASKER_REASONS, CONSENT_REASONS
from .scrub import scrub_text, scrub_url
from .visit import Answer, Asker, ClickIds, Consent, Visit
from .warm import warm
from .withdrawal import Withdrawal, withdrawal

__all__ = [
    "ASKER_REASONS",
    "CONSENT_REASONS",
    "IDENTITY_COOKIE",
    "AddressFinding",
    "Answer",
    "Asker",
    "Census",
    "ClickIds",
    "Consent",
    "ConsentTest",
    "FieldMemory",
    "IdentityCodec",
    "Visit",
    "Withdrawal",
    "check_consent",
    "click_ids",
    "consent_tools_in",
    "fields_in",
    "forget_click_ids",
    "is_subresource",
    "judge_addresses",
    "memory_for",
    "mirror_cookie",
    "mirror_value",
    "network_of",
    "note_page",
    "read_visit",
    "scan_due",
    "scrub_text",
    "scrub_url",
    "user_data_from_body",
    "user_data_from_fields",
    "valid_fbc",
    "valid_fbp",
    "visit_census",
    "visitor",
    "warm",
    "withdrawal",
]
