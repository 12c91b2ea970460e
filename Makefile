# `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help install browser lint test test-keras scores docs bench bench-tab memory demo clean

VENV   ?= .venv
BIN    := $(VENV)/bin
SERVE  ?= 1
# Processes that run tests; a file's tests stay together, for they share what is dear to set up.
JOBS   ?= logical
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile
TEST_KERAS := TF_CPP_MIN_LOG_LEVEL=3 $(PYTEST) tests/keras_runs
# The first Python >= 3.11 at hand; override with PYTHON=...
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
FRONTEND := $(shell git ls-files tensorboard_plugin/frontend 2>/dev/null)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

install: $(VENV)/.installed ## create .venv with everything in it, front end built

$(VENV)/.installed: pyproject.toml constraints.txt hatch_build.py $(FRONTEND)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed: install it, or give PYTHON=/path/to/python"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,sklearn,demo,test,dev]'
	@touch $@

browser: ## install Chromium where that is possible and none is there (root on Debian)
	@.ci/browser

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: install browser lint ## all tests; where TensorFlow's fail, the others are run all the same
	$(TEST_KERAS); keras=$$?; $(PYTEST) --ignore tests/keras_runs && exit $$keras

test-keras: install ## those of TensorFlow, in processes without the others: nobody else may load it
	$(TEST_KERAS)

scores: install ## how good the rules are, on the whole corpus: docs/scores.md
	$(BIN)/python -m tests.scoring --write docs/scores.md

docs: install ## a page for each rule, from its docstring: docs/rules
	$(BIN)/python -m tests.rules.pages

# Without what else they ask for: a torchvision that does not go with a torch for the CPU.
COCKPIT := cockpit-for-pytorch==1.0.2 backpack-for-pytorch==1.7.1 unfoldNd==0.2.3

bench: install ## what watching costs, beside what others cost: docs/cost.md, docs/cost-keras.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(COCKPIT)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/overhead.py --write docs/cost.md
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/first_steps.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/keras_overhead.py --write docs/cost-keras.md
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/estimators.py

bench-tab: install browser ## how fast the Collapse tab is with large logs, in a browser
	$(BIN)/python benchmarks/tab.py

memory: install ## what watching keeps over a million steps (some ten minutes)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/memory.py

demo: install ## run the example notebook, then serve the Collapse tab (SERVE=0 ends instead)
	$(BIN)/python examples/run_demo.py $(if $(filter 0,$(SERVE)),--no-serve)

clean: ## remove what was built and installed
	rm -rf $(VENV) .demo dist tensorboard_plugin/tensorboard_plugin_collapse/static tensorboard_plugin/frontend/node_modules
