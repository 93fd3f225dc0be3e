from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.corpus.sources import GAP_LINES, split_file

PATHS = [
    "a.py",
    "a.rs",
    "a.go",
    "a.js",
    "a.ts",
    "a.tsx",
    "a.java",
    "a.c",
    "a.h",
    "a.cpp",
    "a.swift",
]

FRAGMENTS = [
    "def f():", "    return 1", "class A:", "    def m(self): pass", "@dec", "# note", "x = 1",
    "if a:", "async def g(): pass", "fn f() {", "}", "impl A for B {", "struct S {", "mod m {",
    "#[attr]", "/// doc", "pub trait T {", "func (a *A) F() {", "type (", "package a", "func f() {",
    "class A {", "function f() {", "const a = () => {", "};", "export default class {",
    "m() {}", "interface I {", "namespace n {", "template <class T>", "int f() {", "A::f() {",
    "typedef struct {", "} foo;", "#ifdef X", "#endif", "/* open", "*/", '"""', "extension A {",
    "init() {}", "", "   ", "\t", "\f", "\x85", "\u2028", "\ufeff", "é日本", "(", ")", "\0", "\\",
]  # fmt: skip

code = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("\n".join)
texts = st.one_of(code, st.text(max_size=200))
quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@quick
@given(path=st.sampled_from([*PATHS, "a.md", "a"]), text=texts)
def test_spans_lie_in_the_file_and_texts_are_their_lines(path: str, text: str) -> None:
    lines = text.split("\n")
    documents = split_file(path, text)
    for each in documents:
        assert each.start_line is not None
        assert each.end_line is not None
        assert 1 <= each.start_line <= each.end_line <= len(lines)
        assert each.text == "\n".join(lines[each.start_line - 1 : each.end_line])
        assert each.text.strip()
    assert len({each.symbol for each in documents}) == len(documents)
    assert len({each.id for each in documents}) == len(documents)
    assert documents == split_file(path, text)


@quick
@given(path=st.sampled_from(PATHS), text=texts)
def test_nothing_of_substance_is_lost(path: str, text: str) -> None:
    lines = text.split("\n")
    documents = split_file(path, text)
    assert bool(documents) == bool(text.strip())
    covered = {
        row for each in documents for row in range(each.start_line or 0, (each.end_line or 0) + 1)
    }
    gap: list[int] = []
    for row, line in enumerate([*lines, ""], start=1):
        if row in covered or row > len(lines):
            assert sum(bool(re.search(r"\w", lines[each - 1])) for each in gap) < GAP_LINES
            gap = []
        elif line.strip():
            gap.append(row)


@quick
@given(path=st.sampled_from(PATHS), text=code)
def test_documents_nest_or_share_one_line_or_lie_apart(path: str, text: str) -> None:
    spans = {(each.start_line or 0, -(each.end_line or 0)) for each in split_file(path, text)}
    around: list[int] = []
    for start, negative_end in sorted(spans):
        end = -negative_end
        while around and around[-1] < start:
            around.pop()
        assert not around or end <= around[-1] or start == around[-1]
        around.append(end)
