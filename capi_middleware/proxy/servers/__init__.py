"""The servers to choose from: each module has ``run(options) -> int`` and evens out its server's own quirks.

What all of them leave to us stands in :mod:`capi_middleware.proxy.door`.
"""

from __future__ import annotations

import importlib

from capi_middleware.proxy.delivery_process import DeliveryProcess
from capi_middleware.proxy.options import Options


def run(options: Options) -> int:
    """Serve until told to stop; returns the exit code. Raises ``LookupError`` where the server is not installed."""
    name = options.chosen_server
    try:
        importlib.import_module(name)
    except ImportError:
        raise LookupError(f'{name} is not installed: pip install "capi-middleware[proxy]"') from None
    module = importlib.import_module(f"{__name__}.{name}_server")
    with DeliveryProcess(options):
        code: int = module.run(options)
    return code
