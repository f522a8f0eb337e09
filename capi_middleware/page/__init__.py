"""Pages: judge a response, find the place in its HTML, render the snippet, keep caches honest, respect CSP."""

from __future__ import annotations

from .adoption import adopted_id
from .existing import Existing, Sightings, existing_pixels
from .injector import Injector
from .judge import Judge
from .response import Aside, Decision, answer
from .snippet import Snippet
from .verdict import Carrier, Form, Reason, Verdict

__all__ = [
    "Aside",
    "Carrier",
    "Decision",
    "Existing",
    "Form",
    "Injector",
    "Judge",
    "Reason",
    "Sightings",
    "Snippet",
    "Verdict",
    "adopted_id",
    "answer",
    "existing_pixels",
]
