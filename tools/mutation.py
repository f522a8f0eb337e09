"""Tries mutants: mutmut writes them, the tests run in children of this process (``tools/mutants.py`` is the command).

The tests are collected once. Each mutant has a child of its own, forked where they have been collected and none has
run, so that it sees nothing of what another one, or the unchanged code, has left in a cache. In it run the tests that
reach the changed function, until one fails.
"""

from __future__ import annotations

import difflib
import gc
import hashlib
import importlib.machinery
import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "capi_middleware"
FOUND = ROOT / "mutants"
SURVIVED, UNTESTED, ENDLESS, CRASHED = "survived", "untested", "endless", "crashed"
UNFINISHED = 3
_WALL = 120  # seconds of a mutant that waits for ever
_CPU = 1.0  # seconds of the processor beyond ten times what a test takes; a mutant that takes more computes for ever
_MEMORY = 1 << 29  # bytes that a mutant may take beyond what the process has


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant: lines of code before and after, without indentation."""

    module: str
    name: str
    was: str
    becomes: str


@dataclass(slots=True)
class Mutated:
    """One module with all its mutants in it, as mutmut writes it, and what is known of each."""

    path: Path
    code: str
    lines: list[str]
    spans: dict[str, tuple[int, int]]  # lines of each function in ``code``
    names: list[str]
    fates: dict[str, str] = field(default_factory=dict)  # by the mutant's text: a test that fails, or one of the above
    tree: str = ""  # what the code and tests were when the survivors survived

    @property
    def module(self) -> str:
        """Such as ``page/judge.py``."""
        return self.path.relative_to(ROOT / PACKAGE).as_posix()

    @property
    def dotted(self) -> str:
        """Such as ``capi_middleware.page.judge``."""
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)

    @property
    def notes(self) -> Path:
        return FOUND / f"{self.module}.json"

    def text(self, name: str) -> list[str]:
        """A function's lines, under the same name whichever mutant it is."""
        first, last = self.spans[name]
        return [line.replace(name, "f") for line in self.lines[first - 1 : last]]

    def key(self, name: str) -> str:
        """What a mutant is known by: its text, since numbers shift."""
        function = name.partition("__mutmut_")[0]
        return function + " " + hashlib.sha256("\n".join(self.text(name)).encode()).hexdigest()[:16]

    def change(self, name: str) -> Change:
        """What a mutant changes."""
        original = name.partition("__mutmut_")[0] + "__mutmut_orig"
        lines = list(difflib.unified_diff(self.text(original), self.text(name), n=0, lineterm=""))[2:]
        was, becomes = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        return Change(self.module, name, was, becomes)

    def fate(self, name: str) -> str | None:
        """What became of a mutant; None: not tried."""
        return self.fates.get(self.key(name))

    def settle(self, tree: str) -> list[str]:
        """The mutants that have to be tried, the code and tests being ``tree``."""
        if self.tree != tree:
            self.fates = {key: fate for key, fate in self.fates.items() if fate not in (SURVIVED, UNTESTED)}
            self.tree = tree
        return [name for name in self.names if self.fate(name) is None]

    def save(self) -> None:
        """Only what still exists is kept."""
        keys = {self.key(name) for name in self.names}
        kept = {key: fate for key, fate in self.fates.items() if key in keys}
        self.notes.parent.mkdir(parents=True, exist_ok=True)
        self.notes.write_text(json.dumps({"tree": self.tree, "fates": kept}, indent=1))


