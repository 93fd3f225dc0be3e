from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from core.errors import InputError
from eval.corpus import Corpus
from eval.retrievers.printed_paths import CorpusPaths
from eval.retrievers.run_file import read_run_file
from tests.eval.eval_building import asked

if TYPE_CHECKING:
    from pathlib import Path

    from eval.retrievers.run_file import RunFileRetriever

CORPUS = Corpus(
    tuple(UUID(int=number) for number in range(3)),
    ("a.rs", "b.rs", "c.rs"),
    tuple(f"{number:064x}" for number in range(3)),
    (1, 1, 1),
)


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "run.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(folder: Path, text: str | bytes) -> RunFileRetriever:
    return read_run_file(written(folder, text), CorpusPaths(CORPUS, None))


def test_scores_order_the_results_and_ties_go_to_the_last_path(tmp_path: Path) -> None:
    retriever = read(
        tmp_path,
        "q1 Q0 c.rs 1 0.5 x\nq1 Q0 b.rs 2 0.5 x\n\nq1 Q0 a.rs 9 2 x\nq1 Q0 c.rs 4 0.1 x\n"
        "q2 Q0 a.rs 1 1 x\n",
    )
    first, none = retriever.rank([asked("one", "a.rs", key="q1"), asked("two", "b.rs")], 2)
    assert [(found.path, found.score) for found in first] == [("a.rs", 2.0), ("c.rs", 0.5)]
    assert none == ()
    assert "no results for the query: two" in retriever.notices[0]
    assert len(str(retriever.parameters["sha256"])) == 64


def test_rejudges_own_id_of_a_query_is_known(tmp_path: Path) -> None:
    one = asked("one", "a.rs", key="elsewhere")
    retriever = read(tmp_path, f"{one.query.id} Q0 b.rs 1 1 x\n")
    assert [found.path for found in next(iter(retriever.rank([one], 5)))] == ["b.rs"]


def test_a_run_of_other_queries_is_refused(tmp_path: Path) -> None:
    retriever = read(tmp_path, "other Q0 a.rs 1 1 x\n")
    with pytest.raises(InputError, match="none of the spec's queries"):
        list(retriever.rank([asked("one", "a.rs", key="q1")], 5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("q1 Q0 a.rs 1 1 x\nq1 a.rs 1\n", "3 columns"),
        ("q1 Q0 a.rs 1 nan x\n", "nan is not a number"),
        ("q1 Q0 a.rs 1 high x\n", "high is not a number"),
        ("q1 Q0 ../a.rs 1 1 x\n", "outside the corpus"),
        (b"q1 Q0 \xff.rs 1 1 x\n", "not UTF-8"),
        (b"q" * 70_000, "too long"),
    ],
)
def test_half_a_run_is_refused_by_file_and_line(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(tmp_path, text)
    assert "run.txt" in caught.value.where


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "gone", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_run_file(place, CorpusPaths(CORPUS, None))
