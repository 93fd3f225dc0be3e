"""How good a forecast was: against scipy and the definitions of other papers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from labels.calibration.choosing import (
    Candidate,
    _paired_difference,
    choose,
    cross_validate,
    expected_grades,
    median_grades,
    query_folds,
    ranked_probability_scores,
)
from labels.calibration.conformal import conformity_scores, set_threshold
from labels.calibration.fitting import fit_calibration
from labels.calibration.methods import fit_identity
from labels.calibration.outputs import LabelledOutputs, features, judge_outputs
from labels.calibration.store import Method
from tests.labels.calibration.sampled_judges import sampled
from tests.reference_metrics import brier_score, mean_absolute_error

VALUES = np.arange(1, 6)
CHANCES = np.random.default_rng(5).dirichlet(np.full(5, 0.7), 60)
GRADES = np.random.default_rng(6).integers(1, 6, 60)


def test_the_ranked_score_is_the_sum_of_the_brier_scores_of_its_four_cuts() -> None:
    below = np.cumsum(CHANCES, axis=1)
    brier = [brier_score(cut >= GRADES, below[:, cut - 1]) for cut in range(1, 5)]
    assert ranked_probability_scores(CHANCES, GRADES).mean() == pytest.approx(sum(brier))


def test_the_ranked_score_is_the_distance_less_half_the_spread() -> None:
    """Its other form: E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007)."""
    apart = np.abs(VALUES[:, None] - VALUES[None, :])
    for chances, grade, score in zip(
        CHANCES, GRADES, ranked_probability_scores(CHANCES, GRADES), strict=True
    ):
        spread = chances @ apart @ chances
        assert score == pytest.approx(chances @ np.abs(VALUES - grade) - spread / 2)


def test_mean_and_median_are_scipys_and_the_median_has_the_least_error() -> None:
    medians = median_grades(CHANCES)
    for chances, mean, median in zip(CHANCES, expected_grades(CHANCES), medians, strict=True):
        other = stats.rv_discrete(values=(VALUES, chances))
        assert mean == pytest.approx(other.mean())
        assert median == other.median()
        errors = [chances @ np.abs(VALUES - grade) for grade in VALUES]
        assert errors[median - 1] == pytest.approx(min(errors))


def test_features_are_those_of_scipy_and_numpy() -> None:
    chance = np.random.default_rng(3)
    scores = chance.integers(1, 6, (30, 3)).astype(np.float64)
    told = chance.dirichlet(np.ones(5), (30, 3))
    found = features(judge_outputs(scores, told))
    each = told @ VALUES
    assert found[:, 0] == pytest.approx(each.mean(axis=1))
    assert found[:, 0] + found[:, 1] == pytest.approx(scores.mean(axis=1))
    assert found[:, 2] == pytest.approx(each.std(axis=1))
    assert found[:, 3] == pytest.approx(stats.entropy(told.mean(axis=1), axis=1))
    assert found[:, 4:] == pytest.approx(each - each.mean(axis=1, keepdims=True))


def test_figures_held_out_are_those_of_their_definitions() -> None:
    chance = np.random.default_rng(4)
    plain = sampled(80)
    weights = chance.uniform(0.5, 3, 80)
    draws = chance.random(80)
    labelled = LabelledOutputs(plain.outputs, plain.grades, weights, plain.queries)
    fitted = fit_calibration(labelled, draws)
    said, grades = fitted.held_out, plain.grades
    scores = plain.outputs.scores[:, 0]
    raw_error = mean_absolute_error(grades, scores, weights)
    assert said.rps_raw == pytest.approx(raw_error)
    assert said.mae_raw == pytest.approx(raw_error)
    assert said.rmse_raw == pytest.approx(
        np.sqrt(np.average((grades - scores) ** 2, weights=weights))
    )
    medians = [stats.rv_discrete(values=(VALUES, row)).median() for row in fitted.chances]
    assert said.mae_calibrated == pytest.approx(mean_absolute_error(grades, medians, weights))
    assert said.rmse_calibrated == pytest.approx(
        np.sqrt(np.average((grades - fitted.chances @ VALUES) ** 2, weights=weights))
    )
    below = np.cumsum(fitted.chances, axis=1).clip(0, 1)
    brier = [brier_score(cut >= grades, below[:, cut - 1], weights) for cut in range(1, 5)]
    assert said.rps_calibrated == pytest.approx(sum(brier))
    assert said.gain == pytest.approx(raw_error - sum(brier))


def test_no_query_is_on_both_sides_of_a_fold() -> None:
    queries = np.repeat(np.arange(23), np.arange(1, 24))
    folds = query_folds(queries)
    assert set(folds) == set(range(10))
    for query in range(23):
        assert len(set(folds[queries == query])) == 1
    assert np.bincount(folds).tolist() == [30, 29, 28, *[27] * 7]


def test_the_error_of_a_difference_is_that_of_scipy() -> None:
    chance = np.random.default_rng(6)
    labelled = sampled(40, per_query=1)
    chances = np.full((40, 5), 0.2)
    one, other = (
        Candidate(Method.IDENTITY, fit_identity, chances, chance.random(40)) for _ in range(2)
    )
    worse, error = _paired_difference(one, other, labelled)
    assert worse == pytest.approx((one.scores - other.scores).mean())
    assert error == pytest.approx(stats.sem(one.scores - other.scores))


def test_nothing_better_within_half_an_error_is_passed_over_for_the_simpler() -> None:
    labelled = sampled(60, seed=2)
    tried = cross_validate(labelled)
    chosen = choose(tried, labelled)
    losses = [float(np.average(one.scores, weights=labelled.weights)) for one in tried]
    best = tried[int(np.argmin(losses))]
    simpler = [one for one in tried[: tried.index(best)] if one.method is not Method.IDENTITY]
    apart = [one.scores - best.scores for one in simpler]
    by_query = [[d[labelled.queries == q].mean() for q in range(12)] for d in apart]
    good = [
        one
        for one, means in zip(simpler, by_query, strict=True)
        if np.mean(means) <= 0.5 * stats.sem(means)
    ]
    assert chosen is (good[0] if good else best)


def grown(chances: np.ndarray[tuple[int], np.dtype[np.float64]], draw: float) -> list[float]:
    """Return what a set holds when each grade comes in: a run that takes its likelier neighbour."""
    low = high = int(chances.argmax())
    total = 0.0
    reached = [0.0] * 5
    taken = low
    while True:
        reached[taken] = total + draw * chances[taken]
        total += chances[taken]
        left = chances[low - 1] if low > 0 else -1.0
        right = chances[high + 1] if high < 4 else -1.0
        if left < 0 and right < 0:
            return reached
        if left > right:
            low = taken = low - 1
        else:
            high = taken = high + 1


def test_sets_grow_to_the_likelier_neighbour() -> None:
    chance = np.random.default_rng(9)
    draws = chance.random(60)
    found = conformity_scores(CHANCES, draws)
    for row, draw, scores in zip(CHANCES, draws, found, strict=True):
        assert scores == pytest.approx(grown(row, draw))


@pytest.mark.parametrize("labels", [12, 57, 200])
def test_the_threshold_is_numpys_weighted_quantile(labels: int) -> None:
    chance = np.random.default_rng(11)
    scores, weights = chance.random(labels), chance.uniform(0.2, 2, labels)
    expected = np.quantile(
        np.append(scores, 9.0),
        0.9,
        weights=np.append(weights, weights.mean()),
        method="inverted_cdf",
    )
    assert set_threshold(scores, weights) == expected
