# `make demo` and `make test` set up everything that they need, from a bare python3 (3.11 or newer).
# `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Every package is checked against the hash in a requirements file.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCKED := $(PIP) --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo run stack test lint format generate bench wheel sbom lock clean
.DELETE_ON_ERROR:

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

demo: $(VENV)/.runtime ## the whole thing with a simulated exchange and a Postgres of its own
	$(BIN)/onetrading-exporter demo

run: $(VENV)/.runtime ## the service, configured by the environment
	$(BIN)/onetrading-exporter run

stack: ## the demo with Prometheus, Alertmanager and Grafana, as containers (needs Docker)
	docker compose up --build --wait

test: lint ## everything that must pass before a change lands
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## format, rules, types, import laws
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(VENV)/.dev ## write everything again that follows from the code
	$(BIN)/python scripts/docs
	$(BIN)/python scripts/status_schema
	$(BIN)/python scripts/dashboards
	$(BIN)/python scripts/chart

bench: $(VENV)/.dev ## measure the loader, the poll and the scrape
	$(BIN)/python -m benchmarks

wheel: ## build the wheel and the source archive into dist/
	scripts/dist

sbom: wheel ## write the software bill of materials of the wheel into dist/
	scripts/sbom wheel dist/sbom.cdx.json

lock: $(VENV)/.python ## write the hash-locked requirements files again
	$(PIP) uv
	UV=$(abspath $(BIN)/uv) scripts/lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .cache build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp is newer than what it was made from; without a change nothing is installed again.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "This Python cannot make virtual environments." >&2; \
	  echo "Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt requirements-build.txt pyproject.toml
	$(LOCKED) -r requirements.txt -r requirements-build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(LOCKED) -r requirements-dev.txt
	@touch $@
