"""The hand-over: what was appended is read, whatever happened in between."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capi_middleware.delivery import journal as module
from capi_middleware.delivery.journal import Journal
from capi_middleware.delivery.segment import MAX_RECORD, PAGE, SIZE, W_TAIL
from capi_middleware.delivery.spool import Spool, _Reading

ROOMY = 1 << 30


def read_all(spool: Spool, mark: int = 0) -> list[bytes]:
    found: list[bytes] = []
    while records := spool.read(1000):
        found += [data for _, data in records]
        spool.commit(mark)
    spool.commit(mark)
    return found


def ask_again(spool: Spool) -> None:
    """Whether writers are alive is asked once a second: as if that had passed."""
    for reading in spool._readings.values():
        reading.asked -= 2.0


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_nothing_is_made_before_the_first_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", ROOMY)
    journal.tend()
    assert not (tmp_path / "j").exists() and not journal.open and journal.drained()


def test_records_come_out_in_order(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    sent = [os.urandom(size) for size in (0, 1, 7, 8, 9, 1000, 5000, 70000)]
    for data in sent:
        assert journal.append(1, data)
    assert not journal.drained()
    assert read_all(spool) == sent
    assert journal.drained()
    assert journal.append(1, b"more") and read_all(spool) == [b"more"]
    journal.close()
    assert read_all(spool) == [] and files(tmp_path) == []
    spool.close()


def test_kinds_are_kept(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(3, b"x")
    assert spool.read(10) == [(3, b"x")]
    journal.close()
    spool.close()


def test_private_to_the_user(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", ROOMY)
    journal.append(1, b"x")
    assert (tmp_path / "j").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "j").iterdir())
    journal.close()


def test_what_is_not_committed_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    journal.append(1, b"one")
    first = Spool(tmp_path)
    assert first.read(10)
    first.rewind()
    assert first.read(10) == [(1, b"one")]
    first.close()
    second = Spool(tmp_path)
    assert second.read(10) == [(1, b"one")]
    second.commit()
    second.close()
    third = Spool(tmp_path)
    assert third.read(10) == []
    third.close()
    journal.close()


def test_segments_follow_each_other(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    sent = [bytes([n]) * 300_000 for n in range(20)]
    for index, data in enumerate(sent):
        assert journal.append(1, data)
        if index % 3 == 0:
            journal.tend()
    assert len(files(tmp_path)) > 2
    assert sorted(read_all(spool)) == sorted(sent)
    journal.close()
    assert read_all(spool) == [] and files(tmp_path) == []
    spool.close()


def test_a_record_too_large_is_refused_without_an_error(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    assert not journal.append(1, bytes(MAX_RECORD + 1)) and journal.error is None
    assert journal.append(1, b"x")
    journal.close()


def test_the_next_segment_is_ready_before_it_is_needed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, ROOMY)
    for _ in range(SIZE // 2 // 100_000 + 1):
        journal.append(1, bytes(100_000))
    journal.tend()
    assert len(files(tmp_path)) == 2
    journal.close()


def test_bound_on_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 2 * SIZE)
    while journal.append(1, bytes(100_000)):
        pass
    assert journal.error is not None and journal.error.errno == errno.EDQUOT
    assert len(files(tmp_path)) == 2
    spool = Spool(tmp_path)
    assert len(read_all(spool)) >= 2 * (SIZE // 100_100) - 2
    journal._retry_at = 0.0
    assert journal.append(1, bytes(100_000)) and journal.error is None, "room again once it is read"
    journal.close()
    spool.close()


def test_a_folder_that_refuses_is_not_asked_again_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    journal = Journal(blocked / "j", ROOMY)
    assert not journal.append(1, b"x") and isinstance(journal.error, OSError)
    monkeypatch.setattr(module, "_Segment", None)
    assert not journal.append(1, b"x")


def test_losses_reach_the_reader_once(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    journal.lose("memory-full", 3)
    spool.read(10)
    assert spool.commit() == {"memory-full": 3}
    assert spool.commit() == {}
    journal.lose("memory-full")
    assert spool.commit() == {"memory-full": 1}
    journal.close()
    spool.close()


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)

    def write(name: int) -> None:
        for index in range(500):
            journal.append(1, f"{name}-{index}".encode())

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    found = []
    while any(thread.is_alive() for thread in threads):
        found += read_all(spool)
    found += read_all(spool)
    assert sorted(found) == sorted(f"{name}-{index}".encode() for name in range(8) for index in range(500))
    journal.close()
    spool.close()


def test_an_interrupting_append_is_kept(tmp_path: Path) -> None:
    """A signal handler that appends while its thread is appending."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"first")
    done: list[int] = []

    def handler(*_: object) -> None:
        done.append(1)
        journal.append(1, b"from the handler")

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        count = 0
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            journal.append(1, b"from the thread")
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    found = read_all(spool)
    assert found.count(b"from the thread") == count
    assert found.count(b"from the handler") == len(done) > 10
    journal.close()
    spool.close()


