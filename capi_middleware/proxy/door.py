"""The outermost layer: what must be settled before the middleware sees a request, on every server alike."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from capi_middleware.page.judge import INTERMEDIARY

from .failure import Failure, GatewayError
from .request import CHECKED, check
from .shops import Shops
from .tunnel import Tunnels, can_tunnel
from .upstream import answer_failure

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("capi_middleware.proxy")


class Door:
    """Refuses what no shop should get, hands WebSockets through where the server can, passes the rest to ``app``, which
    is told that it stands before an origin that is not its own."""

    def __init__(self, app: WSGIApplication, shops: Shops, tunnels: int = 32) -> None:
        self._app = app
        self._shops = shops
        self._tunnels = Tunnels(tunnels)
        self._hinted = False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            environ[CHECKED] = check(environ)
            environ[INTERMEDIARY] = True
            if "HTTP_UPGRADE" in environ and environ["HTTP_UPGRADE"].strip().lower() == "websocket":
                return self._websocket(environ, start_response)
        except GatewayError as error:
            return answer_failure(error, environ, start_response)
        return self._app(environ, start_response)

    def _websocket(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Raises :class:`GatewayError` where no tunnel can be made, ``StopIteration`` after one (gunicorn's sign that
        the connection was taken over)."""
        if not can_tunnel(environ):
            if not self._hinted:
                self._hinted = True
                log.warning(
                    "A WebSocket was refused: this server cannot pass it on. Use --server gunicorn, or let the front "
                    "server send these paths straight to the shop (docs/proxy.md, WebSocket)."
                )
            raise GatewayError(Failure.WEBSOCKET)
        answer = self._tunnels(environ, start_response, self._shops.upstream_for(environ))
        if answer is None:
            raise StopIteration
        return answer
