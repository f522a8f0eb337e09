"""Event IDs: what Meta counts once must have one ID, what happened twice two."""

from __future__ import annotations

import hashlib
import os
import re

import pytest
import time_machine

from capi_middleware.events import derived_event_id, identity, new_event_id

HEX = re.compile(r"[0-9a-f]{32}")


def test_ten_thousand_ids_in_one_instant_are_ten_thousand() -> None:
    with time_machine.travel(1_700_000_000, tick=False):
        made = {new_event_id() for _ in range(10_000)}
    assert len(made) == 10_000 and all(HEX.fullmatch(one) for one in made)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_workers_never_share_an_id() -> None:
    """Both go on from the same counter, and here in the same instant: the process number tells them apart."""
    with time_machine.travel(1_700_000_000, tick=False):
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                os.write(write, new_event_id().encode())
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        theirs = os.read(read, 100).decode()
        os.close(read)
        assert HEX.fullmatch(theirs) and theirs != new_event_id()


def test_an_id_says_nothing_about_when_and_where_it_was_made() -> None:
    """Without the process's secret nobody can compute the ID that another visitor will get."""
    with time_machine.travel(1_700_000_000, tick=False):
        number = identity._number() + 1
        text = b"%d %d %d" % (os.getpid(), 1_700_000_000 * 10**9, number)
        made = new_event_id()
    assert made != hashlib.blake2b(text, digest_size=16).hexdigest()


def test_an_order_has_one_id_on_every_machine() -> None:
    """Written down: a release that derived another ID would count the orders of the day it is installed twice."""
    assert derived_event_id("1234567890", "Purchase", "1001") == "0ca49640d54a7dad4bdacb103f00eb69"


def test_pixel_event_and_key_each_make_another_id() -> None:
    made = {
        derived_event_id(*parts)
        for parts in [
            ("1", "Lead", "7"),
            ("2", "Lead", "7"),
            ("1", "Contact", "7"),
            ("1", "Lead", "8"),
            ("1L", "ead", "7"),
        ]
    }
    assert len(made) == 5 and all(HEX.fullmatch(one) for one in made)


def test_an_order_number_that_no_encoding_takes_has_an_id_too() -> None:
    assert HEX.fullmatch(derived_event_id("1", "Purchase", "\ud83d"))
