"""Who went to pay for which order."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
import time_machine

from capi_middleware.events import Visitor
from capi_middleware.infer import OrderMemory, Owner
from capi_middleware.infer.orders import KEPT

OWNER = Owner(
    Visitor("192.0.2.1", "Mozilla", "fb.1.1.1", "", {"em": ("ab" * 32,)}),
    "https://shop.example/kassa",
    "cookie granted",
    ("LDU", 1, 1000),
    {"value": 299.0, "currency": "SEK", "contents": [{"id": "1", "quantity": 2}]},
)


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "capi-orders":
            thread.join(10)


def test_recalled_in_this_process_at_once() -> None:
    memory = OrderMemory()
    memory.remember("shop.example", ["A-1", "77"], OWNER)
    assert memory.recall("shop.example", "A-1") == OWNER
    assert memory.recall("shop.example", " 77 ") == OWNER
    assert memory.recall("other.example", "A-1") is None
    assert memory.recall("shop.example", "A-2") is None


def test_recalled_by_other_processes_and_after_a_restart(tmp_path: Path) -> None:
    OrderMemory(tmp_path).remember("shop.example", ["A-1"], OWNER)
    settle()
    assert OrderMemory(tmp_path).recall("shop.example", "A-1") == OWNER
    (file,) = (tmp_path / "orders").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "A-1" not in file.name and "shop" not in file.name


def test_gone_after_seven_days(tmp_path: Path) -> None:
    OrderMemory(tmp_path).remember("shop.example", ["A-1"], OWNER)
    settle()
    (file,) = (tmp_path / "orders").iterdir()
    os.utime(file, (time.time() - KEPT - 60,) * 2)
    assert OrderMemory(tmp_path).recall("shop.example", "A-1") is None
    OrderMemory(tmp_path).remember("shop.example", ["A-2"], OWNER)
    settle()
    assert not file.exists()


def test_gone_after_seven_days_where_no_other_order_comes(tmp_path: Path) -> None:
    memory = OrderMemory(tmp_path)
    with time_machine.travel(time.time(), tick=False) as clock:
        memory.remember("shop.example", ["A-1"], OWNER)
        settle()
        (file,) = (tmp_path / "orders").iterdir()
        clock.shift(KEPT + 60)
        assert memory.recall("shop.example", "A-1") is None
        OrderMemory(tmp_path)
        settle()
    assert not file.exists()


def test_what_is_still_to_be_written_is_forgotten_too(tmp_path: Path) -> None:
    memory = OrderMemory(tmp_path)
    with memory._disk:  # the disk is slow
        memory.remember("shop.example", ["A-1"], OWNER)
        memory.forget("fb.1.1.1")
    settle()
    assert not list((tmp_path / "orders").iterdir())


def test_forgotten_when_consent_is_withdrawn(tmp_path: Path) -> None:
    memory = OrderMemory(tmp_path)
    other = OWNER._replace(visitor=OWNER.visitor._replace(fbp="fb.1.1.2"))
    memory.remember("shop.example", ["A-1", "A-2"], OWNER)
    memory.remember("shop.example", ["B-1"], other)
    settle()
    memory.forget("fb.1.1.1")
    settle()
    assert memory.recall("shop.example", "A-1") is None
    assert memory.recall("shop.example", "B-1") == other
    assert len(list((tmp_path / "orders").iterdir())) == 1
    assert OrderMemory(tmp_path).purge("fb.1.1.2") == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"visitor": 3}', b'{"visitor": {"user_data": 1}}'])
def test_a_damaged_file_is_nobody(tmp_path: Path, content: bytes) -> None:
    OrderMemory(tmp_path).remember("shop.example", ["A-1"], OWNER)
    settle()
    (file,) = (tmp_path / "orders").iterdir()
    file.write_bytes(content)
    fresh = OrderMemory(tmp_path)
    assert fresh.recall("shop.example", "A-1") is None
    assert fresh.purge("fb.1.1.1") == 0


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = OrderMemory(tmp_path / "file")
    memory.remember("shop.example", ["A-1"], OWNER)
    settle()
    assert memory.recall("shop.example", "A-1") == OWNER
    assert memory.purge("x") == 0
