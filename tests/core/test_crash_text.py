"""What is told of a mistake of rejudge itself."""

from __future__ import annotations

import pytest

from core.text import crash_text, safe_text, without_secrets

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
    assert "test_crash_text.py" in told
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
