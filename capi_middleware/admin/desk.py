"""What a page of the admin has at hand: who asks, in which language, and the rooms below."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from capi_middleware.delivery import Ledger
from capi_middleware.settings import Settings, SettingsSource

from . import audit, words
from .gate import Door, now
from .state import AdminState

STATIC = {"admin.css": "text/css; charset=utf-8", "admin.js": "text/javascript; charset=utf-8",
          "picker.js": "text/javascript; charset=utf-8"}  # fmt: skip


class Sender(Protocol):
    """What the admin asks of the outbox."""

    def flush(self, timeout: float) -> bool: ...
    def health(self) -> dict[str, Any]: ...
    def forget(self, fbp: str) -> None: ...


class Services(NamedTuple):
    """``host``: the shop's host that this admin is for, "" for the settings of the whole process. ``call``: the wrapped
    app, for looking at the shop's own pages without leaving the process."""

    source: SettingsSource
    outbox: Sender
    ledger: Ledger
    state: AdminState
    call: Callable[[dict[str, Any], Callable[..., Any]], Any]


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
    def host(self) -> str:
        return self.request.host.rpartition(":")[0].lower() if ":" in self.request.host else self.request.host.lower()

    @property
    def site(self) -> str:
        """The host under which changes are saved: "" where the process has one shop only."""
        return self.host if self.host in self.services.source.hosts else ""

    def say(self, message: str, **values: Any) -> str:
        """A sentence in the owner's language; ``{name}`` is filled from ``values``."""
        text = self._catalogue.gettext(message)
        return text.format(**values) if values else text

    def say_many(self, one: str, many: str, count: int, **values: Any) -> str:
        """The same for things that are counted; ``{n}`` is the number."""
        text = self._catalogue.ngettext(one, many, count)
        return text.format(n=words.number(count, self.language), **values)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Render a page. Everything that comes from outside is escaped by Jinja2."""
        text = (
            _environment()
            .get_template(template)
            .render(
                desk=self,
                _=self._catalogue.gettext,
                n=lambda value, decimals=0: words.number(value, self.language, decimals),
                percent=lambda share: words.percent(share, self.language),
                clock=words.clock,
                duration=lambda seconds: words.duration(seconds, self.language),
                languages=words.LANGUAGES,
                nonce=self.door.nonce,
                csrf=self.door.session.csrf if self.door.session else "",
                home=self.home,
                static=lambda name: f"{self.home}static/{static_tag(name)}/{name}",
                **values,
            )
        )
        response = Response(text, status, content_type="text/html; charset=utf-8")
        if "shop_said" in self.request.cookies:
            response.delete_cookie("shop_said", path=self.home, secure=self.door.secure, samesite="Strict")
        return response

    def go(self, place: str, message: str = "") -> Response:
        """To another page of ours; ``message`` is shown there once."""
        response = redirect(self.home + place, 303)
        if message:
            response.set_cookie("shop_said", message[:500], max_age=30, path=self.home, httponly=True,
                                samesite="Strict", secure=self.door.secure)  # fmt: skip
        return response

    def note(self, what: str, detail: str = "") -> None:
        """Into the audit log."""
        audit.note(self.services.state, self.door.network, what, detail, self.now)


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
    environment = Environment(
        loader=PackageLoader("capi_middleware.admin"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["Markup"] = Markup
    return environment
