"""``capi-middleware proxy``: the reverse proxy with everything."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

HELP_LISTEN = "host and port to listen on (default 127.0.0.1:8080)"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "upstream",
        nargs="?",
        default="",
        metavar="UPSTREAM",
        help="where the shop itself answers, as http://127.0.0.1:8000; may stand in the file instead, per shop",
    )
    parser.add_argument("--listen", default="127.0.0.1:8080", metavar="HOST:PORT", help=HELP_LISTEN)
    parser.add_argument("--config", metavar="FILE", help="settings (default: $CAPI_CONFIG, else capi.toml if present)")
    parser.add_argument(
        "--server",
        choices=("auto", "waitress", "gunicorn", "granian"),
        default="auto",
        help="auto: waitress, with TLS gunicorn; gunicorn passes WebSockets on, granian is the fastest",
    )
    parser.add_argument("--threads", type=int, default=64, metavar="N", help="requests at once, per process (64)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="worker processes (1)")
    parser.add_argument("--tls-cert", default="", metavar="FILE", help="PEM file of our certificate and its chain")
    parser.add_argument("--tls-key", default="", metavar="FILE", help="PEM file of its key")
    parser.add_argument("--access-log", default="", metavar="FILE", help="a line per request; - for standard output")
    parser.add_argument(
        "--delivery",
        choices=("process", "thread"),
        default="thread" if sys.platform == "win32" else "process",
        help="what sends events to Meta: a process beside the proxy's (default), or a thread of those that serve",
    )
    parser.add_argument(
        "--affinity",
        choices=("core", "none"),
        default="core",
        help="core: the threads of a process that run Python share one processor core, which is faster (default)",
    )
    parser.add_argument(
        "--grace", type=float, default=30.0, metavar="S", help="seconds for requests when stopping (30)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Exit codes: 0 stopped, 1 could not start, 2 misuse."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        from capi_middleware.proxy.options import Options, parse_listen
        from capi_middleware.proxy.origin import parse_origin
        from capi_middleware.proxy.servers import run as serve
    except ImportError as error:
        if error.name != "httptools":
            raise
        return _say('The proxy needs httptools: pip install "capi-middleware[proxy]"', 1)
    try:
        host, port = parse_listen(arguments.listen)
        if arguments.upstream:
            parse_origin(arguments.upstream)
    except ValueError as error:
        return _say(str(error), 2)
    wrong = _wrong(arguments)
    if wrong:
        return _say(wrong, 2)
    chosen = Options(
        upstream=arguments.upstream,
        config=arguments.config,
        host=host,
        port=port,
        server=arguments.server,
        threads=arguments.threads,
        processes=arguments.processes,
        tls_cert=arguments.tls_cert,
        tls_key=arguments.tls_key,
        access_log=arguments.access_log,
        grace=arguments.grace,
        delivery=arguments.delivery,
        affinity=arguments.affinity == "core",
    )
    if not _has_upstream(chosen.upstream, chosen.config):
        return _say(
            "No shop to pass requests on to. Name it: capi-middleware proxy http://127.0.0.1:8000, or write "
            'upstream = "http://127.0.0.1:8000" under [proxy] in the settings file.',
            2,
        )
    try:
        code: int = serve(chosen)
        return code
    except LookupError as error:
        return _say(str(error.args[0]), 1)
    except OSError as error:
        return _say(f"Cannot listen on {chosen.address}: {error.strerror or error}.", 1)


def _wrong(arguments: argparse.Namespace) -> str:
    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        return "--tls-cert and --tls-key belong together."
    for path in (arguments.tls_cert, arguments.tls_key):
        if path and not Path(path).is_file():
            return f"{path} is no file."
    if arguments.tls_cert and not _is_certificate(arguments.tls_cert, arguments.tls_key):
        return f"{arguments.tls_cert} and {arguments.tls_key} are no certificate and its key, as PEM files."
    if not 0 <= arguments.grace <= 86_400:
        return "--grace takes seconds, from 0 to 86400."
    if arguments.tls_cert and arguments.server == "waitress":
        return "waitress has no TLS: use --server granian or gunicorn, or nginx or Caddy in front (docs/proxy.md)."
    if arguments.threads < 1 or arguments.processes < 1:
        return "--threads and --processes must be 1 or more."
    if arguments.processes > 1 and sys.platform == "win32":
        return "Several processes need fork, which Windows has not: use --processes 1."
    return ""


def _is_certificate(certificate: str, key: str) -> bool:
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: "")
    except (OSError, ValueError):
        return False
    return True


def _has_upstream(upstream: str, config: str | None) -> bool:
    """Whether any shop is named; a shop may also come later, from the admin page or a changed file with sites."""
    if upstream:
        return True
    from capi_middleware.settings import load

    settings = load(config).settings
    return bool(settings.proxy.upstream or settings.sites)


def _say(text: str, code: int) -> int:
    print(f"capi-middleware proxy: {text}", file=sys.stderr)
    return code
