"""The figures of one query: P@1, R@5, R@k, Success@k, the reciprocal rank, nDCG@k.

They are those of trec_eval (``P``, ``recall``, ``success``, ``recip_rank``, ``ndcg_cut``), and the
tests hold them against ir_measures, which runs trec_eval's own code. They are computed here since
that code has no build for Linux on ARM, where rejudge runs, and would bring SciPy along.

A wanted path's gain is its grade less one, from 0 to 4; without a grade it is 4. It is relevant
from grade 4 up, so that a path listed with a low grade is known to be no hit.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The lowest grade with which a path counts as found by the measures that know no grades.
RELEVANT_GRADE: Final = 4
BEST_GRADE: Final = 5
DEFAULT_CUTOFF: Final = 10
_SHORT_CUTOFF: Final = 5


def gain(grade: int | None) -> int:
    """Return the gain, 0 to 4, of a wanted path with this grade; ungraded means the best."""
    return (BEST_GRADE if grade is None else grade) - 1


def is_relevant(grade: int | None) -> bool:
    """Whether a wanted path with this grade has to be found."""
    return grade is None or grade >= RELEVANT_GRADE


def first_rank(grades: Sequence[int | None], ranks: Sequence[int | None]) -> int | None:
    """Return the rank of the best relevant result, or None when none was found.

    Args:
        grades: of the wanted paths.
        ranks: where each was found, from 1.
    """
    return min(_relevant_ranks(grades, ranks), default=None)


def metric_names(k: int = DEFAULT_CUTOFF) -> tuple[str, ...]:
    """Return the names of the measures, in the order they are shown; equal names once."""
    names = ("P@1", f"R@{_SHORT_CUTOFF}", f"R@{k}", f"Success@{k}", "MRR", f"nDCG@{k}")
    return tuple(dict.fromkeys(names))


def query_metrics(
    grades: Sequence[int | None], ranks: Sequence[int | None], k: int = DEFAULT_CUTOFF
) -> dict[str, float]:
    """Return each measure of one query, in [0, 1].

    Args:
        grades: of the wanted paths, at least one of them relevant.
        ranks: where each was found, from 1; None where it was not.
        k: the cut-off.

    Raises:
        ValueError: no wanted path is relevant, so that recall has no meaning.
    """
    relevant = sum(map(is_relevant, grades))
    if not relevant:
        raise ValueError("a query without a relevant path has no figures")
    found = _relevant_ranks(grades, ranks)
    best = min(found, default=None)
    return {
        "P@1": float(best == 1),
        f"R@{_SHORT_CUTOFF}": sum(rank <= _SHORT_CUTOFF for rank in found) / relevant,
        f"R@{k}": sum(rank <= k for rank in found) / relevant,
        f"Success@{k}": float(best is not None and best <= k),
        "MRR": 1 / best if best else 0.0,
        f"nDCG@{k}": _ndcg(grades, ranks, k),
    }


def _relevant_ranks(grades: Sequence[int | None], ranks: Sequence[int | None]) -> list[int]:
    pairs = zip(grades, ranks, strict=True)
    return [rank for grade, rank in pairs if rank is not None and is_relevant(grade)]


def _ndcg(grades: Sequence[int | None], ranks: Sequence[int | None], k: int) -> float:
    """Discounted by log2(rank + 1), the gain itself, not 2 to its power (Järvelin 2002)."""
    gains = [gain(grade) for grade in grades]
    ideal = sorted(gains, reverse=True)[:k]
    best = sum(each / log2(rank + 1) for rank, each in enumerate(ideal, start=1))
    reached = sum(
        each / log2(rank + 1)
        for each, rank in zip(gains, ranks, strict=True)
        if rank is not None and rank <= k
    )
    return reached / best
