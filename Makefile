# The project's tasks. `make` without a target lists them.

# The settings, from make's command line or the environment. Values are literal: make expands nothing in them, and recipes
# read them from the environment ("$$EMAIL"), so the shell expands nothing either. One exception: make strips leading
# whitespace from values on its command line. Set such a value in the environment.
# EMAIL has a default for make token only, and Windows Subsystem for Linux sets NAME to that of the computer.
override EMAIL_FOR_ADMIN := $(if $(filter-out undefined,$(origin EMAIL)),$$EMAIL)
override NAME_FOR_ADMIN  := $(if $(filter command,$(origin NAME)),$$NAME)
override SETTINGS := PORT EMBEDDED_AWS_PORT DOCS_PORT STATE_DIR EMAIL NAME PASSWORD NEW_PASSWORD STAGE DATA ACCEPT PYTHON CHROMIUM
override defined   = $(foreach name,$(1),$(if $(filter-out undefined,$(origin $(name))),$(name)))
$(foreach name,$(call defined,$(SETTINGS)),$(eval override $(name) := $$(value $(name))))

PORT              ?= 8000
EMBEDDED_AWS_PORT ?= 4566
DOCS_PORT         ?= 8080
STATE_DIR         ?= .local
EMAIL             ?= admin@example.com
STAGE             ?= dev

# Each target gets only the settings that it needs, so the passwords reach no other target. MAKEOVERRIDES is cleared
# because make would otherwise pass all variables from its command line to every program, in MAKEFLAGS.
override MAKEOVERRIDES :=
unexport $(call defined,$(SETTINGS))
override pass = $(foreach name,$(call defined,$(2)),$(eval $(1): export $(name) := $$($(name))))
$(call pass,run,PORT EMBEDDED_AWS_PORT DOCS_PORT STATE_DIR)
$(call pass,token,STATE_DIR EMAIL PASSWORD NEW_PASSWORD)
$(call pass,mail stop clean,STATE_DIR)
$(call pass,deploy destroy outputs backend,STAGE STATE_DIR EMBEDDED_AWS_PORT)
$(call pass,admin,STAGE STATE_DIR EMBEDDED_AWS_PORT EMAIL NAME)
$(call pass,test,CHROMIUM)
$(call pass,.venv .venv-embedded clean,PYTHON)

override BIN      := .venv/bin
override EMBEDDED := $(BIN)/python -m embedded --state="$$STATE_DIR"
override COMPUTED := docs/architecture.md docs/costs.md docs/media.md docs/performance.md docs/reliability.md docs/security.md
override COG      := $(BIN)/cog -I . -P -U --verbosity=0 --check-fail-msg="run make figures to update them"

ifeq ($(STAGE),local)
override VENVS := .venv .venv-embedded
override VENV  :=
override INFRA := $(EMBEDDED) infra --aws-port="$$EMBEDDED_AWS_PORT"
else
override VENVS := .venv
override VENV  := .venv
override INFRA := $(BIN)/python -m infra
endif

# On a machine that is busy with other things, Roster can exceed its time limits, and responds with 503. A test that fails
# because of a 503 or a time limit is repeated later, and listed. Any other failure counts at once.
override REPEATED := --reruns 2 --reruns-delay 10 --only-rerun '\b503\b' --only-rerun Timeout -raR

override WITH_DATA :=
ifeq ($(DATA),yes)
override WITH_DATA := --with-data
endif

override ACCEPT_RISKS :=
ifeq ($(ACCEPT),yes)
override ACCEPT_RISKS := --accept-risks
endif

# For targets that need a running Roster: if nothing is installed, they fail with this message and install nothing.
override NOT_INSTALLED := Roster is not installed in this folder. Start it with make run first.
override REQUIRE_VENV  := test -x $(BIN)/python || { echo "$(NOT_INSTALLED)" >&2; exit 1; }

.DEFAULT_GOAL := help
.PHONY: help run token mail stop deploy destroy outputs backend admin test clients browser fuzz bench even load soak figures pictures lint format openapi constraints clean

help: ## list the targets
	@echo "Roster: the targets of make"
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16
	@echo "Variables, with their defaults: PORT=8000 EMBEDDED_AWS_PORT=4566 DOCS_PORT=8080 STATE_DIR=.local STAGE=dev"
	@echo "Quote values for your shell, as in STATE_DIR='my state'. make itself takes them literally."

run: .venv .venv-embedded ## run Roster on an embedded AWS until Ctrl-C
	@exec $(EMBEDDED) run --port="$$PORT" --aws-port="$$EMBEDDED_AWS_PORT" --docs-port="$$DOCS_PORT"

token: ## print an ID token (EMAIL=… PASSWORD=…, and NEW_PASSWORD=… at the first sign-in)
	@$(REQUIRE_VENV)
	@$(EMBEDDED) token --email="$$EMAIL"