def mutated(path: Path) -> Mutated:
    """A module, its mutants and what the last runs found."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    made = mutate_file_contents(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    spans = {name: (span.start, span.end) for name, span in made.line_span_by_function_name.items()}
    module = Mutated(path, made.code, made.code.split("\n"), spans, list(made.mutant_names))
    if module.notes.exists():
        notes = json.loads(module.notes.read_text())
        module.fates, module.tree = notes["fates"], notes["tree"]
    return module


def modules(configured: dict[str, Any], names: list[str]) -> list[Mutated]:
    """Those of the configuration that ``names`` choose; all without names. Raises ``ValueError`` for an unknown one."""
    paths = sorted({path for glob in configured["only_mutate"] for path in ROOT.glob(glob)})
    wanted = [name.replace(".", "/") for name in names]
    chosen = {name: [path for path in paths if f"{path}".startswith(f"{ROOT / PACKAGE / name}")] for name in wanted}
    for name, found in chosen.items():
        if not found:
            raise ValueError(f"{name}: no module of [tool.mutmut] only_mutate")
    return [mutated(path) for path in paths if not names or any(path in found for found in chosen.values())]


def tree(configured: dict[str, Any]) -> str:
    """A digest of the code and the tests."""
    digest = hashlib.sha256()
    tests = [ROOT / name for name in configured["pytest_add_cli_args_test_selection"]]
    files = [*(ROOT / PACKAGE).rglob("*.py"), *(ROOT / "tests").rglob("conftest.py")]
    for path in sorted(
        {*files, *(path for test in tests for path in (test.rglob("*.py") if test.is_dir() else [test]))}
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with its mutants instead of what its file holds."""

    def __init__(self, module: Mutated) -> None:
        super().__init__(module.dotted, str(module.path))
        self._module = module

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._module.code, str(self._module.path), "exec", dont_inherit=True)


class _Finder:
    """Puts the mutated modules in the place of their files."""

    def __init__(self, chosen: Iterable[Mutated]) -> None:
        self._chosen = {module.dotted: module for module in chosen}

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        module = self._chosen.get(name)
        if module is None:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, [str(module.path.parent)])
        places = [str(module.path.parent)] if module.path.name == "__init__.py" else None
        spec = importlib.machinery.ModuleSpec(
            name, _Loader(module), origin=found.origin if found else str(module.path), is_package=places is not None
        )
        spec.submodule_search_locations = places
        spec.has_location = True
        return spec


