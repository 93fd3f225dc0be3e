"""Labels and judges with a known truth, for tests and benchmarks of calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labels.calibration.outputs import LabelledOutputs, judge_outputs

if TYPE_CHECKING:
    from numpy.typing import NDArray


def sampled(
    labels: int, *, judges: int = 1, per_query: int = 5, noise: float = 0.8, seed: int = 0
) -> LabelledOutputs:
    """Return grades and the scores of harsh, noisy judges; queries differ in difficulty."""
    chance = np.random.default_rng(seed)
    queries = np.arange(labels) // per_query
    count = int(queries.max()) + 1
    grades = on_scale(2.6 + chance.normal(0, 0.5, count)[queries] + chance.normal(0, 1.3, labels))
    scores = [
        on_scale(0.6 + 0.7 * grades + 0.3 * judge + chance.normal(0, noise, labels))
        for judge in range(judges)
    ]
    outputs = judge_outputs(np.column_stack(scores).astype(np.float64))
    return LabelledOutputs(outputs, grades, np.ones(labels), queries)


def on_scale(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.clip(np.round(values), 1, 5).astype(np.int64)
