"""The figures of one query: P@1, R@5, R@k, Success@k, the reciprocal rank, nDCG@k.

They are those of trec_eval (``P``, ``recall``, ``success``, ``recip_rank``, ``ndcg_cut``), and the
tests hold them against ir_measures, which runs trec_eval's own code. They are computed here since
that code has no build for Linux on ARM, where rejudge runs, and would bring SciPy along.

A wanted path's gain is its grade less one, from 0 to 4; without a grade it is 4. It is relevant
from grade 4 up, so that a path listed with a low grade is known to be no hit.

Which results of a ranking are what the spec wants.

A result meets a relevant path when it equals that path or ends with it at a path boundary:
``crates/x/src/watcher.rs`` meets ``watcher.rs``; ``file_watcher.rs`` does not.
"""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

from core.records import is_good

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


BEST_GRADE: Final = 5
DEFAULT_CUTOFF: Final = 10
_SHORT_CUTOFF: Final = 5


def gain(grade: int | None) -> int:
    """Return the gain, 0 to 4, of a wanted path with this grade; ungraded means the best."""
    return (BEST_GRADE if grade is None else grade) - 1


def is_relevant(grade: int | None) -> bool:
    """Whether a wanted path with this grade has to be found."""
    return grade is None or is_good(grade)


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


def clean_path(path: str) -> str:
    """Return a path with forward slashes, without ``./`` before it or slashes around it."""
    parts = [part for part in path.strip().replace("\\", "/").split("/") if part not in {"", "."}]
    return "/".join(parts)


def endings(path: str) -> Iterator[str]:
    """Yield the path and each of its endings at a path boundary, the longest first."""
    yield path
    place = path.find("/")
    while place >= 0:
        yield path[place + 1 :]
        place = path.find("/", place + 1)


def meets(path: str, wanted: str) -> bool:
    """Whether a result's path equals the wanted one or ends with it at a path boundary."""
    return bool(wanted) and (path == wanted or path.endswith("/" + wanted))


def ranks_of(results: Iterable[str], wanted: Sequence[str]) -> tuple[int | None, ...]:
    """Return the rank, from 1, at which each wanted path is found; None where it is not.

    A result counts for one wanted path only, the longest that it meets and that no better result
    has met already, so that two results cannot count twice for one wanted path, and no result for
    two.

    Args:
        results: paths, best first, none of them twice.
        wanted: relevant paths, none of them twice.
    """
    places = {path: place for place, path in enumerate(wanted) if path}
    names = {_name(path) for path in places}
    found: list[int | None] = [None] * len(wanted)
    for rank, path in enumerate(results, start=1):
        if not places:
            break
        if _name(path) not in names:
            continue
        met = next((ending for ending in endings(path) if ending in places), None)
        if met is not None:
            found[places.pop(met)] = rank
    return tuple(found)


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]
