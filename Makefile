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

# What the commands about people share; PORT is that of `make run`, for STAGE=local.
about_people = --stage "$(STAGE)" --tenant "$(TENANT)" --port $(PORT) $(if $(filter command,$(origin JSON)),--json)

.DEFAULT_GOAL := help
.PHONY: help install run run-portal test soak contact-sheet check unit bench package deploy destroy rotate rotate-signing-key \
	tenant suspend resume erase user staff import-users import-secrets export-users export-user erase-user \
	verify-events docs clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' Makefile

install: $(VENV)/.installed ## Make the virtual environment and install everything pinned

run: install ## Serve the product on http://127.0.0.1:8000 (PORT=... for another), Ctrl-C stops it
	@exec $(BIN)/python -m chalicelib.local --port $(PORT) $(call option,PROFILE,profile)

run-portal: install ## Serve the product and the example portal, on http://127.0.0.1:8001 (PORTAL_PORT=...)
	@exec $(BIN)/python -m chalicelib.local --port $(PORT) --portal-port $(PORTAL_PORT)

test: check $(RUNTIMES) ## Everything: checks, unit, contract, races, browser
	@chromium="$$(.ci/chromium)" && TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest -m "not soak" --numprocesses 3 --dist loadfile --no-loadscope-reorder

soak: install $(RUNTIMES) ## What `make test` looks at once, in every combination; takes its time
	@chromium="$$(.ci/chromium)" && TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest -m soak --numprocesses 3 --dist loadfile --no-loadscope-reorder

contact-sheet: install ## Picture every state of every page in every language, into out/contact-sheet/
	@rm -rf out/contact-sheet
	@chromium="$$(.ci/chromium)" && TVASTEG_PICTURES=out/contact-sheet TVASTEG_CHROMIUM="$$chromium" $(BIN)/python -m pytest \
		-k test_every_state_is_sound_in_every_window --numprocesses 3 tests/static
	@$(BIN)/python -m tests.static.contact_sheet out/contact-sheet

check: install ## Format, lint, types, import directions
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: install ## Only the quick tests: no browser, no servers
	@$(BIN)/python -m pytest -m "not soak" $(addprefix --ignore=tests/,browser deployment faults local portal race rehearsal static)

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
		$(call option,MAIL_FROM,mail-from) \
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

staff: install ## Add USERNAME=... to the help desk of TENANT=... in STAGE=... (ADDRESSES=, REMOVE=1), or list it
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment staff $(about_people) \
		$(call option,USERNAME,username) $(call option,LANGUAGE,language) \
		$(call option,ADDRESSES,addresses) $(call option,REMOVE,remove)

import-users: install ## Add the users of FILE=users.csv to TENANT=... in STAGE=... (DRY_RUN=1, JSON=1)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment import-users $(about_people) \
		--file "$(FILE)" $(call option,DRY_RUN,dry-run)

import-secrets: install ## Bind the authenticators of FILE=... for TENANT=... in STAGE=... (DRY_RUN=1, JSON=1)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment import-secrets $(about_people) \
		--file "$(FILE)" $(call option,DRY_RUN,dry-run)

export-users: install ## Write the users of TENANT=... in STAGE=... (OUT=users.csv, FORMAT=jsonl)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment export-users $(about_people) \
		$(call option,OUT,out) $(call option,FORMAT,format)

export-user: install ## Write all that is kept of USER=... (or PORTAL_USER=...) of TENANT=... in STAGE=... (OUT=)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment export-user $(about_people) $(call option,OUT,out) \
		$(call option,USER,username) $(call option,PORTAL_USER,portal-user) $(call option,ROLE,role)

erase-user: install ## Remove USER=... (or PORTAL_USER=...) of TENANT=... in STAGE=... for good (YES=..., USER_ID=...)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment erase-user $(about_people) $(call option,YES,yes) \
		$(call option,USER_ID,user-id) \
		$(call option,USER,username) $(call option,PORTAL_USER,portal-user) $(call option,ROLE,role)

verify-events: install ## Prove that no event of STAGE=... was changed or removed (FROM=, TO= days, JSON=1)
	$(require_stage)
	@$(BIN)/python -m chalicelib.deployment verify-events --stage "$(STAGE)" \
		$(call option,FROM,from) $(call option,TO,to) $(call option,PUBLIC_KEY,public-key) \
		$(if $(JSON),--json)

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
