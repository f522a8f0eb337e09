"""Meta pixel and Conversions API for any storefront."""

from __future__ import annotations

from .version import __version__

__all__ = ["__version__"]
