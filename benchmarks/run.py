"""``make bench``: runs every benchmark of this folder and writes ``docs/benchmarks.md``.

Figures are ratios within one run, or processor time; the machine and the versions of the peers stand beside them. Exits
with 1 where a benchmark missed its gate twice.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ("newrelic", "beautifulsoup4", "lxml", "extruct", "posthog", "segment-analytics-python", "facebook-business",
         "werkzeug", "gunicorn", "waitress", "granian")  # fmt: skip
FIRST = ("imports", "middleware", "page", "infer", "rules", "visit", "collect", "delivery", "proxy", "admin", "ticks")


def main() -> int:
    every = {path.stem for path in HERE.glob("*.py")} - {"run"}
    chosen = sys.argv[1:] or [*(name for name in FIRST if name in every), *sorted(every - set(FIRST))]
    parts, missed = [_head()], []
    for name in chosen:
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        done = _run(name)
        again = ""
        if done.returncode:  # machines are noisy: a slow minute is no slow program
            print(done.stdout, flush=True)
            done, again = _run(name), " at the second try"
        print(done.stdout, flush=True)
        if done.returncode:
            missed.append(name)
        verdict = "all gates kept" if not done.returncode else "**a gate was missed**"
        took = f"{time.monotonic() - begun:.0f} s"
        parts.append(f"## {name}\n\n```\n{done.stdout.rstrip()}\n```\n\n{verdict}{again}, {took}\n")
    if not sys.argv[1:]:
        (ROOT / "docs" / "benchmarks.md").write_text("\n".join(parts), encoding="utf-8")
    for name in missed:
        print(f"MISSED a gate: {name}")
    return 1 if missed else 0


def _run(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(HERE / f"{name}.py")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _head() -> str:
    return (
        "# Benchmarks\n\nWritten by `make bench`. Each figure is a ratio to the bare loop or to a peer in the same run,"
        " or processor time: absolute times of one machine mean little on another.\n\n"
        f"- {datetime.date.today().isoformat()}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}, {platform.system()}\n"
        f"- peers: {', '.join(_versions())}\n"
    )


def _versions() -> list[str]:
    found = []
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
