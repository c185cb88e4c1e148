# `make` alone prints what can be done. Needs git, python3 (3.11 or newer) and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup dev run demo secrets test test-long check up simulate chaos mutate bench lock clean

help:  ## print what can be done
	@$(PYTHON) -c "import re; [print(f'  make {m[1]:10} {m[2]}') for m in re.finditer(r'^([\w-]+):.*?## (.*)', open('Makefile').read(), re.M)]"

setup:  # what running needs
	@$(PYTHON) bootstrap.py run

dev:  # what testing needs
	@$(PYTHON) bootstrap.py dev

run: setup  ## the main job: real bookings become documents, against the shipped stand-ins (about 15 s)
	@$(BIN)/bokun-sync demo

up: setup  ## everything for one machine: broker, worker, beat, web (settings in .env)
	@$(BIN)/bokun-sync up

secrets:  ## the secrets of docker-compose.yml, a file each in secrets/; what is there stays
	@$(PYTHON) bootstrap.py secrets

test: dev  ## the tests (under five minutes on two cores)
	@echo "Running the tests; real Redis and PostgreSQL servers are started where they are needed ..."
	@$(BIN)/python -m pytest -n 2 -q -m "not long"

test-long: dev  ## the long tests: Procfile, kills, simulation, deaths at every step, a short storm (about an hour on two cores)
	@$(BIN)/python -m pytest -n 2 -q -m long

check: dev  ## lint, types, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

simulate: dev  ## the simulation with ten thousand seeds (about half an hour on two cores)
	@$(BIN)/python -m tests.simulation --seeds 10000

chaos: dev  ## ten minutes of chaos over real processes: Redis, PostgreSQL, workers, beat, web
	@$(BIN)/python -m tests.chaos --minutes 10 --bookings 2000

mutate: dev  ## breaks worker/domain in 1,400 small places; each must fail a test (about twenty minutes)
	@$(BIN)/python -m tests.mutation

bench: dev  ## every figure of docs/performance.md, beside its yardsticks (about an hour on two cores)
	@$(BIN)/python -m benchmarks

lock: dev  ## resolve the dependencies anew (needs uv): names, versions and hashes only
	@$(PYTHON) bootstrap.py lock

clean:  ## take away what was made here
	@$(PYTHON) -c "import shutil; [shutil.rmtree(p, ignore_errors=True) for p in ('.venv', 'var', 'build', '.pytest_cache', '.mypy_cache', '.ruff_cache')]"
