from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eval.corpus import Corpus
from eval.retrievers.base import Found, rank_paths
from eval.retrievers.hybrid import fuse

DOCUMENTS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c/d", "c/e"]), st.integers(0, 3)), min_size=1, max_size=12
)


def corpus_of(paths: list[str]) -> Corpus:
    ids = tuple(UUID(int=number) for number in range(len(paths)))
    texts = tuple(f"{number:064x}" for number in range(len(paths)))
    return Corpus(ids, tuple(paths), texts, (1,) * len(paths))


@given(DOCUMENTS, st.integers(1, 5))
def test_a_path_ranks_by_its_best_document_and_ties_as_in_trec_eval(
    documents: list[tuple[str, int]], depth: int
) -> None:
    corpus = corpus_of([path for path, _ in documents])
    scores = np.asarray([score for _, score in documents], dtype=np.float32)
    best: dict[str, tuple[int, int]] = {}
    for place, (path, score) in enumerate(documents):
        if path not in best or score > best[path][0]:
            best[path] = (score, place)
    positive = ((score, path, place) for path, (score, place) in best.items() if score > 0)
    expected = sorted(positive, reverse=True)
    found = rank_paths(scores, corpus, depth, 0.0)
    assert [(each.score, each.path, each.document_id) for each in found] == [
        (score, path, UUID(int=place)) for score, path, place in expected[:depth]
    ]


def test_fusion_adds_reciprocal_ranks_and_ties_as_in_trec_eval() -> None:
    one, two = UUID(int=1), UUID(int=2)
    lexical = (Found("x", 9.0, one), Found("y", 8.0, one))
    encoder = (Found("y", 0.5, two), Found("x", 0.4, two), Found("a", 0.3, two))
    fused = fuse([lexical, encoder], 10)
    assert [found.path for found in fused] == ["y", "x", "a"]
    assert fused[0].score == fused[1].score == 1 / 61 + 1 / 62
    assert [found.document_id for found in fused] == [two, one, two]
    assert [found.path for found in fuse([lexical, encoder], 1)] == ["y"]


@given(st.permutations(["a", "b", "c"]), st.permutations(["c", "d", "a"]))
def test_fusion_is_the_same_whichever_ranking_comes_first(
    first: list[str], second: list[str]
) -> None:
    rankings = [tuple(Found(path, 1.0) for path in each) for each in (first, second)]
    assert fuse(rankings, 9) == fuse(rankings[::-1], 9)
