"""Figures of agreement, each computed from 5x5 tables, many tables at a time.

A table counts pairs of grades: row i, column j holds the (weighted) number of times that the first
rater gave i + 1 and the second j + 1. Everything here depends on the data through such a table
alone, which is what makes a bootstrap of thousands of resamples quick.

Every figure of two raters with its interval, from their 5x5 tables by query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import InputError
from core.records import GRADES, Estimate
from core.stats import contributing, estimate, largest_unseen_share, resampled_sums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

    Tables = NDArray[np.float64]

    Figure = Callable[[Tables], NDArray[np.float64]]

_LEVELS: Final = len(GRADES)
_STEPS: Final = np.arange(_LEVELS, dtype=np.float64)
#: First rater minus second, cell by cell.
_DIFFERENCE: Final = _STEPS[:, None] - _STEPS[None, :]


def grade_places(grades: ArrayLike) -> NDArray[np.int64]:
    """Return grades 1-5 as places 0-4.

    Raises:
        InputError: one of them is not a grade.
    """
    values = np.asarray(grades)
    wrong = values[~np.isin(values, GRADES)]
    if len(wrong):
        raise InputError(f"{wrong[0]} is not a grade", todo="Grades go from 1 to 5.")
    return values.astype(np.int64) - 1


def tables_by_group(
    first: ArrayLike, second: ArrayLike, weights: NDArray[np.float64], groups: NDArray[np.int64]
) -> Tables:
    """Return one table for each group, shape (groups, 5, 5).

    Args:
        first: grades of the first rater, 1-5.
        second: grades of the second rater, as many.
        weights: what each of them counts.
        groups: the number of each one's group, from 0 without gaps.

    Raises:
        InputError: a grade is not one of 1 to 5.
    """
    count = int(groups.max()) + 1 if len(groups) else 0
    cells = (groups * _LEVELS + grade_places(first)) * _LEVELS + grade_places(second)
    filled = np.bincount(cells, weights=weights, minlength=count * _LEVELS**2)
    return filled.astype(np.float64).reshape(count, _LEVELS, _LEVELS)


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; NaN where nothing is there to divide by."""
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def _mean(tables: Tables, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return _ratio((tables * values).sum(axis=(-2, -1)), tables.sum(axis=(-2, -1)))


def exact(tables: Tables) -> NDArray[np.float64]:
    """Return the share of equal grades, 0 to 1."""
    return _mean(tables, (_DIFFERENCE == 0).astype(np.float64))


def within_one(tables: Tables) -> NDArray[np.float64]:
    """Return the share of grades at most one apart, 0 to 1."""
    return _mean(tables, (np.abs(_DIFFERENCE) <= 1).astype(np.float64))


def bias(tables: Tables) -> NDArray[np.float64]:
    """Return the mean of first minus second, -4 to 4."""
    return _mean(tables, _DIFFERENCE)


def mean_distance(tables: Tables) -> NDArray[np.float64]:
    """Return the mean absolute difference, 0 to 4."""
    return _mean(tables, np.abs(_DIFFERENCE))


def quadratic_kappa(tables: Tables) -> NDArray[np.float64]:
    """Return Cohen's kappa with quadratic weights (Cohen 1968), at most 1.

    NaN where both raters gave one and the same grade throughout.
    """
    totals = tables.sum(axis=(-2, -1))
    expected = tables.sum(axis=-1)[..., :, None] * tables.sum(axis=-2)[..., None, :]
    observed = (tables * _DIFFERENCE**2).sum(axis=(-2, -1)) * totals
    return 1 - _ratio(observed, (expected * _DIFFERENCE**2).sum(axis=(-2, -1)))


def ordinal_alpha(tables: Tables) -> NDArray[np.float64]:
    """Return Krippendorff's alpha with the ordinal metric for two raters, at most 1.

    (Krippendorff, Content Analysis, 2004, chapter 11.) NaN where only one grade was given.
    """
    return alpha_of_coincidences(tables + np.swapaxes(tables, -1, -2))


def alpha_of_coincidences(coincidences: Tables) -> NDArray[np.float64]:
    """Return Krippendorff's ordinal alpha of coincidence matrices, shape (..., 5, 5)."""
    margins = coincidences.sum(axis=-1)
    totals = margins.sum(axis=-1)
    middles = np.cumsum(margins, axis=-1) - margins / 2
    metric = (middles[..., :, None] - middles[..., None, :]) ** 2
    observed = (coincidences * metric).sum(axis=(-2, -1)) * (totals - 1)
    products = margins[..., :, None] * margins[..., None, :]
    return 1 - _ratio(observed, (products * metric).sum(axis=(-2, -1)))


def spearman(tables: Tables) -> NDArray[np.float64]:
    """Return Spearman's rank correlation with mid-ranks for ties, -1 to 1.

    NaN where a rater gave the same grade throughout.
    """
    totals = tables.sum(axis=(-2, -1))
    first, second = tables.sum(axis=-1), tables.sum(axis=-2)
    centred = [
        np.cumsum(margin, axis=-1) - margin / 2 - totals[..., None] / 2
        for margin in (first, second)
    ]
    covariance = (tables * centred[0][..., :, None] * centred[1][..., None, :]).sum(axis=(-2, -1))
    variances = (first * centred[0] ** 2).sum(axis=-1) * (second * centred[1] ** 2).sum(axis=-1)
    return _ratio(covariance, np.sqrt(variances))


#: The figures of one judge or one pair of annotators, by name.
FIGURES: Final[Mapping[str, Figure]] = {
    "qwk": quadratic_kappa,
    "alpha": ordinal_alpha,
    "spearman": spearman,
    "exact": exact,
    "within_one": within_one,
    "bias": bias,
    "mae": mean_distance,
}
#: Those that tell how far agreement goes beyond chance; without variation there is none to tell.
BEYOND_CHANCE: Final = frozenset({"qwk", "alpha", "spearman"})

_SHARES: Final = frozenset({"exact", "within_one"})


def agreement_figures(
    tables: Tables, first: str, second: str, resampled: Tables | None = None
) -> dict[str, Estimate]:
    """Return each of ``FIGURES`` with its interval over queries.

    Args:
        tables: shape (queries, 5, 5), rows of the first rater.
        first: what the first rater is called in a reason: ``the judge``.
        second: what the second is called: ``people``.
        resampled: ``resampled_sums`` of the tables, where they are there already.
    """
    total = tables.sum(axis=0)
    if np.count_nonzero(tables) < 2:  # noqa: PLR2004 - one label, or the same one again
        reason = _too_few(tables)
        if reason:
            return {name: Estimate(reason=reason) for name in FIGURES}
    constant = _constant(total, first, second)
    agreeing = not (total - np.diag(np.diag(total))).any()
    if resampled is None:
        resampled = resampled_sums(tables)
    found = {}
    for name, figure in FIGURES.items():
        if constant and name in BEYOND_CHANCE:
            found[name] = Estimate(reason=constant)
        elif agreeing:
            found[name] = _without_a_miss(figure, total, contributing(tables))
        else:
            found[name] = estimate(figure, tables, resampled, share=name in _SHARES)
    return found


def _too_few(tables: Tables) -> str:
    queries = contributing(tables)
    if queries == 0:
        return "there are no labels to compare with"
    return "there is one label only" if tables.sum() <= 1 else ""


def _constant(total: Tables, first: str, second: str) -> str:
    """Return why agreement beyond chance cannot be told; empty when it can."""
    for name, margin in ((first, total.sum(axis=1)), (second, total.sum(axis=0))):
        given = np.flatnonzero(margin)
        if len(given) == 1:
            return (
                f"{name} gave every pair a {given[0] + 1}, so agreement beyond chance"
                " cannot be told"
            )
    return ""


def _without_a_miss(
    figure: Callable[[Tables], NDArray[np.float64]], total: Tables, queries: int
) -> Estimate:
    """Return the estimate where the raters never differed.

    Resampling finds no disagreement where there was none, which is no proof that there is none.
    The interval reaches to what the figure would be with the largest share of misses that so many
    queries can leave unseen, each miss one grade off.
    """
    share = largest_unseen_share(queries)
    up, down = (np.roll(np.eye(_LEVELS), step, axis=1) for step in (1, -1))
    up[-1], down[0] = np.eye(_LEVELS)[-2], np.eye(_LEVELS)[1]
    given = np.diag(total)[:, None]
    possible = [
        (1 - share) * total + share * given * moved for moved in (up, down, (up + down) / 2)
    ]
    value = float(figure(total[None])[0])
    ends = [value, *(float(end) for end in figure(np.stack(possible)))]
    return Estimate(value, min(ends), max(ends))
