"""EverShop, a shop in TypeScript on PostgreSQL that knows nothing of us: installed from npm once, then kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO

import psycopg

from tests.delivery.postgres import Postgres

HERE = Path(__file__).parent / "evershop"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "capi_middleware"
CUP = "/accessories/ceramic-coffee-cup-white"
SHIPPING = """
WITH zone AS (INSERT INTO shipping_zone (name) VALUES ('Sweden') RETURNING shipping_zone_id AS id),
    method AS (INSERT INTO core_shipping_method (name) VALUES ('Parcel') RETURNING core_shipping_method_id AS id),
    country AS (INSERT INTO shipping_zone_country (zone_id, country) SELECT id, 'SE' FROM zone),
    provider AS (INSERT INTO shipping_zone_provider (zone_id, provider_code) SELECT id, 'core' FROM zone)
INSERT INTO core_shipping_method_rate (method_id, zone_id, cost) SELECT method.id, zone.id, 5 FROM method, zone
"""


def installed() -> Path:
    """The folder of the built shop. The first time it costs a minute or two: 850 packages and two webpack builds."""
    parts = [(HERE / name).read_bytes() for name in ("package.json", "package-lock.json")]
    folder = CACHE / f"evershop-{hashlib.sha256(b''.join(parts)).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "evershop.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json", "offline.cjs"):
                shutil.copy(HERE / name, folder)
            (folder / "config").mkdir()
            run(folder, ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"], {})
            run(folder, ["node", command(folder), "build"], {"NODE_ENV": "production"})
            (folder / "built").touch()
    return folder


def command(folder: Path) -> str:
    return str(folder / "node_modules" / "@evershop" / "evershop" / "dist" / "bin" / "evershop.js")


def run(folder: Path, words: list[str], environ: dict[str, str], output: IO[bytes] | None = None) -> None:
    """Raises ``RuntimeError`` with the end of what it said."""
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout[-2000:].decode(errors='replace')}")


class EverShop:
    """A running shop with its demo products. ``url``: its own address, which it takes for its public one too."""

    def __init__(self) -> None:
        folder = installed()
        self._database = Postgres()
        self._database.start()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._environ = {
            "NODE_ENV": "production",
            "NODE_OPTIONS": f"--require {folder / 'offline.cjs'}",
            "NODE_APP_INSTANCE": "",
            "SUPPRESS_NO_CONFIG_WARNING": "1",
            "PORT": str(self.port),
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self._database.port),
            "DB_NAME": "postgres",
            "DB_USER": "capi",
            "DB_PASSWORD": "none",
            "DB_SSLMODE": "disable",
            "NODE_CONFIG": '{"system": {"cod": {"status": 1}}}',  # cash on delivery
        }
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            ["node", command(folder), "start"],
            cwd=folder,
            env={**os.environ, **self._environ},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait("/")
            self._wait_for_events()
            run(folder, ["node", command(folder), "seed", "--categories", "--products"], self._environ)
            self._ship()
            self._wait(CUP)  # a process of its own gives products their addresses
        except BaseException:
            self.close()
            raise

    def _wait(self, path: str) -> None:
        end = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=10):
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self._log.seek(0)
                    raise RuntimeError(f"EverShop has no {path}: {self._log.read()[-3000:]!r}") from None
                time.sleep(0.2)

    def _wait_for_events(self) -> None:
        """The process that handles events takes those for failed which come while it starts."""
        end = time.monotonic() + 90
        with psycopg.connect(self._database.url, autocommit=True) as db:
            while not db.execute("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN new_event%'").fetchone():
                if time.monotonic() > end:
                    raise RuntimeError("EverShop's event process did not start")
                time.sleep(0.2)
        time.sleep(1)

    def _ship(self) -> None:
        """Parcels to Sweden for 5.00, as the shop's owner would set it up in its admin."""
        with psycopg.connect(self._database.url) as db:
            db.execute(SHIPPING)

    def close(self) -> None:
        """The shop with its helpers, then its database."""
        try:
            os.killpg(self._process.pid, 9)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._log.close()
        self._database.close()
