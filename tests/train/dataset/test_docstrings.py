"""A document's description, and its code without it, in every language that is split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.corpus.sources import split_file
from train.dataset.docstrings import described

WANTED = "Watches a folder for changes"
LINES = "/// Watches a folder for changes. It blocks.\n"
BLOCK = "/**\n * Watches a folder for changes.\n *\n * @param path where\n */\n"
FILES = {
    "a.py": (
        "class Watcher:\n    @cached\n    async def watch(\n        self, path=':'\n    ):  # now\n"
        '        """Watches a folder for changes.\n\n        Args:\n            path: where.\n'
        '        """\n        return await start(path)\n'
    ),
    "b.py": "# Watches a folder for changes\ndef watch(path):\n    return start(path)[0]  # kept\n",
    "a.rs": LINES + "#[inline]\npub fn watch(path: &Path) -> Watcher {\n    start(path)\n}\n",
    "a.go": "// " + LINES[4:] + "func watch(path string) error {\n\treturn start(path)\n}\n",
    "a.js": BLOCK + "export function watch(path) {\n  return start(path) // kept\n}\n",
    "a.ts": BLOCK + "export function watch(path: string): void {\n  start(path)\n}\n",
    "a.tsx": BLOCK + "export const watch = (path: string) => {\n  return start(path)\n}\n",
    "A.java": "class A {\n"
    + BLOCK
    + "  @Override\n  void watch(String path) {\n    start(path);\n  }\n}\n",
    "a.c": BLOCK + "int watch(const char *path)\n{\n    return start(path);\n}\n",
    "a.cpp": LINES + "int Watcher::watch(const std::string &path)\n{\n    return start(path);\n}\n",
    "a.swift": LINES + "func watch(_ path: String) {\n    start(path) // kept\n}\n",
}


@pytest.mark.parametrize("path", FILES)
def test_a_definition_is_taken_apart(path: str) -> None:
    documents = split_file(path, FILES[path])
    (document,) = (each for each in documents if each.symbol.endswith("watch"))
    found = described(document.text, document.language)
    assert found is not None
    assert found.description == WANTED
    assert "folder" not in found.code
    assert "where" not in found.code
    assert "start(path)" in found.code
    for kept in ("@Override", "#[inline]", "@cached", "kept"):
        assert (kept in found.code) == (kept in document.text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def f(x):\n    return g(x) + 'Watches a folder for changes.'\n"),
        ("python", "def f(x):\n    'Watches a folder for changes.' + x\n    return g(x)\n"),
        (
            "python",
            "def f(x):\n    '''Watches a folder for changes.\n    return g(x) # never closed\n",
        ),
        ("python", 'def f(x):\n    """Watches a folder for changes."""\n'),
        ("python", 'def f(x):\n    """See above."""\n    return some_function(x) + other(x)\n'),
        (
            "python",
            'def f(x):\n    """Same as a ** b."""\n    return some_function(x) + g(x)\n',
        ),
        ("c", "#include <stdio.h> and then some more\nint value_of_it = 1234567;\n"),
        ("c", "/* Copyright 2020 by some people. */\nint value_of_it = 1234567890;\n"),
        ("c", "/* Watches a folder for changes. */ int value_of_it = 1234567890;\n"),
        ("rust", "#[derive(Debug, Clone, PartialEq)]\nstruct Watcher { path: PathBuf, n: u8 }\n"),
        ("", ""),
        ("python", "\n\n"),
    ],
)
def test_what_describes_nothing_or_is_no_comment_stays(language: str, text: str) -> None:
    assert described(text, language) is None


@given(
    st.sampled_from(["python", "rust", "c", ""]),
    st.lists(
        st.sampled_from(
            ['"""', "'''", "/*", "*/", "//", "#", "def f():", "class A:", "a b c d", "@x", '"q"']
        ).flatmap(lambda part: st.sampled_from([part, f"{part} one two three", f"  {part}"])),
        max_size=8,
    ),
)
def test_the_code_is_the_text_with_lines_taken_out(language: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    found = described(text, language)
    if found is not None:
        assert len(found.code) < len(text)
        start = next(
            (n for n, (a, b) in enumerate(zip(found.code, text, strict=False)) if a != b),
            len(found.code),
        )
        assert text.endswith(found.code[start:])
        assert found.description
