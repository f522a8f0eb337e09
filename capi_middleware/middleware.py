"""The WSGI shell: fails open, dispatches our own paths, and leaves the rest to :mod:`journey`."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import collect
from .admin.session import strip as without_session
from .admin.traffic import Counted, Traffic
from .delivery import Ledger, Outbox, StoreError
from .flash import Flash, set_flash, taken_flash
from .glance import Glance, is_fetch
from .infer import Memory, ProductMemory
from .infer import warm as warm_infer
from .journey import Journey, Tools
from .page import answer
from .page.script import is_script
from .page.script import respond as script_response
from .settings import Settings, SettingsSource
from .settings.state import signing_key, state_dir
from .shop import Shop, compile_shop
from .visit import is_subresource, read_visit, warm
from .visit.address import bare_host, shown_authority, shown_scheme
from .visit.cookies import read_cookies

if TYPE_CHECKING:
    from .admin.app import Admin
    from .admin.desk import Services

_log = logging.getLogger("capi_middleware")
_ACTIVE = "capi_middleware.active"
_QUIET = 60.0
"""Seconds between two log lines about the same kind of fault."""

StartResponse = Callable[..., Callable[[bytes], Any]]
Environ = dict[str, Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class CapiMiddleware:
    """Puts Meta's pixel and the Conversions API on a WSGI shop (PEP 3333).

    .. code-block:: python

        from capi_middleware import CapiMiddleware

        app = CapiMiddleware(app)                 # environment, and capi.toml if there is one
        app = CapiMiddleware(app, "shop.toml")
        app.wsgi_app = CapiMiddleware(app.wsgi_app, pixel_id="1234567890", access_token="…")

    ``config``: path of the settings file. ``keywords``: any setting by its name; they win over the environment, that
    over what the admin page saved, that over the file. Raises ``TypeError`` for a keyword that is no setting; mistakes
    in values are logged, and the shop runs on.

    Attributes of the wrapped app can be reached through this object.
    """

    stand_by = 0.0
    """Seconds in which events are left to a process beside this one, which is about to deliver (the proxy's)."""

    def __init__(self, app: App, config: str | os.PathLike[str] | None = None, **keywords: Any) -> None:
        self._app = app
        self._source = SettingsSource(config, **keywords)
        self._counts: Counter[str] = Counter()
        self._spoken: dict[str, float] = {}
        self._lock = threading.Lock()
        self._shops: dict[int, tuple[Settings, Shop]] = {}
        self._outbox = Outbox(self._source, self.stand_by)
        self._memory = _attempt("product memory", lambda: ProductMemory(state_dir(self._source.current)))
        self._traffic = _attempt("memory of what counted", lambda: Memory(state_dir(self._source.current)))
        key = _attempt("signing key", lambda: signing_key(state_dir(self._source.current))) or os.urandom(32)
        self._shapes = Traffic(state_dir(self._source.current))
        self._shapes.watch(self._counts)
        self._key = key
        counted = Counted(self._outbox, self._shapes)
        self._tools = Tools(
            counted.put,
            self._forget,
            self._failed,
            self._count,
            key,
            self._memory,
            self._shapes,
            self._traffic.orders if self._traffic is not None else None,
        )
        self._collector = collect.Collector(
            counted,
            _limits(self._source.current),
            shared=lambda: self._shapes.mark("", "shared id"),
            unlisted=self._shapes.note_call,
            count=self._count,
        )
        self._admin: Admin | None = None
        self._ledger = Ledger(self._source)  # opens nothing before it is asked
        self._prepare()
        self._announce()

    # -- the shop's requests

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            journey = self._enter(environ)
        except Exception as error:
            self._failed("enter", error)
            journey = None
        if journey is None:
            return self._app(environ, start_response)
        if isinstance(journey, Journey):
            return answer(self._app, environ, start_response, journey.on_start, _nothing)
        if isinstance(journey, Glance):
            return journey(self._app, environ, start_response)
        return journey(environ, start_response)

    def _enter(self, environ: Environ) -> Journey | Glance | App | None:
        """The journey of this request, an endpoint of ours, or None: straight to the app."""
        if _ACTIVE in environ:
            return None
        cookies, picking = environ.get("HTTP_COOKIE", ""), False
        if ("shop_admin=" in cookies or "shop_pick=" in cookies) and not _is_admin(environ, self._source):
            # An owner's session is none of the shop's business; the middleware of any other shop sees none either.
            picking = "shop_pick=" in cookies
            environ["HTTP_COOKIE"] = without_session(cookies)
        now = time.time()
        host = self._host(environ)
        settings = self._source.for_host(host)
        path = environ.get("PATH_INFO", "")
        if path.startswith(settings.server.mount):
            endpoint = self._endpoint(environ, settings, path)
            if endpoint is not None:
                return endpoint
        if picking and (bar := self._picker(cookies, settings, now)) is not None:
            return bar
        if not settings.active or environ.get("REQUEST_METHOD") in _NEVER or "HTTP_UPGRADE" in environ:
            return None
        if is_subresource(environ):
            return None
        environ[_ACTIVE] = True
        shop = self._shop(settings)
        if is_fetch(environ) and shop.inference.idle(host, path, environ.get("QUERY_STRING", "")):
            return Glance(self._begin, self._failed, environ, shop, now)
        return self._begin(environ, shop, now)

    def _host(self, environ: Environ) -> str:
        """By which a shop's settings are found: the host that the visitor's browser shows."""
        return bare_host(shown_authority(environ, self._source.current.visit) or environ.get("SERVER_NAME") or "")

    def _begin(self, environ: Environ, shop: Shop, now: float) -> Journey:
        visit = read_visit(environ, shop.settings, now)
        plan = shop.inference.plan(visit, environ.get("CONTENT_TYPE", ""), _length(environ))
        return Journey(self._tools, shop, visit, plan, environ, now)

    def _shop(self, settings: Settings) -> Shop:
        known = self._shops.get(id(settings))
        if known is not None and known[0] is settings:
            return known[1]
        with self._lock:
            known = self._shops.get(id(settings))
            if known is not None and known[0] is settings:  # compiled while this request waited
                return known[1]
            tools = self._tools
            shop = compile_shop(settings, self._memory, tools.seal, tools.identity, self._traffic)
            in_force = {id(found) for found in (self._source.current, *self._source.current.sites)}
            self._shops = {key: kept for key, kept in self._shops.items() if key in in_force}
            self._shops[id(settings)] = (settings, shop)
        return shop

    def _forget(self, fbp: str) -> None:
        """A visitor has withdrawn consent."""
        self._outbox.forget(fbp)
        if self._traffic is not None:
            self._traffic.orders.forget(fbp)

    # -- our own paths

    def _endpoint(self, environ: Environ, settings: Settings, path: str) -> App | None:
        mount = settings.server.mount
        rest = path[len(mount) :]
        if rest == "/health":
            return self._health
        if rest == "/metrics" and self._source.current.server.metrics_token:
            return self._metrics
        if rest == "/admin" or rest.startswith("/admin/"):
            return self._admin_page
        if not settings.active:
            return None
        if rest == "/collect":
            return partial(self._collect, settings)
        if is_script(path, mount):
            return partial(self._script, settings)
        return None

    def _collect(self, settings: Settings, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, headers, body = self._collected(settings, environ)
        except Exception as error:
            self._failed("collect", error)
            status, headers, body = "503 Service Unavailable", [("Cache-Control", "no-store")], b""
        start_response(status, headers)
        return [body]

    def _collected(self, settings: Settings, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        shop = self._shop(settings)
        cookies = read_cookies(environ.get("HTTP_COOKIE") or "")
        flash = self._tools.flash.read(cookies)
        status, headers, body, told = self._collector.reply(environ, shop.collect, flash.calls)
        if told:
            headers += [("Set-Cookie", cookie) for cookie in taken_flash(cookies)]
            if flash.pending:
                rest = self._tools.flash.dump(Flash((), flash.pending))
                secure = shown_scheme(environ, settings.visit) == "https"
                headers.append(("Set-Cookie", set_flash(rest, secure=secure)))
        return status, headers, body

    def _script(self, settings: Settings, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        shop = self._shop(settings)
        path = environ.get("PATH_INFO", "")
        status, headers, body = script_response(
            shop.adoption if path == shop.adoption.path else shop.script,
            path,
            environ.get("HTTP_ACCEPT_ENCODING", ""),
            environ.get("HTTP_IF_NONE_MATCH", ""),
        )
        start_response(status, headers)
        return [body] if environ.get("REQUEST_METHOD") != "HEAD" else []

    def _admin_page(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        mount = self._source.current.server.mount
        if self._admin is None:
            self._admin = self._make_admin()
        page = self._admin.answer(environ, start_response, mount)
        return self._app(environ, start_response) if page is None else page

    def _picker(self, cookies: str, settings: Settings, now: float) -> App | None:
        """For the owner's browser while point and click is on there: the shop with a bar in it, and no events."""
        from .admin import picker
        from .admin.desk import static_tag

        if not picker.is_signed(read_cookies(cookies), self._key):
            return None
        script = f"{settings.server.mount}/admin/static/{static_tag('picker.js')}/picker.js"
        return lambda environ, start: picker.serve(self._app, environ, start, settings, script, now)

    def _make_admin(self) -> Admin:
        """Imported on first use: a shop's requests need none of it."""
        from .admin.app import Admin

        return Admin(self._services())

    def _services(self) -> Services:
        from .admin.desk import Services
        from .admin.state import AdminState

        state = AdminState(state_dir(self._source.current))
        return Services(
            self._source, self._outbox, self._ledger, state, self._app, self._shapes, self._key, self._memory
        )

    def _health(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        health = self._outbox.health()
        health["verdicts"] = dict(self._counts)
        health["refused"] = dict(self._collector.refused)
        body = json.dumps(health).encode()
        status = "200 OK" if health.get("ok") else "503 Service Unavailable"
        start_response(
            status,
            [("Content-Type", "application/json"), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))],
        )
        return [body]

    def _metrics(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        from . import metrics

        token = self._source.current.server.metrics_token.reveal()
        if not metrics.may_read(environ.get("HTTP_AUTHORIZATION", ""), token):
            start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Length", "0")])
            return [b""]
        try:
            totals = self._ledger.totals()
        except StoreError:
            totals = {}  # capi_healthy says so
        body = metrics.exposition(self._outbox.health(), totals, dict(self._counts), os.getpid()).encode()
        headers = [("Content-Type", metrics.CONTENT_TYPE), ("Cache-Control", "no-store")]
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    # -- for people and programs

    def wake(self) -> None:
        """Deliver now what an earlier process left, instead of at the first event; call it in the process that serves,
        after any fork."""
        self._outbox.wake()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all events so far were handed to Meta; False if that took longer than ``timeout`` seconds."""
        return self._outbox.flush(timeout)

    def close(self) -> None:
        """Store what is in memory and stop the background thread; the shop itself is not touched."""
        self._outbox.close()
        if self._memory is not None:
            self._memory.close()
        if self._traffic is not None:
            self._traffic.close()
        self._shapes.close()
        self._ledger.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_app"], name)

    # -- faults and counters

    def _failed(self, where: str, error: BaseException) -> None:
        """One line a minute for each kind: a fault of ours must not flood the shop's log either."""
        self._count(f"FAULT_{where.upper()}")
        now = time.monotonic()
        if now - self._spoken.get(where, -_QUIET) >= _QUIET:
            self._spoken[where] = now
            # The message may hold what a visitor typed: the type and the place are enough to find it.
            _log.error(
                "a fault of ours at %r: %s%s; the shop's answer goes out untouched",
                where,
                type(error).__name__,
                _place(error),
            )

    def _count(self, name: str) -> None:
        self._counts[name] += 1

    def _prepare(self) -> None:
        """Load and compile here what the first visitor would else wait for: half a second, most of it imports."""
        settings = self._source.current
        if any(shop.active for shop in (settings, *settings.sites)):
            _attempt("robots' patterns", warm)
            _attempt("the reading's patterns", warm_infer)
            _attempt("what sends", self._outbox.prepare)
            _attempt("rules", lambda: self._shop(settings).inference.prepare())

    def _announce(self) -> None:
        for problem in self._source.problems:
            _log.warning("%s", problem)
        settings = self._source.current
        words = _attempt("admin page", self._setup_words)
        if words:
            _log.warning("%s", words)
        if not settings.meta.pixel_id and not any(site.meta.pixel_id for site in settings.sites):
            _log.warning(
                "no pixel ID is set: the shop runs as if unwrapped. Set CAPI_PIXEL_ID and CAPI_ACCESS_TOKEN, "
                "or open %s/admin/",
                settings.server.mount,
            )

    def _setup_words(self) -> str:
        from .admin.account import first_words
        from .admin.state import AdminState

        settings = self._source.current
        return first_words(AdminState(state_dir(settings)), settings)


def _is_admin(environ: Environ, source: SettingsSource) -> bool:
    return str(environ.get("PATH_INFO", "")).startswith(source.current.server.mount + "/admin")


_NEVER = frozenset({"CONNECT", "OPTIONS", "TRACE"})


def _nothing(complete: bool) -> None:
    """Events are handed over before the last bytes leave; the end brings nothing new."""


def _attempt(what: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        _log.warning("%s: %s; the shop runs on without it", what, error)
        return None


def _limits(settings: Settings) -> collect.Limits:
    return collect.Limits(settings.browser.visitor_rate, settings.browser.total_rate)


def _length(environ: Environ) -> int | None:
    text = environ.get("CONTENT_LENGTH") or ""
    return int(text) if text.isascii() and text.isdigit() else None


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f" in {code.co_name} ({os.path.basename(code.co_filename)}:{trace.tb_lineno})"
