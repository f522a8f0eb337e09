"""Requests and answers as shops have them, for the tests of rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlencode

from capi_middleware.infer import Conclusion, Facts, Inference, Memory, Response
from capi_middleware.settings import Settings, load
from capi_middleware.visit.visit import Answer, Asker, Consent, Visit

HOST = "shop.example"
GRANTED = Consent(Answer.GRANTED, True, "", "test")
HELD = Consent(Answer.UNKNOWN, False, "", "test")
MUG: dict[str, Any] = {
    "content_ids": ["MUG-1"],
    "content_name": "Mugg",
    "content_type": "product",
    "value": 99.5,
    "currency": "SEK",
    "ids": {"sku": "MUG-1", "product_id": "12", "variant_id": "77"},
}
CAP: dict[str, Any] = {"content_ids": ["CAP-2"], "content_name": "Keps", "value": 200.0, "currency": "SEK"}


class Products:
    """What the shop has shown: a mug (by any of its ids) and a cap."""

    def __init__(self) -> None:
        self.ids: dict[str, Mapping[str, Any]] = {"MUG-1": MUG, "12": MUG, "77": MUG, "CAP-2": CAP, "13": CAP}
        self.pages = {"/produkt/mugg": Facts(product=MUG, is_product=True)}

    def by_id(self, host: str, content_id: str) -> Mapping[str, Any] | None:
        return self.ids.get(content_id) if host == HOST else None

    def by_url(self, host: str, address: str) -> Facts | None:
        return self.pages.get(address)


def visit(
    url: str,
    method: str = "GET",
    *,
    asker: Asker = Asker.PERSON,
    cookies: Mapping[str, str] | None = None,
    referrer: str = "",
    address: str = "192.0.2.1",
    consent: Consent = GRANTED,
    host: str = HOST,
) -> Visit:
    path, _, query = url.partition("?")
    whole = f"https://{host}{url}"
    return Visit(
        method, "https", host, unquote(path), query, whole, whole, referrer, address, "Mozilla/5.0 test", cookies or {},
        asker, "test", consent,
    )  # fmt: skip


def settings(toml: str = "", *, platform: str = "none", **shop: Any) -> Settings:
    """Settings of a file's text; raises for a mistake in it."""
    import tomllib

    loaded = load(saved=tomllib.loads(toml), environ={}, strict=True)
    known = {"platform": platform, "currency": "SEK", **shop}
    if "[shop]" in toml:
        known = {**known, **{key: getattr(loaded.settings.shop, key) for key in tomllib.loads(toml)["shop"]}}
    return replace(loaded.settings, shop=replace(loaded.settings.shop, **known))


class Shop:
    """One shop: ``ask`` sends a request and its answer through the rules.

    ``memory``: True remembers what counted, as the middleware does.
    """

    def __init__(self, toml: str = "", *, platform: str = "none", memory: bool = False, **shop: Any) -> None:
        self.inference = Inference(settings(toml, platform=platform, **shop), Products(), Memory() if memory else None)
        self.pending: Sequence[Mapping[str, Any]] = ()

    def ask(
        self,
        url: str,
        method: str = "",
        *,
        form: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        posted: Any = None,
        multipart: bool = False,
        status: int = 0,
        to: str = "",
        sets: str = "",
        headers: Sequence[tuple[str, str]] = (),
        answer: Any = None,
        page: str | None = None,
        facts: Facts | None = None,
        pending: Sequence[Mapping[str, Any]] = (),
        script: bool = False,
        **of_visit: Any,
    ) -> Conclusion:
        """``to``: redirects there; ``sets``: a Set-Cookie header; ``answer``: JSON; ``page``: HTML that a person sees
        (its notices are ``facts``'s)."""
        body, content_type = _body(form, posted, multipart)
        method = method or ("POST" if body is not None else "GET")
        if script:
            of_visit["asker"] = Asker.SCRIPT
        asking = visit(url, method, **of_visit)
        plan = self.inference.plan(asking, content_type, len(body) if body is not None else None)
        if page is not None:
            facts = facts or Facts()
            facts = facts._replace(more={**facts.more, "html": page.encode()})
        all_headers = [*headers, *([("Location", to)] if to else []), *([("Set-Cookie", sets)] if sets else [])]
        status = status or (302 if to else 200)
        read = json.dumps(answer).encode() if answer is not None and plan.wants_json else None
        return plan.conclude(Response(status, all_headers, facts, read, body if plan.wants_body else None, pending))


def _body(form: Any, posted: Any, multipart: bool) -> tuple[bytes | None, str]:
    if posted is not None:
        return (posted if isinstance(posted, bytes) else json.dumps(posted).encode()), "application/json"
    if form is None:
        return None, ""
    pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
    if not multipart:
        return urlencode(pairs).encode(), "application/x-www-form-urlencoded"
    parts = [f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs]
    return ("".join(parts) + "--XX--\r\n").encode(), "multipart/form-data; boundary=XX"


def names(concluded: Conclusion) -> list[str]:
    """The events without PageView."""
    return [event.event_name for event in concluded.events if event.event_name != "PageView"]


def data(concluded: Conclusion, name: str) -> dict[str, Any]:
    """The custom_data of the one event of this name."""
    (found,) = [event for event in concluded.events if event.event_name == name]
    return dict(found.custom_data)


def said(*notices: str) -> Facts:
    """A page that shows these messages."""
    return Facts(notices=notices)
