from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels.calibration.choosing import query_folds, ranked_probability_scores
from labels.calibration.conformal import conformity_scores, prediction_sets, set_threshold
from labels.calibration.fitting import fit_calibration
from tests.labels.calibration.sampled_judges import sampled

distributions = st.lists(st.floats(0.01, 1), min_size=5, max_size=5).map(
    lambda parts: np.array([parts]) / sum(parts)
)


@given(distributions, st.floats(0, 0.999), st.floats(0, 1))
def test_a_set_is_a_run_around_the_likeliest_grade(
    chances: np.ndarray[tuple[int, int], np.dtype[np.float64]], draw: float, most: float
) -> None:
    draws = np.array([draw])
    low, high = prediction_sets(chances, draws, most)
    assert low[0] <= chances[0].argmax() + 1 <= high[0]
    inside = np.flatnonzero(conformity_scores(chances, draws)[0] <= most) + 1
    assert set(inside) <= set(range(low[0], high[0] + 1))
    assert set(range(low[0], high[0] + 1)) - set(inside) <= {int(chances[0].argmax()) + 1}


def test_the_threshold_is_the_quantile_with_one_more_label() -> None:
    scores = np.arange(1.0, 20.0)  # 19 labels: the 18th of 20 is the 90% quantile
    assert set_threshold(scores, np.ones(19)) == 18.0
    assert set_threshold(scores[:8], np.ones(8)) == float("inf")
    weights = np.where(scores == 1, 181.0, 1.0)
    assert set_threshold(scores, weights) < 18.0


def test_coverage_is_of_labels_that_did_not_set_the_threshold() -> None:
    """On those that did it is 181 of 200 by construction: ceil(0.9 * 201) / 200."""
    coverages = []
    for seed in range(6):
        labelled = sampled(200, seed=seed)
        draws = np.random.default_rng(seed).random(200)
        fitted = fit_calibration(labelled, draws)
        coverages.append(fitted.held_out.coverage)
        covered, folds = 0, query_folds(labelled.queries)
        scores = conformity_scores(fitted.chances, draws)
        for place, grade in enumerate(labelled.grades):
            others = np.flatnonzero(folds != folds[place])
            of_grade = scores[others, labelled.grades[others] - 1]
            limit = np.sort(of_grade)[int(np.ceil(0.9 * (len(others) + 1))) - 1]
            mode = fitted.chances[place].argmax() + 1
            covered += scores[place, grade - 1] <= limit or grade == mode
        assert coverages[-1] == pytest.approx(covered / 200)
    assert len(set(coverages)) > 3
    assert 0.87 <= np.mean(coverages) <= 0.93


def test_few_labels_give_every_grade() -> None:
    fitted = fit_calibration(sampled(8, per_query=2), np.full(8, 0.5))
    said = fitted.predict(sampled(50).outputs, np.full(50, 0.5))
    assert set(said.low) == {1}
    assert set(said.high) == {5}


@pytest.mark.parametrize("judges", [1, 2])
def test_90_percent_means_90_percent(judges: int) -> None:
    held = []
    for seed in range(3):
        chance = np.random.default_rng(seed)
        labelled = sampled(150, judges=judges, seed=seed)
        fresh = sampled(2000, judges=judges, seed=1000 + seed)
        fitted = fit_calibration(labelled, chance.random(150))
        said = fitted.predict(fresh.outputs, chance.random(2000))
        held.append(((said.low <= fresh.grades) & (fresh.grades <= said.high)).mean())
    assert 0.86 <= np.mean(held) <= 0.94


def test_calibrated_beats_raw_on_fresh_pairs() -> None:
    labelled, fresh = sampled(100, judges=3), sampled(1000, judges=3, seed=9)
    fitted = fit_calibration(labelled, np.linspace(0, 0.99, 100))
    said = fitted.predict(fresh.outputs, np.full(1000, 0.5))
    raw = ranked_probability_scores(fresh.outputs.mean_chances, fresh.grades).mean()
    assert ranked_probability_scores(said.chances, fresh.grades).mean() < 0.9 * raw
    off_raw = ((fresh.outputs.expected - fresh.grades) ** 2).mean()
    assert ((said.expected - fresh.grades) ** 2).mean() < off_raw
    assert fitted.held_out.rps_calibrated < fitted.held_out.rps_raw
