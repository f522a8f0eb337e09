"""Property tests are bounded by what they try, not by the clock: machines that test are busy ones."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
