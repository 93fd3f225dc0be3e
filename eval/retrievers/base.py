"""What a retriever is, and how document scores become a ranking of paths.

Paths as another program prints them, made relative to the corpus folder.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from core.errors import InputError
from eval.metrics import clean_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    import numpy as np
    from numpy.typing import NDArray

    from core.records import SpecQuery
    from eval.corpus import Corpus


class CorpusPaths:
    """Turns printed paths into paths of the corpus.

    Args:
        corpus: the documents.
        folder: the corpus's folder on disk; None when nobody said.
    """

    def __init__(self, corpus: Corpus, folder: Path | None) -> None:
        self._corpus = corpus
        self._folder = None if folder is None else Path(os.path.realpath(folder))
        self._unknown: Counter[str] = Counter()

    def relative(self, printed: str, place: str) -> str:
        """Return the path relative to the corpus folder.

        A path that lies in the folder but has no document is returned all the same: it takes its
        rank and is counted in ``notices``.

        Args:
            printed: an absolute path, or one relative to the corpus folder or to the current one.
            place: where it was printed, for messages.

        Raises:
            InputError: it lies outside the corpus, or is no path.
        """
        if not _is_path(printed):
            raise InputError(
                f"a result's path is no path: {printed!r}",
                where=place,
                todo="Each result names a file of the corpus.",
            )
        path = clean_path(printed)
        if not _is_absolute(printed) and path in self._corpus.path_places:
            return path
        path = self._in_folder(printed, place)
        if path not in self._corpus.path_places:
            self._unknown[path] += 1
        return path

    @property
    def notices(self) -> tuple[str, ...]:
        """A sentence about results that are no document of the corpus, if there were any."""
        if not self._unknown:
            return ()
        first = min(self._unknown)
        said = (
            f"{self._unknown.total()} results lie at {len(self._unknown)} paths without a document"
            f" in the corpus, such as {first}; they took their ranks and met nothing"
        )
        return (said,)

    def _in_folder(self, printed: str, place: str) -> str:
        if _is_absolute(printed) and self._folder is None:
            raise InputError(
                f"a result has the absolute path {printed}",
                where=place,
                todo="Say where the corpus lies with --corpus DIR.",
            )
        if _is_absolute(printed):
            return self._beneath(os.path.realpath(printed), printed, place)
        if self._folder is not None:
            from_here = os.path.realpath(printed)
            if os.path.exists(from_here) and Path(from_here).is_relative_to(self._folder):  # noqa: PTH110
                return self._beneath(from_here, printed, place)
            return self._beneath(os.path.normpath(self._folder / printed), printed, place)
        if ".." in printed.replace("\\", "/").split("/"):
            raise _outside(printed, place)
        return clean_path(printed)

    def _beneath(self, absolute: str, printed: str, place: str) -> str:
        folder = self._folder
        if folder is None or not Path(absolute).is_relative_to(folder):
            raise _outside(printed, place)
        return Path(absolute).relative_to(folder).as_posix()


def _is_path(text: str) -> bool:
    lone_surrogate = any("\ud800" <= character <= "\udfff" for character in text)
    return bool(clean_path(text)) and "\0" not in text and not lone_surrogate


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or Path(path).is_absolute()


def _outside(printed: str, place: str) -> InputError:
    return InputError(
        f"a result lies outside the corpus: {printed}",
        where=place,
        todo="Search the folder that was imported as the corpus, or name it with --corpus DIR.",
    )


#: What an eval records about how a retriever was set.
Parameters: TypeAlias = "Mapping[str, str | int | float]"


@dataclass(frozen=True, slots=True)
class Found:
    """A result: a path, its score, and the document of that path that scored best, if known."""

    path: str
    score: float
    document_id: UUID | None = None


#: Results, best first, no path twice.
Ranking: TypeAlias = "tuple[Found, ...]"


class Retriever(Protocol):
    """Finds paths of the corpus for queries.

    ``name`` is its kind, ``parameters`` are what else decides the results, ``checkpoint`` is the
    hash of the weights, empty where there are none. ``notices`` tells, after ranking, what a
    person should know about the results.
    """

    @property
    def name(self) -> str:
        """Its kind."""

    @property
    def parameters(self) -> Parameters:
        """What else decides the results."""

    @property
    def checkpoint(self) -> str:
        """The hash of its weights, or an empty string."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know about the results so far."""

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield each query's best ``depth`` paths, in the order of the queries."""


def rank_paths(scores: NDArray[np.float32], corpus: Corpus, depth: int, floor: float) -> Ranking:
    """Return the best paths by their best documents.

    Equal scores are in the order of their paths; of a path's equal documents the smaller id counts.

    Args:
        scores: one for each document of the corpus, in the order of ``corpus.ids``.
        corpus: the documents.
        depth: paths returned at the most.
        floor: a path must score more than this.
    """
    import numpy as np

    by_path = corpus.by_path
    sorted_scores = scores[by_path]
    best = np.maximum.reduceat(sorted_scores, corpus.path_starts)
    chosen = np.flatnonzero(best > floor)
    if len(chosen) > depth:
        least = np.partition(best[chosen], len(chosen) - depth)[len(chosen) - depth]
        chosen = chosen[best[chosen] >= least]
    order = chosen[np.lexsort((chosen, -best[chosen]))][:depth]
    ends = np.append(corpus.path_starts[1:], len(by_path))
    found = []
    for place in order.tolist():
        start = int(corpus.path_starts[place])
        offset = int(sorted_scores[start : int(ends[place])].argmax())
        document = corpus.ids[int(by_path[start + offset])]
        found.append(Found(corpus.paths[place], float(best[place]), document))
    return tuple(found)
