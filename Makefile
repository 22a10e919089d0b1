# Hitpoint: what can be done here. `make run` and `make test` are all a fresh machine needs.
#   make run [VIDEO=film.mp4] [INSTRUMENTS=strings,brass]   set up, then score a film (its own one without VIDEO)
#   make setup       .venv and system packages; quick when nothing is missing
#   make test        everything a change must pass
#   make test-slow   long films, fuzzing, big tables
#   make test-clip   what needs the clip extra, in an environment of its own
#   make check       format, lint, types
#   make format      put format and imports right
#   make golden      write the golden files anew (look at the difference before you commit it)
#   make bench       speed beside the bare tools    (make bench LONG=1: a 20-minute film as well)

SHELL := /bin/bash
PYTHON := .venv/bin/python
JOBS ?= 2
VIDEO ?=
INSTRUMENTS ?= strings,brass,piano
export VIDEO INSTRUMENTS

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests run test test-slow test-clip check format golden bench clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | sed '/^$$/q'

setup:
	@scripts/setup.sh

setup-tests:
	@scripts/setup.sh tests

run: setup
	@scripts/run.sh

test: setup-tests
	@scripts/pytest.sh -n $(JOBS) -m "not slow and not clip"

test-slow: setup-tests
	@scripts/pytest.sh -n $(JOBS) -m "slow and not clip"

test-clip: setup
	@scripts/test_clip.sh

check: setup
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

format: setup
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

golden: setup
	$(PYTHON) -m tests.golden.regenerate

bench: setup
	$(PYTHON) -m benchmarks.bench $(if $(LONG),--long)

clean:
	rm -rf runs build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
