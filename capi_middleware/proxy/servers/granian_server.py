"""granian: HTTP in Rust, by far the fastest, with TLS and HTTP/2. It keeps no raw address: ``%2F`` comes as ``/``."""

from __future__ import annotations

import functools
import multiprocessing.util
import os
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels

from capi_middleware.proxy.application import Application
from capi_middleware.proxy.options import Options


def run(options: Options) -> int:
    """Serve. SIGHUP: fresh workers, old ones end their requests; SIGTERM: all end theirs."""
    # granian copies the process environment into each request's: HTTP_PROXY would pass for a header of the visitor's.
    for name in [name for name in os.environ if name.startswith("HTTP_") or name == "SCRIPT_NAME"]:
        del os.environ[name]
    server: Any = Granian(
        "capi_middleware",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=options.processes,
        blocking_threads=options.threads,
        backlog=1024,
        http=HTTPModes.auto if options.tls_cert else HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=131072),
        websockets=False,
        log_level=LogLevels.warning,
        ssl_cert=Path(options.tls_cert) if options.tls_cert else None,
        ssl_key=Path(options.tls_key) if options.tls_key else None,
        ssl_protocol_min=SSLProtocols.tls12,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=int(options.grace) + 5,
    )
    server.serve(target_loader=functools.partial(load, options), wrap_loader=False)
    return 0


def load(options: Options) -> Application:
    """Called in each worker."""
    application = Application(options)
    multiprocessing.util.Finalize(application, application.close, exitpriority=10)
    application.announce()
    return application