def in_a_child(work: Callable[[], Any]) -> Any:
    """What ``work`` returns in a forked process (JSON); where the process dies, ``ENDLESS`` or ``CRASHED``."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(reading)
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            said = json.dumps(work()).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(said)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(pid, 0)[1]
    if said:
        return json.loads(said)
    return ENDLESS if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM) else CRASHED


@dataclass(slots=True)
class Session:
    """Pytest's plugin: tries mutants where pytest would run the tests."""

    chosen: list[Mutated]
    tree: str
    expected: Callable[[Change], bool]  # whether a mutant is known to survive
    seconds_left: float  # to try mutants in, once it is known which tests reach them
    items: dict[str, Any] = field(default_factory=dict)
    reaching: dict[str, list[str]] = field(default_factory=dict)  # by function: tests, the quickest first
    seconds: dict[str, float] = field(default_factory=dict)  # by test, of the processor
    until: float = 0.0  # time.monotonic()
    done: bool = False

    def pytest_runtestloop(self, session: Any) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        gc.collect()
        gc.freeze()
        self._reach()
        self.until = time.monotonic() + self.seconds_left
        self.done = all(self._tried(module) for module in self.chosen)
        return True

    def _run(self, names: list[str]) -> str:
        """The first of these tests that fails; '' where none does."""
        from _pytest.runner import runtestprotocol

        for name, following in zip(names, [*names[1:], None], strict=True):
            item = self.items[name]
            item._initrequest()
            signal.setitimer(signal.ITIMER_PROF, _CPU + 10 * self.seconds[name] if name in self.seconds else 0)
            try:
                reports = runtestprotocol(item, log=False, nextitem=self.items[following] if following else None)
            except BaseException:
                return name
            if any(report.failed for report in reports):
                return name
        return ""

    def _reach(self) -> None:
        """Which tests reach which functions: each runs once, the code unchanged, in a process of its own, where no
        cache answers for a function."""
        names = " ".join(module.module for module in self.chosen)
        notes = FOUND / f"reach-{hashlib.sha256(names.encode()).hexdigest()[:8]}.json"
        known = json.loads(notes.read_text()) if notes.exists() else {}
        if known.get("tree") != self.tree:
            known = {"tests": {name: self._alone(name) for name in self.items}}
            self.seconds = {name: found["seconds"] for name, found in known["tests"].items() if found["passed"]}
            control = self._fate("no such mutant", [*self.seconds])
            if control != SURVIVED:
                raise RuntimeError(f"fails after others with the code unchanged: {control}")
            known["tree"] = self.tree
            notes.parent.mkdir(exist_ok=True)
            notes.write_text(json.dumps(known))
        for name, found in sorted(known["tests"].items(), key=lambda each: each[1]["seconds"]):
            if not found["passed"]:
                print(f"left out, fails with the code unchanged: {name}")
                continue
            self.seconds[name] = found["seconds"]
            for function in found["reached"]:
                self.reaching.setdefault(function, []).append(name)
        print(f"{len(self.items)} tests, {sum(self.seconds.values()):.1f} s")

    def _alone(self, name: str) -> dict[str, Any]:
        found = in_a_child(lambda: self._reached(name))
        return found if isinstance(found, dict) else {"passed": False, "seconds": 0.0, "reached": []}

    def _reached(self, name: str) -> dict[str, Any]:
        from mutmut.mutation import trampoline

        reached: set[str] = set()
        trampoline.record_trampoline_hit = lambda name, caller=None: reached.add(name)  # type: ignore[assignment]
        trampoline.set_mutant_under_test("stats")
        began = time.process_time()
        failed = self._run([name])
        return {"passed": not failed, "seconds": time.process_time() - began, "reached": sorted(reached)}

    def _tried(self, module: Mutated) -> bool:
        """Whether all mutants of this module have been tried."""
        names = module.settle(self.tree)
        expected = {name for name in names if self.expected(module.change(name))}
        names.sort(key=expected.__contains__)  # what is expected to survive takes longest and says least
        killers: list[str] = []  # of the last mutants of the same function: often the next one's too
        mirror = f"tests/{module.path.parent.name}/test_{module.path.stem}.py::"
        function = ""
        began, count = time.monotonic(), Counter[str]()
        for name in names:
            if time.monotonic() > self.until:
                break
            if function != (function := f"{module.dotted}.{name.partition('__mutmut_')[0]}"):
                killers = []
            tests = sorted(self.reaching.get(function, []), key=lambda test: not test.startswith(mirror))
            first = [test for test in killers if test in tests]
            fate = self._fate(f"{module.dotted}.{name}", [*first, *(test for test in tests if test not in first)])
            module.fates[module.key(name)] = fate
            if fate in self.items:
                killers = [fate, *(test for test in killers if test != fate)][:20]
            count["killed" if fate in self.items else fate] += 1
        module.save()
        if names:
            said = ", ".join(f"{number} {fate}" for fate, number in count.items())
            print(f"{module.module}: {said}; {len(names) - count.total()} to go, {time.monotonic() - began:.0f} s")
        return count.total() == len(names)

    def _fate(self, mutant: str, tests: list[str]) -> str:
        from mutmut.mutation.trampoline import set_mutant_under_test

        def work() -> str:
            for sign in (signal.SIGALRM, signal.SIGPROF):
                signal.signal(sign, signal.SIG_DFL)
            signal.alarm(_WALL)
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + _MEMORY,) * 2)
            set_mutant_under_test(mutant)
            return self._run(tests) or SURVIVED

        return cast(str, in_a_child(work)) if tests else UNTESTED


def run(configured: dict[str, Any], chosen: list[Mutated], expected: Callable[[Change], bool], seconds: float) -> int:
    """Try the mutants that are not settled yet. 0: all of them are; UNFINISHED: the time was up; else pytest's code."""
    import pytest

    digest = tree(configured)
    if not any(module.settle(digest) for module in chosen):
        return 0
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.meta_path.insert(0, cast(Any, _Finder(chosen)))
    session = Session(chosen, digest, expected, seconds)
    arguments = [*configured["pytest_add_cli_args"], "-qq", "-s", "--assert=plain", "--tb=no", "-o", "timeout=0"]
    code = pytest.main([*arguments, *configured["pytest_add_cli_args_test_selection"]], plugins=[session])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(code)
    return 0 if session.done else UNFINISHED
