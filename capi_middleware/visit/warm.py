"""Load what is loaded on first use (robots' patterns, public suffixes), before the first visitor waits for it."""

from __future__ import annotations

from .domain import cookie_domain
from .robots import judge_agent


def warm() -> None:
    """Some 60 ms, once a process; call it at start, or from a thread of its own."""
    judge_agent("a robot's")
    cookie_domain("www.example.com")
