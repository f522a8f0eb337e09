"""What a page of the admin has at hand: who asks, in which language, and the rooms below."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from itsdangerous import BadData, URLSafeTimedSerializer
from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from capi_middleware.delivery import Ledger
from capi_middleware.infer import ProductMemory
from capi_middleware.settings import Settings, SettingsError, SettingsSource

from . import audit, terms, words
from .gate import Door, now
from .state import AdminState
from .traffic import Traffic

App = Callable[[dict[str, Any], Callable[..., Any]], Any]

STATIC = {"admin.css": "text/css; charset=utf-8", "admin.js": "text/javascript; charset=utf-8",
          "picker.js": "text/javascript; charset=utf-8"}  # fmt: skip


class Sender(Protocol):
    """What the admin asks of the outbox."""

    def flush(self, timeout: float) -> bool: ...
    def health(self) -> dict[str, Any]: ...
    def forget(self, fbp: str) -> None: ...


class Said(NamedTuple):
    """What a page says at its top, once. ``level``: "good", "note", "warn" or "bad"."""

    level: str
    text: str


class Services(NamedTuple):
    """``call``: the wrapped app, for looking at the shop's own pages without leaving the process. ``key``: what
    short-lived cookies are signed with. ``memory``: what is known of the shop's products."""

    source: SettingsSource
    outbox: Sender
    ledger: Ledger
    state: AdminState
    call: App
    traffic: Traffic
    key: bytes
    memory: ProductMemory | None = None


class Desk:
    """One request of an owner or would-be owner."""

    def __init__(self, services: Services, request: Request, door: Door, mount: str) -> None:
        self.services = services
        self.request = request
        self.door = door
        self.mount = mount
        self.home = f"{mount}/admin/"
        self.language = words.choose(
            request.cookies.get("shop_language", ""), request.headers.get("Accept-Language", "")
        )
        self._catalogue = words.translations(self.language)
        self.now = now()

    @property
    def settings(self) -> Settings:
        """In force for the host by which the admin was opened."""
        return self.services.source.for_host(self.host)

    @property
    def authority(self) -> str:
        """Host and port as the owner's browser has them."""
        return self.door.authority

    @property
    def host(self) -> str:
        authority = self.authority
        return authority if authority.endswith("]") else authority.rpartition(":")[0] or authority

    @property
    def site(self) -> str:
        """The host under which changes are saved: "" where the process has one shop only."""
        site = self.services.source.hosts.get(self.host)
        return site.host if site is not None else ""

    @property
    def shop_url(self) -> str:
        """The shop's front page."""
        return f"{'https' if self.door.secure else 'http'}://{self.authority}/"

    @property
    def folder(self) -> Path:
        """The state folder."""
        return self.services.state.path.parent

    def say(self, message: str, **values: Any) -> str:
        """A sentence in the owner's language; ``{name}`` is filled from ``values``: a float is a share of 1, whole
        numbers are written as the language does."""
        text = self._catalogue.gettext(message) if message else ""
        return text.format(**self._written(values)) if values else text

    def many(self, one: str, many: str, count: int, **values: Any) -> str:
        """The same for things that are counted; ``{n}`` is the number."""
        return self._catalogue.ngettext(one, many, count).format(**self._written({"n": count, **values}))

    def _written(self, values: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(values)
        for name, value in values.items():
            if isinstance(value, float):
                found[name] = words.percent(value, self.language)
            elif isinstance(value, int):
                found[name] = words.number(value, self.language)
        return found

    def event(self, name: str) -> str:
        """An event's name for people."""
        return self.say(terms.EVENTS[name]) if name in terms.EVENTS else name

    def term(self, table: str, code: str) -> str:
        """What a code means: ``term("KEYS", "em")``; a code without a word stays as it is."""
        known: Mapping[str, str] = getattr(terms, table)
        return self.say(known[code]) if code in known else code

    def percent(self, share: float | None) -> str:
        """A share of 1, as the owner's language writes it."""
        return words.percent(share, self.language)

    def source(self, text: str) -> str:
        """Where a value was read, in words: ``jsonld:offers.price``, ``product memory x quantity``."""
        return self.say(terms.origin_term(text)) if text else "–"

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Render a page. Everything that comes from outside is escaped by Jinja2."""
        text = (
            _environment()
            .get_template(template)
            .render(
                desk=self,
                _=self.say,
                many=self.many,
                term=self.term,
                event_name=self.event,
                n=lambda value, decimals=0: words.number(value, self.language, decimals),
                percent=self.percent,
                clock=words.clock,
                shown=lambda value: words.value(value, self.language),
                moment=lambda at: words.moment(at, self.now),
                source_words=self.source,
                duration=lambda seconds: words.duration(seconds, self.language),
                languages=words.LANGUAGES,
                nonce=self.door.nonce,
                csrf=self.door.session.csrf if self.door.session else "",
                home=self.home,
                said=self._said(),
                static=lambda name: f"{self.home}static/{static_tag(name)}/{name}",
                **values,
            )
        )
        response = Response(text, status, content_type="text/html; charset=utf-8")
        if "shop_said" in self.request.cookies:
            response.delete_cookie("shop_said", path=self.home, secure=self.door.secure, samesite="Strict")
        return response

    def go(self, place: str, message: str = "", level: str = "good") -> Response:
        """To another page of ours; ``message`` is shown there once, as something good, to note, to mind or bad."""
        response = redirect(self.home + place, 303)
        if message:
            said = self._signer("said").dumps([level, message[:400]])
            response.set_cookie("shop_said", said, max_age=30, path=self.home,
                                httponly=True, samesite="Strict", secure=self.door.secure)  # fmt: skip
        return response

    def _said(self) -> Said | None:
        """What the page before left to be said; signed, so that nobody else puts words into our mouth."""
        try:
            level, text = self._signer("said").loads(self.request.cookies.get("shop_said", ""), max_age=60)
        except (BadData, ValueError):
            return None
        return Said(str(level), str(text))

    def _signer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.services.key, salt=f"capi-admin-{purpose}")

    def note(self, what: str, detail: str = "") -> None:
        """Into the audit log."""
        audit.note(self.services.state, self.door.network, what, detail, self.now)

    def save(self, tables: Mapping[str, Any]) -> str:
        """Into the settings of this shop, in force in all processes. What is wrong with them, "" for nothing."""
        if _reads_environment(tables):
            return self.say("A value may not begin with “env:” here.")
        try:
            self.services.source.save(tables, self.site)
        except SettingsError as error:
            return "; ".join(f"{problem.key}: {problem.wrong} {problem.right}" for problem in error.problems)
        except OSError as error:
            return self.say("The server cannot write its settings: {why}", why=error.strerror or "")
        return ""


def _reads_environment(value: Any) -> bool:
    """Whether a text asks for an environment variable: a file may, a form may not, for they hold secrets."""
    if isinstance(value, Mapping):
        return any(map(_reads_environment, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_reads_environment, value))
    return isinstance(value, str) and value.strip().startswith("env:")


def static_file(name: str) -> bytes:
    """One of our own files. Raises ``KeyError`` for any other name."""
    return _static()[name]


def static_tag(name: str) -> str:
    """Changes with the file, so that browsers may keep it for ever."""
    return hashlib.sha256(_static()[name]).hexdigest()[:12]


@lru_cache(maxsize=1)
def _static() -> Mapping[str, bytes]:
    folder = files("capi_middleware.admin").joinpath("static")
    return {name: folder.joinpath(name).read_bytes() for name in STATIC}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("capi_middleware.admin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
