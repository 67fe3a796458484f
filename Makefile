# Everything on a fresh machine: Python 3.11 or later with venv, and make.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help demo test lint types imports unit bench soak nightly docs lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(STAMP) ## the whole job on an embedded Microsoft 365
	@$(BIN)/sync-agent demo

test: $(STAMP) lint types imports unit ## lint, types, import contracts, tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/python -m pytest

bench: $(STAMP) ## measure: see docs/performance.md
	$(BIN)/python -m bench

soak: $(STAMP) ## half an hour with every twentieth answer failing: does anything grow?
	$(BIN)/python -m bench soak

nightly: $(STAMP) ## thousands of sequences of failures, edits and restarts: an hour or two
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/chaos -k any_failure

docs: $(STAMP) ## write the pages that are made from the code
	$(BIN)/python docs/upn_rules.py
	$(BIN)/python docs/troubleshooting.py

# The lock holds exact versions of everything in the development set-up; made anew by `make lock`.
$(STAMP): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sync-agent needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	@echo "Installing into .venv (a minute or two, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --editable .
	@touch $@

lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	.venv-lock/bin/python -m pip freeze --disable-pip-version-check --exclude sync-agent > requirements-dev.lock
	rm -rf .venv-lock

clean: ## remove what make made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
