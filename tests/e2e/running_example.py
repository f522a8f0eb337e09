"""An example of ``examples/``, run as its reader would run it: one command, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .conftest import SHOP_HOST

ROOT = Path(__file__).parent.parent.parent


class RunningExample:
    """``with RunningExample("flask_shop.py", settings) as shop: shop.url``. Raises ``AssertionError`` with what the
    process printed where it does not come up."""

    def __init__(self, name: str, settings: Mapping[str, str], timeout: float = 240.0) -> None:
        self._name = name
        self._settings = settings
        self._timeout = timeout
        self._lines: list[str] = []
        self._ready = threading.Event()
        self.url = ""

    def __enter__(self) -> RunningExample:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CAPI_")}
        environment |= {"PORT": "0", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **self._settings}
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "examples" / self._name)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(self._timeout) or not self.url:
            self.__exit__()
            raise AssertionError(f"{self._name} did not start:\n{self.output}")
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.append(line)
            if line.startswith("Shop  "):
                port = urlsplit(line.split()[1]).port
                self.url = f"http://{SHOP_HOST}:{port}"
                self._ready.set()
        self._ready.set()
