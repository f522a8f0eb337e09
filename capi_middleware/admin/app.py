"""The admin as a WSGI app: routes, the one gate before them, and the headers after them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable
from urllib.parse import urlencode, urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from capi_middleware.visit import network_of, read_visit

from . import account, gate, picker, session
from .desk import Desk, Services
from .gate import Access, Door
from .pages import attempt, connect, consent, entry, events, overview, picking, rules, settings, suggestions, test

_log = logging.getLogger("capi_middleware")
_LARGEST_FORM = 256 * 1024
_MOST_FIELDS = 500

View = Callable[..., Response]
ROUTES: tuple[tuple[str, tuple[str, ...], Access, View], ...] = (
    ("/static/<tag>/<name>", ("GET",), Access.PUBLIC, entry.static),
    ("/language", ("POST",), Access.PUBLIC, entry.language),
    ("/login", ("GET", "POST"), Access.PUBLIC, entry.login),
    ("/setup", ("GET", "POST"), Access.SETUP, entry.setup),
    ("/logout", ("POST",), Access.OWNER, entry.logout),
    ("/confirm", ("GET", "POST"), Access.OWNER, entry.confirm),
    ("/", ("GET",), Access.OWNER, overview.overview),
    ("/connect", ("GET", "POST"), Access.OWNER, connect.connect),
    ("/connect/check", ("POST",), Access.OWNER, connect.check),
    ("/try", ("GET",), Access.OWNER, test.checklist),
    ("/try/state", ("GET",), Access.OWNER, test.checklist_state),
    ("/events", ("GET",), Access.OWNER, events.listing),
    ("/events/live", ("GET",), Access.OWNER, events.live),
    ("/events.csv", ("GET",), Access.FRESH, events.export),
    ("/events/<int:number>", ("GET",), Access.OWNER, events.detail),
    ("/events/<int:number>/again", ("POST",), Access.OWNER, events.again),
    ("/test", ("GET",), Access.OWNER, attempt.page),
    ("/test/code", ("POST",), Access.OWNER, attempt.code),
    ("/test/send", ("POST",), Access.OWNER, attempt.send),
    ("/test/url", ("POST",), Access.OWNER, attempt.url),
    ("/rules", ("GET",), Access.OWNER, rules.listing),
    ("/rules/new", ("GET", "POST"), Access.OWNER, rules.new),
    ("/rules/edit/<int:number>", ("GET", "POST"), Access.OWNER, rules.edit),
    ("/rules/switch", ("POST",), Access.OWNER, rules.switch),
    ("/rules/remove", ("POST",), Access.OWNER, rules.remove),
    ("/rules/return", ("POST",), Access.OWNER, rules.back),
    ("/rules/version/<int:number>", ("GET",), Access.OWNER, rules.version),
    ("/rules.toml", ("GET",), Access.OWNER, rules.export),
    ("/rules/pick", ("POST",), Access.OWNER, picking.start),
    ("/rules/pick/words", ("GET",), Access.PICKER, picking.words),
    ("/rules/pick/stop", ("POST",), Access.OWNER, picking.stop),
    ("/rules/pick/end", ("POST",), Access.PICKER, picking.end),
    ("/rules/pick/look", ("POST",), Access.PICKER, picking.look),
    ("/rules/pick/draft", ("POST",), Access.PICKER, picking.draft),
    ("/suggestions", ("GET", "POST"), Access.OWNER, suggestions.listing),
    ("/consent", ("GET", "POST"), Access.OWNER, consent.consent),
    ("/consent/try", ("POST",), Access.OWNER, consent.attempt),
    ("/consent/forget", ("POST",), Access.OWNER, consent.forget),
    ("/settings", ("GET", "POST"), Access.OWNER, settings.settings),
    ("/settings/scrub", ("POST",), Access.OWNER, settings.scrub),
    ("/settings/pause", ("POST",), Access.OWNER, settings.pause),
    ("/settings/uncounted", ("POST",), Access.OWNER, settings.uncounted),
    ("/settings/erase", ("POST",), Access.FRESH, settings.erase),
    ("/settings/password", ("POST",), Access.FRESH, settings.password),
    ("/settings/session", ("POST",), Access.OWNER, settings.end_session),
)


class Admin:
    """Mounted at ``{mount}/admin``; everything while nobody may enter is the shop's own 404 (``None`` from
    :meth:`answer`)."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._map = Map(
            [Rule(path, endpoint=index, methods=methods) for index, (path, methods, _, _) in enumerate(ROUTES)],
            strict_slashes=False,
            merge_slashes=False,
        )

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse, mount: str) -> Iterable[bytes] | None:
        """The page; None where the shop itself should answer: nobody may enter, or nothing can be remembered of who
        has."""
        try:
            if not self._is_open():
                return None
            response = self._respond(Request(environ), mount)
        except (OSError, sqlite3.Error) as error:
            _log.error("the admin page is closed: its file in the state folder cannot be used (%s)", error)
            return None
        return response(environ, start_response)

    def _is_open(self) -> bool:
        services = self._services
        fixed = services.source.current.server.admin_password.reveal()
        return bool(fixed) or account.has_account(services.state) or account.awaits_setup(services.state)

    def _respond(self, request: Request, mount: str) -> Response:
        request.max_content_length = _LARGEST_FORM
        request.max_form_memory_size = _LARGEST_FORM
        request.max_form_parts = _MOST_FIELDS
        # Another process may have saved a moment ago: its owner, sent here next, is to see what was saved.
        self._services.source.poll()
        visit = read_visit(request.environ, self._services.source.current, gate.now(), remember=False)
        secure = visit.scheme == "https"
        known = session.find(self._services.state, request.cookies, secure, gate.now())
        authority = urlsplit(visit.url).netloc
        address = visit.address or str(request.environ.get("REMOTE_ADDR", ""))
        door = Door(secure, network_of(address) or "unknown", known, gate.new_nonce(), authority)
        desk = Desk(self._services, request, door, mount)
        try:
            response = self._dispatch(desk, request, mount)
        except HTTPException as problem:
            response = _trouble(desk, problem)
        except Exception as error:
            _log.error("the admin page failed: %s%s", type(error).__name__, _place(error))
            response = desk.page("problem.html", 500, problem="", title=desk.say("That did not work"))
        gate.harden(response, door)
        return response

    def _dispatch(self, desk: Desk, request: Request, mount: str) -> Response:
        path = request.environ.get("PATH_INFO", "")[len(mount) + len("/admin") :] or "/"
        adapter = self._map.bind("localhost")
        method = "GET" if request.method == "HEAD" else request.method
        try:
            index, values = adapter.match(path, method)
        except MethodNotAllowed:
            raise
        except HTTPException as found:
            raise NotFound() from found
        _, _, access, view = ROUTES[index]
        refused = self._refuse(desk, request, access, method, path)
        return refused if refused is not None else view(desk, **values)

    def _refuse(self, desk: Desk, request: Request, access: Access, method: str, path: str) -> Response | None:
        """The gate. None: come in."""
        changing = method != "GET"
        if changing and gate.is_foreign(request, desk.authority):
            return _refusal(desk, desk.say("This form was sent from another page."))
        known = desk.door.session
        if access in (Access.PUBLIC, Access.SETUP):
            return None
        if known is None:
            return desk.go("login")
        if access is Access.PICKER:
            if not picker.is_on(request.cookies, self._services.key, known.token):
                return _refusal(desk, desk.say("Point and click has ended. Start it again."))
            return None
        if changing and not gate.carries_csrf(request, known):
            return _refusal(desk, desk.say("You were logged out for safety. Go back and send it again."))
        if access is Access.FRESH and not known.fresh:
            if changing and path.lstrip("/") in entry.SENT_AGAIN:
                return entry.ask_again(desk, path.lstrip("/"))
            back = path if method == "GET" else "/settings"
            query = request.query_string.decode("ascii", "ignore") if method == "GET" else ""
            return desk.go("confirm?" + urlencode({"next": f"{back}?{query}" if query else back}))
        return None


def _refusal(desk: Desk, problem: str) -> Response:
    return desk.page("problem.html", 403, problem=problem, title=desk.say("That did not work"))


def _trouble(desk: Desk, problem: HTTPException) -> Response:
    texts = {
        404: desk.say("There is no such page here."),
        405: desk.say("This page cannot be used in that way."),
        413: desk.say("That was too much text."),
    }
    code = problem.code or 500
    told = problem.description if problem.description != type(problem).description else ""
    title = desk.say("Page not found") if code == 404 else desk.say("That did not work")
    response = desk.page("problem.html", code, problem=told or texts.get(code, ""), title=title)
    if isinstance(problem, MethodNotAllowed) and problem.valid_methods:
        response.headers["Allow"] = ", ".join(problem.valid_methods)
    return response


def _place(error: BaseException) -> str:
    """Where it happened; never the message, which may hold what somebody typed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" in {trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}" if trace is not None else ""


__all__ = ["ROUTES", "Admin"]
