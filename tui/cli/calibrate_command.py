"""``rejudge calibrate``: learn what the judges' scores mean, and grade every judged pair."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from core.store.opening import open_workspace_store
from core.text import displayable_line
from tui.cli.answers import answer, table
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse

    from core.store.database import Store
    from labels.calibration.store import Calibration, CalibrationOutcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Calibrate, show how far it is, and say what came of it."""
    workspace = workspace_of(arguments)
    workspace.require()
    with open_workspace_store(workspace) as store:
        outcome = _calibrate(store)
    answer(arguments, _document(outcome), _lines(outcome))
    return 0


def _calibrate(store: Store) -> CalibrationOutcome:
    """Calibrate in a thread of its own, so that Ctrl-C can stop it between two turns."""
    from labels.calibration.calibrating import calibrate

    stop = threading.Event()
    with progress_line() as show, ThreadPoolExecutor(1, "calibrate") as thread:
        work = thread.submit(calibrate, store, progress=show, cancelled=stop.is_set)
        try:
            return work.result()
        except KeyboardInterrupt:
            stop.set()
            return work.result()


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
    return [
        *table(_rows(found)),
        *(
            displayable_line(
                f"{effect.judge} by itself: RPS {effect.rps_raw:.3f}, calibrated"
                f" {effect.rps_calibrated:.3f} on {effect.labels:,} labels"
            )
            for effect in found.judges
        ),
        *outcome.notices,
    ]


def _rows(found: Calibration) -> list[tuple[str, object]]:
    held_out = found.held_out
    between = (
        f" [{held_out.gain_low:.3f}, {held_out.gain_high:.3f}]"
        if held_out.gain_low is not None and held_out.gain_high is not None
        else ""
    )
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
                f" gain {held_out.gain:.3f}{between}"
            ),
        ),
        (
            "mean error",
            f"{held_out.mae_raw:.3f} raw, {held_out.mae_calibrated:.3f} calibrated, in grades",
        ),
        ("90% sets", f"hold the grade in {held_out.coverage:.0%} of labels held out"),
        ("graded", f"{found.graded:,} pairs"),
    ]
