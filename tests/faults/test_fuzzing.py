"""Random imports, specs, corpora and labelling on a real workspace, beside a model of it.

A few workspaces, or with REJUDGE_FAULTS=full as many as 10,000 imports, specs and label sequences
need; a number means so many of them.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.fuzzing.workspace_machine import WorkspaceMachine, counts

FEW, FULL = 0, 10_000
ASKED = os.environ.get("REJUDGE_FAULTS", "")
GENERATED = ("imports of pairs", "imports of specs", "imports of a corpus", "label sequences")


def wanted() -> int:
    return FULL if ASKED == "full" else int(ASKED or FEW)


def generated() -> int:
    return sum(counts[kind] for kind in GENERATED)


@pytest.mark.slow
@pytest.mark.own_file
def test_nothing_but_a_refusal_is_raised_and_no_label_is_lost(
    capfd: pytest.CaptureFixture[str],
) -> None:
    counts.clear()
    while not counts or generated() < wanted():
        run_state_machine_as_test(
            WorkspaceMachine,
            settings=settings(
                max_examples=20 if wanted() else 3,
                stateful_step_count=40 if wanted() else 15,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
        if ASKED:
            with capfd.disabled():
                print(
                    f"\n{generated():,} generated, 0 exceptions that are no RejudgeError;", end=" "
                )
                print(
                    ", ".join(f"{number:,} {kind}" for kind, number in counts.items()), flush=True
                )
