"""Which results of a ranking are what the spec wants.

A result meets a relevant path when it equals that path or ends with it at a path boundary:
``crates/x/src/watcher.rs`` meets ``watcher.rs``; ``file_watcher.rs`` does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


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
