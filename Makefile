# Everything a person does here. Each target installs what it needs; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install test unit check check-types check-lint check-pages docs release format lock audit sbom servers
# What is built from here, each by a pyproject.toml of its own; one lock file serves both.
PROJECTS := ./netra_backend
# A part of a target, e.g. `make unit T=tests/unit/netra_backend`.
T ?=
# Parts of their own: a `.mk` file adds targets, and with MORE_... lines to those below.
include $(wildcard *.mk)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 24

install: $(STAMP) ## make .venv from the hashed lock file

# Byte code that was compiled once is kept, whatever the environment says: the suite starts hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

# Debian ships pip and venv without ensurepip, so pip is pointed at the new environment instead of being put into it.
$(STAMP): requirements.lock pyproject.toml netra_backend/pyproject.toml Makefile
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python install -q --no-deps --require-hashes -r requirements.lock
	@# pip leaves what is no longer locked. Some libraries import others wherever they are installed.
	$(BIN)/uv pip sync -q --offline --require-hashes --python $(BIN)/python requirements.lock
	$(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python install -q --no-deps --no-build-isolation $(PROJECTS:%=--editable %)
	@touch $@

test: $(STAMP) servers check ## all that CI runs
	$(BIN)/python -m pytest -n 3 --dist worksteal
	$(MORE_TESTS)

unit: $(STAMP) ## the tests that start no server, or those under T=
	$(BIN)/python -m pytest -q $(or $(T),tests/unit)

# Two at a time: none of them needs what another one writes.
check: $(STAMP) ## formatting, lint, types, import contracts, language, generated files
	@$(MAKE) --no-print-directory --jobs 2 --output-sync check-types check-lint check-pages $(MORE_CHECKS)

check-types:
	$(BIN)/mypy -n 2

check-lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

check-pages:
	$(BIN)/python -m docs.generated --check

docs: $(STAMP) ## write all that is generated: parts of pages, and whole files
	$(BIN)/python -m docs.generated $(T)

release: $(STAMP) ## write version V=... and the fragments' entries of CHANGELOG.md; then commit and tag
	@echo "$(V)" | grep -qE '^[0-9]+\.[0-9]+\.[0-9]+$$' || { echo "say which version: make release V=0.2.0"; exit 2; }
	sed -i -E '0,/^version = /s/^version = .*/version = "$(V)"/' $(PROJECTS:%=%/pyproject.toml)
	$(BIN)/towncrier build --yes --version $(V)
	@$(MAKE) --no-print-directory install

format: $(STAMP) ## format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

servers: ## real servers for the tests, from Debian packages, where root and apt are there
	@tests/servers.sh

lock: $(STAMP) ## resolve dependencies anew; hashes only, no addresses
	$(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-header --all-extras --group dev --python-version 3.11 --upgrade $(UNLOCKED) $(PROJECTS:%=%/pyproject.toml) -o requirements.lock

audit: $(STAMP) ## ask for known vulnerabilities of what the lock file installs
	$(BIN)/python .ci/audit.py

sbom: $(STAMP) ## build/sbom.cdx.json: what the lock file installs, with hashes (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject netra_backend/pyproject.toml --output-reproducible -o build/sbom.cdx.json
