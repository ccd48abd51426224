# Tvåsteg: everything by one command each. `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
MINISTACK_VENV := .venv-ministack
LAMBDA_VENV := .venv-lambda
# What else the tests and measurements run against, each in an environment of its own.
RUNTIMES := $(MINISTACK_VENV)/.installed $(LAMBDA_VENV)/.installed

require_stage = @test -n "$(STAGE)" || { \
	echo "Say which stage: make $@ STAGE=dev, or make $@ STAGE=prod." >&2; exit 2; }

.DEFAULT_GOAL := help
.PHONY: help install run test check unit bench package docs clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## Make the virtual environment and install everything pinned

run: install ## Serve the product on http://127.0.0.1:8000 (PORT=... for another), Ctrl-C stops it
	@exec $(BIN)/python -m chalicelib.local --port $(PORT)

test: check $(RUNTIMES) ## Everything: checks, unit, contract, races, browser
	@chromium="$$(.ci/chromium)" && TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

check: install ## Format, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: install ## Only the quick tests: no browser, no servers
	@$(BIN)/python -m pytest $(addprefix --ignore=tests/,browser deployment faults local race static)

bench: install $(RUNTIMES) ## Measure calls, CPU and time, write docs/performance.md
	@$(BIN)/python -m tests.bench

package: install ## Write the zip and the template of STAGE=dev or prod into out/ (ARCHITECTURE=x86_64 for another)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment package --stage "$(STAGE)" $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)")

docs: install ## Write docs/requirements.md anew: which tests prove which requirement
	@$(BIN)/python -m tests.docs.requirements_table

clean: ## Remove environments, caches and generated files
	@.ci/clean

$(VENV)/.installed: requirements.txt requirements-dev.txt
	@.ci/venv $(PYTHON) $(VENV) requirements-dev.txt

$(MINISTACK_VENV)/.installed: .ci/requirements-ministack.txt
	@.ci/venv $(PYTHON) $(MINISTACK_VENV) .ci/requirements-ministack.txt

$(LAMBDA_VENV)/.installed: .ci/requirements-lambda.txt
	@.ci/venv $(PYTHON) $(LAMBDA_VENV) .ci/requirements-lambda.txt
