"""Code made ready to be shown."""

from __future__ import annotations

import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.code_text import CodeText, WordKind, lexer_for

CODE = 'def f(a):\n    """Doc\n    string"""\n    return a + 1  # why\n'


def kinds(code: CodeText, number: int) -> dict[str, WordKind]:
    return {text.strip(): kind for text, kind in code.runs(number) if text.strip()}


def test_words_get_their_kinds() -> None:
    code = CodeText(CODE, "python")
    code.lex(99)
    assert kinds(code, 0)["def"] is WordKind.KEYWORD
    assert kinds(code, 0)["f"] is WordKind.FUNCTION
    assert kinds(code, 2)['string"""'] is WordKind.STRING
    assert kinds(code, 3)["1"] is WordKind.NUMBER
    assert kinds(code, 3)["# why"] is WordKind.COMMENT


@given(st.text(), st.sampled_from(["python", "rust", "c", "javascript", "", "no such language"]))
def test_lines_are_whole_and_safe_whatever_the_text(text: str, language: str) -> None:
    code = CodeText(text, language)
    code.lex(len(code.lines))
    for number, line in enumerate(code.lines):
        assert "".join(part for part, _ in code.runs(number)) == line
        assert not any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in line)


def test_only_what_is_asked_for_is_lexed() -> None:
    code = CodeText("x = 1\n" * 10_000, "python")
    code.lex(40)
    assert code.lexed(40)
    assert not code.lexed(9_000)
    assert code.runs(9_000) == (("x = 1", WordKind.PLAIN),)


def test_a_second_thread_does_not_wait() -> None:
    code = CodeText("x = 1\n" * 10, "python")
    refused = threading.Event()
    with code._lock:
        thread = threading.Thread(target=lambda: None if code.lex(5) else refused.set())
        thread.start()
        thread.join(5)
    assert refused.is_set()


def test_tabs_and_line_ends() -> None:
    assert CodeText("\tif x:\r\n\t\ty\r\n", "c").lines == ("    if x:", "        y")
    assert CodeText("", "").lines == ("",)
    assert CodeText("a\rb", "").lines == ("a\\x0db",)


def test_width_is_in_cells() -> None:
    assert CodeText("ab\n日本語\n", "").width == 6


@pytest.mark.parametrize("name", ["", "text", "no such language"])
def test_unknown_languages_have_no_lexer(name: str) -> None:
    assert lexer_for(name) is None
