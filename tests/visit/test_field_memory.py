"""Forms whose field names tell nothing are understood by their page."""

from __future__ import annotations

from capi_middleware.visit import FieldMemory

FORM = b'<form><input name="q1" type="email"><input name="q2" autocomplete="family-name"></form>'


def test_a_page_is_read_once() -> None:
    memory = FieldMemory()
    assert memory.due("shop.example", "/login")
    memory.learn("shop.example", "/login", FORM)
    assert not memory.due("shop.example", "/login")
    assert memory.known("shop.example") == {"q1": "em", "q2": "ln"}
    assert memory.known("other.example") == {}


def test_the_first_meaning_stays() -> None:
    memory = FieldMemory()
    memory.learn("shop.example", "/a", FORM)
    memory.learn("shop.example", "/b", b'<input name="q1" type="tel"><input name="q3" type="tel">')
    assert memory.known("shop.example") == {"q1": "em", "q2": "ln", "q3": "ph"}


def test_it_is_bounded() -> None:
    memory = FieldMemory()
    for number in range(2000):
        memory.learn(f"h{number}.example", "/", b'<input name="q%d" type="email">' % number)
    assert len(memory._fields) <= 64
    assert len(memory._pages) <= 512
