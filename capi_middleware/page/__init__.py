"""Pages: judge a response, find the place in its HTML, render the snippet, keep caches honest, respect CSP."""

from __future__ import annotations

from .adoption import adopted_id
from .injector import Injector
from .judge import Judge
from .response import Decision, answer
from .snippet import Snippet
from .verdict import Carrier, Form, Reason, Verdict

__all__ = ["Carrier", "Decision", "Form", "Injector", "Judge", "Reason", "Snippet", "Verdict", "adopted_id", "answer"]
