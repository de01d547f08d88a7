# Every task of the project. Each needs only python3 (3.11 or later), make and git: the environment makes itself.
.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
BASE ?= HEAD~1

.PHONY: help demo test test-all generate check-generated validate check-breaking lint types docs bench bench-quick clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: generate ## Set up, regenerate the client, run the published examples over a loopback socket
	@$(PY) scripts/demo.py

test: .venv/ready ## Set up and run the tests, without the extra fast and with it, with coverage
	@$(PY) -m pytest --cov --cov-report= --cov-fail-under=0
	@$(PY) -m pytest --cov --cov-append --cov-report=term tests/test_dask.py
	@EVERMEMOS_TEST_FAST=1 $(PY) -m pytest

test-all: .venv/ready ## Run the tests on every Python found, and with the lowest dependencies allowed
	@$(PY) scripts/test_all.py

generate: .venv/ready ## Regenerate generated/ from openapi.yaml, and the sync client from the async one
	@$(PY) scripts/generate.py

check-generated: .venv/ready ## Fail if the derived code is not what `make generate` writes
	@$(PY) scripts/generate.py --check

validate: .venv/ready ## Check openapi.yaml: OpenAPI 3.1 and the rules of the house
	@$(PY) scripts/check_spec.py

check-breaking: .venv/ready ## Show what an edit of openapi.yaml breaks for callers, against BASE=<git ref>
	@$(PY) scripts/check_breaking.py $(BASE)

lint: .venv/ready ## Check style and formatting
	@.venv/bin/ruff check && .venv/bin/ruff format --check

types: .venv/ready ## Check types with mypy --strict and pyright
	@.venv/bin/mypy && .venv/bin/pyright

docs: .venv/ready ## Write the API reference as HTML, from the docstrings: build/docs/index.html
	@$(PY) scripts/docs.py

bench: .venv/ready ## Measure the client against others and its goals: benchmarks/RESULTS.md, plots (10 minutes)
	@$(PY) benchmarks/bench.py

bench-quick: .venv/ready ## The same in a minute, without plots; fails on gross loss only
	@$(PY) benchmarks/bench.py --quick --guard

clean: ## Remove the environments and caches
	rm -rf .venv* .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

.venv/ready: pyproject.toml scripts/requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@echo "Setting up .venv (about a minute the first time)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps -r scripts/requirements-dev.txt
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
