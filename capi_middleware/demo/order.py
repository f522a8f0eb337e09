"""Orders, kept in memory for as long as the demo runs."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from .cart import Cart

FIELDS = ("first_name", "last_name", "email", "phone", "address", "postcode", "city")
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Order:
    """``key``: what only the buyer knows, so that nobody reads another's thank-you page."""

    number: str
    key: str
    cart: Cart
    buyer: Mapping[str, str]


class OrderBook:
    """Safe from any thread; the newest thousand are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, Order] = OrderedDict()
        self._start = secrets.randbelow(8000) + 1000  # two demos beside each other shall not share order numbers
        self._made = 0

    def place(self, cart: Cart, buyer: Mapping[str, str]) -> Order:
        with self._lock:
            self._made += 1
            order = Order(f"NK{self._start}-{self._made:03}", secrets.token_urlsafe(9), cart, dict(buyer))
            self._orders[order.number] = order
            while len(self._orders) > _KEPT:
                self._orders.popitem(last=False)
            return order

    def find(self, number: str, key: str) -> Order | None:
        with self._lock:
            order = self._orders.get(number)
        return order if order and secrets.compare_digest(order.key.encode(), key.encode()) else None


def buyer_from(form: Mapping[str, str]) -> dict[str, str] | None:
    """The buyer of a filled-in checkout form, None where something is missing or the address is no address."""
    buyer = {name: form.get(name, "").strip()[:200] for name in FIELDS}
    _, at, domain = buyer["email"].partition("@")
    return buyer if all(buyer.values()) and at and "." in domain else None
