"""One message of a page's script, answered: values in, values out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from capi_middleware.events import Event, Visitor, derived_event_id, is_standard
from capi_middleware.infer import FactReader, Facts, Inference, Inferred, ProductMemory, Response
from capi_middleware.page.server_timing import rows
from capi_middleware.settings import Settings
from capi_middleware.visit import (
    IDENTITY_COOKIE,
    Asker,
    IdentityCodec,
    Visit,
    click_ids,
    read_visit,
    visitor,
    withdrawal,
)
from capi_middleware.visit import Answer as Consented
from capi_middleware.visit.address import bare_host, shown_authority

from .message import Handed, Kind, Message
from .seal import Seal

TRACKABLE = frozenset(
    {
        "AddToWishlist",
        "CompleteRegistration",
        "Contact",
        "CustomizeProduct",
        "Donate",
        "FindLocation",
        "Lead",
        "Schedule",
        "StartTrial",
        "SubmitApplication",
        "Subscribe",
    }
)
"""Names that ``capi.track`` may send without a setting: what no rule infers by itself, so that nothing counts twice."""

_PAGE = (("Content-Type", "text/html"),)
"""What is known of the headers of a page that somebody else has served."""


class Shop(NamedTuple):
    """What an answer is made from, besides the message."""

    settings: Settings
    inference: Inference
    memory: ProductMemory | None
    seal: Seal
    identity: IdentityCodec


class Report(NamedTuple):
    """What the page says of one browser leg."""

    event_id: str
    event_name: str
    handed: Handed


class Answer(NamedTuple):
    """``body``: what the script gets. ``events``: whose server leg is due now. ``set_cookies``: whole values.
    ``forget``: the ``_fbp`` of a visitor who has withdrawn consent, whose unsent events are to be deleted.
    ``unlisted``: host and name of a call of the page's own pixel that has no server leg, as nobody has listed it.
    ``unread``: nobody has read the page yet."""

    body: Mapping[str, Any]
    events: tuple[Event, ...] = ()
    reports: tuple[Report, ...] = ()
    set_cookies: tuple[str, ...] = ()
    forget: str = ""
    unlisted: tuple[str, str] | None = None
    unread: bool = False


def answer(message: Message, environ: Mapping[str, Any], shop: Shop, now: float) -> Answer | None:
    """What to say and what to send; None where the page is not one of this host. ``now``: Unix seconds."""
    if message.kind is Kind.REPORT:
        return Answer({}, reports=tuple(Report(i, name, message.handed) for name, i in message.rows))
    page = page_environ(message, environ)
    # Before anything is remembered of the page: anybody can name any host.
    if bare_host(page["HTTP_HOST"]) != bare_host(shown_authority(environ, shop.settings.visit)):
        return None
    # One view is one visit in the figures, however often its page speaks.
    visit = read_visit(page, shop.settings, now, remember=message.kind is Kind.VIEW)
    if visit.asker is not Asker.PERSON:
        return Answer({"v": 1, "state": "held"})
    if visit.consent.answer is Consented.DENIED:
        taken = withdrawal(visit, shop.settings, now)
        return Answer({"v": 1, "state": "denied"}, set_cookies=taken.set_cookies, forget=taken.fbp)
    if not visit.consent.allowed:
        return Answer({"v": 1, "state": "held"})
    ids = click_ids(visit, shop.settings, now)
    known = shop.identity.load(visit.cookies.get(IDENTITY_COOKIE, ""))
    who = visitor(visit, ids, known, shop.settings.shop.country)
    found, unread = _events(message, visit, shop)
    events = tuple(_dated(event, visit, who, int(now)) for event in found)
    given = () if message.kind is Kind.ADOPT else events
    body: dict[str, Any] = {"v": 1, "state": "granted", "events": rows(given)}
    if unread and not message.last:
        body["need"] = True
    if who.user_data:
        body["user"] = {key: values[0] for key, values in who.user_data.items() if values}
    if visit.consent.data_processing_options:
        name, country, state = visit.consent.data_processing_options
        body["ldu"] = [[name], country, state]
    unlisted = (visit.host, message.name) if _is_unlisted(message, shop.settings) else None
    return Answer(body, events, set_cookies=ids.set_cookies, unlisted=unlisted, unread=unread)


def page_environ(message: Message, environ: Mapping[str, Any]) -> dict[str, Any]:
    """The environ as if the browser had asked for the page itself: same browser, address and cookies, the page's
    address. Its scheme and port are the browser's own word, which a proxy in between cannot have changed."""
    parts = urlsplit(message.url)
    page = dict(environ)
    page.update(
        {
            "REQUEST_METHOD": "GET",
            "wsgi.url_scheme": parts.scheme,
            "HTTP_HOST": parts.netloc.rpartition("@")[2],
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1") or "/",
            "QUERY_STRING": parts.query,
            "HTTP_REFERER": message.referrer,
            "HTTP_ACCEPT": "text/html",
            "HTTP_SEC_FETCH_DEST": "document",
            "HTTP_SEC_FETCH_MODE": "navigate",
            "CONTENT_TYPE": "",
            "CONTENT_LENGTH": "",
        }
    )
    for name in ("HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_REQUESTED_WITH"):
        page.pop(name, None)
    return page


