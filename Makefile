# Everything Trunkline needs is set up by the target that needs it, in .venv and var/ of this folder.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export TRUNKLINE_HOME ?= $(CURDIR)/var
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: help demo test lint bench kb-eval run test-switch setup setup-dev system system-test models clients clean

help:
	@echo "make demo         a whole spoken call on this machine, with nothing but what it installs itself"
	@echo "make test         all tests"
	@echo "make lint         ruff, mypy, import-linter, our own FreeSWITCH configuration"
	@echo "make bench        the figures, also in build/bench.json"
	@echo "make kb-eval      how well questions are answered that nothing was tuned on, also in build/kb-eval.json"
	@echo "make run          the engine (trunkline serve)"
	@echo "make test-switch  the real-call suite, where a FreeSWITCH is installed (FREESWITCH_BIN or PATH)"

demo: setup system models
	$(BIN)/trunkline demo --out build/demo

run: setup system models
	@[ -d "$(TRUNKLINE_HOME)/knowledge/sample" ] || $(BIN)/trunkline ingest sample
	$(BIN)/trunkline serve $(ARGS)

test: setup-dev system-test models clients
	$(BIN)/python -m tests $(ARGS)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/trunkline dialplan check

bench: setup-dev system models
	$(BIN)/python -m benchmarks $(ARGS)

kb-eval: setup-dev system models
	$(BIN)/python -m benchmarks.kb_eval $(ARGS)

test-switch: setup-dev system models
	$(BIN)/python -m tests.switch $(ARGS)

setup: $(VENV)/core
setup-dev: $(VENV)/dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=24' 'setuptools>=77'

$(VENV)/core: setup.py constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: setup.py constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[test,lint]'
	@touch $(VENV)/core $@

system:
	@sh docker/system-packages.sh

system-test:
	@sh docker/system-packages.sh test

clients:
	@sh tests/clients/install.sh

models: setup
	$(BIN)/trunkline models install

clean:
	rm -rf $(VENV) build var
