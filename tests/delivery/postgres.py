"""A PostgreSQL server of our own, from the system's packages: started, killed and restarted at will."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg


def die_with_parent() -> None:
    """In a child, before its program: a test run that is killed leaves no server behind (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


class Postgres:
    """Listens on loopback; ``url`` is its address. PostgreSQL refuses to run as root: there it is user ``postgres``."""

    def __init__(self, fsync: bool = False) -> None:
        self._fsync = "on" if fsync else "off"
        folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        if not folders:
            raise RuntimeError("PostgreSQL is missing: sh tests/system.sh installs it")
        self._bin = Path(folders[-1])
        self._home = Path(tempfile.mkdtemp(prefix="capi-pg-"))
        self._become: Callable[[], None] = die_with_parent
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self._home, user.pw_uid, user.pw_gid)

            def become() -> None:
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
                die_with_parent()

            self._become = become
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"postgresql://capi@127.0.0.1:{self.port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", str(self._data), "-U", "capi", "-A", "trust", "-N", "-E", "UTF8")

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def programs(self) -> str:
        """The folder of ``psql`` and ``pg_dump``."""
        return str(self._bin)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(self._bin / program), *words],
            preexec_fn=self._become,
            check=True,
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )

    def start(self) -> None:
        words = [
            "-p",
            str(self.port),
            "-k",
            str(self._home),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"fsync={self._fsync}",
        ]
        with open(self._home / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *words],
                preexec_fn=self._become,
                cwd=self._home,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=1).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast shutdown. SIGQUIT: as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        self.stop(how)
        self.start()

    def close(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)
