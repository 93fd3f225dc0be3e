"""Written whole, read back the same, and refused when it is not."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.records import QueryKind
from core.store.opening import open_store
from tests.building import new_workspace
from tests.train.dataset.example import add_spec, fill, question
from train.dataset.building import build_training_set
from train.dataset.files import read_training_set, write_training_set
from train.dataset.records import (
    GradeSource,
    Split,
    TrainingDocument,
    TrainingPair,
    TrainingQuery,
    TrainingSet,
    TrainingSetPlan,
)

if TYPE_CHECKING:
    from pathlib import Path

    from train.dataset.summary import TrainingSetSummary


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingSet, TrainingSetSummary]:
    folder = tmp_path_factory.mktemp("workspace")
    with open_store(new_workspace(folder).folder) as store:
        fill(store, 40)
        add_spec(store, question(2), question(5) + " now")
        return build_training_set(store, TrainingSetPlan(judge_scores=True, pool_documents=3))


def test_what_is_written_comes_back(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path
) -> None:
    folder = tmp_path / "training_set"
    write_training_set(folder, *built)
    assert sorted(path.name for path in folder.iterdir()) == [
        "documents.parquet",
        "pairs.parquet",
        "queries.parquet",
        "summary.json",
    ]
    assert read_training_set(folder) == built
    assert not list(tmp_path.glob(".training_set*"))


def test_the_same_set_gives_the_same_bytes(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    assert write_training_set(first, *built) == write_training_set(second, *built)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4),
    st.floats(1, 5),
    st.floats(0.001, 1),
    st.sampled_from([None, *QueryKind]),
    st.sampled_from(Split),
    st.sampled_from(GradeSource),
)
def test_any_text_and_number_comes_back(
    built: tuple[TrainingSet, TrainingSetSummary],
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[tuple[str, str, str]],
    grade: float,
    weight: float,
    kind: QueryKind | None,
    split: Split,
    source: GradeSource,
) -> None:
    odd = TrainingSet(
        tuple(
            TrainingQuery(UUID(int=place), text, kind, split)
            for place, (text, _, _) in enumerate(texts)
        ),
        tuple(
            TrainingDocument(UUID(int=2**127 + place), *each) for place, each in enumerate(texts)
        ),
        tuple(
            TrainingPair(place, len(texts) - 1 - place, grade, weight, source)
            for place in range(len(texts))
        ),
    )
    folder = tmp_path_factory.mktemp("odd") / "set"
    write_training_set(folder, odd, built[1])
    assert read_training_set(folder)[0] == odd


def test_an_empty_set_comes_back(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path
) -> None:
    write_training_set(tmp_path / "set", TrainingSet((), (), ()), built[1])
    assert read_training_set(tmp_path / "set")[0] == TrainingSet((), (), ())


@pytest.mark.parametrize("name", ["queries.parquet", "pairs.parquet", "summary.json"])
@pytest.mark.parametrize("harm", ["gone", "cut", "noise"])
def test_a_damaged_file_is_named(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path, name: str, harm: str
) -> None:
    folder = tmp_path / "set"
    write_training_set(folder, *built)
    path = folder / name
    if harm == "gone":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(os.urandom(500))
    with pytest.raises(InputError) as raised:
        read_training_set(folder)
    assert name in raised.value.where


def test_files_of_another_set_and_another_version_are_refused(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path
) -> None:
    training_set, summary = built
    one, other = tmp_path / "one", tmp_path / "other"
    write_training_set(one, training_set, summary)
    fewer = TrainingSet(training_set.queries, training_set.documents, training_set.pairs[1:])
    write_training_set(other, fewer, summary)
    (other / "pairs.parquet").replace(one / "pairs.parquet")
    with pytest.raises(InputError, match="changed or damaged"):
        read_training_set(one)
    values = json.loads((other / "summary.json").read_text()) | {"version": 99}
    (other / "summary.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="version 99"):
        read_training_set(other)


def test_it_never_writes_over_one(
    built: tuple[TrainingSet, TrainingSetSummary], tmp_path: Path
) -> None:
    write_training_set(tmp_path / "set", *built)
    with pytest.raises(InputError, match="already"):
        write_training_set(tmp_path / "set", *built)


def test_a_full_disk_leaves_nothing_behind(
    built: tuple[TrainingSet, TrainingSetSummary],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_training_set(tmp_path / "set", *built)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError):
        write_training_set(tmp_path / "absent" / "set", *built)
