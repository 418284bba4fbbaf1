# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := pyproject.toml supply/service.lock frontend/build_page.py $(shell find frontend/src frontend/index.html frontend/package-lock.json frontend/vite.config.ts -type f 2>/dev/null)

.PHONY: help install run test test-env test-hostile test-postgres chaos test-slow fuzz fuzz-smoke check format lock audit scoreboard operators support tour benchmark corpus clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): $(SOURCES)
	@echo "==> service: creating $(VENV) with $(PYTHON)"
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "==> service: installing packages and building the page (about a minute)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement supply/service.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@

install: $(STAMP) ## Set up the service, the page and the environment `base`
	@$(BIN)/modelport env build base

run: install ## Start the service at http://127.0.0.1:8000
	@$(BIN)/modelport serve

test: install ## Run every test that fits in CI
	@$(BIN)/pytest -m 'not slow and not hostile'

test-env: install ## Build an environment and run the tests that need it: ENV=oneflow, ENV=all
	@test -n "$(ENV)" || { echo "Which environment? make test-env ENV=NAME, or ENV=all; there are:"; $(BIN)/modelport env list; exit 2; }
	@$(BIN)/pytest -m 'not hostile' --env $(ENV)

test-hostile: install ## Post hostile uploads to a running service (about ten minutes)
	@$(BIN)/pytest -m hostile tests/hostile

test-postgres: install ## Run the service's tests on a PostgreSQL that they start
	@MODELPORT_TEST_DATABASE=postgres $(BIN)/pytest -m 'not slow and not hostile' tests/e2e tests/contract/test_jobs.py

chaos: install ## Kill servers and workers at random while 200 conversions run, on both databases
	@nice -n 10 $(BIN)/python -m tests.chaos.run $(CHAOS)

test-slow: install ## Run the long corpus runs too
	@$(BIN)/pytest -m 'not hostile'

fuzz: $(VENV)/.fuzz ## Fuzz each target for 5 minutes (an hour in all); keeps what covers more
	@nice -n 10 $(BIN)/python tests/fuzz/run.py --seconds 300 --keep $(TARGETS)

fuzz-smoke: $(VENV)/.fuzz ## Fuzz all targets for a minute together
	@$(BIN)/python tests/fuzz/run.py --smoke 60

$(VENV)/.fuzz: $(STAMP)
	@echo "==> service: installing the fuzzer"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

check: install ## Lint, types, import rules, the page's own checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python frontend/build_page.py check

format: install ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: install ## Lock all packages anew, by exact version and digest; see docs/supply.md
	@$(BIN)/python -m supply.lock $(LOCK)

audit: install ## Ask PyPI for known holes in what is locked
	@$(BIN)/python -m supply.audit

scoreboard: install ## Convert every corpus model to every target; writes docs/scoreboard.md
	@$(BIN)/python -m benchmarks.scoreboard $(SCOREBOARD)

operators: install ## Take onnx's own test models through the flow (hours); writes docs/operators.md
	@$(BIN)/python -m benchmarks.operators $(OPERATORS)

support: install ## Write docs/support.md from what the benches have left
	@$(BIN)/python -m benchmarks.support

tour: install ## Take a small model along every pair that no bench has visited, then write docs/support.md
	@$(BIN)/python -m benchmarks.tour
	@$(BIN)/python -m benchmarks.support

benchmark: install ## Compare with the bare tools; writes docs/performance.md
	@$(BIN)/python -m benchmarks.performance

clean: ## Remove what `make install` made in this folder
	rm -rf $(VENV) frontend/node_modules frontend/modelport_frontend/dist
