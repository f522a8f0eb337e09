"""A cart as a value, kept whole in the visitor's cookie."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .catalogue import BY_SKU, Product

MOST = 99


class Refused(Exception):
    """An add that did not happen; ``str()`` is the key of the sentence to show."""


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int

    @property
    def total(self) -> Decimal:
        return self.product.price * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    lines: tuple[Line, ...] = ()

    @classmethod
    def from_cookie(cls, text: str) -> Cart:
        """``NK-1001:2.NK-2004:1``; whatever cannot be read is left out."""
        lines: dict[str, Line] = {}
        for part in text.split("."):
            sku, _, number = part.partition(":")
            if sku in BY_SKU and number.isdecimal() and 0 < int(number) <= MOST:
                lines[sku] = Line(BY_SKU[sku], int(number))
        return cls(tuple(lines.values()))

    def to_cookie(self) -> str:
        return ".".join(f"{line.product.sku}:{line.quantity}" for line in self.lines)

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    def add(self, product: Product, quantity: int) -> Cart:
        """A cart with ``quantity`` more of it. Raises :class:`Refused` where the shop has not so many."""
        if not product.in_stock:
            raise Refused("refused_sold_out")
        have = sum(line.quantity for line in self.lines if line.product is product)
        if quantity < 1 or have + quantity > min(product.stock, MOST):
            raise Refused("refused_quantity")
        others = tuple(line for line in self.lines if line.product is not product)
        return Cart((*others, Line(product, have + quantity)))

    def without(self, sku: str) -> Cart:
        return Cart(tuple(line for line in self.lines if line.product.sku != sku))
