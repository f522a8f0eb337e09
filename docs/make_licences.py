"""Writes ``docs/licences.md`` from what is installed: ``python docs/make_licences.py``. A test keeps it current."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).with_name("licences.md")
SETUP = Path(__file__).parent.parent / "setup.cfg"
EXTRAS = ("postgresql", "fast", "proxy")
"""Of the extras, those for a running shop; the others are for whoever works on the project."""
WHERE = {"python_version": "3.11", "python_full_version": "3.11.0", "sys_platform": "linux", "platform_system": "Linux",
         "platform_python_implementation": "CPython", "implementation_name": "cpython", "os_name": "posix",
         "platform_machine": "x86_64", "extra": ""}  # fmt: skip
"""Where the list is made for, whatever makes it."""

NOTICE_ONLY = {
    "MIT",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD",
    "Apache-2.0",
    "PSF-2.0",
    "ZPL-2.1",
    "ISC",
    "0BSD",
    "Unlicense",
}
PER_FILE = {"MPL-2.0"}
LIBRARY = {"LGPL-3.0-only", "LGPL-3.0-or-later", "LGPL-2.1-or-later"}
_NAMES = {
    "MIT License": "MIT", "The MIT License (MIT)": "MIT", "Apache Software License": "Apache-2.0",
    "BSD License": "BSD", "Zope Public License": "ZPL-2.1", "ZPL 2.1": "ZPL-2.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}  # fmt: skip
_HEAD = """\
# Licences

capi_middleware is MIT-licensed and contains no code of others. What it needs at run time is installed from its own
packages, unchanged; these are their licences, as the packages themselves state them.

Three kinds are among them:

- **MIT, BSD, Apache-2.0, PSF, ZPL**: keep the notice when you pass the package on. Nothing else.
- **MPL-2.0** (certifi, publicsuffixlist, a part of orjson): copyleft of the single file. Whoever passes on *changed*
  files of such a package shows those files. Using it asks for nothing, and it does not reach the code that uses it.
- **LGPL-3.0** (psycopg, only with the extra `postgresql`): copyleft of the library. A program may import it under any
  licence, as long as whoever gets the program can replace the library, which `pip` lets them. Whoever builds one closed
  binary of everything, or changes psycopg, has to read that licence. Without the extra nothing of it is installed.

None is GPL or AGPL: `tests/docs/test_licences.py` fails where one comes in, or a package that does not say.

Made by `python docs/make_licences.py` for Python 3.11 on Linux.
"""


class Package(NamedTuple):
    """``brought_by``: "" for what setup.cfg names itself."""

    name: str
    licence: str
    brought_by: str


def groups() -> dict[str, list[Package]]:
    """By extra, "" first: what it brings, direct ones first; each package once, where it first comes in."""
    config = configparser.ConfigParser()
    config.read(SETUP, encoding="utf-8")
    seen: set[str] = set()
    found = {"": list(_closure(config["options"]["install_requires"], seen))}
    for extra in EXTRAS:
        found[extra] = list(_closure(config["options.extras_require"][extra], seen))
    return found


def _closure(text: str, seen: set[str]) -> Iterator[Package]:
    waiting = [(requirement, "") for requirement in _applying(text.strip().splitlines(), "")]
    for requirement, brought_by in waiting:
        name = canonicalize_name(requirement.name)
        if name in seen:
            continue
        seen.add(name)
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            yield Package(name, "not installed here", brought_by)
            continue
        yield Package(name, licence(installed), brought_by)
        for extra in ("", *requirement.extras):
            waiting += [(inner, name) for inner in _applying(installed.requires or (), extra)]


def _applying(lines: list[str] | tuple[str, ...], extra: str) -> Iterator[Requirement]:
    for line in lines:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({**WHERE, "extra": extra}):
            yield requirement


def licence(installed: Distribution) -> str:
    """What the package says: its SPDX expression, else its classifier, else its field, else its file's first line."""
    metadata = installed.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    for text in (*metadata.get_all("Classifier", []), f"License :: {metadata.get('License') or ''}"):
        name = text.rpartition(" :: ")[2].strip()
        if text.startswith("License :: ") and name and len(name) < 60:
            return _NAMES.get(name, name)
    for path in installed.files or ():
        if "licen" in path.name.lower():
            return _NAMES.get(path.read_text(encoding="utf-8").strip().splitlines()[0].strip(), "unknown")
    return "unknown"


def parts(text: str) -> set[str]:
    """The licences of an SPDX expression. Whoever may choose (``OR``) is taken to choose the first."""
    clauses = [clause.strip("() ").split(" OR ")[0] for clause in text.split(" AND ")]
    return {clause.strip("() ") for clause in clauses}


def page() -> str:
    lines = [_HEAD]
    for extra, packages in groups().items():
        lines.append(f"\n## With the extra `{extra}`\n" if extra else "\n## Always\n")
        lines.append("| package | licence | brought by |\n|---|---|---|")
        lines += [f"| {one.name} | {one.licence} | {one.brought_by or 'capi_middleware'} |" for one in packages]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
