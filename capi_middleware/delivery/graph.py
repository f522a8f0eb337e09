"""Talking to the Graph API: one pool of connections, a total deadline, nothing of the environment by surprise.

Imports requests, which takes longer than all the rest of this room: :func:`.posters.prepare` does it at the start.
"""

from __future__ import annotations

import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from capi_middleware.version import __version__

from . import request
from .request import Answer, Call

CONNECT_TIMEOUT = 3.0
MAX_ANSWER = 64 << 10

_here = threading.local()


class Graph:
    """The pool. Safe to use from several threads; made anew in a forked process."""

    def __init__(self, connections: int) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # else REQUESTS_CA_BUNDLE and .netrc are read on each request
        self._session.headers["User-Agent"] = f"capi-middleware/{__version__}"
        adapter = _Adapter(pool_connections=connections, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        settings = requests.Session().merge_environment_settings("https://graph.facebook.com", {}, False, None, None)
        self._verify = settings["verify"]  # REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE: as the operator set them at the start
        self._proxies: dict[str, Any] = {}

    def post(self, url: str, body: bytes, call: Call) -> Answer:
        """Send it; never raises for what the network does."""
        _here.call = call
        try:
            return self._post(url, body, call)
        except requests.exceptions.SSLError as error:
            return Answer(0, error=_name_of(error), insecure=_is_certificate(error))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            why = f"no answer within {request.DEADLINE:.0f} s" if call.aborted or call.overdue() else _name_of(error)
            return Answer(0, error=why)
        finally:
            _here.call = None
            call.connection = None

    def _post(self, url: str, body: bytes, call: Call) -> Answer:
        answer = self._session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=(CONNECT_TIMEOUT, request.DEADLINE),
            stream=True,
            allow_redirects=False,
            verify=self._verify,
            proxies=self._proxies_for(url),
        )
        try:
            text = b""
            while len(text) < MAX_ANSWER:
                piece = answer.raw.read(MAX_ANSWER - len(text), decode_content=True)
                if not piece:
                    return Answer(answer.status_code, answer.headers, text)
                text += piece
                if call.overdue():
                    break
            answer.raw.close()  # more than any real answer, or too slow: the connection is of no use any more
            if call.overdue():
                return Answer(0, error=f"no whole answer within {request.DEADLINE:.0f} s")
            return Answer(answer.status_code, answer.headers, text)
        finally:
            answer.close()

    def _proxies_for(self, url: str) -> Any:
        host = url.split("/", 3)[2]
        if host not in self._proxies:
            self._proxies[host] = requests.utils.get_environ_proxies(url)
        return self._proxies[host]

    def close(self) -> None:
        self._session.close()


class _Told:
    """A connection that tells whose it is, before it does anything that may take long."""

    def connect(self) -> None:
        _seen(self)
        super().connect()  # type: ignore[misc]

    def request(self, *args: Any, **keywords: Any) -> None:
        _seen(self)
        super().request(*args, **keywords)  # type: ignore[misc]


class _Connection(_Told, HTTPConnection):
    pass


class _SecureConnection(_Told, HTTPSConnection):
    pass


def _seen(connection: Any) -> None:
    """Tell the call under way on this thread which socket is its."""
    call = getattr(_here, "call", None)
    if call is not None:
        call.connection = connection


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, **keywords)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def _is_certificate(error: Exception) -> bool:
    return "CERTIFICATE" in str(error).upper()


def _name_of(error: Exception) -> str:
    """The kind of failure without its text, which may quote the request."""
    found: BaseException = error
    while True:
        reason = getattr(found, "reason", None)
        inner = reason if isinstance(reason, Exception) else _nested(found)
        if inner is None:
            return _WORDS.get(type(found).__name__, type(found).__name__)
        found = inner


def _nested(error: BaseException) -> Exception | None:
    return next((item for item in error.args if isinstance(item, Exception)), None)


_WORDS = {
    "NameResolutionError": "the host name cannot be resolved (DNS)",
    "gaierror": "the host name cannot be resolved (DNS)",
    "ConnectTimeoutError": "no connection within 3 s",
    "ConnectTimeout": "no connection within 3 s",
    "ReadTimeoutError": "no answer in time",
    "ReadTimeout": "no answer in time",
    "NewConnectionError": "the connection was refused",
    "ConnectionRefusedError": "the connection was refused",
    "ConnectionResetError": "the connection was reset",
    "RemoteDisconnected": "the connection was closed without an answer",
    "ProtocolError": "the connection broke",
    "BrokenPipeError": "the connection broke",
}
