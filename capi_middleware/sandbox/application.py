"""The stand-in as a WSGI app: Graph's endpoint, the pixel's files, ``/tr``, the events page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.exceptions import BadRequest, HTTPException, NotFound, UnsupportedMediaType
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from .events_page import MOODS, page_data
from .fault import PLACES, Fault, FaultBoard
from .graph import Keys, accept, authorize, event_ids, read_parameters
from .graph_error import GraphError, trace_id
from .listener import CONNECTION, hang_up
from .pixel_config import config_script, plugin_script
from .record import GraphCall
from .recorder import Recorder
from .tr import GIF, read_browser_event

HERE = Path(__file__).parent
STATIC = HERE / "static"
_STATIC_TYPES = {"events.css": "text/css", "events.js": "text/javascript", "mark.svg": "image/svg+xml"}
MAX_BODY = 32 * 1024 * 1024

ROUTES = Map(
    [
        Rule("/", endpoint="page", methods=["GET"]),
        Rule("/events.json", endpoint="data", methods=["GET"]),
        Rule("/control", endpoint="control", methods=["POST"]),
        Rule("/static/<name>", endpoint="static", methods=["GET"]),
        Rule("/<locale>/fbevents.js", endpoint="script", methods=["GET"]),
        Rule("/signals/config/<pixel_id>", endpoint="config", methods=["GET"]),
        Rule("/signals/plugins/<name>.js", endpoint="plugin", methods=["GET"]),
        Rule("/tr", endpoint="tr", methods=["GET", "POST"]),
        Rule("/tr/", endpoint="tr", methods=["GET", "POST"]),
        Rule("/<version>/<pixel_id>/events", endpoint="graph"),
        Rule("/<pixel_id>/events", endpoint="graph", defaults={"version": ""}),
    ],
    merge_slashes=False,
    redirect_defaults=False,
)


class SandboxApp:
    """Answers as both of Meta's hosts do. ``cookies``: see :class:`~capi_middleware.sandbox.Sandbox`. ``script``: the
    file served as fbevents.js; who holds a copy of the real one may put it here."""

    def __init__(
        self,
        recorder: Recorder,
        keys: Keys | None = None,
        *,
        cookies: str = "inline",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.recorder = recorder
        self.keys = keys or Keys()
        self.faults = FaultBoard()
        self.usage = 0
        self.cookies = cookies
        self.script = STATIC / "fbevents.js"
        self._now = now

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY
        request.max_form_memory_size = MAX_BODY
        try:
            response = self._route(request)
        except HTTPException as problem:
            return problem.get_response(environ)(environ, start_response)
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        endpoint, values = ROUTES.bind_to_environ(request.environ).match()
        handler: Callable[..., Response] = getattr(self, f"_{endpoint}")
        fault = self.faults.take(endpoint) if endpoint in PLACES else None
        if fault is None:
            return handler(request, **values)
        if fault.delay:
            time.sleep(fault.delay)
        if fault.drop or fault.answers:
            return self._suffer(request, fault, **values)
        response = handler(request, **values)
        return _hang_up(request) if fault.lost else response

    def _note(
        self,
        request: Request,
        version: str,
        pixel_id: str,
        status: int,
        error: GraphError | None,
        ids: tuple[str, ...],
        by_fault: bool = False,
    ) -> None:
        """Remember a call to the events endpoint. ``status`` 0: it got no answer."""
        self.recorder.add_call(
            GraphCall(
                pixel_id=pixel_id,
                version=version,
                received_at=self._now(),
                status=status,
                code=error.code if error else 0,
                subcode=error.subcode if error else 0,
                event_ids=ids,
                query=request.query_string.decode("latin-1"),
                headers=dict(request.headers),
                message=(error.detail or str(error)) if error else "",
                by_fault=by_fault,
                body=request.get_data(),
            )
        )

    def _page(self, request: Request) -> Response:
        return Response((HERE / "templates" / "events.html").read_text("utf-8"), mimetype="text/html")

    def _static(self, request: Request, name: str) -> Response:
        kind = _STATIC_TYPES.get(name)
        if kind is None:
            raise NotFound
        return Response((STATIC / name).read_text("utf-8"), mimetype=kind)

    def _data(self, request: Request) -> Response:
        if request.args.get("revision") == str(self.recorder.revision):
            return Response(status=204)
        body = json.dumps(page_data(self.recorder, self.faults.now()))
        return Response(body, mimetype="application/json", headers={"Cache-Control": "no-store"})

    def _control(self, request: Request) -> Response:
        """The page's buttons. JSON only, which no other site can send here without being asked first (CORS)."""
        if request.mimetype != "application/json":
            raise UnsupportedMediaType
        asked = request.get_json()
        if not isinstance(asked, dict) or asked.get("mood", "healthy") not in MOODS:
            raise BadRequest
        if "mood" in asked:
            self.faults.clear()
            for place, fault in MOODS[asked["mood"]].items():
                self.faults.set(place, fault)
        if asked.get("clear"):
            self.recorder.clear()
        self.recorder.touch()
        return Response(status=204)

    def _script(self, request: Request, locale: str) -> Response:
        return _javascript(self.script.read_text("utf-8"))

    def _config(self, request: Request, pixel_id: str) -> Response:
        return _javascript(config_script(pixel_id, self.cookies))

    def _plugin(self, request: Request, name: str) -> Response:
        script = plugin_script(name)
        if script is None:
            raise NotFound
        return _javascript(script)

    def _tr(self, request: Request) -> Response:
        event = read_browser_event(request, self._now())
        if event:
            self.recorder.add_browser(event)
        return Response(GIF, mimetype="image/gif", headers={"Cache-Control": "no-cache, no-store"})

    def _graph(self, request: Request, version: str, pixel_id: str) -> Response:
        request.get_data()  # before any form is parsed: the record keeps the bytes
        parameters: dict[str, Any] = {}
        status, error = 200, None
        try:
            parameters = read_parameters(request)
            if request.method != "POST":
                raise GraphError(100, 33, f"Unsupported {request.method.lower()} request.")
            if not _is_version(version):
                raise GraphError(2500, 0, "An API version is required: /v25.0/{dataset}/events")
            authorize(parameters, pixel_id, self.keys)
            events = accept(parameters, pixel_id, self._now())
            self.recorder.add_server(events)
            body: dict[str, Any] = {"events_received": len(events), "messages": [], "fbtrace_id": trace_id()}
        except GraphError as refusal:
            status, error, body = refusal.status, refusal, refusal.body()
        self._note(request, version, pixel_id, status, error, event_ids(parameters))
        return _answer(body, status, self.usage)

    def _suffer(self, request: Request, fault: Fault, version: str = "", pixel_id: str = "", **_: str) -> Response:
        """What a fault answers, if anything."""
        error, transient = None, True if fault.transient else None
        if fault.drop:
            response = _hang_up(request)
        elif fault.code:
            error = GraphError(fault.code, fault.subcode, status=fault.status, transient=transient)
            response = _answer(error.body(), error.status, self.usage)
        else:
            response = Response("<html><body><h1>Sorry</h1></body></html>", fault.status, mimetype="text/html")
        if fault.retry_after is not None:
            response.headers["Retry-After"] = str(fault.retry_after)
        if version:
            request.get_data()
            ids = _readable_ids(request)
            self._note(request, version, pixel_id, 0 if fault.drop else response.status_code, error, ids, True)
        return response


def _readable_ids(request: Request) -> tuple[str, ...]:
    try:
        return event_ids(read_parameters(request))
    except (GraphError, HTTPException):
        return ()


def _answer(body: Mapping[str, Any], status: int, usage: int) -> Response:
    """Graph's JSON with its headers; ``usage``: percent of the app's rate limit that is used."""
    response = Response(json.dumps(body), status, mimetype="application/json")
    used = {"call_count": usage, "total_cputime": usage, "total_time": usage}
    response.headers["X-App-Usage"] = json.dumps(used)
    response.headers["X-FB-Trace-ID"] = trace_id()
    return response


def _is_version(version: str) -> bool:
    major, _, minor = version.removeprefix("v").partition(".")
    return version.startswith("v") and major.isdecimal() and minor.isdecimal()


def _javascript(text: str) -> Response:
    headers = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
    return Response(text, mimetype="application/x-javascript", headers=headers)


def _hang_up(request: Request) -> Response:
    """Break the connection; under a server that does not give us its socket, the nearest answer there is."""
    connection = request.environ.get(CONNECTION)
    if connection is not None:
        hang_up(connection)
    return Response(status=502)
