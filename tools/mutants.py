"""Mutation testing: changes the code a little, and asks whether a test notices (``make mutants``).

    python tools/mutants.py                     # all modules of [tool.mutmut] in pyproject.toml
    python tools/mutants.py events page.judge   # some of them
    python tools/mutants.py --table [MODULES]   # what the last runs found, without running
    python tools/mutants.py --afresh            # forget what the last runs found
    python tools/mutants.py --seconds 60        # a part of it; ends with 3 where there is more to do

What was killed stays killed until its function changes; what survived is tried again when anything has changed.
1 where a mutant survives that ``tests/mutants.toml`` does not explain. How they are tried: ``tools/mutation.py``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mutation import FOUND, ROOT, SURVIVED, UNTESTED, Change, Mutated, modules, run

COLUMNS = ("mutants", "killed", "survived", "explained", "untested", "not run")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


@dataclass(slots=True)
class Explanation:
    """A row of ``tests/mutants.toml``. ``becomes`` empty: whatever the line becomes. ``words``: only where nothing but
    the text of string literals differs (what people read)."""

    module: str
    was: str
    why: str
    becomes: tuple[str, ...] = ()
    words: bool = False
    used: bool = False

    def covers(self, change: Change) -> bool:
        """Whether this is the mutant that it speaks of."""
        if self.module != change.module or self.was not in change.was:
            return False
        if self.words:
            return _without_words(change.was) == _without_words(change.becomes)
        return not self.becomes or any(text in change.becomes for text in self.becomes)


def _without_words(code: str) -> str:
    """``code`` with its sentences (strings of three words or more) left out."""
    return _STRING.sub(lambda found: "''" if found[0].count(" ") > 1 else found[0], code)


def explanations(path: Path) -> list[Explanation]:
    """The mutants that are known to change nothing that matters. Raises ``ValueError`` for a row without a reason."""
    found = []
    for row in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", ()):
        becomes = row.get("becomes", ())
        becomes = (becomes,) if isinstance(becomes, str) else tuple(becomes)
        if not row.get("why"):
            raise ValueError(f"{path}: a row for {row.get('module')} says no why")
        found.append(Explanation(row["module"], row["was"], row["why"], becomes, row.get("words", False)))
    return found


def table(chosen: list[Mutated], known: list[Explanation]) -> tuple[dict[str, Counter[str]], list[Change]]:
    """Figures by module, and the survivors that nobody explains."""
    figures: dict[str, Counter[str]] = {}
    unexplained = []
    for module in chosen:
        count = figures[module.module] = Counter({"mutants": len(module.names)})
        for name in module.names:
            fate = module.fate(name)
            if fate is None:
                count["not run"] += 1
            elif fate not in (SURVIVED, UNTESTED):
                count["killed"] += 1
            else:
                change = module.change(name)
                row = next((row for row in known if row.covers(change)), None)
                if row is not None:
                    row.used = True
                    count["explained"] += 1
                else:
                    count[fate] += 1
                    unexplained.append(change)
    return figures, unexplained


def _print(figures: dict[str, Counter[str]]) -> None:
    total: Counter[str] = Counter()
    print(f"\n{'module':28}" + "".join(f"{column:>11}" for column in COLUMNS))
    for module, count in figures.items():
        total += count
        if count["mutants"]:
            print(f"{module:28}" + "".join(f"{count[column]:>11}" for column in COLUMNS))
    print(f"{'all':28}" + "".join(f"{total[column]:>11}" for column in COLUMNS))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="such as events or delivery.verdict")
    parser.add_argument("--table", action="store_true", help="print what the last runs found")
    parser.add_argument("--afresh", action="store_true", help="forget what the last runs found")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop then; the next call goes on")
    options = parser.parse_args()
    cast(Any, sys.stdout).reconfigure(line_buffering=True)
    if options.afresh:
        shutil.rmtree(FOUND, ignore_errors=True)
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    chosen = modules(configured, options.modules)
    known = explanations(ROOT / "tests" / "mutants.toml")
    if not options.table:
        code = run(configured, chosen, lambda change: any(row.covers(change) for row in known), options.seconds)
        if code:
            return code
    figures, unexplained = table(chosen, known)
    for change in unexplained:
        print(f"\n{change.module} {change.name}\n  - {change.was}\n  + {change.becomes}")
    _print(figures)
    complete = not any(count["not run"] for count in figures.values())
    tried = {module.module for module in chosen}
    for row in known if complete else ():
        if not row.used and row.module in tried:
            print(f"tests/mutants.toml: no such survivor any more: {row.module}: {row.was}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