def _events(message: Message, visit: Visit, shop: Shop) -> tuple[list[Event], bool]:
    """Events without visitor and time, and whether there may be more: the page has not been read yet, here or in
    another process, so the script is to ask (again) with the page's markup."""
    if message.kind is Kind.TRACK:
        return [_tracked(message, visit, shop.settings)] if _may_track(message.name, shop.settings) else [], False
    if message.kind is Kind.ADOPT:
        adopts = shop.settings.page.existing == "adopt" and not _is_unlisted(message, shop.settings)
        return [_tracked(message, visit, shop.settings, "the shop's own pixel")] if adopts else [], False
    pixel_id = shop.settings.meta.pixel_id
    opened = [event for token in message.tokens for event in shop.seal.load(token) if event.pixel_id == pixel_id]
    if message.kind is Kind.CONSENT:
        return opened, False
    plan = shop.inference.plan(visit)
    known = _known(visit, shop)
    tells = message.kind is Kind.PAGE
    facts = known or _posted(message, visit, shop)
    unread = known is None and not facts.is_product and "product" in plan.wanted
    conclusion = plan.conclude(Response(200, _PAGE, facts))
    concluded = list(conclusion.events)
    if known is not None and "ViewContent" in {
        *(found.event_name for found in concluded),
        *(refused.event_name for refused in conclusion.refused),
    }:
        # What the rules made of the whole page when it was rendered, of which only its facts are known now.
        concluded = [found for found in concluded if not _of_product(found)]
        concluded.append(Inferred("ViewContent", known.product, known.sources, "product page"))
    # The messages of one view share its events between them: the product's is that of the first one that can tell it.
    waits = unread and not message.last
    made = [
        _made(inferred, number, message, visit, shop.settings)
        for number, inferred in enumerate(concluded)
        if inferred.browser and (not waits if _of_product(inferred) else not tells)
    ]
    return [*opened, *made], unread and not (tells and made)


def _of_product(found: Inferred) -> bool:
    return found.event_name == "ViewContent"


def _known(visit: Visit, shop: Shop) -> Facts | None:
    address = f"{visit.path}?{visit.query}" if visit.query else visit.path
    return shop.memory.by_url(visit.host, address) if shop.memory else None


def _posted(message: Message, visit: Visit, shop: Shop) -> Facts:
    if not message.page:
        return Facts()
    reader = FactReader(visit, shop.settings.shop)
    reader.feed(f"<html><head>{message.page}</head><body></body></html>".encode("utf-8", "replace"))
    return reader.facts()


def _made(inferred: Inferred, number: int, message: Message, visit: Visit, settings: Settings) -> Event:
    pixel_id, name = settings.meta.pixel_id, inferred.event_name
    if inferred.key:
        event_id = derived_event_id(pixel_id, name, inferred.key)
    elif name == "PageView":
        event_id = message.view_id
    else:
        event_id = derived_event_id(pixel_id, name, f"{message.view_id} {number}")
    return Event(
        pixel_id,
        name,
        event_id,
        0,
        visit.source_url,
        custom_data=inferred.custom_data,
        referrer_url=visit.referrer,
        rule=inferred.rule,
        sources=inferred.sources,
    )


def _may_track(name: str, settings: Settings) -> bool:
    return name in TRACKABLE or name in settings.browser.track


def _is_unlisted(message: Message, settings: Settings) -> bool:
    """A custom event of the shop's own pixel that neither a rule nor ``[browser] track`` names. Whoever can make a
    browser call us could say anything; what Meta's standard names are for, and what the shop has listed, is all that is
    sent in its name."""
    if message.kind is not Kind.ADOPT or settings.page.existing != "adopt" or is_standard(message.name):
        return False
    return message.name not in settings.browser.track and all(rule.event != message.name for rule in settings.rules)


def _tracked(message: Message, visit: Visit, settings: Settings, rule: str = "capi.track") -> Event:
    return Event(
        settings.meta.pixel_id,
        message.name,
        message.view_id,
        0,
        visit.source_url,
        custom_data=message.data,
        referrer_url=visit.referrer,
        rule=rule,
        sources=dict.fromkeys(message.data, rule),
    )


def _dated(event: Event, visit: Visit, who: Visitor, now: int) -> Event:
    return event._replace(
        event_time=now,
        visitor=who,
        consent=f"{visit.consent.source} {visit.consent.reason}".strip(),
        data_processing_options=visit.consent.data_processing_options,
    )


def encode(body: Mapping[str, Any]) -> bytes:
    """ASCII JSON. Harmless wherever it lands: no ``<`` from outside survives unescaped."""
    text = json.dumps(body, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003C").encode("ascii")


def merge(first: Answer, calls: Sequence[Event]) -> Answer:
    """The answer with browser legs added whose server leg is already on its way."""
    return first._replace(body={**first.body, "events": rows(calls) + list(first.body.get("events", ()))})
