from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from core.corpus.walking import walk
from core.errors import InputError
from core.records import Problem

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["a", "b", "foo", "foo.py", "x.log", "b.txt", "A", "[z]", "!n", "#h"]
PATTERNS = [
    "a",
    "b/",
    "/a",
    "*.py",
    "!*.py",
    "*",
    "!*/",
    "foo",
    "!foo",
    "foo/",
    "a/b",
    "a/*",
    "!a/b",
    "**/foo",
    "a/**",
    "a/**/b",
    "/*",
    "!/a",
    "*.log",
    "!x.log",
    "[ab]",
    "[!a]*",
    "\\!n",
    "\\#h",
    "#c",
    "?",
    "b.*",
    "!foo/",
    "foo/**",
    "!a/",
    "**/",
    "!**/",
    "a/foo/",
    "\\[z\\]",
    "*/b",
    "[a",
    "!",
    "/",
    "//",
    "a//b",
    "**",
    "***",
    "a**",
    "/**/a",
    "[z]",
    "!b.txt",
    "*.py/",
    "[[:alpha:]]",
    "[a-b]oo*",
    "foo\\",
]


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x = 1\n")


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "XDG_CONFIG_HOME": str(folder),
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except FileNotFoundError:
        pytest.skip("git is not installed")


def seen_by_git(folder: Path) -> list[str]:
    listed = git(folder, "ls-files", "-coz", "--exclude-standard")
    return sorted(path for path in listed.split("\0") if path)


def grow(folder: Path, chance: random.Random) -> None:
    """Fill a folder with random names and random rules."""
    folders = [folder]
    for _ in range(8):
        made = chance.choice(folders) / chance.choice(NAMES)
        if not made.exists():
            made.mkdir()
            folders.append(made)
    for _ in range(12):
        file = chance.choice(folders) / chance.choice(NAMES)
        if not file.exists():
            file.write_text("x")
    for each in folders:
        if each == folder or chance.random() < 0.3:
            rules = [chance.choice(PATTERNS) for _ in range(chance.randint(1, 4))]
            (each / ".gitignore").write_text("\n".join(rules) + "\n")


@pytest.mark.parametrize("seed", range(12))
def test_random_rules_are_read_as_git_reads_them(tmp_path: Path, seed: int) -> None:
    git(tmp_path, "init", "-q")
    grow(tmp_path, random.Random(seed))  # noqa: S311
    assert sorted(map(str, walk(tmp_path))) == seen_by_git(tmp_path)


def test_rules_of_every_kind_hold_together(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    make(
        tmp_path,
        *("src/a.py", "src/gen/b.py", "src/gen/keep.py", "build/x.py", "src/build/y.py"),
        *("deep/er/a.log", "deep/er/b.log", "private.txt", "tr ail.py", "wïde.py"),
    )
    (tmp_path / ".gitignore").write_bytes(b"/build/\r\n*.log\r\n\xff\xfe\r\ntr ail.py   \r\n")
    (tmp_path / "src" / ".gitignore").write_text("gen/*\n!gen/keep.py\n")
    (tmp_path / "deep" / ".gitignore").write_text("!b.log\n")
    (tmp_path / ".git" / "info" / "exclude").write_text("private.txt\n")
    found = list(walk(tmp_path))
    assert found == [
        ".gitignore",
        "wïde.py",
        "deep/.gitignore",
        "deep/er/b.log",
        "src/.gitignore",
        "src/a.py",
        "src/build/y.py",
        "src/gen/keep.py",
    ]
    assert sorted(map(str, found)) == seen_by_git(tmp_path)


def test_rules_above_the_folder_hold_in_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    make(tmp_path, "crates/a.rs", "crates/target/b.rs", "crates/x.tmp", "crates/in/y.tmp")
    (tmp_path / ".gitignore").write_text("target/\n/crates/x.tmp\n")
    assert list(walk(tmp_path / "crates")) == ["a.rs", "in/y.tmp"]


def test_who_asks_for_an_ignored_folder_gets_what_is_in_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    make(tmp_path, "vendor/lib/a.py", "vendor/lib/b.log")
    (tmp_path / ".gitignore").write_text("vendor/\n")
    (tmp_path / "vendor" / ".gitignore").write_text("*.log\n")
    assert list(walk(tmp_path / "vendor" / "lib")) == ["a.py"]


def test_a_linked_worktree_has_the_exclude_file_of_its_repository(tmp_path: Path) -> None:
    main = tmp_path / "main"
    make(main, "a.py")
    git(main, "init", "-q")
    git(main, "add", ".")
    git(main, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-qm", "x")
    git(main, "worktree", "add", "-q", "../linked")
    (main / ".git" / "info" / "exclude").write_text("*.secret\n")
    make(tmp_path, "linked/b.secret")
    assert list(walk(tmp_path / "linked")) == ["a.py"]


def test_further_patterns_can_be_given(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "test/b.py", "in/test/c.py", "d.txt", ".gitignore")
    assert list(walk(tmp_path, exclude=["/test/", "*.txt", ".*"])) == ["a.py", "in/test/c.py"]


def test_version_control_and_our_own_folder_are_left_out(tmp_path: Path) -> None:
    make(
        tmp_path, ".git/a", ".hg/a", ".svn/a", ".jj/a", ".rejudge/a", ".github/ci.yml", "in/.git/a"
    )
    assert list(walk(tmp_path)) == [".github/ci.yml"]


def test_links_pipes_and_loops_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "top/a.py", "outside.py")
    top = tmp_path / "top"
    (top / "loop").symlink_to(top)
    (top / "out").symlink_to(tmp_path / "outside.py")
    (top / "in").symlink_to(top / "a.py")
    (top / "gone").symlink_to(top / "nowhere")
    os.mkfifo(top / "pipe")
    assert list(walk(top)) == ["a.py"]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    make(tmp_path, "real/a.py")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert list(walk(tmp_path / "link")) == ["a.py"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 names only")
def test_a_name_that_is_not_utf8_is_a_problem(tmp_path: Path) -> None:
    make(tmp_path, "a.py")
    (tmp_path / os.fsdecode(b"b\xff.py")).write_text("x")
    (tmp_path / os.fsdecode(b"c\xff")).mkdir()
    found = list(walk(tmp_path))
    assert [each for each in found if isinstance(each, str)] == ["a.py"]
    problems = [each for each in found if isinstance(each, Problem)]
    assert [each.file for each in problems] == ["b\ufffd.py", "c\ufffd/"]


def test_a_folder_that_cannot_be_read_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "a.py", "closed/b.py", "open/c.py")
    scandir = os.scandir

    def refusing(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list(walk(tmp_path)) == [
        "a.py",
        Problem("closed/", 0, "folder cannot be read: Permission denied"),
        "open/c.py",
    ]


@pytest.mark.parametrize("name", ["absent", "file.py", "nul\0", "x" * 5000])
def test_what_is_no_folder_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    make(tmp_path, "file.py")
    with pytest.raises(InputError) as raised:
        list(walk(tmp_path / name))
    assert raised.value.where == str(tmp_path / name)
    assert raised.value.todo


def test_a_deep_tree_is_walked(tmp_path: Path) -> None:
    make(tmp_path, "d/" * 300 + "a.py")
    assert list(walk(tmp_path)) == ["d/" * 300 + "a.py"]
