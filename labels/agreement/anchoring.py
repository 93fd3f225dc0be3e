"""Whether seeing the judge's score pulls a person towards it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from labels.agreement.compared import query_numbers
from labels.agreement.confusion_figures import exact, mean_distance, tables_by_group
from labels.agreement.query_bootstrap import estimate, resampled_sums
from labels.agreement.records import Anchoring, Estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from labels.agreement.compared import Comparison

_FEWEST: Final = 10


def anchoring(compared: Sequence[Comparison]) -> Anchoring:
    """Return agreement shown minus agreement blind, over labels given beside this judge's ruling.

    Which pairs are shown blind is chance, so the difference is what the sight of the score does.
    """
    beside = [one for one in compared if one.seen]
    hidden = np.array([one.label.hidden for one in beside], dtype=bool)
    blind = int(hidden.sum())
    shown = len(beside) - blind
    if min(shown, blind) < _FEWEST:
        unknown = Estimate(
            reason=f"{shown} grades with the score in sight and {blind} blind;"
            f" {_FEWEST} of each are needed"
        )
        return Anchoring(shown, blind, unknown, unknown)
    queries = query_numbers([one.label for one in beside])
    scores = np.array([one.ruling.score for one in beside])
    grades = np.array([one.label.grade for one in beside])
    weights = np.array([one.weight for one in beside])
    tables = np.stack(
        [tables_by_group(scores, grades, weights * side, queries) for side in (~hidden, hidden)],
        axis=1,
    )
    resampled = resampled_sums(tables)
    return Anchoring(
        shown,
        blind,
        estimate(_difference(exact), tables, resampled),
        estimate(_difference(mean_distance), tables, resampled),
    )


def _difference(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    return lambda tables: figure(tables[:, 0]) - figure(tables[:, 1])
