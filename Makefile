# Tvåsteg: everything by one command each. `make` alone lists them.

PYTHON ?= python3
PORT ?= 8000
PORTAL_PORT ?= 8001

VENV := .venv
BIN := $(VENV)/bin
MINISTACK_VENV := .venv-ministack
LAMBDA_VENV := .venv-lambda
# What else the tests and measurements run against, each in an environment of its own.
RUNTIMES := $(MINISTACK_VENV)/.installed $(LAMBDA_VENV)/.installed

require_stage = @test -n "$(STAGE)" || { \
	echo "Say which stage: make $@ STAGE=dev, or make $@ STAGE=prod." >&2; exit 2; }

# An option of the command, if it was said on make's own line, even as an empty one.
option = $(if $(filter command,$(origin $(1))),--$(2) "$($(1))")

.DEFAULT_GOAL := help
.PHONY: help install run run-portal test check unit bench package deploy destroy rotate rotate-signing-key \
	tenant suspend resume erase user docs clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## Make the virtual environment and install everything pinned

run: install ## Serve the product on http://127.0.0.1:8000 (PORT=... for another), Ctrl-C stops it
	@exec $(BIN)/python -m chalicelib.local --port $(PORT) $(call option,PROFILE,profile)

run-portal: install ## Serve the product and the example portal, on http://127.0.0.1:8001 (PORTAL_PORT=...)
	@exec $(BIN)/python -m chalicelib.local --port $(PORT) --portal-port $(PORTAL_PORT)

test: check $(RUNTIMES) ## Everything: checks, unit, contract, races, browser
	@chromium="$$(.ci/chromium)" && TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest --numprocesses 3 --dist loadfile

check: install ## Format, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: install ## Only the quick tests: no browser, no servers
	@$(BIN)/python -m pytest $(addprefix --ignore=tests/,browser deployment faults local portal race rehearsal static)

bench: install $(RUNTIMES) ## Measure calls, speed, growth, cold start and costs, write docs/performance.md
	@$(BIN)/python -m tests.bench

package: install ## Write the zip and the template of STAGE=dev or prod into out/ (ARCHITECTURE=x86_64 for another)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment package --stage "$(STAGE)" $(if $(ARCHITECTURE),--architecture "$(ARCHITECTURE)")

deploy: install ## Bring STAGE=dev or prod in your AWS account up to date with this working tree
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment deploy --stage "$(STAGE)" \
		$(call option,DOMAIN,domain) $(call option,MORE_DOMAINS,more-domains) \
		$(call option,HOSTED_ZONE_ID,hosted-zone-id) \
		$(call option,CERTIFICATE_ARN,certificate-arn) $(call option,ALARM_MAIL,alarm-mail) \
		$(call option,DEFAULT_TENANT,default-tenant) $(call option,WEB_ACL_ARN,web-acl-arn) \
		$(call option,ARCHITECTURE,architecture)

destroy: install ## Remove the service of STAGE=..., keep its tables and keys (YES=... asks nothing)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment destroy --stage "$(STAGE)" $(call option,YES,yes)

rotate: install ## Exchange the secret between CloudFront and the API of STAGE=...
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment rotate --stage "$(STAGE)"

rotate-signing-key: install ## Make the next key that signs for portals in STAGE=...; it signs a day later
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment rotate-signing-key --stage "$(STAGE)"

tenant: install ## Apply the profile PROFILE=file.json in STAGE=..., or show that of TENANT=... (VERSION=...)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment tenant --stage "$(STAGE)" \
		$(call option,PROFILE,profile) $(call option,TENANT,tenant) $(call option,VERSION,version)

suspend: install ## Let nobody of TENANT=... in STAGE=... in, until it is resumed
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment suspend --stage "$(STAGE)" --tenant "$(TENANT)"

resume: install ## Let the users of TENANT=... in STAGE=... in again
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment resume --stage "$(STAGE)" --tenant "$(TENANT)"

erase: install ## Remove TENANT=... from STAGE=... for good, with its users (YES=... asks nothing)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment erase --stage "$(STAGE)" --tenant "$(TENANT)" $(call option,YES,yes)

user: install ## Add a user: STAGE=... TENANT=... USERNAME=... (PORTAL_USER=...), the password is asked for
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment user --stage "$(STAGE)" --tenant "$(TENANT)" \
		--username "$(USERNAME)" $(call option,LANGUAGE,language) $(call option,PORTAL_USER,portal-user)

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
