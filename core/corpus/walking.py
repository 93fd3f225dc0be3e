"""Walk a corpus folder in a stable order, leaving out what git ignores.

``pathspec`` knows the notation of ``.gitignore``. This module adds how the files of a tree combine:
the rules of a folder hold for everything beneath it, a deeper rule wins, a later one in the same
file wins, and an ignored folder is never entered.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import Problem
from core.workspace import FOLDER_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern


#: Folders of version control and of rejudge; in a linked worktree ``.git`` is a file.
_SKIPPED_NAMES: Final = frozenset(
    {".git", ".hg", ".svn", ".bzr", ".jj", ".sl", ".pijul", "_darcs", "CVS", FOLDER_NAME}
)
RULES_NAME: Final = ".gitignore"
_RULES_SIZE_LIMIT: Final = 1_000_000
#: POSIX classes in brackets, which git knows and pathspec does not.
_POSIX_CLASSES: Final = {
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:xdigit:]": "0-9a-fA-F",
    "[:space:]": " \t",
    "[:blank:]": " \t",
}
#: pathspec shortens these patterns to "has a slash" and loses which folder they meant.
_EVERY_FOLDER: Final = {"*/": "?*/", "!*/": "!?*/", "**/": "?*/", "!**/": "!?*/"}


def walk(folder: Path, *, exclude: Sequence[str] = ()) -> Iterator[str | Problem]:
    """Yield the path of each file beneath ``folder``, and a problem for each unreadable entry.

    Paths are relative to ``folder``, with forward slashes; entries come sorted by name. Links are
    not followed: a target inside the tree has its own path, and one outside is not part of the
    tree. Devices, sockets and pipes are left out.

    Args:
        folder: the folder.
        exclude: further patterns in the notation of ``.gitignore``; they override all files.

    Raises:
        InputError: the folder is absent, is not a folder, or cannot be read.
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
    """Yield the paths of files and folders; a folder's ends in a slash."""
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
    """Return whether a path is UTF-8; Python turns other bytes into lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _misnamed(path: str) -> Problem:
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return Problem(shown, 0, "the name is not UTF-8: skipped")


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of a file. ``base`` is the folder they hold for: empty, or ending in ``/``."""

    base: str
    patterns: tuple[GitIgnoreSpecPattern, ...]

    def verdict(self, path: str) -> bool | None:
        """Return whether ``path`` is ignored; None if no pattern matches it."""
        if not path.startswith(self.base):
            return None
        below = path[len(self.base) :]
        for pattern in reversed(self.patterns):
            found = pattern.match_file(below)
            if found is None:
                continue
            # In pathspec a pattern of a folder also matches everything beneath it, and marks the
            # slash after the folder. Here each folder had its own verdict on the way down.
            slash = found.match.groupdict().get("ps_d") and found.match.end("ps_d")
            if not slash or slash == len(below):
                return pattern.include
        return None


def parse_rules(base: str, lines: Iterable[str]) -> Rules:
    """Return the rules in ``lines``, without those that git would not understand."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    patterns = []
    for line in lines:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pattern = GitIgnoreSpecPattern(_expanded(line))
        except ValueError:
            continue
        if pattern.include is not None:
            patterns.append(pattern)
    return Rules(base, tuple(patterns))


def _expanded(line: str) -> str:
    """Return a line that pathspec reads as git does."""
    line = _EVERY_FOLDER.get(line.rstrip(), line)
    for name, members in _POSIX_CLASSES.items():
        line = line.replace(name, members)
    return line


def read_rules(base: str, file: Path) -> Rules | None:
    """Return the rules of a ``.gitignore`` file; None if there are none."""
    try:
        if not file.is_file():
            return None
        with file.open("rb") as opened:
            content = opened.read(_RULES_SIZE_LIMIT)
    except OSError:
        return None
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    rules = parse_rules(base, text.split("\n"))
    return rules if rules.patterns else None


def ignored(rules: Iterable[Rules], path: str) -> bool:
    """Return whether ``path`` is ignored by ``rules``, which go from the top folder down.

    A folder's path ends in ``/``. Its parents must not be ignored.
    """
    for deepest in reversed(tuple(rules)):
        verdict = deepest.verdict(path)
        if verdict is not None:
            return verdict
    return False


def rules_above(folder: Path) -> tuple[str, tuple[Rules, ...]]:
    """Return the place of ``folder`` in its git repository, and the rules from the folders above.

    The place is relative to the top of the repository: empty, or ending in ``/``. Rules that
    ignore ``folder`` itself are left out: whoever imports an ignored folder wants its files.
    """
    top = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    if top is None:
        return "", ()
    excluded = read_rules("", _exclude_file(top / ".git"))
    rules = [excluded] if excluded else []
    place = ""
    for name in folder.relative_to(top).parts:
        found = read_rules(place, (top / place) / RULES_NAME)
        if found:
            rules.append(found)
        place += f"{name}/"
        if ignored(rules, place):
            rules = []
    return place, tuple(rules)


def _exclude_file(git: Path) -> Path:
    """Return the path of ``info/exclude``; in a linked worktree the file ``.git`` leads to it."""
    if git.is_file():
        try:
            pointer = git.read_text("utf-8", errors="replace").removeprefix("gitdir:").strip()
            folder = git.parent / pointer
            common = folder / "commondir"
            shared = common.read_text("utf-8", errors="replace").strip() if common.is_file() else ""
            return folder / shared / "info" / "exclude"
        except (OSError, ValueError):
            return git.parent / ".git" / "info" / "exclude"
    return git / "info" / "exclude"
