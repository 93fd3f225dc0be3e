"""Calibration and PPI++ on labels held out, and how long a million judgments take.

``python -m benchmarks.calibration [--splits N] [--data DIR]`` prints, for 25 to 400 labels taken
whole queries at a time, RPS and RMSE of the judges as they are and calibrated, the coverage of the
90% sets, and width and coverage of the corpus mean by PPI++ and by labels alone. The judges are
simulated with a known truth; DIR adds the real ratings of LLM-Rubric, where a query is a dialogue.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.measuring import Figure
from benchmarks.rated_judges import RatedPairs, llm_rubric, simulated, simulated_mean
from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate
from labels.calibration.choosing import expected_grades, ranked_probability_scores
from labels.calibration.fitting import fit_calibration
from labels.calibration.outputs import LabelledOutputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SIZES: Final = (25, 50, 100, 200, 400)
SPLITS: Final = 200
QUICK_SPLITS: Final = 20
SECONDS_ALLOWED: Final = 10.0
#: Labels from here up must give sets whose coverage is near 90%.
COVERING: Final = 100
_JUDGES: Final = (1, 3)


@dataclass(frozen=True, slots=True)
class Split:
    """What one split gave. Widths and hits are of the corpus mean; NaN where it had no interval."""

    rps_raw: float
    rps: float
    rmse_raw: float
    rmse: float
    coverage: float
    set_size: float
    ppi_width: float
    ppi_hit: float
    labels_width: float
    labels_hit: float


def measure(pairs: int) -> list[Figure]:
    """Take the figures of the simulated judges with few splits, and the time of a refit."""
    from benchmarks.refitting import refits

    taken = refits(pairs)
    times = {"elapsed": [one.wall for one in taken], "CPU": [one.cpu for one in taken]}
    figures = [
        Figure(
            name=f"calibrate {pairs:,} judgments of 3 judges, {what}",
            unit="s",
            ours=tuple(seconds),
            reference=(SECONDS_ALLOWED,),
            against="what is allowed",
            ceiling=SECONDS_ALLOWED,
        )
        for what, seconds in times.items()
    ]
    for judges in _JUDGES:
        for size in (25, 100):
            figures += _figures(judges, size)
    return figures


def _figures(judges: int, size: int) -> Iterator[Figure]:
    splits = list(simulated_splits(judges, size, QUICK_SPLITS))
    name = f"{judges} judges, {size} labels"
    yield Figure(
        name=f"RPS held out, {name}",
        unit="",
        ours=tuple(split.rps for split in splits),
        reference=tuple(split.rps_raw for split in splits),
        against="the judges as they are",
        at_most=1.0,
    )
    yield Figure(
        name=f"width of the corpus mean, {name}",
        unit="",
        ours=tuple(split.ppi_width for split in splits),
        reference=tuple(split.labels_width for split in splits),
        against="labels alone",
        at_most=1.0,
    )
    if size >= COVERING:
        yield Figure(
            name=f"coverage of the 90% sets, {name}",
            unit="",
            ours=(float(np.mean([split.coverage for split in splits])),),
            reference=(0.9,),
            against="what is promised",
            floor=0.87,
            ceiling=0.93,
        )


def simulated_splits(judges: int, size: int, splits: int) -> Iterator[Split]:
    """Give splits of fresh populations whose mean grade is known."""
    truth = simulated_mean()
    for seed in range(splits):
        yield one_split(simulated(seed, judges), size, truth, seed)


def one_split(rated: RatedPairs, size: int, truth: float, seed: int) -> Split:
    """Learn from ``size`` labels of whole queries and score the pairs of all other queries."""
    chance = np.random.default_rng(seed)
    place = chance.permutation(int(rated.queries.max()) + 1)[rated.queries]
    learned = np.argsort(place, kind="stable")[:size]
    rest = ~np.isin(rated.queries, rated.queries[learned])
    numbers = np.unique(rated.queries[learned], return_inverse=True)[1]
    labelled = LabelledOutputs(
        rated.outputs.of(learned), rated.grades[learned], np.ones(size), numbers
    )
    fitted = fit_calibration(labelled, chance.random(size))
    outputs, grades = rated.outputs.of(rest), rated.grades[rest]
    said = fitted.predict(outputs, chance.random(len(grades)))
    raw = outputs.mean_chances
    powered, alone = _corpus_means(rated, learned, truth)
    return Split(
        rps_raw=float(ranked_probability_scores(raw, grades).mean()),
        rps=float(ranked_probability_scores(said.chances, grades).mean()),
        rmse_raw=_rmse(expected_grades(raw), grades),
        rmse=_rmse(said.expected, grades),
        coverage=float(((said.low <= grades) & (grades <= said.high)).mean()),
        set_size=float((said.high - said.low + 1).mean()),
        ppi_width=powered[0],
        ppi_hit=powered[1],
        labels_width=alone[0],
        labels_hit=alone[1],
    )


def _rmse(expected: NDArray[np.float64], grades: NDArray[np.int64]) -> float:
    return float(np.sqrt(((expected - grades) ** 2).mean()))


def _corpus_means(
    rated: RatedPairs, learned: NDArray[np.int64], truth: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return width of the interval and whether it holds the truth, by PPI++ and by labels alone."""
    expected = rated.outputs.expected
    labelled = LabelledValues(
        rated.grades[learned].astype(np.float64),
        expected[learned],
        np.ones(len(learned)),
        rated.queries[learned],
    )
    judged = JudgedSums(
        np.bincount(rated.queries, expected).astype(np.float64),
        np.bincount(rated.queries).astype(np.float64),
    )
    found = []
    for power in (None, 0.0):
        mean, _ = mean_estimate(labelled, judged, (1.0, 5.0), power)
        if mean.low is None or mean.high is None:
            found.append((float("nan"), float("nan")))
        else:
            found.append((mean.high - mean.low, float(mean.low <= truth <= mean.high)))
    return found[0], found[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of every data set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration")
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--data", type=Path, help="the folder of LLM-Rubric's ratings")
    arguments = parser.parse_args(argv)
    for judges in _JUDGES:
        splits_of = partial(simulated_splits, judges, splits=arguments.splits)
        _report(f"simulated, {judges} judges", splits_of)
    if arguments.data:
        for rated in llm_rubric(arguments.data):
            _report(rated.name, partial(_real, rated, splits=arguments.splits))
    return 0


def _real(rated: RatedPairs, size: int, splits: int) -> Iterator[Split]:
    """Give splits; a set with less than twice as many labels has too little left to score on."""
    truth = float(rated.grades.mean())
    for seed in range(splits if len(rated.grades) >= 2 * size else 0):
        yield one_split(rated, size, truth, seed)


def _report(name: str, splits_of: partial[Iterator[Split]]) -> None:
    print(f"\n{name}")
    print(
        "labels     RPS raw -> calibrated (better in)    RMSE raw -> calibrated (better in)"
        "   90% sets (size)   mean, PPI++: width, held   labels alone   s/split"
    )
    for size in SIZES:
        began = time.perf_counter()
        splits = list(splits_of(size))
        if splits:
            print(_row(size, splits, (time.perf_counter() - began) / len(splits)), flush=True)


def _row(size: int, splits: Sequence[Split], seconds: float) -> str:
    def mean(field: str) -> float:
        return float(np.nanmean([getattr(split, field) for split in splits]))

    better = np.mean([split.rps < split.rps_raw for split in splits])
    nearer = np.mean([split.rmse < split.rmse_raw for split in splits])
    return (
        f"{size:>6}     {mean('rps_raw'):.3f} -> {mean('rps'):.3f}  ({better:4.0%})"
        f"                  {mean('rmse_raw'):.3f} -> {mean('rmse'):.3f}  ({nearer:4.0%})"
        f"            {mean('coverage'):.3f} ({mean('set_size'):.2f})"
        f"      {mean('ppi_width'):.3f}, {mean('ppi_hit'):.3f}"
        f"              {mean('labels_width'):.3f}, {mean('labels_hit'):.3f}   {seconds:.2f}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
