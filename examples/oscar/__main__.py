"""The real django-oscar, wrapped: ``python examples/oscar``. Listens on $PORT (default 8000)."""

from __future__ import annotations

import os

from shop.fill import fill
from shop.wsgi import application
from waitress import create_server

if __name__ == "__main__":
    fill()
    server = create_server(application, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")), threads=8)
    print(f"Shop  http://127.0.0.1:{server.effective_port}/", flush=True)
    try:
        server.run()
    finally:
        application.close()
