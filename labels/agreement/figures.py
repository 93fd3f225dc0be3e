"""Agreement figures of two raters from 5x5 tables, many tables at a time.

A table counts pairs of grades: row i, column j holds the weighted number of times the first rater
gave i + 1 and the second j + 1. Every figure depends on the data through such a table alone, so
all resamples of a bootstrap are computed in one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import InputError
from core.records import GRADES, Estimate
from core.stats import (
    bootstrap_estimate,
    bootstrap_totals,
    contributing_queries,
    unseen_interval,
    unseen_share,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    #: Shape (..., 5, 5).
    Tables = Floats
    Figure = Callable[[Tables], Floats]

_LEVELS: Final = len(GRADES)
_STEPS: Final = np.arange(_LEVELS, dtype=np.float64)
#: First rater minus second, cell by cell.
_DIFFERENCE: Final = _STEPS[:, None] - _STEPS[None, :]


def agreement_figures(
    tables: Tables, first: str, second: str, resampled: Tables | None = None
) -> dict[str, Estimate]:
    """Return every figure of ``FIGURES`` with its interval over queries.

    Args:
        tables: shape (queries, 5, 5), rows of the first rater.
        first: names the first rater in a reason: ``the judge``.
        second: names the second: ``people``.
        resampled: ``bootstrap_totals`` of the tables, if there already.
    """
    reason = _too_few(tables)
    if reason:
        return {name: Estimate(reason=reason) for name in FIGURES}
    total = tables.sum(axis=0)
    constant = _constant(total, first, second)
    identical = np.count_nonzero(total) == np.count_nonzero(np.diag(total))
    if resampled is None:
        resampled = bootstrap_totals(tables)
    estimates = {}
    for name, figure in FIGURES.items():
        if constant and name in _BEYOND_CHANCE:
            estimates[name] = Estimate(reason=constant)
        elif identical:
            queries = contributing_queries(tables)
            estimates[name] = perfect_agreement(figure, total, queries, BOUNDS.get(name))
        else:
            estimates[name] = bootstrap_estimate(figure, tables, resampled, bounds=BOUNDS.get(name))
    return estimates


def perfect_agreement(
    figure: Figure, total: Tables, queries: int, bounds: tuple[float, float] | None = None
) -> Estimate:
    """Return a figure of raters that never differed, with an honest interval.

    Resampling finds no disagreement where there was none, which does not prove that there is none.
    A mean over labels gets ``unseen_interval``. The other figures reach to their value if
    ``unseen_share`` of the labels were a grade apart.
    """
    value = float(figure(total[None])[0])
    if bounds is not None:
        return unseen_interval(value, bounds, queries)
    share = unseen_share(queries)
    up, down = (np.eye(_LEVELS, k=step) for step in (1, -1))
    up[-1, -2] = down[0, 1] = 1.0
    given = np.diag(total)[:, None]
    possible = [
        (1 - share) * total + share * given * moved for moved in (up, down, (up + down) / 2)
    ]
    ends = [value, *(float(end) for end in figure(np.stack(possible)))]
    return Estimate(value, min(ends), max(ends))


def _too_few(tables: Tables) -> str:
    if contributing_queries(tables) == 0:
        return "there are no labels to compare with"
    if np.count_nonzero(tables) == 1 and tables.sum() <= 1:
        return "there is one label only"
    return ""


def _constant(total: Tables, first: str, second: str) -> str:
    """Return why agreement beyond chance is undefined; empty if it is defined."""
    for name, margin in ((first, total.sum(axis=1)), (second, total.sum(axis=0))):
        given = np.flatnonzero(margin)
        if len(given) == 1:
            return (
                f"{name} gave every pair a {given[0] + 1}, so agreement beyond chance is undefined"
            )
    return ""


def tables_by_group(
    first: ArrayLike, second: ArrayLike, weights: Floats, groups: NDArray[np.int64]
) -> Tables:
    """Return a table for every group, shape (groups, 5, 5).

    Args:
        first: grades of the first rater, 1-5.
        second: grades of the second rater, as many.
        weights: of the labels.
        groups: group number of every label, from 0 without gaps.

    Raises:
        InputError: a grade is not one of 1 to 5.
    """
    count = int(groups.max()) + 1 if len(groups) else 0
    cells = (groups * _LEVELS + _grade_index(first)) * _LEVELS + _grade_index(second)
    filled = np.bincount(cells, weights=weights, minlength=count * _LEVELS**2)
    return filled.astype(np.float64).reshape(count, _LEVELS, _LEVELS)


def _grade_index(grades: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(grades)
    wrong = values[~np.isin(values, GRADES)]
    if len(wrong):
        raise InputError(f"{wrong[0]} is not a grade", todo="Grades go from 1 to 5.")
    return values.astype(np.int64) - 1


def exact(tables: Tables) -> Floats:
    """Return the share of equal grades, 0 to 1."""
    return _mean(tables, (_DIFFERENCE == 0).astype(np.float64))


def within_one(tables: Tables) -> Floats:
    """Return the share of grades at most one apart, 0 to 1."""
    return _mean(tables, (np.abs(_DIFFERENCE) <= 1).astype(np.float64))


def bias(tables: Tables) -> Floats:
    """Return the mean of first minus second, -4 to 4."""
    return _mean(tables, _DIFFERENCE)


def mean_distance(tables: Tables) -> Floats:
    """Return the mean absolute difference, 0 to 4."""
    return _mean(tables, np.abs(_DIFFERENCE))


def quadratic_kappa(tables: Tables) -> Floats:
    """Return Cohen's kappa with quadratic weights, at most 1 (Cohen 1968).

    NaN if both raters gave one and the same grade throughout.
    """
    totals = tables.sum(axis=(-2, -1))
    expected = tables.sum(axis=-1)[..., :, None] * tables.sum(axis=-2)[..., None, :]
    observed = (tables * _DIFFERENCE**2).sum(axis=(-2, -1)) * totals
    return 1 - ratio(observed, (expected * _DIFFERENCE**2).sum(axis=(-2, -1)))


def ordinal_alpha(tables: Tables) -> Floats:
    """Return Krippendorff's ordinal alpha of two raters, at most 1; NaN if grades do not vary."""
    return alpha_of_coincidences(tables + np.swapaxes(tables, -1, -2))


