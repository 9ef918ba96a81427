# `make demo` and `make test` set up everything that they need, given python3 (3.11 or newer).
# `make help` lists the other targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Every package is verified by the hash in a requirements file.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes
# Tests start the command often; compiling it each time would take longer than what is tested.
export PYTHONDONTWRITEBYTECODE :=

# Tests wait for other processes, so there is one more than there are cores.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n + 1 : 4)))

.DEFAULT_GOAL := help
.PHONY: help demo run stack test check-style check-types check-imports compiled-tests soak lint format generate bench wheel sbom lock clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/.runtime ## the exporter with a simulated exchange and its own Postgres; ARGS="--listen HOST:PORT"
	$(BIN)/onetrading-exporter demo $(ARGS)

run: $(VENV)/.runtime ## the service, configured by the environment
	$(BIN)/onetrading-exporter run

stack: ## the demo with Prometheus, Alertmanager and Grafana, as containers (needs Docker)
	docker compose up --build --wait

test: $(VENV)/.dev ## everything that must pass before a change is merged
	@$(MAKE) --no-print-directory -j3 lint compiled-tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: check-style check-types check-imports ## format, lint, types, import contracts

check-style: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

check-types: $(VENV)/.dev
	$(BIN)/mypy

check-imports: $(VENV)/.dev
	$(BIN)/lint-imports

# Otherwise each worker compiles all of them.
compiled-tests: $(VENV)/.dev
	@$(BIN)/python -m pytest --collect-only -qq > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/.dev ## regenerate everything that is derived from the code
	$(BIN)/python scripts/docs
	$(BIN)/python scripts/manual
	$(BIN)/python scripts/status_schema
	$(BIN)/python scripts/dashboards
	$(BIN)/python scripts/chart

soak: $(VENV)/.dev ## two services under faults for 20 minutes, compared with the exchange at the end
	$(BIN)/python -m tests.soak --minutes 20

bench: $(VENV)/.dev ## measure loading, polling, scraping and starting
	$(BIN)/python -m benchmarks

wheel: ## build the wheel and the source archive into dist/
	scripts/dist

sbom: wheel ## write the software bill of materials of the wheel into dist/
	scripts/sbom wheel dist/sbom.cdx.json

lock: $(VENV)/.python ## regenerate the hash-locked requirements files
	$(PIP) uv
	UV=$(abspath $(BIN)/uv) scripts/lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is newer than its inputs; without a change nothing is reinstalled.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "This Python cannot create virtual environments." >&2; \
	  echo "Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt requirements-build.txt pyproject.toml
	$(LOCKED) -r requirements.txt -r requirements-build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Most of it is never imported; the rest is compiled when it is, by `compiled-tests`.
$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(LOCKED) --no-compile -r requirements-dev.txt
	@touch $@
