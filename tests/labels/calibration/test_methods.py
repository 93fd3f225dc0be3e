from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import approx_fprime, minimize
from scipy.special import expit

from labels.calibration.choosing import choose, cross_validate, fits, ranked_probability_scores
from labels.calibration.methods import (
    _Problem,
    fit_confusion,
    fit_identity,
    fit_isotonic,
    fit_ordinal,
)
from labels.calibration.outputs import LabelledOutputs, judge_outputs
from labels.calibration.store import Method
from tests.labels.calibration.sampled_judges import sampled
from tests.reference_metrics import confusion_counts, isotonic_fit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.mark.parametrize("judges", [1, 3])
def test_every_method_gives_distributions(judges: int) -> None:
    labelled = sampled(60, judges=judges)
    for _, fit in fits():
        model = fit(labelled.outputs, labelled.grades, labelled.weights)
        chances = model.predict(labelled.outputs)
        assert chances.shape == (60, 5)
        assert (chances >= 0).all()
        assert chances.sum(axis=1) == pytest.approx(np.ones(60))


def test_a_bare_score_scores_its_distance_to_the_grade() -> None:
    outputs = judge_outputs(np.array([[1.0], [5.0], [3.0]]))
    chances = fit_identity(outputs, np.ones(3, dtype=np.int64), np.ones(3)).predict(outputs)
    assert ranked_probability_scores(chances, np.array([5, 4, 3])) == pytest.approx([4, 1, 0])


def test_the_score_is_that_of_its_definition() -> None:
    chances = np.array([[0.1, 0.2, 0.4, 0.2, 0.1]])
    # below: 0.1 0.3 0.7 0.9, happened: 0 1 1 1
    assert ranked_probability_scores(chances, np.array([2])) == pytest.approx(
        [0.1**2 + 0.7**2 + 0.3**2 + 0.1**2]
    )


def test_confusion_tends_to_the_observed_shares_and_keeps_to_the_score_without_labels() -> None:
    scores = np.repeat([2.0, 4.0], [2000, 2000])
    grades = np.concatenate([np.tile([1, 2, 2, 3], 500), np.tile([3, 4, 4, 4], 500)])
    model = fit_confusion(judge_outputs(scores[:, None]), grades, np.ones(4000))
    assert model.rows[1] == pytest.approx([0.25, 0.5, 0.25, 0, 0], abs=0.02)
    assert model.rows[3] == pytest.approx([0, 0, 0.25, 0.75, 0], abs=0.02)
    assert model.rows[4].argmax() == 4
    assert model.rows[0].argmax() == 0


def test_the_prior_of_confusion_is_the_likeliest_by_scipys_dirichlet() -> None:
    labelled = sampled(150, noise=1.2)
    model = fit_confusion(labelled.outputs, labelled.grades, labelled.weights)
    scores = labelled.outputs.scores[:, 0].astype(int)
    counts = confusion_counts(scores, labelled.grades)
    priors = {}
    for strength, reach in product((0.5, 1, 2, 4, 8, 16, 32), (0.4, 0.7, 1, 1.5, 2.5, 5)):
        falling = [[np.exp(-abs(k - s) / reach) for k in range(5)] for s in range(5)]
        priors[strength, reach] = [strength * np.array(row) / sum(row) for row in falling]
    likelihood = {
        setting: sum(
            stats.dirichlet_multinomial.logpmf(row, prior, row.sum())
            for row, prior in zip(counts, rows, strict=True)
        )
        for setting, rows in priors.items()
    }
    likeliest = max(likelihood, key=lambda setting: likelihood[setting])
    assert (model.strength, model.reach) == likeliest
    for row, count, prior in zip(model.rows, counts, priors[likeliest], strict=True):
        assert row == pytest.approx(stats.dirichlet(count + prior).mean())


def test_isotonic_is_the_nearest_rising_curve_for_each_cut() -> None:
    labelled = sampled(200, judges=2)
    weights = np.random.default_rng(3).uniform(0.2, 3, 200)
    model = fit_isotonic(labelled.outputs, labelled.grades, weights)
    chances = (model.predict(labelled.outputs) - model.mixing * model.shares) / (1 - model.mixing)
    for k in range(1, 5):
        above = isotonic_fit(labelled.outputs.expected, labelled.grades > k, weights)
        assert chances[:, k:].sum(axis=1) == pytest.approx(above, abs=1e-9)


