# Two commands matter: `make run` and `make test`. Both work on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= nov17
QUICK := tests/logs tests/catalogue tests/settings tests/triage tests/live tests/widgets tests/test_boundaries.py \
    tests/test_sanitizer.py tests/test_lazy_json.py

# Hundreds of programs are started by the tests; each would compile the console anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv dev run test check matrix lint types imports tests mutants snapshots bench lock clean

help:
	@echo "make run     the console on the built-in stand-ins, replaying 17 November 2025 (SCENARIO=healthy for a quiet day)"
	@echo "make test    everything: lint, types, import contracts, tests on SQLite and on a private MariaDB"
	@echo "make check   the part of it that needs no server and no terminal, in a minute"
	@echo "make matrix  every size, seed and combination of which make test runs a sample"
	@echo "make mutants  whether the tests notice small slips in the code that judges (SEED=8, SAMPLE=66)"
	@echo "make bench   measure the console beside a minimal Textual application"

# One stamp per lock file: an unchanged lock costs nothing.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages (once)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q tui screens widgets diagnostics sandbox
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

venv: $(VENV)/.runtime

dev: $(VENV)/.dev

run: venv
	@$(BIN)/warroom --sandbox $(SCENARIO)

lint: dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/vulture --config tests/dead_code.toml

types: dev
	@$(BIN)/mypy

imports: dev
	@$(BIN)/lint-imports --no-cache

# More workers than cores: most tests wait for a program, a socket or a screen.
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

# Once for all workers, which would each rewrite the asserts of every file.
$(VENV)/.tests: $(wildcard tests/*.py tests/*/*.py) $(VENV)/.dev
	@$(BIN)/python -m pytest --collect-only -qq tests >/dev/null || true  # what is wrong is said by the tests
	@touch $@

tests: $(VENV)/.tests
	@sh tests/ensure-servers.sh
	@$(PYTEST) -m "not matrix" tests

# Every size, seed and combination of which `make test` runs a sample.
matrix: $(VENV)/.tests
	@sh tests/ensure-servers.sh
	@$(PYTEST) -m matrix tests

# What needs no server, no stand-in and no terminal.
check: lint types imports
	@$(BIN)/python -m pytest -q -n 2 -m "not matrix" $(QUICK)

# Sixty-six small mutations, each against the tests of its own subject, on a copy of the tree: some fifteen minutes.
SEED ?= 8
SAMPLE ?= 66

mutants: dev
	@$(BIN)/python tests/mutants.py --seed $(SEED) --sample $(SAMPLE)

snapshots: dev
	@$(BIN)/python -m pytest tests/snapshots --snapshot-update

# What needs one core each first, side by side.
test: dev
	@$(MAKE) --no-print-directory -j2 lint types imports $(VENV)/.tests
	@$(MAKE) --no-print-directory tests

bench: dev
	@$(BIN)/python -m benchmarks

lock:
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install -q uv
	@$(VENV)/lock/bin/uv pip compile pyproject.toml --extra build --generate-hashes --universal --python-version 3.11 \
	    --no-header --no-annotate -q -o requirements/runtime.txt
	@$(VENV)/lock/bin/uv pip compile pyproject.toml --extra build --extra dev -c requirements/runtime.txt --generate-hashes \
	    --universal --python-version 3.11 --no-header --no-annotate -q -o requirements/dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache
