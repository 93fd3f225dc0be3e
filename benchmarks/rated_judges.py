"""Pairs that judges scored and people graded: simulated, and LLM-Rubric's."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from labels.calibration.outputs import JudgeOutputs, judge_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

_QUERIES: Final = 400
_PAIRS_PER_QUERY: Final = 5
_QUERIES_FOR_THE_TRUTH: Final = 200_000
#: How harsh and how noisy each simulated judge is, in grades.
_HARSHNESS: Final = (0.4, 0.0, -0.3)
_NOISE: Final = (0.7, 0.9, 1.1)
_CRITERIA: Final = tuple(f"Q{number}" for number in range(9))
_OVERALL: Final = ("Q0",)
_PARTS: Final = {
    "real": "human_judges_real_convs_FIXED_ANON.tsv",
    "synth": "human_judges_synth_all_FIXED_ANON.tsv",
}


@dataclass(frozen=True, slots=True)
class RatedPairs:
    """Grades beside judges' outputs; ``queries`` numbers the queries from 0."""

    name: str
    outputs: JudgeOutputs
    grades: NDArray[np.int64]
    queries: NDArray[np.int64]


def simulated(seed: int, judges: int) -> RatedPairs:
    """Return 2,000 pairs under 400 queries of unlike difficulty, scored by noisy judges.

    A judge squeezes the scale, is harsh or mild, and errs alike on pairs of one query.
    """
    chance = np.random.default_rng((seed, 7))
    queries = np.repeat(np.arange(_QUERIES), _PAIRS_PER_QUERY)
    grades = _grades(chance, _QUERIES)
    scores = [
        _on_scale(
            1.2
            + 0.75 * grades
            + chance.normal(0, 0.25, _QUERIES)[queries]
            + _HARSHNESS[judge]
            + chance.normal(0, _NOISE[judge], len(grades))
        )
        for judge in range(judges)
    ]
    outputs = judge_outputs(np.column_stack(scores).astype(np.float64))
    return RatedPairs(f"simulated, {judges} judges", outputs, grades, queries)


@cache
def simulated_mean() -> float:
    """Return the mean grade of the process that ``simulated`` draws from, to about 0.002."""
    return float(_grades(np.random.default_rng(5), _QUERIES_FOR_THE_TRUTH).mean())


def llm_rubric(folder: Path) -> Iterator[RatedPairs]:
    """Give the overall ratings of real and of synthetic dialogues, and those of nine criteria.

    Of the synthetic ones only the overall: a dialogue has so many annotators that 25 ratings on
    nine criteria would be of one dialogue.
    """
    for part, criteria in (("real", _OVERALL), ("synth", _OVERALL), ("real", _CRITERIA)):
        judged = _judged(folder / f"gpt-3.5-turbo-16k_{part}_evaluations_FIXED.tsv")
        yield _rated(part, criteria, folder / _PARTS[part], judged)


def _grades(chance: np.random.Generator, queries: int) -> NDArray[np.int64]:
    difficulty = np.repeat(chance.normal(0, 0.5, queries), _PAIRS_PER_QUERY)
    return _on_scale(2.6 + difficulty + chance.normal(0, 1.3, len(difficulty)))


def _on_scale(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.clip(np.round(values), 1, 5).astype(np.int64)


def _judged(path: Path) -> dict[tuple[str, str], tuple[float, list[float]]]:
    """Return the sampled rating and the distribution of each dialogue and criterion."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["text_id"], row["criterion"]): (
                float(row["sample_llm"]),
                [*(float(row[f"answer{k}_prob"]) for k in range(1, 5)), 0.0],
            )
            for row in csv.DictReader(file, delimiter="\t")
        }


def _rated(
    part: str,
    criteria: tuple[str, ...],
    path: Path,
    judged: Mapping[tuple[str, str], tuple[float, list[float]]],
) -> RatedPairs:
    scores, chances, grades, dialogues = [], [], [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            for criterion in criteria:
                grade = int(float(row[criterion] or 0))
                ruling = judged.get((row["text_id"], criterion))
                if grade and ruling:
                    scores.append([ruling[0]])
                    chances.append([ruling[1]])
                    grades.append(grade)
                    dialogues.append(row["text_id"])
    what = "overall" if len(criteria) == 1 else f"{len(criteria)} criteria"
    return RatedPairs(
        f"LLM-Rubric, {part} dialogues, {what}, {len(grades):,} ratings",
        judge_outputs(np.array(scores), np.array(chances)),
        np.array(grades, dtype=np.int64),
        np.unique(dialogues, return_inverse=True)[1],
    )
