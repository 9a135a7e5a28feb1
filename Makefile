# Every target sets up what it needs in .venv, from the locks in requirements/.
#
#   make demo    the whole road in front of your eyes, nothing needed but Python
#   make serve   run the server; ARGS="--port 3001" adds arguments
#   make check   what a reviewer would check, in under a minute
#   make test    everything, with real Dovecot, Postfix and PostgreSQL
#   make bench   one measurement per question, as JSON
#   make docs    write the generated parts of docs/reference anew
#   make lock    write the locks anew from pyproject.toml and requirements/*.in

PYTHON ?= python3
ARGS   ?=
JOBS   ?= 2

VENV   := .venv
BIN    := $(VENV)/bin
CODE   := src tests docs benchmarks examples
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: demo serve check test bench docs lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/runtime.stamp
	@$(BIN)/postroad demo $(ARGS)

serve: $(VENV)/runtime.stamp
	@exec $(BIN)/postroad serve $(ARGS)

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q -n $(JOBS) tests/unit tests/property tests/docs $(ARGS)

test: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/pytest -q -n $(JOBS) $(ARGS)

bench: $(VENV)/runtime.stamp
	$(BIN)/python benchmarks/run.py $(ARGS)

docs: $(VENV)/runtime.stamp
	@$(BIN)/python docs/generate.py

lock: $(VENV)/dev.stamp
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --output-file requirements/runtime.txt \
	    pyproject.toml requirements/build.in
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile $(LOCK) --output-file requirements/dev.txt \
	    --constraint requirements/runtime.txt pyproject.toml requirements/build.in requirements/dev.in

# Hashes of every file of a release, and nothing about where it was found.
LOCK := --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --resolver=backtracking \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

clean:
	rm -rf $(VENV) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Postroad needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12" >&2; \
	    exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments. On Debian: apt-get install python3-venv" >&2; \
	    exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing Postroad into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements/runtime.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing Postroad and its tools into $(VENV)"
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(VENV)/runtime.stamp $@
