"""Meta pixel and Conversions API for any storefront: each event once from the browser, once from the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .middleware import CapiMiddleware
    from .tracking import track

__all__ = ["CapiMiddleware", "__version__", "track"]


def __getattr__(name: str) -> Any:
    """Imports on first use: ``capi-middleware check`` need not load what only a web process needs."""
    if name == "CapiMiddleware":
        from .middleware import CapiMiddleware

        return CapiMiddleware
    if name == "track":
        from .tracking import track

        return track
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
