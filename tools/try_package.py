"""Builds sdist and wheel, and installs each in an empty environment where no compiler can be found: ``make package``.

    python tools/try_package.py [PYTHON …]      # other Pythons to try it with, beside the one that runs this

Prints what was installed and how long it took; exits with 1 where anything fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="capi-package-") as name:
        folder = Path(name)
        environ = uncompiled(folder)
        _run([sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(ROOT)], dict(os.environ))
        for python in (sys.executable, *sys.argv[1:]):
            for package in sorted((folder / "dist").iterdir()):
                start = time.monotonic()
                told = installed(python, package, folder, environ)
                print(f"{package.name}, {told}, installed in {time.monotonic() - start:.0f} s", flush=True)
    return 0


def uncompiled(folder: Path) -> dict[str, str]:
    """An environment without compilers: a PATH with nothing on it, and CC that fails for those who look elsewhere."""
    (folder / "bin").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CAPI_", "PYTHON"))}
    return {**kept, "PATH": str(folder / "bin"), "CC": "/bin/false", "CXX": "/bin/false", "CARGO": "/bin/false"}


def installed(python: str, package: Path, folder: Path, environ: dict[str, str]) -> str:
    """Install it as a stranger would, and use it once. Returns which Python that was; exits where anything fails."""
    home = Path(tempfile.mkdtemp(dir=folder, prefix="venv-"))
    _run([python, "-m", "venv", str(home)], environ)
    bin = home / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(bin / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", str(package)], environ)
    _run([*pip, "check"], environ)
    for words in (["--version"], ["init", "--output", str(home / "capi.toml")], ["check", str(home / "capi.toml")]):
        _run([str(bin / "capi-middleware"), *words], {**environ, "CAPI_STATE_DIR": str(home / "state")})
    return _run([str(bin / "python"), "--version"], environ).strip()


def _run(command: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(command, env=environ, cwd=tempfile.gettempdir(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"failed: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
