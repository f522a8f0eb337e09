"""Everything that a rule may ask about one request and its answer, each made when first asked for."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import parse_qsl

from capi_middleware.settings import ShopSettings
from capi_middleware.settings.words import Kinds, path_kinds, route_of
from capi_middleware.visit.visit import Asker, Visit

from .address import cut
from .answer import Answer
from .body import Body
from .types import Facts, Response

MOST_PARAMETERS = 200


class Products(Protocol):
    """What the shop has shown of its products (:class:`~capi_middleware.infer.memory.ProductMemory`)."""

    def by_id(self, host: str, content_id: str) -> Mapping[str, Any] | None: ...
    def by_url(self, host: str, address: str) -> Facts | None: ...


class Context:
    """``arguments``: the variables of the matched path. ``kinds``: what the words of path and route say.
    ``templates``: how content ids are made, the first that can be filled counts. ``currency_before``: of the cart that
    this visitor was shown last, "" where none is known."""

    def __init__(
        self,
        visit: Visit,
        kinds: Kinds,
        body: Body,
        answer: Answer,
        shop: ShopSettings,
        products: Products | None = None,
        templates: tuple[str, ...] = ("{id}",),
    ) -> None:
        self.visit = visit
        self.kinds = kinds
        self.body = body
        self.answer = answer
        self.shop = shop
        self.products = products
        self.templates = templates
        self.arguments: Mapping[str, str] = {}
        self.redirect_arguments: Mapping[str, str] = {}
        self.currency_before = ""

    @cached_property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Parameters of the address, in order."""
        return parameters(self.visit.query)

    def query_values(self, name: str, match: Any = None) -> Iterator[str]:
        """The values of a parameter. ``match``: a compiled glob for the name."""
        for known, value in self.query:
            if match(known) if match else known == name:
                yield value

    @cached_property
    def target_kinds(self) -> Kinds:
        """What the words of the address redirected to say."""
        route = route_of(cut(self.answer.location).query) if self.answer.location else ""
        return path_kinds(self.answer.target + route)

    @property
    def is_page(self) -> bool:
        """Whether the answer is a full page that a person opened."""
        return is_page(self.visit, self.answer.response)

    @property
    def facts(self) -> Facts:
        return self.answer.facts or Facts()

    @cached_property
    def referring(self) -> Facts | None:
        """Facts of the page that the request came from, as it was last seen."""
        if self.products is None or not self.visit.referrer:
            return None
        parts = cut(self.visit.referrer)
        if (parts.hostname or "") != self.visit.host:
            return None
        address = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return self.products.by_url(self.visit.host, address) or self.products.by_url(self.visit.host, parts.path)

    @cached_property
    def own_page(self) -> Facts | None:
        """Facts of the page at this very address: forms are often sent to their own page."""
        return self.products.by_url(self.visit.host, self.visit.path) if self.products is not None else None

    def leads_back(self) -> bool:
        """Whether the answer redirects to where the request came from, or to itself."""
        target = posixpath.normpath(self.answer.target or "/")
        came_from = posixpath.normpath(cut(self.visit.referrer).path or "/") if self.visit.referrer else ""
        return target in (posixpath.normpath(self.visit.path or "/"), came_from)


def is_page(visit: Visit, response: Response) -> bool:
    """Whether this answers a person who opened a page, with one."""
    return response.status == 200 and response.facts is not None and visit.asker in (Asker.PERSON, Asker.SUSPECT)


def parameters(query: str) -> tuple[tuple[str, str], ...]:
    """A query string's names and values, bounded; damaged ones are left out."""
    if not query:
        return ()
    try:
        return tuple(parse_qsl(query[:8192], keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError:
        return ()