def alpha_of_coincidences(coincidences: Tables) -> Floats:
    """Return Krippendorff's ordinal alpha of coincidence matrices.

    (Krippendorff, Content Analysis, 2004, chapter 11.)
    """
    margins = coincidences.sum(axis=-1)
    totals = margins.sum(axis=-1)
    middles = np.cumsum(margins, axis=-1) - margins / 2
    metric = (middles[..., :, None] - middles[..., None, :]) ** 2
    observed = (coincidences * metric).sum(axis=(-2, -1)) * (totals - 1)
    products = margins[..., :, None] * margins[..., None, :]
    return 1 - ratio(observed, (products * metric).sum(axis=(-2, -1)))


def spearman(tables: Tables) -> Floats:
    """Return Spearman's rank correlation, mid-ranks for ties; NaN if a rater does not vary."""
    totals = tables.sum(axis=(-2, -1))
    first, second = tables.sum(axis=-1), tables.sum(axis=-2)
    centred = [
        np.cumsum(margin, axis=-1) - margin / 2 - totals[..., None] / 2
        for margin in (first, second)
    ]
    covariance = (tables * centred[0][..., :, None] * centred[1][..., None, :]).sum(axis=(-2, -1))
    variances = (first * centred[0] ** 2).sum(axis=-1) * (second * centred[1] ** 2).sum(axis=-1)
    return ratio(covariance, np.sqrt(variances))


def _mean(tables: Tables, values: Floats) -> Floats:
    return ratio((tables * values).sum(axis=(-2, -1)), tables.sum(axis=(-2, -1)))


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0."""
    undefined = np.full_like(numerator, np.nan)
    quotient: Floats = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return quotient


#: The figures of a judge with people, or of two annotators, by name.
FIGURES: Final[Mapping[str, Figure]] = {
    "qwk": quadratic_kappa,
    "alpha": ordinal_alpha,
    "spearman": spearman,
    "exact": exact,
    "within_one": within_one,
    "bias": bias,
    "mae": mean_distance,
}
#: The ranges of those that are means over labels.
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "exact": (0.0, 1.0),
    "within_one": (0.0, 1.0),
    "bias": (1.0 - _LEVELS, _LEVELS - 1.0),
    "mae": (0.0, _LEVELS - 1.0),
}
#: Those that measure agreement beyond chance, which is undefined if a rater does not vary.
_BEYOND_CHANCE: Final = frozenset({"qwk", "alpha", "spearman"})
