"""Property tests are bounded by what they try, not by the clock: machines that test are busy ones."""

from __future__ import annotations

import signal

from hypothesis import settings

# A run in the background has SIGINT ignored, and hands that on to the programs that the tests stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("unhurried", deadline=None)
settings.register_profile("mutants", deadline=None, max_examples=20, derandomize=True)  # a mutant's fate is no luck
settings.load_profile("unhurried")
