# Tvåsteg: everything by one command each. `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
MINISTACK_VENV := .venv-ministack

.DEFAULT_GOAL := help
.PHONY: help install run test check unit bench docs clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## Make the virtual environment and install everything pinned

run: install ## Serve the product on http://127.0.0.1:8000 (PORT=... for another), Ctrl-C stops it
	@exec $(BIN)/python -m chalicelib.local --port $(PORT)

test: check $(MINISTACK_VENV)/.installed ## Everything: checks, unit, contract, races, browser
	@chromium="$$(.ci/chromium)" && TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: install ## Format, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: install ## Only the quick tests: no browser, no servers
	@$(BIN)/python -m pytest $(addprefix --ignore=tests/,browser faults local race static)

bench: install $(MINISTACK_VENV)/.installed ## Measure calls, CPU and time, write docs/performance.md
	@$(BIN)/python -m tests.bench

docs: install ## Write docs/requirements.md anew: which tests prove which requirement
	@$(BIN)/python -m tests.docs.requirements_table

clean: ## Remove environments, caches and generated files
	@.ci/clean

$(VENV)/.installed: requirements.txt requirements-dev.txt
	@.ci/venv $(PYTHON) $(VENV) requirements-dev.txt

$(MINISTACK_VENV)/.installed: .ci/requirements-ministack.txt
	@.ci/venv $(PYTHON) $(MINISTACK_VENV) .ci/requirements-ministack.txt
