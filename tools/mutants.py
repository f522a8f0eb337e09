"""Mutation testing: changes the code a little, and asks whether a test notices (``make mutants``; mutmut, one process).

    python tools/mutants.py                     # all modules of [tool.mutmut] in pyproject.toml: hours on one core
    python tools/mutants.py events page.judge   # some of them: minutes
    python tools/mutants.py --table [MODULES]   # what the last runs found, without running

A run goes on where the last one stopped: what was killed stays killed until its function changes. 1 where a mutant
survives that no test kills and ``tests/mutants.toml`` does not explain.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "mutants" / "capi_middleware"
COLUMNS = ("mutants", "killed", "survived", "explained", "untested", "not run")
_SURVIVED, _UNTESTED, _NOT_RUN = 0, (5, 33), (None, 2)  # exit codes that mutmut notes; others are kills
_UNSETTLED = (_SURVIVED, *_UNTESTED, *_NOT_RUN)
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant: lines of code before and after, without indentation."""

    module: str
    name: str
    was: str
    becomes: str


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


def change_of(module: str, name: str, path: Path) -> Change:
    """What a mutant changes, as mutmut shows it."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    was, becomes = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return Change(module, name, was, becomes)


def results(modules: list[str]) -> Iterator[tuple[str, dict[str, int | None]]]:
    """What was found so far: module, mutants and the exit codes that mutmut noted."""
    for meta in sorted(RESULTS.rglob("*.meta")):
        module = meta.relative_to(RESULTS).as_posix().removesuffix(".meta")
        if not modules or any(f"/{module}".startswith(f"/{name.replace('.', '/')}") for name in modules):
            yield module, json.loads(meta.read_text())["exit_code_by_key"]


def run(modules: list[str]) -> int:
    """Try the mutants of these modules that are not settled yet; mutmut's exit code."""
    names = [f"capi_middleware.{name}*" for name in modules]
    for _ in range(2):  # what is new since the last run is known after the first round
        found = [codes for _, codes in results(modules)]
        if modules and found:
            names = [name for codes in found for name, code in codes.items() if code in _UNSETTLED]
            if not names:
                break
        done = subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names], cwd=ROOT)
        if done.returncode or not modules:
            return done.returncode
    return 0


def table(modules: list[str], known: list[Explanation]) -> tuple[dict[str, Counter[str]], list[Change]]:
    """Figures by module, and the survivors that nobody explains."""
    figures: dict[str, Counter[str]] = {}
    unexplained = []
    for module, codes in results(modules):
        count = figures[module] = Counter({"mutants": len(codes)})
        for name, code in codes.items():
            if code in _NOT_RUN:
                count["not run"] += 1
            elif code == _SURVIVED or code in _UNTESTED:
                change = change_of(module, name, Path("capi_middleware") / module)
                row = next((row for row in known if row.covers(change)), None)
                if row is not None:
                    row.used = True
                    count["explained"] += 1
                else:
                    count["survived" if code == _SURVIVED else "untested"] += 1
                    unexplained.append(change)
            else:
                count["killed"] += 1
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
    options = parser.parse_args()
    if not options.table:
        code = run(options.modules)
        if code:
            return code
    known = explanations(ROOT / "tests" / "mutants.toml")
    figures, unexplained = table(options.modules, known)
    for change in unexplained:
        print(f"\n{change.name}\n  - {change.was}\n  + {change.becomes}")
    _print(figures)
    complete = not options.modules and not any(count["not run"] for count in figures.values())
    for row in known if complete else ():
        if not row.used:
            print(f"tests/mutants.toml: no such survivor any more: {row.module}: {row.was}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
