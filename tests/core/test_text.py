from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import displayable, displayable_line


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\rb", "a\\x0db"),
        ("\u202etxt", "<U+202E>txt"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("\x9b31m", "\\x9b31m"),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("[red]ä 漢字 🙂[/]", "[red]ä 漢字 🙂[/]"),
    ],
)
def test_control_characters_are_shown(given_text: str, shown: str) -> None:
    assert displayable(given_text) == shown


@given(st.text())
def test_nothing_a_terminal_acts_on_is_left(text: str) -> None:
    shown = displayable(text)
    categories = {unicodedata.category(character) for character in shown if character not in "\n\t"}
    assert not categories & {"Cc", "Cs"}
    assert not any("\u202a" <= character <= "\u202e" for character in shown)
    assert not any("\u2066" <= character <= "\u2069" for character in shown)


@given(st.text())
def test_a_line_is_one_line(text: str) -> None:
    assert len(displayable_line(text).splitlines()) <= 1
