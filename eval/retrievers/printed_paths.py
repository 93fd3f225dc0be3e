"""Paths that another program printed, made relative to the corpus folder."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from eval.metrics import clean_path

if TYPE_CHECKING:
    from eval.corpus import Corpus


class CorpusPaths:
    """Converts printed paths to paths of the corpus.

    Args:
        corpus: the documents.
        folder: the corpus folder on disk; None if unknown.
    """

    def __init__(self, corpus: Corpus, folder: Path | None) -> None:
        self._corpus = corpus
        self._folder = None if folder is None else Path(os.path.realpath(folder))
        self._unknown: Counter[str] = Counter()

    def relative(self, printed: str, place: str) -> str:
        """Return the path relative to the corpus folder.

        A path in the folder that has no document is returned too: it takes its rank and is counted
        in ``notices``.

        Args:
            printed: absolute, or relative to the corpus folder or the current folder.
            place: where it was printed, for messages.

        Raises:
            InputError: it is outside the corpus, or not a path.
        """
        if not _is_path(printed):
            raise InputError(
                f"a result's path is not a path: {printed!r}",
                where=place,
                todo="Every result must name a file of the corpus.",
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
        """A sentence about results without a document in the corpus, if any."""
        if not self._unknown:
            return ()
        first = min(self._unknown)
        notice = (
            f"{self._unknown.total()} results have {len(self._unknown)} paths without a document"
            f" in the corpus, such as {first}; they took their ranks and matched nothing"
        )
        return (notice,)

    def _in_folder(self, printed: str, place: str) -> str:
        if _is_absolute(printed) and self._folder is None:
            raise InputError(
                f"a result has the absolute path {printed}",
                where=place,
                todo="Say where the corpus is with --corpus DIR.",
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
        f"a result is outside the corpus: {printed}",
        where=place,
        todo="Search the folder that was imported as the corpus, or name it with --corpus DIR.",
    )
