"""Accounts, sessions, throttling, audit: the attack list of the admin's gate."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from capi_middleware.admin import account, audit, session, throttle
from capi_middleware.admin.account import Refusal
from capi_middleware.admin.state import AdminState

GOOD = "en lång och egen mening"


@pytest.fixture
def state(tmp_path: Path) -> AdminState:
    return AdminState(tmp_path / "state")


@pytest.fixture
def owned(state: AdminState) -> AdminState:
    issued = account.issue_setup_code(state)
    assert issued is not None
    assert account.create_account(state, issued.code, GOOD) is None
    return state


def test_of_many_processes_one_shows_the_code(state: AdminState) -> None:
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(account.issue_setup_code(state))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(code is not None for code in codes) == 1


def test_the_code_works_as_typed(state: AdminState) -> None:
    issued = account.issue_setup_code(state)
    assert issued is not None
    typed = f" {issued.code.lower().replace('-', ' ')} "
    assert account.create_account(state, typed, GOOD) is None
    assert account.check_password(state, GOOD) is None


def test_setup_race_has_one_winner(state: AdminState) -> None:
    issued = account.issue_setup_code(state)
    assert issued is not None
    results: list[Refusal | None] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(account.create_account(state, issued.code, f"{GOOD} {n}")))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(None) == 1


def test_five_wrong_codes_end_it(state: AdminState) -> None:
    issued = account.issue_setup_code(state)
    assert issued is not None
    for _ in range(5):
        assert account.create_account(state, "AAAAA-BBBBB", GOOD) is Refusal.WRONG
    assert account.create_account(state, issued.code, GOOD) is Refusal.EXPIRED
    assert not account.awaits_setup(state)


def test_an_old_code_is_dead(state: AdminState) -> None:
    issued = account.issue_setup_code(state, now=1000.0)
    assert issued is not None
    assert account.create_account(state, issued.code, GOOD, now=1000.0 + 3601) is Refusal.EXPIRED


def test_setup_is_closed_for_ever_after(owned: AdminState) -> None:
    assert account.issue_setup_code(owned) is None
    assert account.create_account(owned, "ANY", GOOD) is Refusal.DONE


@pytest.mark.parametrize(
    ("password", "refusal"),
    [("short", Refusal.TOO_SHORT), ("x" * 129, Refusal.TOO_LONG), ("Password1234", Refusal.COMMON)],
)  # fmt: skip
def test_passwords_that_are_refused(state: AdminState, password: str, refusal: Refusal) -> None:
    issued = account.issue_setup_code(state)
    assert issued is not None
    assert account.create_account(state, issued.code, password) is refusal
    assert account.create_account(state, issued.code, GOOD) is None  # the code is not spent by it


def test_wrong_password(owned: AdminState) -> None:
    assert account.check_password(owned, "en annan lång mening") is Refusal.WRONG


def test_a_fixed_password_is_the_only_one(owned: AdminState) -> None:
    assert account.check_password(owned, "från miljön", fixed="från miljön") is None
    assert account.check_password(owned, GOOD, fixed="från miljön") is Refusal.WRONG


def test_no_secret_stands_in_the_file(owned: AdminState) -> None:
    begun = session.begin(owned, "127.0.0.0/24", 1000.0)
    data = owned.path.read_bytes()
    assert GOOD.encode() not in data
    assert begun.token.encode() not in data
    assert os.stat(owned.path).st_mode & 0o777 == 0o600
    assert os.stat(owned.path.parent).st_mode & 0o777 == 0o700


def test_a_note_leaves_the_file_when_its_time_is_over(owned: AdminState) -> None:
    """A token that Meta would not take is kept for ten minutes, not for ever; what is to be kept for ever stays."""
    owned.set_note("pending", "EAAcanary", 1600.0, 1000.0)
    owned.set_note("dismissed", "[]", 4e9, 1100.0)
    assert owned.note("pending", 1599.0) == "EAAcanary" and owned.note("pending", 1600.0) == ""
    found = session.begin(owned, "192.0.2.0/24", 1500.0)
    assert session.find(owned, {session.SECURE_COOKIE: found.token}, True, 1700.0)
    assert b"EAAcanary" not in owned.path.read_bytes()
    assert owned.note("dismissed", 3e9) == "[]"


def test_session_lives_while_used_and_dies_idle(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 1000.0)
    cookies = {session.cookie_name(True): begun.token}
    assert session.find(owned, cookies, True, 2700.0)
    assert session.find(owned, cookies, True, 4400.0)
    assert session.find(owned, cookies, True, 4400.0 + 1801) is None


def test_session_ends_after_twelve_hours_however_used(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 0.0)
    cookies = {session.cookie_name(False): begun.token}
    for now in range(0, 43_200, 1700):
        assert session.find(owned, cookies, False, float(now))
    assert session.find(owned, cookies, False, 43_201.0) is None


def test_logged_out_is_out(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 1000.0)
    session.end(owned, begun.token)
    assert session.find(owned, {session.cookie_name(True): begun.token}, True, 1001.0) is None


def test_a_new_password_ends_all_sessions(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 1000.0)
    assert account.change_password(owned, GOOD + " igen") is None
    assert session.find(owned, {session.cookie_name(True): begun.token}, True, 1001.0) is None


def test_the_plain_cookie_is_no_key_to_https(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 1000.0)
    assert session.find(owned, {"shop_admin": begun.token}, True, 1001.0) is None


def test_csrf_tokens_belong_to_their_session(owned: AdminState) -> None:
    one, two = session.begin(owned, "n", 1000.0), session.begin(owned, "n", 1000.0)
    assert session.same_csrf(one, one.csrf)
    assert not session.same_csrf(one, two.csrf)
    assert not session.same_csrf(one, "å")


def test_confirming_is_good_for_five_minutes(owned: AdminState) -> None:
    begun = session.begin(owned, "n", 1000.0)
    cookies = {session.cookie_name(True): begun.token}
    later = session.find(owned, cookies, True, 1301.0)
    assert later is not None and not later.fresh
    session.confirm(owned, later, 1302.0)
    again = session.find(owned, cookies, True, 1303.0)
    assert again is not None and again.fresh


def test_the_shop_never_sees_the_cookie() -> None:
    header = "a=1; shop_admin=tok; b=2; __Host-shop_admin=tok"
    assert session.strip(header) == "a=1; b=2"


def test_cookie_attributes() -> None:
    assert session.set_cookie("t", True) == "__Host-shop_admin=t; Path=/; HttpOnly; SameSite=Strict; Secure"


def test_wrong_passwords_wait_longer_each_time(owned: AdminState) -> None:
    now, waits = 1000.0, []
    for _ in range(8):
        assert throttle.wait_before(owned, f"10.0.{len(waits)}.0/24", now) == 0
        waits.append(throttle.failed(owned, now))
        assert throttle.wait_before(owned, "other", now) > 0
        now += waits[-1] + 1
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_one_network_has_ten_tries(owned: AdminState) -> None:
    waits = [throttle.wait_before(owned, "192.0.2.0/24", 1000.0) for _ in range(12)]
    assert waits[:10] == [0] * 10
    assert min(waits[10:]) > 0
    assert throttle.wait_before(owned, "198.51.100.0/24", 1000.0) == 0


def test_an_edited_audit_row_shows(owned: AdminState) -> None:
    for number in range(3):
        audit.note(owned, "n", "settings", f"change {number}", 1000.0 + number)
    assert audit.is_whole(owned)
    assert [entry.detail for entry in audit.latest(owned)] == ["change 2", "change 1", "change 0"]
    database = sqlite3.connect(owned.path)
    database.execute("UPDATE audit SET detail = 'nothing' WHERE seq = 2")
    database.commit()
    database.close()
    assert not audit.is_whole(owned)


def test_the_log_is_bounded_and_stays_whole(owned: AdminState, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who guesses passwords writes into it, for years if he likes."""
    monkeypatch.setattr(audit, "KEPT", 50)
    for number in range(200):
        audit.note(owned, "n", "wrong password", str(number), 1000.0 + number)
    entries = audit.latest(owned, 1000)
    assert 50 <= len(entries) <= 55 and entries[0].detail == "199"
    assert audit.is_whole(owned)
    with owned.open() as database:
        database.execute("DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)")
    assert not audit.is_whole(owned), "the first that is left is not the first that was kept"
