from __future__ import annotations

import numpy as np
import pytest

from core.stats import bootstrap_figures


def test_the_interval_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).beta(2, 1, (80, 2))
    for column, figure in enumerate(bootstrap_figures(values)):
        other = stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=9999, method="percentile", rng=1
        ).confidence_interval
        assert figure.value == pytest.approx(values[:, column].mean())
        width = other.high - other.low
        assert figure.low == pytest.approx(other.low, abs=0.06 * width)
        assert figure.high == pytest.approx(other.high, abs=0.06 * width)


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(0).random((30, 3))
    assert bootstrap_figures(values) == bootstrap_figures(values.copy())
    assert bootstrap_figures(values)[0] != bootstrap_figures(values, seed=9)[0]


def test_one_query_has_an_interval_of_no_width() -> None:
    (figure,) = bootstrap_figures(np.array([[0.5]]))
    assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)


def test_the_interval_holds_the_truth_about_19_times_in_20() -> None:
    chance = np.random.default_rng(11)
    held = 0
    for _ in range(200):
        values = (chance.random((60, 1)) < 0.7).astype(float)
        (figure,) = bootstrap_figures(values, resamples=400)
        held += figure.low <= 0.7 <= figure.high
    assert 0.88 <= held / 200 <= 0.99
