"""One deliverer a host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from capi_middleware.delivery import lock as module
from capi_middleware.delivery.lock import HostLock, is_held

HOLD = """
import pathlib, sys, time
from capi_middleware.delivery.lock import HostLock
lock = HostLock(pathlib.Path(sys.argv[1]))
assert lock.acquire()
print(1, flush=True)
time.sleep(60)
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    one, two = HostLock(tmp_path / "lock"), HostLock(tmp_path / "lock")
    assert one.acquire() and one.acquire() and one.held and one.still_ours()
    assert not two.acquire() and not two.held
    one.release()
    assert two.acquire()
    two.release()
    two.release()


def test_death_lets_go(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    lock = HostLock(tmp_path / "lock")
    assert not lock.acquire() and is_held(tmp_path / "lock")
    process.kill()
    process.wait()
    process.stdout.close()
    assert lock.acquire()
    lock.release()
    assert not is_held(tmp_path / "lock")


def test_a_deleted_file_locks_nothing(tmp_path: Path) -> None:
    lock = HostLock(tmp_path / "lock")
    assert lock.acquire()
    os.unlink(tmp_path / "lock")
    assert not lock.still_ours()
    other = HostLock(tmp_path / "lock")
    assert other.acquire() and other.still_ours()
    other.release()
    lock.release()


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        HostLock(tmp_path / "none" / "lock").acquire()
    assert not is_held(tmp_path / "none" / "lock")


def test_where_there_is_no_flock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows: the filelock library does it."""
    pytest.importorskip("filelock")
    monkeypatch.setattr(module, "fcntl", None)
    one, two = HostLock(tmp_path / "lock"), HostLock(tmp_path / "lock")
    assert one.acquire() and one.held and one.still_ours()
    assert not two.acquire()
    one.release()
    assert two.acquire()
    two.release()
    (tmp_path / "file").write_text("")
    module.hold(0)
    assert not is_held(tmp_path / "file") and not is_held(tmp_path / "none")
