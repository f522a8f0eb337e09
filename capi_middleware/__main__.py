"""``python -m capi_middleware`` is ``capi-middleware``."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