mail: ## print the e-mails that would have been sent, the newest last
	@$(REQUIRE_VENV)
	@$(EMBEDDED) mail

stop: ## stop what make run or make deploy STAGE=local has started
	@$(REQUIRE_VENV)
	@$(EMBEDDED) stop

deploy: $(VENVS) ## deploy to AWS, or with STAGE=local to the embedded AWS (STAGE=dev|prod|local)
	@$(INFRA) deploy --stage="$$STAGE" $(ACCEPT_RISKS)

destroy: $(VENVS) ## delete the API of STAGE=…; with DATA=yes, also its tables and user pool
	@$(INFRA) destroy --stage="$$STAGE" $(WITH_DATA)

outputs: $(VENV) ## print the outputs of the API stack of STAGE=…
	@$(REQUIRE_VENV)
	@$(INFRA) outputs --stage="$$STAGE"

backend: $(VENVS) ## deploy the backend of STAGE=… and record its outputs for chalice deploy
	@$(INFRA) backend --stage="$$STAGE" $(ACCEPT_RISKS)

admin: $(VENV) ## make EMAIL=… an administrator of STAGE=…; without an account, that person is invited (NAME=…)
	@$(REQUIRE_VENV)
	@$(INFRA) admin --stage="$$STAGE" --email="$(EMAIL_FOR_ADMIN)" --name="$(NAME_FOR_ADMIN)"

test: lint .venv-embedded ## lint, then run the tests
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(REPEATED)

browser: .venv/test .venv-embedded ## run every test of the console in Chromium, in 5 minutes: make test runs the journeys
	@$(BIN)/python -m tests.browser.chromium
	@$(BIN)/python -m pytest tests/browser -m "detail or not detail" --numprocesses 2 --dist worksteal

clients: .venv/test .venv-embedded ## generate a Python and a TypeScript client from /openapi.json, and walk a tour with each
	@$(BIN)/python -m clients

fuzz: .venv/test .venv-embedded ## check thousands of generated requests against /openapi.json and against a model
	@FUZZ_EXAMPLES=500 $(BIN)/python -m pytest tests/fuzz -s

bench: .venv/test .venv-embedded ## measure cold starts, warm calls and growth, compared with other implementations
	@$(BIN)/python -m bench

even: .venv/bench .venv-embedded ## measure whether response times reveal who has an account, in 20 minutes
	@$(BIN)/python -m bench.even

load: .venv/bench .venv-embedded ## simulate many users, two minutes each on make run and STAGE=local: no write may be lost
	@$(BIN)/python -m bench.load

soak: .venv/test .venv-embedded ## 100,000 requests to one process: memory must stay flat. 1,000 uploads: each is ready once
	@$(BIN)/python -m bench.soak
	@$(BIN)/python -m bench.uploads

figures: .venv/bench ## update the tables and charts in docs/: routes, costs, results of make bench, even, load and soak
	@cp $(wildcard .bench/*.json) bench/recorded/ 2>/dev/null || true
	@$(COG) -r $(COMPUTED)
	@$(BIN)/python -m bench.charts

pictures: .venv/test .venv-embedded ## take the pictures of the console in docs/images
	@PICTURES=docs/images $(BIN)/python -m pytest tests/browser/test_console_access.py -q

lint: .venv/test ## run ruff, mypy, import-linter and cfn-lint, and check that computed tables are up to date
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/cfn-lint infra/backend.yaml
	@$(COG) --check $(COMPUTED)

format: .venv/test ## format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

openapi: .venv ## generate the API's description, chalicelib/openapi.json, from the code
	@$(BIN)/python -m openapi

constraints: .venv/bench ## pin the installed versions in constraints.txt, and what is deployed in requirements.txt
	@$(BIN)/python -m pip --disable-pip-version-check freeze > constraints.txt
	@$(BIN)/python -m infra.pins

clean: ## remove everything installed and stored, STATE_DIR included, unless Roster is running with it
	@sh embedded/python.sh -B -m embedded.clean

.venv: requirements.txt requirements-dev.txt constraints.txt embedded/install.py
	@sh embedded/python.sh embedded/install.py $@ requirements-dev.txt
	@touch $@

.venv-embedded: embedded/requirements.txt embedded/install.py
	@sh embedded/python.sh embedded/install.py $@ embedded/requirements.txt
	@touch $@ # its timestamp tells make when it was created

.venv/test: .venv requirements-test.txt
	@$(BIN)/python embedded/install.py --add .venv requirements-test.txt
	@touch $@

.venv/bench: .venv/test bench/requirements.txt
	@$(BIN)/python embedded/install.py --add .venv bench/requirements.txt
	@touch $@ && touch $< $@ # a new file makes .venv newer than .venv/test
