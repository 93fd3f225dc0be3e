"""Every figure of two raters with its interval, from their 5x5 tables by query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.records import GRADES
from labels.agreement.confusion_figures import BEYOND_CHANCE, FIGURES
from labels.agreement.query_bootstrap import (
    contributing,
    estimate,
    largest_unseen_share,
    resampled_sums,
)
from labels.agreement.records import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Tables = NDArray[np.float64]

_LEVELS: Final = len(GRADES)
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
