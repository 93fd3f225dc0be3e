"""The files of a corpus folder, in a stable order, without what git ignores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.corpus.ignoring import RULES_NAME, ignored, parse_rules, read_rules, rules_above
from core.errors import InputError
from core.records import Problem
from core.workspace import FOLDER_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from core.corpus.ignoring import Rules

#: What version control and rejudge keep for themselves; in a linked worktree ``.git`` is a file.
_SKIPPED_NAMES: Final = frozenset(
    {".git", ".hg", ".svn", ".bzr", ".jj", ".sl", ".pijul", "_darcs", "CVS", FOLDER_NAME}
)


def walk(folder: Path, *, exclude: Sequence[str] = ()) -> Iterator[str | Problem]:
    """Yield the path of each file beneath ``folder``, and a problem for what cannot be looked at.

    Paths are relative to ``folder``, with forward slashes, each folder's entries sorted by name.
    Links are not followed: what a link inside the tree points to has a path of its own, and what
    lies outside is not part of the tree. Devices, sockets and pipes are left out.

    Args:
        folder: the folder.
        exclude: further patterns in the notation of ``.gitignore``; they win over every file.

    Raises:
        InputError: the folder is absent, is no folder, or cannot be read.
    """
    top = _checked(folder)
    place, above = rules_above(top)
    always = parse_rules(place, exclude)
    waiting: list[tuple[str, tuple[Rules, ...]]] = [("", above)]
    while waiting:
        prefix, rules = waiting.pop()
        try:
            entries = sorted(os.scandir(top / prefix), key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise _unreadable(folder, error) from error
            yield Problem(prefix, 0, f"folder cannot be read: {error.strerror}")
            continue
        own = read_rules(place + prefix, top / prefix / RULES_NAME)
        rules = (*rules, own) if own else rules
        seen = [
            path for path in _paths(entries, prefix) if not ignored((*rules, always), place + path)
        ]
        named = [path for path in seen if _is_text(path)]
        yield from (_misnamed(path) for path in seen if not _is_text(path))
        yield from (path for path in named if not path.endswith("/"))
        waiting.extend((path, rules) for path in reversed(named) if path.endswith("/"))


def _paths(entries: Iterable[os.DirEntry[str]], prefix: str) -> Iterator[str]:
    """Yield the path of each file, and of each folder with a slash at its end."""
    for entry in entries:
        if entry.name in _SKIPPED_NAMES:
            continue
        if _is_folder(entry):
            yield f"{prefix}{entry.name}/"
        elif _is_file(entry):
            yield prefix + entry.name


def _checked(folder: Path) -> Path:
    try:
        top = Path(os.path.realpath(folder.expanduser(), strict=True))
        is_folder = top.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            "there is no such folder",
            where=str(folder),
            todo="Give the folder that holds the code.",
        ) from error
    if not is_folder:
        raise InputError(
            "this is a file, not a folder",
            where=str(folder),
            todo="Give the folder that holds the code.",
        )
    return top


def _unreadable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"the folder cannot be read: {error.strerror}",
        where=str(folder),
        todo="Make it readable for you, then import again.",
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _is_text(path: str) -> bool:
    """Whether a name is UTF-8; Python gives other bytes as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _misnamed(path: str) -> Problem:
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Problem(shown, 0, "its name is not UTF-8: skipped")
