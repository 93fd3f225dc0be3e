from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from core.corpus.languages import language_of
from core.corpus.sources import Source, read_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Source("")),
        (b"\xef\xbb\xbfx = 1\r\ny = 2\r\n", Source("x = 1\ny = 2\n")),
        (b"a\rb\n", Source("a\rb\n")),
        (b"\x7fELF\0\0", Source(None)),
        (b"\x1b[31mred\n", Source("\x1b[31mred\n")),
        (
            b"ok\nna\xefve\n",
            Source("ok\nna\ufffdve\n", "not UTF-8: the invalid bytes were replaced by U+FFFD", 2),
        ),
        (
            b"x\n" * 5000 + b"\0y",
            Source("x\n" * 5000 + "\ufffdy", "contains NUL: replaced by U+FFFD", 5001),
        ),
        (b"x" * 20_001, Source(None, "larger than 20,000 bytes: skipped")),
        (b"\0" + b"x" * 20_001, Source(None)),
    ],
    ids=["empty", "bom", "cr", "binary", "escape", "latin-1", "late nul", "large", "large binary"],
)
def test_bytes_become_text_or_a_reason(tmp_path: Path, content: bytes, expected: Source) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    assert read_source(file, 20_000) == expected


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    assert read_source(tmp_path / "pipe", 100).reason == "not a regular file: skipped"
    assert read_source(tmp_path / "link", 100).reason.startswith("cannot be read")
    assert (
        read_source(tmp_path / "absent", 100).reason == "cannot be read: No such file or directory"
    )
    assert read_source(tmp_path, 100).reason.startswith("cannot be read")


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a/b.PY", "", "python"),
        ("a.jsx", "", "javascript"),
        ("x.h", "struct a { int b; };\n", "c"),
        ("x.h", "#pragma once\nnamespace a {\n", "cpp"),
        ("Makefile", "all:\n", "make"),
        ("CMakeLists.txt", "", "cmake"),
        ("run", "#!/usr/bin/env python3\n", "python"),
        ("run", "#!/usr/bin/env -S node --flag\n", "javascript"),
        ("run", "#!/bin/sh -e\n", "bash"),
        ("run", "#!/opt/strange\n", "text"),
        (".gitignore", "*.o\n", "text"),
        ("notes.unknown", "", "text"),
    ],
)
def test_the_language_is_told_by_name_first_line_and_content(
    path: str, text: str, language: str
) -> None:
    assert language_of(path, text) == language
