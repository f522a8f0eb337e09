# Two commands for a stranger: `make demo` and `make test`.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

.PHONY: demo test lint unit bench soak mutants docs package clean
demo: $(VENV)/.installed
	$(BIN)/python -m capi_middleware demo

# Two processes, each test file in one of them: a quarter of an hour is the most that a run may take on two cores.
# What fails gets one second chance, alone: browsers and killed processes share the machine with whatever else runs on it.
test: $(VENV)/.tested system
	$(MAKE) lint VENV=$(VENV)
	$(BIN)/python -m pytest -n 2 --dist loadfile || $(BIN)/python -m pytest --last-failed --last-failed-no-failures=none

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.tested
	$(BIN)/python -m pytest --ignore=tests/e2e --ignore=tests/faults

$(VENV)/.installed: setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.tested: setup.cfg $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,postgresql,fast,proxy]"
	touch $@

# Browsers, nginx and PostgreSQL come from the system's packages; missing ones are installed where we may.
.PHONY: system
system:
	sh tests/system.sh

# The fault tests for longer: two hundred kills at random moments, and each of the others ten times.
soak: $(VENV)/.tested system
	FAULT_ROUNDS=200 $(BIN)/python -m pytest tests/faults/test_kills.py::test_workers_killed_at_random_moments
	for round in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/python -m pytest -q tests/faults || exit 1; done

# The example's image, built and run: as root, with buildah and debootstrap from the system's packages.
.PHONY: container
container: $(VENV)/.tested
	CAPI_CONTAINER=1 $(BIN)/python -m pytest tests/proxy/test_container.py

# Each benchmark prints ratios within one run; a gate missed by more than a quarter fails. Writes docs/benchmarks.md.
bench: $(VENV)/.benched
	sh tests/system.sh wrk
	$(BIN)/python benchmarks/run.py

$(VENV)/.benched: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench,test,postgresql,fast,proxy]"
	touch $@

# Does a test notice when the code is changed a little? MODULES="events page.judge" for a part of it (docs/contributing.md).
mutants: $(VENV)/.mutants
	$(BIN)/python tools/mutants.py $(MODULES)

$(VENV)/.mutants: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[mutants,test,postgresql,fast,proxy]"
	touch $@

docs: $(VENV)/.tested
	$(BIN)/python docs/make_platforms.py
	$(BIN)/python docs/make_settings.py
	$(BIN)/python docs/make_licences.py
	$(BIN)/python -m mkdocs build --strict

# Wheel and sdist, each installed in an empty environment without a compiler. OTHERS="python3.12 python3.13": there too.
package: $(VENV)/.tested
	$(BIN)/python tools/try_package.py $(OTHERS)

clean:
	rm -rf $(VENV) mutants build dist *.egg-info
