"""An encoder trained on other lengths says so in its folder, where it is read again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from core.encoder.folder import read_spec, write_lengths
from tests.core.encoder.fixture_encoders import FIXTURES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("colbert", (8, 20)),
        ("pylate", (8, 20)),
        ("sentence", (20, 20)),
    ],
)
def test_lengths_written_are_read_back(name: str, lengths: tuple[int, int], tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(FIXTURES / name, folder)
    before = read_spec(folder)
    write_lengths(folder, replace(before, query_length=8, document_length=20))
    after = read_spec(folder)
    assert (after.query_length, after.document_length) == lengths
    same = replace(
        after,
        query_length=before.query_length,
        document_length=before.document_length,
        checkpoint=before.checkpoint,
    )
    assert same == before


def test_a_plain_folder_is_left_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(FIXTURES / "t5_merged", folder)
    before = read_spec(folder)
    write_lengths(folder, replace(before, document_length=20))
    assert read_spec(folder) == before
