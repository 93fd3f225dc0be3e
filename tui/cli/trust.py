"""``rejudge agreement`` and ``rejudge calibrate``: how far the scores can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.groups import command, new_app
from tui.cli.output import Call, open_to_read, progress_bar, run_interruptible
from tui.shown.figures import table

if TYPE_CHECKING:
    from labels.calibration.store import Calibration, CalibrationOutcome

app = new_app()


@command(
    app,
    "agreement",
    more="For each judge: weighted kappa, share of equal grades, bias and mean distance to people's"
    " grades, the confusion matrix, and how many labels are still missing. For each two people the"
    " same. Every figure has a 95% interval, or says why not.",
    examples=("rejudge agreement", "rejudge agreement --judge gpt-4o --json"),
)
def agreement(
    call: Call,
    judge: Annotated[
        str, typer.Option(metavar="NAME", help="Only the judges of this name. Default: all.")
    ] = "",
) -> int:
    """Measure how far judges and people agree."""
    from labels.trust import measure_trust
    from tui.shown.agreement import document, lines

    workspace = call.workspace()
    with open_to_read(workspace) as store:
        trust = measure_trust(store, judge, workspace.annotator())
    call.answer(document(trust), lines(trust))
    return 0


@command(
    app,
    "calibrate",
    more="From the pairs that people graded it learns how likely each grade is, given the judges'"
    " scores, and grades every judged pair. It says how much that helps on labels held out. The app"
    " does the same by itself after some labels.",
    examples=("rejudge calibrate", "rejudge export jsonl train.jsonl --grades best"),
)
def calibrate(call: Call) -> int:
    """Calibrate; Ctrl-C stops it between two steps."""
    from core.jobs import Job
    from labels.calibration.calibrating import calibrate as learn

    with open_workspace_store(call.workspace()) as store, progress_bar() as show:
        outcome = run_interruptible(lambda stopped: learn(store, Job(show, stopped)))
    call.answer(_document(outcome), _lines(outcome))
    return 0


def _document(outcome: CalibrationOutcome) -> dict[str, object]:
    found = outcome.calibration
    if found is None:
        return {
            "calibration": None,
            "method": None,
            "rps_raw": None,
            "rps_calibrated": None,
            "reason": outcome.reason,
            "notices": list(outcome.notices),
            "judges": [],
        }
    held_out = found.held_out
    return {
        "calibration": str(found.id),
        "method": found.method.value,
        "rps_raw": held_out.rps_raw,
        "rps_calibrated": held_out.rps_calibrated,
        "gain": {"value": held_out.gain, "low": held_out.gain_low, "high": held_out.gain_high},
        "mae_raw": held_out.mae_raw,
        "mae_calibrated": held_out.mae_calibrated,
        "rmse_raw": held_out.rmse_raw,
        "rmse_calibrated": held_out.rmse_calibrated,
        "coverage": held_out.coverage,
        "labels": found.labels,
        "pairs": found.pairs,
        "queries": found.queries,
        "graded": found.graded,
        "tried": {method.value: loss for method, loss in found.tried},
        "judges": [
            {
                "judge": effect.judge,
                "n": effect.labels,
                "method": found.method.value,
                "rps_raw": effect.rps_raw,
                "rps_calibrated": effect.rps_calibrated,
                "mae_raw": effect.mae_raw,
                "mae_calibrated": effect.mae_calibrated,
                "intervals": {
                    name: {"low": low, "high": high}
                    for name, (low, high) in effect.intervals.items()
                },
            }
            for effect in found.judges
        ],
        "reason": "",
        "notices": list(outcome.notices),
    }


def _lines(outcome: CalibrationOutcome) -> list[str]:
    found = outcome.calibration
    if found is None:
        return [f"No calibration: {outcome.reason}.", *outcome.notices]
    judges = (
        f"{effect.judge} alone: RPS {effect.rps_raw:.3f}, calibrated"
        f" {effect.rps_calibrated:.3f} on {effect.labels:,} labels"
        for effect in found.judges
    )
    return [*table(_rows(found)), *map(displayable_line, judges), *outcome.notices]


def _rows(found: Calibration) -> list[tuple[str, object]]:
    held_out = found.held_out
    interval = ""
    if held_out.gain_low is not None and held_out.gain_high is not None:
        interval = f" [{held_out.gain_low:.3f}, {held_out.gain_high:.3f}]"
    return [
        ("method", f"{found.method} ({', '.join(f'{m} {loss:.3f}' for m, loss in found.tried)})"),
        (
            "learned from",
            f"{found.labels:,} labels on {found.pairs:,} pairs of {found.queries:,} queries",
        ),
        (
            "RPS, held out",
            (
                f"{held_out.rps_raw:.3f} raw, {held_out.rps_calibrated:.3f} calibrated;"
                f" gain {held_out.gain:.3f}{interval}"
            ),
        ),
        (
            "mean error",
            f"{held_out.mae_raw:.3f} raw, {held_out.mae_calibrated:.3f} calibrated, in grades",
        ),
        ("90% sets", f"hold the grade of {held_out.coverage:.0%} of the labels held out"),
        ("graded", f"{found.graded:,} pairs"),
    ]
