# The commands of this project. Every target first makes the environment that it needs, once.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
STAMP  := $(VENV)/.installed
SHARED := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all test-browser lint bench clean

demo: $(STAMP)-demo            ## the default study: four to seven minutes on two cores
	$(BIN)/headstart

test: $(STAMP)-test            ## what every change must pass: six to twelve minutes on two cores, no network
	$(BIN)/python -m pytest -m "not slow and not browser and not bench" $(SHARED)

test-all: $(STAMP)-test        ## the long ones too
	$(BIN)/python -m pytest -m "not browser and not bench" $(SHARED)

test-browser: $(STAMP)-browser ## the report in an installed Chromium
	$(BIN)/python -m pytest -m browser

lint: $(STAMP)-lint            ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(STAMP)-test           ## ratios against a baseline of the same run
	$(BIN)/python -m pytest -m bench -s

clean:                         ## the environment and the runs
	rm -rf $(VENV) runs

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headstart needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(STAMP)-demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing headstart into $(VENV) (once; torch alone can be several GB)"
	$(PIP) -e '.[demo]'
	@touch $@

$(STAMP)-%: pyproject.toml constraints.txt | $(STAMP)-demo
	@echo "installing what make $* needs"
	$(PIP) -e '.[demo,$*]'
	@touch $@