def test_a_deleted_file_is_noticed_and_its_unread_records_kept(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"read")
    assert read_all(spool) == [b"read"]
    journal.append(1, b"unread")
    for path in tmp_path.iterdir():
        path.unlink()
    spool.close()
    journal.tend()
    journal.append(1, b"after")
    again = Spool(tmp_path)
    assert read_all(again) == [b"unread", b"after"]
    journal.close()
    again.close()


def test_a_finished_journal_is_kept_until_its_events_are_settled(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    journal.close()
    assert read_all(spool, mark=50) == [b"x"]
    spool.release(50)
    assert len(files(tmp_path)) == 1
    assert spool.replay_kept() == 1
    assert read_all(spool, mark=60) == [b"x"]
    spool.release(61)
    assert files(tmp_path) == []
    spool.close()


def test_where_room_cannot_be_reserved_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS, Windows: the file is written in full instead."""
    monkeypatch.delattr(os, "posix_fallocate")
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    assert journal.append(1, b"x") and read_all(spool) == [b"x"]
    (path,) = tmp_path.iterdir()
    assert path.stat().st_blocks * 512 >= SIZE
    journal.close()
    spool.close()


def test_journals_are_synced_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is down they are all there is."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (synced.append(handle), real(handle)))
    journal.append(1, b"x")
    spool.sync()
    assert len(synced) == 1
    read_all(spool)
    spool.sync()
    assert len(synced) == 1, "what is in the store needs no sync"
    journal.close()
    spool.close()


def test_a_journal_read_long_ago_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it tells of people must not lie about for weeks in a quiet shop."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    monkeypatch.setattr(module, "MAX_AGE", 0.0)
    journal.tend()
    assert len(files(tmp_path)) == 1, "not before it is read"
    read_all(spool)
    before = files(tmp_path)
    journal.tend()
    read_all(spool)
    assert len(files(tmp_path)) == 1 and files(tmp_path) != before
    journal.tend()
    assert len(files(tmp_path)) == 1, "an empty one stays"
    journal.close()
    spool.close()


def test_no_request_waits_while_an_aged_journal_gets_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is made without the lock that appending takes."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    read_all(spool)
    make, held = module._Segment, []

    def made(folder: Path, number: int) -> object:
        held.append(journal._lock._is_owned())  # type: ignore[attr-defined]
        return make(folder, number)

    monkeypatch.setattr(module, "_Segment", made)
    monkeypatch.setattr(module, "MAX_AGE", 0.0)
    journal.tend()
    assert held == [False]
    read_all(spool)
    assert len(files(tmp_path)) == 1
    journal.close()
    spool.close()


WRITER = """
import os, sys
from pathlib import Path
from capi_middleware.delivery.journal import Journal
journal = Journal(Path(sys.argv[1]), 1 << 30)
for index in range(10**9):
    if not journal.append(1, b"%d" % index + bytes(900)):
        break
    os.write(1, b"%d\\n" % index)
    if index % 500 == 0:
        journal.tend()
"""


def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    """Each number that the writer had told before it was killed is in the journal, and the file goes once read."""
    for round_ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.02 + 0.013 * round_)
        writer.kill()
        told = writer.stdout.read().split(b"\n")
        writer.wait()
        writer.stdout.close()
        last = int(told[-2]) if len(told) > 1 else 0
        spool = Spool(tmp_path)
        found = {int(data.rstrip(b"\0")) for data in read_all(spool)}
        assert found >= set(range(last + 1))
        ask_again(spool)
        read_all(spool)
        assert not list(tmp_path.glob("*.journal")), "a dead writer's journal is deleted once it is read"
        spool.close()


def test_a_living_writers_journal_is_not_deleted(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    read_all(spool)
    ask_again(spool)
    read_all(spool)
    assert len(files(tmp_path)) == 1
    journal.close()
    spool.close()


@pytest.mark.parametrize("how", ["sealed", "killed"])
def test_what_is_appended_last_is_read_before_its_journal_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The writer appends once more and ends, at the very moment at which the reader asks whether it has ended."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"first")
    spool.read(10)
    ask = _Reading.finished

    def finished(reading: _Reading, now: float) -> bool:
        monkeypatch.undo()
        journal.append(1, b"last")
        if how == "sealed":
            journal.close()
        else:
            journal.abandon()
        ask_again(spool)
        return ask(reading, now)

    monkeypatch.setattr(_Reading, "finished", finished)
    spool.commit()
    assert read_all(spool) == [b"last"]
    spool.close()


@contextlib.contextmanager
def no_more_files(but: int = 0) -> Iterator[None]:
    """As many files are open as this process may have, ``but`` so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                opened.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(but):
            os.close(opened.pop())
        yield
    finally:
        for handle in opened:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_living_writers_journal_stays_where_no_more_files_can_be_opened(tmp_path: Path) -> None:
    """Whether its writer lives cannot be asked then, as that takes one more."""
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    assert read_all(spool) == [b"x"]
    ask_again(spool)
    with no_more_files():
        spool.commit()
    journal.append(1, b"later")
    assert read_all(spool) == [b"later"] and len(files(tmp_path)) == 1
    journal.close()
    spool.close()


def test_a_journal_that_cannot_be_opened_now_is_opened_later(tmp_path: Path) -> None:
    journal, spool = Journal(tmp_path, ROOMY), Spool(tmp_path)
    journal.append(1, b"x")
    with no_more_files(but=1):  # the folder can be looked at, and nothing in it opened
        assert spool.read(10) == []
    spool._swept -= 2.0  # a second has passed
    assert read_all(spool) == [b"x"]
    journal.close()
    spool.close()


def damaged(tmp_path: Path, change: str) -> tuple[list[bytes], Spool]:
    """Five records of a dead writer, damaged; what is read of them after some patience."""
    journal = Journal(tmp_path, ROOMY)
    for index in range(5):
        journal.append(1, b"record %d" % index + b"." * 100)
    (path,) = tmp_path.iterdir()
    journal.abandon()
    at = PAGE + 2 * 128
    content = bytearray(path.read_bytes())
    if change == "bit flip in a payload":
        content[at + 40] ^= 4
    elif change == "bit flip in a header":
        content[at + 9] ^= 4
    elif change == "length of 2^31":
        content[at + 4 : at + 8] = (1 << 31).to_bytes(4, "little")
    elif change == "zeros in the middle":
        content[at : at + 128] = bytes(128)
    elif change == "torn tail":
        content[PAGE + 4 * 128 + 60 : PAGE + 5 * 128] = bytes(68)
    elif change == "tail lost":
        content[W_TAIL * 8 : W_TAIL * 8 + 8] = PAGE.to_bytes(8, "little")
    elif change == "tail beyond the end":
        content[W_TAIL * 8 : W_TAIL * 8 + 8] = (1 << 40).to_bytes(8, "little")
    elif change == "cursor beyond the end":
        content[24:32] = (1 << 40).to_bytes(8, "little")
    elif change == "file cut off":
        content = content[: PAGE + 300]
    elif change == "random bytes":
        content = bytearray(os.urandom(SIZE))
    elif change == "empty file":
        content = bytearray()
    path.write_bytes(content)
    spool = Spool(tmp_path)
    found = read_all(spool)
    for _ in range(3):
        for reading in spool._readings.values():
            if reading.stuck:
                reading.stuck -= 10
        found += read_all(spool)
    return [data.rstrip(b".") for data in found], spool


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ("bit flip in a payload", [0, 1, 3, 4]),
        ("bit flip in a header", [0, 1, 3, 4]),
        ("length of 2^31", [0, 1, 3, 4]),
        ("zeros in the middle", [0, 1, 3, 4]),
        ("torn tail", [0, 1, 2, 3]),
        ("tail lost", [0, 1, 2, 3, 4]),
        ("tail beyond the end", [0, 1, 2, 3, 4]),
        ("cursor beyond the end", []),
        ("file cut off", []),
        ("random bytes", []),
        ("empty file", []),
    ],
)
def test_damage(tmp_path: Path, change: str, kept: list[int]) -> None:
    found, spool = damaged(tmp_path, change)
    assert found == [b"record %d" % index for index in kept]
    if change not in ("tail lost", "cursor beyond the end"):
        assert spool.damaged
    ask_again(spool)
    read_all(spool)
    assert not [name for name in files(tmp_path) if name.endswith(".journal")], "never in the way of others"
    spool.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=60), st.lists(st.integers(0, 12000), max_size=6))
def test_damage_anywhere_never_invents_a_record(
    tmp_path_factory: pytest.TempPathFactory, sent: list[bytes], places: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("j")
    journal = Journal(folder, ROOMY)
    journal.append(1, b"")
    for data in sent:
        journal.append(1, data)
    (path,) = folder.iterdir()
    journal.abandon()
    content = bytearray(path.read_bytes())
    for place in places:
        content[PAGE + place] ^= 0x55
    path.write_bytes(content)
    spool = Spool(folder)
    found = [data for _, data in spool.read(10**6)]
    for reading in spool._readings.values():
        reading.stuck -= 10
    found += [data for _, data in spool.read(10**6)]
    left = [b"", *sent]
    for data in found:
        left.remove(data)
    spool.close()
    path.unlink(missing_ok=True)
