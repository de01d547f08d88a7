# Every task of the project. Each needs only python3 (3.11 or later), make and git: the environment makes itself.
.DEFAULT_GOAL := help
PYTHON ?= python3
PY := .venv/bin/python
BASE ?= HEAD~1

# Tests that need what is not everywhere: `make test-all` and CI run them.
ELSEWHERE := browser or terminal
# What a unit test does not do. The suite's own fixtures hold tests to their marks.
NO_UNIT := socket or process or slow or $(ELSEWHERE)
# What `make generate` and `make demo` need, pinned with the rest in scripts/requirements-dev.txt.
GENERATING := openapi-python-client ruff pyyaml httpx attrs uvicorn httptools hatchling editables
# What is imported is compiled then, and much is not.
PIP := $(PY) -m pip install -qq --disable-pip-version-check --no-compile
# Tests wait more than they compute: more of them at once than there are cores. A file stays together, for what it shares.
PYTEST := $(PY) -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo check test test-all generate check-generated validate check-breaking lint types docs bench bench-quick mutants clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/generating ## Set up what it needs, regenerate the client, run the published examples over a loopback socket
	@$(PY) scripts/generate.py
	@$(PY) scripts/demo.py

check: .venv/ready lint ## Check style and run the tests that need no socket and no process; FILE=tests/test_x.py: all of one file
	@$(if $(FILE),$(PY) -m pytest -q $(FILE),$(PYTEST) -m "not ($(NO_UNIT))")

test: .venv/ready ## Set up and run the tests; COVERAGE=1 measures what they cover
	@$(PYTEST) -m "not ($(ELSEWHERE))" $(if $(COVERAGE),--cov)

test-all: .venv/ready ## Run all tests on every Python found, and with the lowest dependencies allowed
	@$(PY) scripts/test_all.py

generate: .venv/generating ## Regenerate generated/ from openapi.yaml, and the sync client from the async one
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

mutants: .venv/ready ## Break the code in 170 small ways, and count which of them the tests notice (an hour)
	@$(PYTHON) -m venv .venv-mutants
	@.venv-mutants/bin/python -m pip install -qq --disable-pip-version-check cosmic-ray==8.7.0
	@.venv-mutants/bin/python scripts/mutants.py

clean: ## Remove the environments and caches
	rm -rf .venv* .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build

.venv/generating: pyproject.toml scripts/requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@echo "Setting up .venv (10 to 40 s the first time)"
	@$(PYTHON) -m venv .venv
	@$(PIP) --constraint scripts/requirements-dev.txt $(GENERATING)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready: .venv/generating
	@echo "Installing what the tests need (20 to 60 s the first time)"
	@$(PIP) --no-deps -r scripts/requirements-dev.txt
	@touch $@