def test_ordinal_with_two_grades_is_logistic_regression() -> None:
    labelled = sampled(400, judges=1)
    grades = np.where(labelled.grades > 2, 4, 3)
    model = fit_ordinal(labelled.outputs, grades, labelled.weights, ridge=1e-6)
    scores = labelled.outputs.scores

    def loss(line: NDArray[np.float64]) -> float:
        logits = line[0] + line[1] * scores[:, 0]
        return float((np.logaddexp(0, logits) - (grades == 4) * logits).sum())

    start, slope = minimize(loss, np.zeros(2), method="BFGS").x
    expected = expit(start + slope * scores[:, 0])
    assert model.predict(labelled.outputs)[:, 3:].sum(axis=1) == pytest.approx(expected, abs=0.01)


def test_ordinal_with_five_grades_is_the_likeliest_that_scipy_finds() -> None:
    labelled = sampled(600, seed=4)
    model = fit_ordinal(labelled.outputs, labelled.grades, labelled.weights, ridge=1e-9)
    scores = labelled.outputs.scores[:, 0]

    def chances(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
        cuts = np.concatenate([[-np.inf], np.sort(values[:4]), [np.inf]])
        return np.diff(stats.logistic.cdf(cuts[None, :] - values[4] * at[:, None]), axis=1)

    def loss(values: NDArray[np.float64]) -> float:
        of_grade = chances(values, scores)[np.arange(600), labelled.grades - 1]
        return -float(np.log(np.maximum(of_grade, 1e-300)).sum())

    found = minimize(loss, np.array([1.0, 3, 5, 7, 1]), method="BFGS").x
    every = np.arange(1.0, 6)
    said = model.predict(judge_outputs(every[:, None]))
    assert said == pytest.approx(chances(found, every), abs=0.01)


def test_the_gradient_of_the_ordinal_loss_is_its_slope() -> None:
    chance = np.random.default_rng(1)
    problem = _Problem(
        rows=chance.normal(size=(30, 3)),
        places=chance.integers(0, 5, 30),
        weights=chance.random(30),
        prior=np.array([1.0, 0, 0]),
        ridge=2.0,
    )
    values = chance.normal(size=7) / 2
    numeric = approx_fprime(values, lambda at: problem.loss(at)[0], 1e-7)
    assert problem.loss(values)[1] == pytest.approx(numeric, abs=1e-4)


def test_a_weight_of_two_is_the_label_twice() -> None:
    labelled = sampled(40, judges=2)
    twice = np.concatenate([np.arange(40), np.arange(20)])
    weights = np.where(np.arange(40) < 20, 2.0, 1.0)
    for _, fit in fits():
        weighted = fit(labelled.outputs, labelled.grades, weights)
        repeated = fit(labelled.outputs.of(twice), labelled.grades[twice], np.ones(60))
        assert weighted.predict(labelled.outputs) == pytest.approx(
            repeated.predict(labelled.outputs), abs=2e-3
        )


def test_a_judge_that_is_right_is_left_alone() -> None:
    right = sampled(150)
    labelled = LabelledOutputs(
        judge_outputs(right.grades[:, None].astype(np.float64)),
        right.grades,
        right.weights,
        right.queries,
    )
    assert choose(cross_validate(labelled), labelled).method is Method.IDENTITY


def test_what_is_chosen_is_not_worse_than_the_judge_on_labels_held_out() -> None:
    for seed in (0, 3):
        labelled = sampled(60, noise=0.3 + 0.3 * seed, seed=seed)
        tried = cross_validate(labelled)
        chosen = choose(tried, labelled)
        assert chosen.loss(labelled.weights) <= tried[0].loss(labelled.weights)


def test_missing_judges_and_distributions_are_taken_as_they_come() -> None:
    scores = np.array([[3.0, np.nan], [np.nan, 4.0], [2.0, 4.0]])
    told = np.full((3, 2, 5), np.nan)
    told[2, 0] = [0, 1, 1, 0, 0]
    outputs = judge_outputs(scores, told)
    assert outputs.expected == pytest.approx([3, 4, (2.5 + 4) / 2])
    grades = np.array([3, 4, 3])
    for _, fit in fits():
        model = fit(outputs, grades, np.ones(3))
        assert np.isfinite(model.predict(outputs)).all()
