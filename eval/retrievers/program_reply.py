"""What a search program printed, read as results."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from eval.retrievers.ranking import Found

if TYPE_CHECKING:
    from eval.retrievers.corpus_paths import CorpusPaths
    from eval.retrievers.ranking import Ranking

_SHOWN: Final = 120
_PATH_KEYS: Final = ("file", "path")


def read_reply(printed: bytes, place: str, paths: CorpusPaths, depth: int) -> Ranking:
    """Return the results in the order they were printed; of a path's results the first counts.

    The reply is a JSON object with ``results``, or the list itself. Each result is an object with
    ``file`` (or ``path``) and perhaps a ``score``, or a path alone.

    Args:
        printed: the program's whole standard output.
        place: the program and the query, for messages.
        paths: make the printed paths relative to the corpus.
        depth: paths returned at the most.

    Raises:
        InputError: it is something else, or names a path outside the corpus.
    """
    results = _results(printed, place)
    found: dict[str, Found] = {}
    for rank, result in enumerate(results, start=1):
        path, score = _result(result, rank, place)
        relative = paths.relative(path, place)
        found.setdefault(relative, Found(relative, score))
        if len(found) == depth:
            break
    return tuple(found.values())


def _results(printed: bytes, place: str) -> list[object]:
    try:
        reply: object = json.loads(printed, parse_int=float)
    except (ValueError, RecursionError) as error:
        start = printed[:_SHOWN].decode("utf-8", "replace").strip()
        shown = f"it begins: {start}" if start else "it is empty"
        raise _garbage(f"its reply is not JSON; {shown}", place) from error
    results = reply.get("results") if isinstance(reply, dict) else reply
    if not isinstance(results, list):
        raise _garbage("its reply has no list of results", place)
    return results


def _result(result: object, rank: int, place: str) -> tuple[str, float]:
    if isinstance(result, str):
        return result, 1 / rank
    if not isinstance(result, dict):
        raise _garbage(f"result {rank} is no object", place)
    path = next((result[key] for key in _PATH_KEYS if key in result), None)
    if not isinstance(path, str):
        raise _garbage(f"result {rank} names no file", place)
    score = result.get("score")
    return path, score if isinstance(score, float) and isfinite(score) else 1 / rank


def _garbage(what: str, place: str) -> InputError:
    return InputError(
        f"the search program answered what cannot be used: {what}",
        where=place,
        todo='It has to print JSON such as {"results": [{"file": "src/watcher.rs"}]}.',
    )
