# The chores. `make` alone lists them.

# What you can set, on make's command line or in the environment. The values are text: make expands nothing in them, and
# recipes read them from the environment ("$$EMAIL"), so the shell expands nothing either. One exception: make drops blanks
# and newlines at the start of a value that is given on its command line. Give such a value in the environment.
override SETTINGS := PORT EMBEDDED_AWS_PORT DOCS_PORT STATE_DIR EMAIL PASSWORD NEW_PASSWORD STAGE DATA PYTHON CHROMIUM
override defined   = $(foreach name,$(1),$(if $(filter-out undefined,$(origin $(name))),$(name)))
$(foreach name,$(call defined,$(SETTINGS)),$(eval override $(name) := $$(value $(name))))

PORT              ?= 8000
EMBEDDED_AWS_PORT ?= 4566
DOCS_PORT         ?= 8080
STATE_DIR         ?= .local
EMAIL             ?= admin@example.com
STAGE             ?= dev

# Each target gets only the settings that it needs, and no other target gets the passwords. MAKEOVERRIDES is cleared
# because make would put everything from its command line into MAKEFLAGS, which every program gets.
override MAKEOVERRIDES :=
unexport $(call defined,$(SETTINGS))
override pass = $(foreach name,$(call defined,$(2)),$(eval $(1): export $(name) := $$($(name))))
$(call pass,run,PORT EMBEDDED_AWS_PORT DOCS_PORT STATE_DIR)
$(call pass,token,STATE_DIR EMAIL PASSWORD NEW_PASSWORD)
$(call pass,stop clean,STATE_DIR)
$(call pass,deploy destroy outputs backend,STAGE STATE_DIR EMBEDDED_AWS_PORT)
$(call pass,test,CHROMIUM)
$(call pass,.venv .venv-embedded clean,PYTHON)

override BIN      := .venv/bin
override EMBEDDED := $(BIN)/python -m embedded --state="$$STATE_DIR"
override COMPUTED := docs/costs.md docs/performance.md docs/reliability.md
override COG      := $(BIN)/cog -I . -P -U --verbosity=0 --check-fail-msg="make figures writes them anew"

ifeq ($(STAGE),local)
override VENVS := .venv .venv-embedded
override VENV  :=
override INFRA := $(EMBEDDED) infra --aws-port="$$EMBEDDED_AWS_PORT"
else
override VENVS := .venv
override VENV  := .venv
override INFRA := $(BIN)/python -m infra
endif

override WITH_DATA :=
ifeq ($(DATA),yes)
override WITH_DATA := --with-data
endif

# For targets that are of use only while something runs: they say so if nothing is installed, and install nothing.
override NOT_INSTALLED := Roster is not installed in this folder: start it with make run first.
override REQUIRE_VENV  := test -x $(BIN)/python || { echo "$(NOT_INSTALLED)" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help run token stop deploy destroy outputs backend test fuzz bench load soak figures lint format openapi constraints clean

help: ## list what there is to make
	@echo "Roster: what there is to make"
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16
	@echo "Variables, with their defaults: PORT=8000 EMBEDDED_AWS_PORT=4566 DOCS_PORT=8080 STATE_DIR=.local STAGE=dev"
	@echo "Quote values for your shell, as in STATE_DIR='my state'. make itself takes them literally."

run: .venv .venv-embedded ## run Roster on an embedded AWS until Ctrl-C
	@exec $(EMBEDDED) run --port="$$PORT" --aws-port="$$EMBEDDED_AWS_PORT" --docs-port="$$DOCS_PORT"

token: ## print an ID token (EMAIL=… PASSWORD=… and, at a first sign-in, NEW_PASSWORD=…)
	@$(REQUIRE_VENV)
	@$(EMBEDDED) token --email="$$EMAIL"

stop: ## end what make run or make deploy STAGE=local has started
	@$(REQUIRE_VENV)
	@$(EMBEDDED) stop

deploy: $(VENVS) ## deploy on AWS, or with STAGE=local on the embedded one (STAGE=dev|prod|local)
	@$(INFRA) deploy --stage="$$STAGE"

destroy: $(VENVS) ## delete the API of STAGE=…, with DATA=yes tables and user pool too
	@$(INFRA) destroy --stage="$$STAGE" $(WITH_DATA)

outputs: $(VENV) ## print the outputs of the API stack of STAGE=…
	@$(REQUIRE_VENV)
	@$(INFRA) outputs --stage="$$STAGE"

backend: $(VENVS) ## deploy the backend of STAGE=… and record it for chalice deploy
	@$(INFRA) backend --stage="$$STAGE"

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

clean: ## remove what was installed and stored, STATE_DIR included, unless something runs with it
	@sh embedded/python.sh -B -m embedded.clean

.venv: requirements.txt requirements-dev.txt constraints.txt embedded/install.py
	@sh embedded/python.sh embedded/install.py $@ requirements-dev.txt
	@touch $@

.venv-embedded: embedded/requirements.txt embedded/install.py
	@sh embedded/python.sh embedded/install.py $@ embedded/requirements.txt
	@touch $@ # its time stamp says when it was made

.venv/bench: .venv bench/requirements.txt
	@echo "Installing bench/requirements.txt into .venv …" >&2
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --requirement bench/requirements.txt
	@touch $@
