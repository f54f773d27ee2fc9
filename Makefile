# The commands of this project. Every target first makes the environment that it needs, once.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
CONSTRAINTS ?= constraints.txt
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c $(CONSTRAINTS)
STAMP  := $(VENV)/.installed
LOWEST := $(VENV)-lowest
unexport PYTHONDONTWRITEBYTECODE  # without compiled files every process of the tests compiles them all again
SHARED := -n 3 --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-all test-lowest test-browser test-faults test-slurm lint bench bench-gpu pages picture clean

demo: $(STAMP)-demo            ## the default study: three to five minutes on two cores
	$(BIN)/headstart

test: $(STAMP)-test            ## what every change must pass: about five minutes on two cores, no network
	$(BIN)/python -m pytest -m "not slow and not browser and not slurm" $(SHARED)

test-all: $(STAMP)-test        ## the long ones too
	$(BIN)/python -m pytest -m "not browser and not slurm" $(SHARED)

test-lowest:                   ## the lower bounds of pyproject.toml, in an environment of their own: a fast part
	$(MAKE) VENV=$(LOWEST) CONSTRAINTS=constraints-lowest.txt $(LOWEST)/.installed-test
	$(LOWEST)/bin/python -m pytest -m "not slow and not browser and not slurm" $(SHARED) \
		tests/records tests/compare tests/training tests/meters tests/tasks/test_text_classification.py

test-browser: $(STAMP)-browser ## the report in an installed Chromium
	$(BIN)/python -m pytest -m browser

test-faults: $(STAMP)-test     ## kills, damaged files, full disks, failing W&B and hub servers: five to twenty minutes
	$(BIN)/python -m pytest -m "" tests/faults

test-slurm: $(STAMP)-test      ## a real Slurm of one node, started here by root of a Debian: five minutes
	$(BIN)/python -m pytest -m slurm tests/slurm

lint: $(STAMP)-lint            ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(STAMP)-test           ## ratios against baselines of the same run, in a table and in benchmarks.json: a quarter of an hour
	$(BIN)/python -m tests.benchmarks $(PARTS) --to benchmarks.json

bench-gpu: $(STAMP)-test       ## the rows that need a CUDA device alone, in benchmarks-cuda.json
	$(BIN)/python -m tests.benchmarks cuda --to benchmarks-cuda.json

pages: $(STAMP)-demo          ## numbers, pictures and claims of experiments/, anew, from the finished studies in runs/
	@left=0; for page in $(notdir $(patsubst %/claim.json,%,$(wildcard experiments/*/claim.json))); do \
		[ -d runs/$$page ] || continue; \
		$(BIN)/headstart report runs/$$page --export claim --to experiments/$$page/claim.json || { left=1; continue; }; \
		$(BIN)/headstart report runs/$$page --export md --to experiments/$$page/numbers.md || exit 1; \
		$(BIN)/headstart report runs/$$page --export svg --to experiments/$$page/report.svg || exit 1; \
		sed -i.old 's/(report.png)/(report.svg)/' experiments/$$page/README.md && rm -f experiments/$$page/README.md.old; \
	done; exit $$left

picture: $(STAMP)-browser      ## the README's picture of headstart watch, anew, from the default study while it runs: five minutes
	$(BIN)/python -m tests.browser.watch_picture experiments/first_look/watch.png

clean:                         ## the environment and the runs
	rm -rf $(VENV) $(LOWEST) runs

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headstart needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(STAMP)-demo: pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "installing headstart into $(VENV) (once; torch alone can be several GB)"
	$(PIP) -e '.[demo]'
	@touch $@

$(STAMP)-%: pyproject.toml $(CONSTRAINTS) | $(STAMP)-demo
	@echo "installing what make $* needs"
	$(PIP) -e '.[demo,$*]'
	@touch $@
