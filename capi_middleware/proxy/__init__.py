"""The reverse proxy: the shop in any language as a WSGI app, wrapped by the unchanged middleware, well served."""

from __future__ import annotations

from .failure import Failure, GatewayError, Truncated
from .origin import Origin, parse_origin
from .upstream import Upstream

__all__ = ["Failure", "GatewayError", "Origin", "Truncated", "Upstream", "parse_origin"]
