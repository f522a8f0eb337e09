"""The shop as a WSGI app, wrapped in one line."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from capi_middleware import CapiMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

application = CapiMiddleware(get_wsgi_application())
