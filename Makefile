# Everything happens in .venv beside this file; it is made when missing and used again otherwise.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= amber

.PHONY: demo lab test test-all lint format train bench build clean

demo: $(VENV)/run.stamp  ## Set up, then investigate an organism offline
	$(BIN)/interp-bench run $(CONFIG) --agent playbook --out notebooks

lab: $(VENV)/run.stamp  ## Set up, then open JupyterLab
	$(BIN)/interp-bench lab

test: $(VENV)/dev.stamp  ## Set up, then run the tests
	$(BIN)/pytest -n 2 -m "not slow"

test-all: $(VENV)/dev.stamp  ## The slow matrices too
	$(BIN)/pytest -n 2

lint: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

train: $(VENV)/run.stamp  ## Train the organisms' adapters again
	$(BIN)/python training/train.py all

bench: $(VENV)/run.stamp  ## Measure what the README claims; exit 1 when a figure is missed
	$(BIN)/python benchmarks/organisms.py --check
	$(BIN)/python benchmarks/investigation.py --check

build: $(VENV)/dev.stamp
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/run.stamp: pyproject.toml package.json .ci/install-torch | $(VENV)/bin/python
	.ci/install-torch $(BIN)
	$(BIN)/pip install --quiet --editable '.[local,lab]'
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(BIN)/pip install --quiet --editable '.[test,lint]' build
	touch $@
