from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from core.text import storable
from core.workspace import given_path

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


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


def test_a_tilde_is_a_home_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/a") == tmp_path / "a"
    assert str(given_path("~no-such-user-here/a")) == "~no-such-user-here/a"
