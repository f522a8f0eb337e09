"""The admin as a WSGI app: routes, the one gate before them, and the headers after them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from capi_middleware.visit import read_visit

from . import account, gate, session, throttle
from .desk import Desk, Services
from .gate import Access, Door
from .pages import entry, events, overview, rules, settings, suggestions, test

_log = logging.getLogger("capi_middleware")
_LARGEST_FORM = 256 * 1024

View = Callable[..., Response]
ROUTES: tuple[tuple[str, tuple[str, ...], Access, View], ...] = (
    ("/static/<tag>/<name>", ("GET",), Access.PUBLIC, entry.static),
    ("/language", ("POST",), Access.PUBLIC, entry.language),
    ("/login", ("GET", "POST"), Access.PUBLIC, entry.login),
    ("/setup", ("GET", "POST"), Access.SETUP, entry.setup),
    ("/logout", ("POST",), Access.OWNER, entry.logout),
    ("/confirm", ("GET", "POST"), Access.OWNER, entry.confirm),
    ("/", ("GET",), Access.OWNER, overview.overview),
    ("/connect", ("GET", "POST"), Access.OWNER, settings.connect),
    ("/try", ("GET",), Access.OWNER, test.checklist),
    ("/try/state", ("GET",), Access.OWNER, test.checklist_state),
    ("/events", ("GET",), Access.OWNER, events.listing),
    ("/events/live", ("GET",), Access.OWNER, events.live),
    ("/events.csv", ("GET",), Access.FRESH, events.export),
    ("/events/<int:number>", ("GET",), Access.OWNER, events.detail),
    ("/test", ("GET", "POST"), Access.OWNER, test.test),
    ("/rules", ("GET", "POST"), Access.OWNER, rules.listing),
    ("/rules/new", ("GET", "POST"), Access.OWNER, rules.new),
    ("/suggestions", ("GET", "POST"), Access.OWNER, suggestions.listing),
    ("/settings", ("GET", "POST"), Access.OWNER, settings.settings),
    ("/settings/password", ("POST",), Access.FRESH, settings.password),
    ("/settings/session", ("POST",), Access.OWNER, settings.end_session),
)


class Admin:
    """Mounted at ``{mount}/admin``; everything outside its routes, and everything while nobody may enter, is the
    shop's own 404 (``None`` from :meth:`answer`)."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._map = Map(
            [Rule(path, endpoint=index, methods=methods) for index, (path, methods, _, _) in enumerate(ROUTES)],
            strict_slashes=False,
            merge_slashes=False,
        )

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse, mount: str) -> Iterable[bytes] | None:
        """The page; None where the shop itself should answer."""
        services = self._services
        fixed = services.source.current.server.admin_password.reveal()
        if not fixed and not account.has_account(services.state) and not account.awaits_setup(services.state):
            return None
        response = self._respond(Request(environ), mount)
        return response(environ, start_response)

    def _respond(self, request: Request, mount: str) -> Response:
        request.max_content_length = _LARGEST_FORM
        visit = read_visit(request.environ, self._services.source.current, gate.now())
        secure = visit.scheme == "https"
        known = session.find(self._services.state, request.cookies, secure, gate.now())
        door = Door(secure, throttle.network_of(visit.address), known, gate.new_nonce())
        desk = Desk(self._services, request, door, mount)
        try:
            response = self._dispatch(desk, request, mount)
        except HTTPException as problem:
            response = desk.page("problem.html", problem.code or 500, problem=problem.description or problem.name)
        except Exception as error:
            _log.error("the admin page failed: %s", type(error).__name__)
            response = desk.page("problem.html", 500, problem="")
        gate.harden(response, door)
        return response

    def _dispatch(self, desk: Desk, request: Request, mount: str) -> Response:
        path = request.environ.get("PATH_INFO", "")[len(mount) + len("/admin") :] or "/"
        adapter = self._map.bind(request.host or "localhost")
        method = "GET" if request.method == "HEAD" else request.method
        try:
            index, values = adapter.match(path, method)
        except MethodNotAllowed:
            raise
        except HTTPException as found:
            raise NotFound() from found
        _, _, access, view = ROUTES[index]
        refused = self._refuse(desk, request, access, method)
        return refused if refused is not None else view(desk, **values)

    def _refuse(self, desk: Desk, request: Request, access: Access, method: str) -> Response | None:
        """The gate. None: come in."""
        changing = method != "GET"
        if changing and gate.is_foreign(request):
            return desk.page("problem.html", 403, problem=desk.say("This form was sent from another page."))
        known = desk.door.session
        if access in (Access.PUBLIC, Access.SETUP):
            return None
        if known is None:
            return desk.go("login")
        if changing and not gate.carries_csrf(request, known):
            return desk.page(
                "problem.html", 403, problem=desk.say("You were signed out for safety. Go back and send it again.")
            )
        if access is Access.FRESH and not known.fresh:
            return desk.go("confirm")
        return None


__all__ = ["ROUTES", "Admin"]
