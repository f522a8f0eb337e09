"""What granian is given; the rest of it is tested with the other servers."""

from __future__ import annotations

from werkzeug.test import EnvironBuilder, run_wsgi_app

from capi_middleware.proxy import Upstream
from capi_middleware.proxy.servers.granian_server import _Granian, takers
from tests.proxy.wire import Shop


def test_a_granian_that_wants_a_wsgi_app_is_served_too(shop: Shop) -> None:
    """We reach behind its WSGI interface; a version of it that has nothing there still serves the shop."""
    upstream = Upstream(f"http://127.0.0.1:{shop.port}")
    served = _Granian(upstream, 4)
    environ = EnvironBuilder(path="/a", method="POST", data=b"abc").get_environ()
    iterable, status, headers = run_wsgi_app(served, environ, buffered=True)
    assert (status[:3], b"".join(iterable), headers["Content-Length"]) == ("200", b"ok", "2")
    assert shop.request.body == b"abc"
    upstream.close()


def test_two_threads_always_take_what_has_no_body() -> None:
    assert [takers(threads) for threads in (1, 16, 64, 256)] == [8, 8, 16, 64]
