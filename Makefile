# The chores. `make` alone lists them.

PORT              ?= 8000
EMBEDDED_AWS_PORT ?= 4566
DOCS_PORT         ?= 8080
STATE_DIR         ?= .local
EMAIL             ?= admin@example.com
STAGE             ?= dev

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN    := .venv/bin
COG    := $(BIN)/cog -I . -P -U --verbosity=0 --check-fail-msg="make figures writes them anew"
COMPUTED := docs/costs.md docs/performance.md docs/reliability.md

ifeq ($(STAGE),local)
EMBEDDED := .venv-embedded
INFRA    := $(BIN)/python -m embedded --state $(STATE_DIR) infra --aws-port $(EMBEDDED_AWS_PORT)
else
INFRA    := $(BIN)/python -m infra
endif

.DEFAULT_GOAL := help
.PHONY: help run token stop deploy destroy outputs backend test fuzz bench load soak figures lint format openapi constraints clean

help: ## list what there is to make
	@echo "Roster: what there is to make"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16
	@echo "Variables, with their defaults: PORT=8000 EMBEDDED_AWS_PORT=4566 DOCS_PORT=8080 STATE_DIR=.local STAGE=dev"

run: .venv .venv-embedded ## run Roster on an embedded AWS until Ctrl-C
	@exec $(BIN)/python -m embedded --state $(STATE_DIR) run \
		--port $(PORT) --aws-port $(EMBEDDED_AWS_PORT) --docs-port $(DOCS_PORT)

token: export PASSWORD := $(PASSWORD)
token: export NEW_PASSWORD := $(NEW_PASSWORD)
token: .venv ## print an ID token (EMAIL=… PASSWORD=… and, at a first sign-in, NEW_PASSWORD=…)
	@$(BIN)/python -m embedded --state $(STATE_DIR) token --email $(EMAIL)

stop: .venv ## end what make run or make deploy STAGE=local has started
	@$(BIN)/python -m embedded --state $(STATE_DIR) stop

deploy: .venv $(EMBEDDED) ## deploy on AWS, or with STAGE=local on the embedded one (STAGE=dev|prod|local)
	@$(INFRA) deploy --stage $(STAGE)

destroy: .venv $(EMBEDDED) ## delete the API of STAGE=…, with DATA=yes tables and user pool too
	@$(INFRA) destroy --stage $(STAGE) $(if $(filter yes,$(DATA)),--with-data)

outputs: .venv $(EMBEDDED) ## print what the API stack of STAGE=… says of itself
	@$(INFRA) outputs --stage $(STAGE)

backend: .venv $(EMBEDDED) ## deploy the backend of STAGE=… and record it for chalice deploy
	@$(INFRA) backend --stage $(STAGE)

test: lint .venv-embedded ## lint, then run every test
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

fuzz: .venv .venv-embedded ## try thousands of requests against what /openapi.json promises, and against a model
	@FUZZ_EXAMPLES=500 $(BIN)/python -m pytest tests/fuzz -s

bench: .venv .venv-embedded ## measure cold starts, warm calls and growth beside other ways to write it
	@$(BIN)/python -m bench

load: .venv/bench .venv-embedded ## two minutes of many users on make run, two on STAGE=local: nothing may get lost
	@$(BIN)/python -m bench.load

soak: .venv ## 100,000 requests through one process: memory and connections must stay flat
	@$(BIN)/python -m bench.soak

figures: .venv/bench ## put into docs/ what make bench, load and soak have measured, and what it costs
	@cp $(wildcard .bench/*.json) bench/recorded/ 2>/dev/null || true
	@$(COG) -r $(COMPUTED)
	@$(BIN)/python -m bench.charts

lint: .venv ## ruff, mypy, import-linter, cfn-lint, and whether computed tables are up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/cfn-lint infra/backend.yaml
	@$(COG) --check $(COMPUTED)

format: .venv ## put the code into its one format
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

openapi: .venv ## write the API's description, chalicelib/openapi.json, from the code
	@$(BIN)/python -m openapi

constraints: .venv/bench ## write down what is installed, so that everybody gets the same
	@$(BIN)/python -m pip --disable-pip-version-check freeze > constraints.txt

clean: ## remove what was installed and stored
	rm -rf .venv .venv-embedded .local .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv: requirements.txt requirements-dev.txt constraints.txt embedded/install.py
	@$(call install,requirements-dev.txt)

.venv-embedded: embedded/requirements.txt embedded/install.py
	@$(call install,embedded/requirements.txt)

.venv/bench: .venv bench/requirements.txt
	@echo "Installing bench/requirements.txt into .venv …" >&2
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --requirement bench/requirements.txt
	@touch $@

# Installs a list into the environment that the rule makes; its time stamp says when that was.
define install
	test -n "$(PYTHON)" || { echo "Roster needs Python 3.11, and there is no python3 here: install it first." >&2; exit 1; }; \
	"$(PYTHON)" embedded/install.py $@ $(1) && touch $@
endef
