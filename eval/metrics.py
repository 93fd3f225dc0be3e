"""Metrics of one query, and which results of a ranking are what the spec wants.

The metrics are trec_eval's ``P``, ``recall``, ``success``, ``recip_rank`` and ``ndcg_cut``; the
tests compare them with trec_eval's own code through ir_measures. They are computed here because
that code has no build for Linux on ARM.

A wanted path's gain is its grade minus one, 0 to 4, and 4 without a grade. It is relevant from a
good grade up. A result meets a wanted path if it equals the path or ends with it at a path
boundary: ``crates/x/src/watcher.rs`` meets ``watcher.rs``, ``file_watcher.rs`` does not.
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


def metric_names(k: int = DEFAULT_CUTOFF) -> tuple[str, ...]:
    """Return the names of the metrics in display order, without duplicates."""
    names = ("P@1", f"R@{_SHORT_CUTOFF}", f"R@{k}", f"Success@{k}", "MRR", f"nDCG@{k}")
    return tuple(dict.fromkeys(names))


def query_metrics(
    grades: Sequence[int | None], ranks: Sequence[int | None], k: int = DEFAULT_CUTOFF
) -> dict[str, float]:
    """Return every metric of a query, in [0, 1].

    Args:
        grades: of the wanted paths, at least one of them relevant.
        ranks: where each was found, from 1; None if not found.
        k: the cut-off.

    Raises:
        ValueError: no wanted path is relevant, so recall is undefined.
    """
    relevant = sum(map(is_relevant, grades))
    if not relevant:
        raise ValueError("a query without a relevant path has no metrics")
    found = _relevant_ranks(grades, ranks)
    best = min(found, default=None)
    return {
        "P@1": float(best == 1),
        f"R@{_SHORT_CUTOFF}": sum(rank <= _SHORT_CUTOFF for rank in found) / relevant,
        f"R@{k}": sum(rank <= k for rank in found) / relevant,
        f"Success@{k}": float(best is not None and best <= k),
        "MRR": 1 / best if best else 0.0,
        f"nDCG@{k}": ndcg([gain(grade) for grade in grades], ranks, k),
    }


def ndcg(gains: Sequence[float], ranks: Sequence[int | None], k: int = DEFAULT_CUTOFF) -> float:
    """Return the normalised discounted cumulative gain at ``k``, 0 to 1; 0 if no gain is above 0.

    Gains are linear, not powers of 2, and discounted by log2(rank + 1) (Järvelin and Kekäläinen,
    ACM TOIS 20, 2002).

    Args:
        gains: of everything that could be found, at least 0.
        ranks: where each was found, from 1; None if not found.
        k: the cut-off.
    """
    ideal = sorted(gains, reverse=True)[:k]
    best = sum(amount / log2(rank + 1) for rank, amount in enumerate(ideal, start=1))
    if not best:
        return 0.0
    found = zip(gains, ranks, strict=True)
    return (
        sum(amount / log2(rank + 1) for amount, rank in found if rank is not None and rank <= k)
        / best
    )


def gain(grade: int | None) -> int:
    """Return the gain, 0 to 4, of a wanted path with this grade; the best without a grade."""
    return (BEST_GRADE if grade is None else grade) - 1


def is_relevant(grade: int | None) -> bool:
    """Tell whether a wanted path with this grade has to be found."""
    return grade is None or is_good(grade)


def first_rank(grades: Sequence[int | None], ranks: Sequence[int | None]) -> int | None:
    """Return the rank of the first relevant result; None if none was found.

    Args:
        grades: of the wanted paths.
        ranks: where each was found, from 1.
    """
    return min(_relevant_ranks(grades, ranks), default=None)


def _relevant_ranks(grades: Sequence[int | None], ranks: Sequence[int | None]) -> list[int]:
    pairs = zip(grades, ranks, strict=True)
    return [rank for grade, rank in pairs if rank is not None and is_relevant(grade)]


def ranks_of(results: Iterable[str], wanted: Sequence[str]) -> tuple[int | None, ...]:
    """Return the rank, from 1, at which every wanted path is found; None if not found.

    A result counts for one wanted path: the longest that it meets and that no better result met.
    So two results cannot count for one wanted path, nor one result for two.

    Args:
        results: paths, best first, without duplicates.
        wanted: paths, without duplicates.
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


def meets(path: str, wanted: str) -> bool:
    """Tell whether a path equals the wanted path or ends with it at a path boundary."""
    return bool(wanted) and (path == wanted or path.endswith("/" + wanted))


def endings(path: str) -> Iterator[str]:
    """Yield the path and all its endings at path boundaries, longest first."""
    yield path
    place = path.find("/")
    while place >= 0:
        yield path[place + 1 :]
        place = path.find("/", place + 1)


def clean_path(path: str) -> str:
    """Return a path with forward slashes, without ``.`` parts and outer slashes."""
    parts = [part for part in path.strip().replace("\\", "/").split("/") if part not in {"", "."}]
    return "/".join(parts)


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]
