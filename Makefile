# The first target, so that `make` alone tells what there is.
help:
	@echo "make run         set everything up and serve on http://$(HOST):$(PORT)"
	@echo "make test        set everything up, check it, and run the tests (.ci/run: these, then the long ones)"
	@echo "make test-fast   the tests of the core and the pages, over SQLite"
	@echo "make test-long   more examples of each property, Firefox, browsers over PostgreSQL, long crash tests"
	@echo "make test-all    make test and make test-long"
	@echo "make check       format, lint, types, known vulnerabilities"
	@echo "make format      format the code, and mend what the linter can"
	@echo "make words       bring translations/ to the sentences in the code; new ones wait for their translation"
	@echo "make screenshots take the pictures in the README and the handbooks anew"
	@echo "make benchmark   measure everything, which takes hours, and write benchmarks/README.md"
	@echo "make requirements  pin what the .in files ask for (UPGRADE=--upgrade for newer releases)"

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT

# Node brings its own list of authorities: this one knows a school's own, too, as pip and git do.
export NODE_EXTRA_CA_CERTS ?= $(wildcard /etc/ssl/certs/ca-certificates.crt)

VENV := .venv
RUN := $(VENV)/bin/python -m
INSTALL := $(RUN) pip install --quiet --disable-pip-version-check --require-hashes
COMPILE := $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# $(call need,test,package): where the test fails, install the Debian package, or say in one line which one is missing.
define need
@{ $(1); } >/dev/null 2>&1 || { \
	if [ "$$(id -u)" = 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else false; fi && \
	echo "Installing $(2)" && $$as_root apt-get update -qq && \
	$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(2) >/dev/null; \
} || { echo "The Debian package $(2) is missing and can't be installed from here: apt-get install $(2)" >&2; exit 1; }
endef

.PHONY: help run format test test-fast test-long test-all check words requirements programs screenshots benchmark

run: $(VENV)/.runtime
	@$(RUN) flask db upgrade
	@$(RUN) flask setup-link
	@exec $(RUN) gunicorn

TEST := $(RUN) pytest -n 2 --dist worksteal --durations=10

test: programs check
	@$(TEST) -m "not long"

test-fast: $(VENV)/.dev
	@$(TEST) -m "not long" -k "not postgresql" tests/merge tests/web

test-long: programs $(VENV)/.dev
	@TEST_TIMES=4 $(TEST) -m "long or hypothesis"

test-all: test test-long

format: $(VENV)/.dev
	@$(RUN) ruff format --quiet
	@$(RUN) ruff check --fix --quiet

check: $(VENV)/.dev node_modules/.installed
	@$(RUN) ruff format --check --quiet
	@$(RUN) ruff check --quiet
	@$(RUN) mypy
	@$(VENV)/bin/oxlint --quiet --deny-warnings -D correctness -D suspicious -D perf --ignore-pattern static/vendor static
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH node node_modules/typescript/bin/tsc -p jsconfig.json
	@$(RUN) tests.advisories

screenshots: programs $(VENV)/.dev
	@$(RUN) docs.screenshots

benchmark: programs $(VENV)/.dev
	@$(RUN) benchmarks.first_sheet
	@$(RUN) benchmarks.imports
	@$(RUN) benchmarks.identity
	@$(RUN) benchmarks.oracle
	@$(RUN) benchmarks.large
	@$(RUN) benchmarks.list
	@$(RUN) benchmarks.export
	@$(RUN) benchmarks.move
	@$(RUN) benchmarks.upgrade
	@$(RUN) benchmarks.dashboard
	@$(RUN) benchmarks.pages
	@$(RUN) benchmarks.as_of
	@$(RUN) benchmarks.load
	@$(RUN) benchmarks.processes
	@$(RUN) benchmarks.floods
	@$(RUN) benchmarks.erasure
	@$(RUN) benchmarks.sign_in
	@$(RUN) benchmarks.scale
	@$(RUN) benchmarks.figures

words: $(VENV)/.dev
	@$(VENV)/bin/pybabel -q extract -F babel.cfg -k later --no-location --sort-output -o translations/messages.pot .
	@$(VENV)/bin/pybabel -q update -i translations/messages.pot -d translations --no-fuzzy-matching --ignore-obsolete --no-wrap
	@sed -i -e '1{/^$$/d}' -e '/^"[A-Za-z-]*\(Id-Version\|Bugs-To\|Date\|Translator\|Team\|Generated-By\):/d' translations/*/LC_MESSAGES/messages.po
	@rm translations/messages.pot

requirements: $(VENV)/.dev
	@$(COMPILE) $(UPGRADE) requirements.in -o requirements.txt
	@$(COMPILE) $(UPGRADE) requirements-traces.in -o requirements-traces.txt
	@$(COMPILE) $(UPGRADE) requirements-dev.in -o requirements-dev.txt

# What the tests run that is no Python package: PostgreSQL's programs, which Debian keeps off the PATH, and two browsers.
programs:
	$(call need,ls /usr/lib/postgresql/*/bin/initdb || command -v initdb,postgresql)
	$(call need,command -v chromium-headless-shell || { ! apt-get --version && command -v google-chrome; },chromium-headless-shell)
	$(call need,command -v firefox-esr || command -v firefox,firefox-esr)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Rollbook needs Python 3.11 or newer." >&2; exit 1; }
	$(call need,$(PYTHON) -c 'import ensurepip',python3-venv)
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@$(INSTALL) -r requirements.txt -r requirements-dev.txt
	@touch $@

node_modules/.installed: package-lock.json $(VENV)/.dev
	@PATH=$(CURDIR)/$(VENV)/bin:$$PATH npm ci --silent --no-audit --no-fund
	@touch $@
