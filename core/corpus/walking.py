"""The files of a corpus folder, in a stable order, without what git ignores.

Which files of a tree git would not see: the rules of ``.gitignore``.

``pathspec`` knows the notation. What is added here is the way down: rules of a folder hold for what
is beneath it, a deeper rule wins, a later one in the same file wins, and what lies in an ignored
folder is never looked at.
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


RULES_NAME: Final = ".gitignore"
_RULES_SIZE_LIMIT: Final = 1_000_000
#: Git knows the classes of POSIX within brackets, pathspec does not.
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
#: pathspec shortens these to "has a slash", which does not tell which folder was meant.
_EVERY_FOLDER: Final = {"*/": "?*/", "!*/": "!?*/", "**/": "?*/", "!**/": "!?*/"}


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of one file. ``base`` is the folder they hold for: empty or ending in ``/``."""

    base: str
    patterns: tuple[GitIgnoreSpecPattern, ...]

    def verdict(self, path: str) -> bool | None:
        """Return whether ``path`` is ignored, or None where no pattern speaks of it."""
        if not path.startswith(self.base):
            return None
        below = path[len(self.base) :]
        for pattern in reversed(self.patterns):
            found = pattern.match_file(below)
            if found is None:
                continue
            # pathspec also lets a pattern that names a folder match all beneath it, and marks the
            # slash behind that folder. Here each folder had its own verdict on the way down.
            slash = found.match.groupdict().get("ps_d") and found.match.end("ps_d")
            if not slash or slash == len(below):
                return pattern.include
        return None


def parse_rules(base: str, lines: Iterable[str]) -> Rules:
    """Return the rules in ``lines``; a line that git would not understand is left out."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    patterns = []
    for line in lines:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pattern = GitIgnoreSpecPattern(_spelled_out(line))
        except ValueError:
            continue
        if pattern.include is not None:
            patterns.append(pattern)
    return Rules(base, tuple(patterns))


def _spelled_out(line: str) -> str:
    """Return a line in which pathspec sees all that git sees."""
    line = _EVERY_FOLDER.get(line.rstrip(), line)
    for name, members in _POSIX_CLASSES.items():
        line = line.replace(name, members)
    return line


def read_rules(base: str, file: Path) -> Rules | None:
    """Return the rules of a ``.gitignore`` file, or None where there are none to read."""
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
    """Return whether ``path`` is ignored under ``rules``, given from the top to the deepest.

    A folder's path ends in ``/``. Its parents are not ignored, or nobody would ask.
    """
    for each in reversed(tuple(rules)):
        verdict = each.verdict(path)
        if verdict is not None:
            return verdict
    return False


def rules_above(folder: Path) -> tuple[str, tuple[Rules, ...]]:
    """Return where ``folder`` lies in its git repository and the rules that hold there already.

    The place is relative to the repository's top, empty or ending in ``/``. Rules that ignore
    ``folder`` itself are left out: who asks for an ignored folder wants what is in it.
    """
    top = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
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
    """Return the place of ``info/exclude``; in a linked worktree the file ``.git`` points on."""
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
