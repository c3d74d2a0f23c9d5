# What people and the continuous integration call alike. `make` by itself tells what there is.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test older check chaos mutations contract bench bench-long migrations clean

help: ## Tell what can be made
	@echo "make … (ARGS=… is passed on, PYTHON=… chooses the Python for $(VENV))"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

run: $(VENV)/.installed ## Start Rowcall with a demonstration: API, worker, and a PostgreSQL of its own
	@$(BIN)/rowcall serve --demo $(ARGS)

test: $(VENV)/.installed-dev ## Run all tests, against a throwaway PostgreSQL or ROWCALL_TEST_DATABASE_URL
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

older: $(VENV)/.installed-dev ## Run tests against another PostgreSQL; ARGS='/usr/lib/postgresql/15/bin tests/store'
	@$(BIN)/python -m tests.older $(ARGS)

check: $(VENV)/.installed-dev ## Check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy -p rowcall -p bench -p tests
	@$(BIN)/lint-imports --no-logo

chaos: $(VENV)/.installed-dev ## Inject faults at random, then account for every occurrence; ARGS='--minutes 10 --seed 7'
	@$(BIN)/python -m tests.chaos $(ARGS)

mutations: $(VENV)/.installed-dev ## Break one promise at a time, and see the test that is named for it fail
	@$(BIN)/python -m tests.mutations $(ARGS)

contract: $(VENV)/.installed-dev ## Try every operation of the API with 200 examples, with keys and without; ARGS='--examples 50'
	@$(BIN)/python -m tests.contract $(ARGS)

bench: $(VENV)/.installed-dev ## Measure, on this machine, in less than twenty minutes; ARGS=--quick in less than three
	@$(BIN)/python -m bench $(ARGS)

bench-long: $(VENV)/.installed-dev ## Measure what takes ten minutes each
	@$(BIN)/python -m bench --long $(ARGS)

migrations: $(VENV)/.installed-dev ## Bring the newest migration up to schema.sql, after a change of that
	@$(BIN)/python -m tests.upgrade

clean: ## Remove what was built or installed here; data folders stay
	@rm -rf $(VENV) build dist rowcall.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Both are quick when nothing changed: the stamps are younger than pyproject.toml.
$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	@echo "installing Rowcall into $(VENV) …"
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(BIN)/pip
	@echo "installing Rowcall and what its tests need into $(VENV) …"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.installed

# pip comes last into a new environment, so that one that was interrupted is made again.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Rowcall needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
	         "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
