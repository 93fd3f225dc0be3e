"""A TREC run file as a retriever: the results of another system.

Every line is ``QUERY Q0 PATH RANK SCORE TAG``. QUERY is the query's id in the spec, or rejudge's
own. As in trec_eval, results are ordered by score in single precision, not by rank, and ties go to
the path that sorts last.
"""

from __future__ import annotations

import hashlib
import struct
from collections import defaultdict
from math import isfinite
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.retrievers.base import Found, rank_scored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from core.records import SpecQuery
    from eval.retrievers.base import Parameters, Ranking
    from eval.retrievers.printed_paths import CorpusPaths

_COLUMNS: Final = 6
_LONGEST_LINE: Final = 1 << 16
_FORM: Final = "Every line is: QUERY Q0 PATH RANK SCORE TAG"


class RunFileRetriever:
    """Ranks as the file does.

    Args:
        results: scores by query id, then by path.
        parameters: the file's name and hash.
        paths: has the notices about paths without a document.
    """

    name: Final = "run"
    checkpoint: Final = ""

    def __init__(
        self, results: Mapping[str, Mapping[str, float]], parameters: Parameters, paths: CorpusPaths
    ) -> None:
        self._results = results
        self._paths = paths
        self._absent: list[str] = []
        self.parameters = parameters

    @property
    def notices(self) -> tuple[str, ...]:
        """The queries that the file lacks, and the paths that the corpus lacks."""
        absent = tuple(
            f"the run file has no results for the query: {text}; it counts as a miss"
            for text in self._absent
        )
        return (*absent, *self._paths.notices)

    def rank(self, queries: Sequence[SpecQuery], depth: int) -> Iterator[Ranking]:
        """Yield every query's best paths.

        Raises:
            InputError: the file has none of the queries.
        """
        if queries and not any(self._key(asked) for asked in queries):
            raise InputError(
                "the run file has none of the spec's queries",
                where=str(self.parameters["file"]),
                todo=f"Its first column holds the queries' ids, such as {queries[0].key}.",
            )
        for asked in queries:
            key = self._key(asked)
            if key is None:
                self._absent.append(asked.query.text)
            scores = self._results[key] if key else {}
            single = {path: _single(score) for path, score in scores.items()}
            yield tuple(Found(path, scores[path]) for path in rank_scored(single, depth))

    def _key(self, asked: SpecQuery) -> str | None:
        keys = (asked.key, str(asked.query.id))
        return next((key for key in keys if key in self._results), None)


def read_run_file(file: Path, paths: CorpusPaths) -> RunFileRetriever:
    """Read a run file. Of a path's scores for a query the best counts.

    Raises:
        InputError: the file cannot be read, or a line is not of a run. The first such line stops
            it: half a run would give wrong metrics.
    """
    results: dict[str, dict[str, float]] = defaultdict(dict)
    digest = hashlib.sha256()
    try:
        with file.open("rb") as lines:
            number = 0
            while raw := lines.readline(_LONGEST_LINE):
                number += 1
                digest.update(raw)
                place = f"{file}:{number}"
                text = _decoded(raw, place)
                if text:
                    query, path, score = _parsed(text, place)
                    path = paths.relative(path, place)
                    known = results[query].get(path, score)
                    results[query][path] = max(known, score)
    except OSError as error:
        raise InputError(
            f"the run file cannot be read: {error.strerror}",
            where=str(file),
            todo="Give a file in the TREC run format.",
        ) from error
    if not results:
        raise InputError("the run file is empty", where=str(file), todo=_FORM)
    return RunFileRetriever(dict(results), {"file": str(file), "sha256": digest.hexdigest()}, paths)


def _single(score: float) -> float:
    """Return the score in single precision; infinity if it is too large for that."""
    try:
        return float(struct.unpack("f", struct.pack("f", score))[0])
    except OverflowError:
        return float("inf") if score > 0 else float("-inf")


def _decoded(raw: bytes, place: str) -> str:
    if len(raw) == _LONGEST_LINE:
        raise InputError("the line is too long for a run", where=place, todo=_FORM)
    try:
        return raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InputError("the line is not UTF-8", where=place, todo=_FORM) from error


def _parsed(text: str, place: str) -> tuple[str, str, float]:
    columns = text.split()
    if len(columns) != _COLUMNS:
        raise InputError(
            f"the line has {len(columns)} columns where a run has {_COLUMNS}",
            where=place,
            todo=_FORM,
        )
    query, _, path, _, score_text, _ = columns
    try:
        score = float(score_text)
    except ValueError:
        score = float("nan")
    if not isfinite(score):
        raise InputError(f"the score {score_text} is not a number", where=place, todo=_FORM)
    return query, path, score
