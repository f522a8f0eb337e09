"""Memory as the last resort: bounded, the least valuable dropped first, each loss counted."""

from __future__ import annotations

from capi_middleware.delivery.overflow import Overflow


def test_the_most_valuable_comes_out_first() -> None:
    memory = Overflow()
    for value in (0, 3, 1):
        assert memory.put(1, b"%d" % value, value)
    assert [record[1] for _ in range(3) if (record := memory.pop())] == [b"3", b"1", b"0"]
    assert memory.pop() is None and memory.bytes == 0


def test_full_memory_drops_page_views_before_purchases() -> None:
    memory = Overflow(limit=1000)
    for index in range(20):
        memory.put(1, bytes(100), 0 if index % 2 else 3)
    assert memory.put(1, bytes(100), 3) is False, "nothing less valuable is left"
    assert memory.put(1, bytes(100), 0) is False
    assert [record[2] for _ in range(10) if (record := memory.pop())] == [3] * 10
    assert memory.lost["memory-full"] == 12


def test_losses_are_told_once() -> None:
    memory = Overflow(limit=10)
    memory.put(1, bytes(20), 0)
    assert memory.commit() == {"memory-full": 1}
    assert memory.commit() == {}


def test_what_could_not_be_kept_elsewhere_comes_back() -> None:
    memory = Overflow()
    memory.put(1, b"a", 0)
    memory.put(1, b"b", 2)
    assert memory.read(10) == [(1, b"b"), (1, b"a")]
    memory.rewind()
    assert len(memory) == 2 and memory.bytes == 2
    assert memory.read(10) == [(1, b"b"), (1, b"a")]
    memory.commit()
    assert memory.read(10) == []
