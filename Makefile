# One environment, made with python3 -m venv and pip. `make PYTHON=python3.13` picks another Python.
PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
TESTS ?=

BIN := $(VENV)/bin

.PHONY: help demo test test-slow lint types docs bench-smoke check clean
.NOTPARALLEL:

help:
	@echo "make demo         train a spiking network on handwritten digits, results in demo/"
	@echo "make test         all tests but the slow ones"
	@echo "make test-slow    the slow tests"
	@echo "make lint types   ruff, basedpyright"
	@echo "make docs         execute and build the documentation into docs/_build/html"
	@echo "make bench-smoke  every benchmark once, small"
	@echo "make check        all of these"
	@echo "make clean        remove what the others made"

# The package with its compiled kernels, made anew when they or pyproject.toml change.
KERNELS := CMakeLists.txt $(wildcard src/rheobase/kernels/*.cpp src/rheobase/kernels/*.h)
$(VENV)/.installed: pyproject.toml $(KERNELS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rheobase needs Python 3.11 or newer, and $(PYTHON) is %d.%d: make PYTHON=python3.11" % sys.version_info[:2])'
	@test -x $(BIN)/python || { echo "Creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing rheobase into $(VENV); the first time takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[all]"
	@touch $@

# $(VENV)/.ready-test and the like: what one task needs beside it.
$(VENV)/.ready-%: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --group $*
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/rheobase demo --out demo

test: $(VENV)/.ready-test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m "not slow" $(TESTS)

test-slow: $(VENV)/.ready-test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m slow $(TESTS)

lint: $(VENV)/.ready-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-lint
	$(BIN)/basedpyright --pythonpath $(BIN)/python

docs: $(VENV)/.ready-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench-smoke: $(VENV)/.ready-test
	$(BIN)/python -m benchmarks --smoke

check: lint types test test-slow docs bench-smoke

clean:
	rm -rf $(VENV) .venv-newest demo docs/_build docs/reference/generated docs/gallery/generated build dist
	rm -rf .pytest_cache .ruff_cache .hypothesis src/rheobase/kernels/librheobase.*
	find src tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
