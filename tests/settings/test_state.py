"""The state folder and the key in it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from capi_middleware.settings.state import signing_key


def test_the_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    key = signing_key(tmp_path / "state")
    assert len(key) == 32 and signing_key(tmp_path / "state") == key
    (file,) = (tmp_path / "state").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_all_who_ask_at_once_get_one_key(tmp_path: Path) -> None:
    for number in range(30):
        folder, ready = tmp_path / str(number), threading.Barrier(8)
        found: list[bytes] = []

        def ask(folder: Path = folder, ready: threading.Barrier = ready, found: list[bytes] = found) -> None:
            ready.wait()
            found.append(signing_key(folder))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 8 and len(set(found)) == 1


def test_a_damaged_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(b"short")
    with pytest.raises(OSError, match="delete it"):
        signing_key(tmp_path)
