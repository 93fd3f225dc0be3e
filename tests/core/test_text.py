from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import (
    crash_text,
    displayable,
    displayable_line,
    safe_text,
    storable,
    without_secrets,
)


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


KEY = "sk-planted-0123456789"


def fallen(said: str) -> BaseException:
    def fall(key: str) -> None:
        if key:
            raise ValueError(said)

    try:
        fall(KEY)
    except ValueError as error:
        return error
    raise AssertionError


def test_it_says_where_and_shows_what_was_said() -> None:
    told = crash_text(fallen("[/] \x1b]0;title\x07 \u202e"))
    assert told.startswith("Traceback (most recent call last):")
    assert "test_text.py" in told
    assert told.endswith(r"ValueError: [/] \x1b]0;title\x07 <U+202E>")
    assert KEY not in told


@pytest.mark.parametrize("name", ["REJUDGE_API_KEY", "OPENAI_API_KEY", "PGPASSWORD", "HF_TOKEN"])
def test_a_secret_of_the_environment_is_struck_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f" {KEY}\n")
    assert crash_text(fallen(f"Bearer {KEY}!")).endswith("ValueError: Bearer ***!")


def test_what_is_no_secret_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", "none")
    monkeypatch.setenv("REJUDGE_ANNOTATOR", "ada lovelace")
    assert without_secrets("none of ada lovelace") == "none of ada lovelace"


def test_one_secret_that_holds_another_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)
    monkeypatch.setenv("B_KEY", f"{KEY}-and-more")
    assert without_secrets(f"{KEY}-and-more {KEY}") == "*** ***"


def test_a_long_message_is_cut_in_its_middle_and_a_key_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REJUDGE_API_KEY", KEY)
    told = safe_text("begins " + "x" * 9_985 + KEY + "y" * 1_000_000 + " ends")
    assert told.startswith("begins ")
    assert told.endswith(" ends")
    assert "characters left out" in told
    assert "sk-" not in told
    assert len(told) < 21_000


def test_nul_and_halves_of_surrogate_pairs_are_replaced() -> None:
    assert storable("a\0b\ud800c\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert storable(os.fsdecode(b"caf\xe9.py")) == "caf\ufffd.py"


@given(st.text(alphabet=st.characters(exclude_categories=(), exclude_characters="")))
def test_any_text_can_be_kept_and_good_text_is_not_changed(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert "\0" not in kept
    assert storable(kept) == kept
    if "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text):
        assert kept == text
