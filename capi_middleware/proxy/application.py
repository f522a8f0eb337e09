"""The whole app of one process: access log, door, middleware, shops. It serves the shop even where parts of it fail."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from capi_middleware.settings.source import SettingsSource

from .access_log import AccessLog
from .delivery_process import HEAD_START
from .door import Door
from .memory import settle, steady
from .options import Options
from .shops import Shops

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("capi_middleware.proxy")


class Application:
    """A WSGI app for one process. Nothing of ours that cannot start stops the shop: then its pages pass unchanged, and
    the log says why."""

    def __init__(self, options: Options) -> None:
        steady()
        self.options = options
        keywords: dict[str, Any] = {"upstream": options.upstream} if options.upstream else {}
        self.source = SettingsSource(options.config, **keywords)
        self.shops = Shops(self.source, options.threads)
        self.middleware = self._wrap(keywords)
        app: WSGIApplication = Door(self.middleware or self.shops, self.shops, options.threads // 2)
        self._log = self._logged(app)
        self._app: WSGIApplication = self._log or app
        settle()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def _wrap(self, keywords: dict[str, Any]) -> Any:
        try:
            face: Any = importlib.import_module("capi_middleware")
            waits = HEAD_START if self.options.delivery == "process" else 0.0
            made = type("CapiMiddleware", (face.CapiMiddleware,), {"stand_by": waits})
            return made(self.shops, self.options.config, **keywords)
        except Exception:
            log.exception("capi_middleware could not start: the shop is served without it")
            for problem in self.source.problems:  # which it would have said itself
                log.warning("%s", problem)
            return None

    def _logged(self, app: WSGIApplication) -> AccessLog | None:
        if not self.options.access_log:
            return None
        try:
            return AccessLog(app, self.options.access_log)
        except OSError as error:
            log.error("no access log: %s", error)
            return None

    def announce(self, port: int = 0) -> None:
        """Say what is served where; deliver what waits. ``port``: the one that the system chose, where 0 was asked."""
        options = replace(self.options, port=port or self.options.port)
        behind = self.source.current.proxy.upstream or f"{len(self.source.current.sites)} shops by host name"
        log.info("%s://%s -> %s (%s)", options.scheme, options.address, behind, options.chosen_server)
        shops = (self.source.current, *self.source.current.sites)
        if self.middleware is not None and any(shop.active for shop in shops):
            self.middleware.wake()

    def reload(self) -> None:
        """SIGHUP: look at the settings now, open the access log anew."""
        self.source.poll()
        if self._log is not None:
            try:
                self._log.reopen()
            except OSError as error:
                log.error("access log: %s", error)

    def close(self) -> None:
        """Hand over what is queued and close connections; never raises."""
        try:
            if self.middleware is not None:
                self.middleware.close()
        except Exception:
            log.exception("the queue could not be closed")
        self.shops.close()
