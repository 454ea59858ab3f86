# make test, make demo, make bench, make quality, make lint, make docs: each sets up its own environment in .venv first.
# make test-all: the slow tests too, after those of make test; `make test test-all` makes the first ones once.
# make attack: a hundred thousand wild cases for the verifier of the tests, an hour or two on two cores.
# make coverage, make wheel, make test-oldest, make test-python PYTHON=python3.13: see CONTRIBUTING.md.

VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python

# The first of these Pythons that can make an environment; `make PYTHON=/path/to/python test` chooses another.
SUITABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON := $(shell for p in python3.13 python3.14 python3.12 python3.11 python3 python; do \
	if $$p -c '$(SUITABLE)' >/dev/null 2>&1; then echo $$p; break; fi; done)

# What other Pythons and the oldest dependencies are tried on, in minutes; make QUICK=tests tries everything.
QUICK := tests/arrangements tests/programs tests/sweeps tests/estimators/test_scikit_learn.py tests/test_network.py \
	tests/losses/test_losses.py tests/test_types.py

# The oldest dependencies have no wheels for the newest Python.
OLDEST := python3.11

.PHONY: demo test test-slow test-all attack lint bench quality docs clean coverage wheel test-oldest test-python

demo: $(STAMP)
	$(RUN) examples/demo.py

# The workers of pytest keep every core busy: threads of BLAS beside them would only wait for each other.
test test-slow: export OMP_NUM_THREADS := 1
test test-slow: export OPENBLAS_NUM_THREADS := 1

test: $(STAMP)
	$(RUN) -m pytest -n auto --dist worksteal -m "not slow"

test-slow: $(STAMP)
	$(RUN) -m pytest -n auto --dist worksteal -m slow

test-all: test test-slow

# Claims of the package against exact arithmetic; make attack CASES=1000 FIRST=5000 JOBS=4 for others.
CASES := 100000
FIRST := 0
JOBS := 2
attack: $(STAMP)
	$(RUN) -m tests.verifier --cases $(CASES) --first $(FIRST) --jobs $(JOBS)

lint: $(STAMP)
	$(RUN) -m pip install --disable-pip-version-check --quiet --editable '.[lint]'
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy

bench: $(STAMP)
	$(RUN) benchmarks/run.py

# Held-out skill beside other models, on tables that are downloaded once: make quality QUALITY='--quick'; see --help.
QUALITY := --seeds 2
quality: $(STAMP)
	$(RUN) -m benchmarks.quality $(QUALITY)

# The report of the whole suite, or of a part: make coverage TESTS=tests/programs. See CONTRIBUTING.md on numba.
TESTS := tests
coverage: $(STAMP)
	$(RUN) -m pip install --disable-pip-version-check --quiet --editable '.[lint]'
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest -n auto $(TESTS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

wheel: $(STAMP)
	$(RUN) -m pip install --disable-pip-version-check --quiet --editable '.[release]'
	rm -rf dist
	$(RUN) -m build --outdir dist
	$(RUN) -m twine check --strict dist/*
	$(RUN) -m pytest -m packaging

test-oldest:
	@$(MAKE) --no-print-directory .venv-oldest/.installed VENV=.venv-oldest PYTHON=$(OLDEST) PINS='-c tests/oldest.txt'
	.venv-oldest/bin/python -m pytest -n auto $(QUICK)

test-python:
	@$(MAKE) --no-print-directory .venv-$(notdir $(PYTHON))/.installed VENV=.venv-$(notdir $(PYTHON)) PYTHON=$(PYTHON)
	.venv-$(notdir $(PYTHON))/bin/python -m pytest -n auto $(QUICK)

# The site, with every example run (the first time; later only those that changed): docs/_build/html/index.html.
docs: $(STAMP)
	$(RUN) -m sphinx -W --keep-going -b html docs docs/_build/html

$(STAMP): setup.cfg pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "convexnn needs Python 3.11, 3.12, 3.13 or 3.14 with its venv module, and found none on the PATH."; \
		echo "On Debian or Ubuntu: apt-get install python3-venv. Or name one: make PYTHON=/path/to/python test"; \
		exit 1; \
	fi
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check $(PINS) --editable '.[test,plot,dask,cli,parquet,exchange,docs]'
	touch $@

clean:
	rm -rf $(VENV) demo.png docs/_build docs/auto_examples docs/generated
