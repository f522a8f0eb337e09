"""What an import costs a process that starts: milliseconds of processor time in a fresh interpreter, the best of seven,
and as a ratio to ``import werkzeug`` and ``import requests`` in the same run.

Gate: ``import capi_middleware`` within 80 ms, with a quarter's slack.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

TARGET_MS = 80.0
SLACK = 1.25
ROUNDS = 7
CODE = """
import sys, time
begin = time.process_time()
{}
print((time.process_time() - begin) * 1000, len(sys.modules))
"""
WRAP = "from capi_middleware import CapiMiddleware; CapiMiddleware(lambda environ, start_response: [])"
ROWS = (
    ("import werkzeug", "import werkzeug"),
    ("import requests", "import requests"),
    ("import capi_middleware", "import capi_middleware"),
    ("from capi_middleware import CapiMiddleware", "from capi_middleware import CapiMiddleware"),
    ("… and a shop wrapped, ready for its first visitor", WRAP),
)


def measured(code: str, environ: dict[str, str]) -> tuple[float, int]:
    """Milliseconds, and how many modules are loaded then."""
    found = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", CODE.format(code)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        spent, modules = done.stdout.split()
        found.append((float(spent), int(modules)))
    return min(found)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environ.update(
            PYTHONPYCACHEPREFIX=os.path.join(folder, "compiled"),
            CAPI_STATE_DIR=os.path.join(folder, "state"),
            CAPI_PIXEL_ID="1234567890",
            CAPI_ACCESS_TOKEN="EAAexample",
            CAPI_GRAPH_URL="http://127.0.0.1:9",
        )
        spent = {name: measured(code, environ) for name, code in ROWS}
    werkzeug, requests = spent["import werkzeug"][0], spent["import requests"][0]
    for name, (ms, modules) in spent.items():
        ratios = f"{ms / werkzeug:6.2f} of werkzeug {ms / requests:6.2f} of requests"
        print(f"{name:<50} {ms:7.1f} ms {modules:5} modules {ratios}")
    own = spent["import capi_middleware"][0]
    good = own <= TARGET_MS * SLACK
    print(f"target: import capi_middleware within {TARGET_MS:.0f} ms: {'met' if good else 'MISSED'} ({own:.1f} ms)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
