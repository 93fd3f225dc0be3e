from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import (
    clean_path,
    endings,
    first_rank,
    gain,
    meets,
    metric_names,
    ndcg,
    query_metrics,
    ranks_of,
)

GRADES = st.none() | st.integers(1, 5)


@st.composite
def wanted_paths(draw: st.DrawFn) -> tuple[list[int | None], list[int | None]]:
    """Grades, at least one of them relevant, with the ranks of those found, all different."""
    others = draw(st.lists(GRADES, max_size=5))
    grades = draw(st.permutations([draw(st.sampled_from([None, 4, 5])), *others]))
    found = draw(st.lists(st.booleans(), min_size=len(grades), max_size=len(grades)))
    places = draw(st.permutations(range(1, 41)))
    ranks = [rank if hit else None for hit, rank in zip(found, places, strict=False)]
    return list(grades), ranks


def by_trec_eval(grades: list[int | None], ranks: list[int | None], k: int) -> dict[str, float]:
    """The same metrics by trec_eval's own code."""
    ir_measures = pytest.importorskip("ir_measures")
    relevant = gain(4)
    measures = {
        "P@1": ir_measures.P(rel=relevant) @ 1,
        "R@5": ir_measures.R(rel=relevant) @ 5,
        f"R@{k}": ir_measures.R(rel=relevant) @ k,
        f"Success@{k}": ir_measures.Success(rel=relevant) @ k,
        "MRR": ir_measures.RR(rel=relevant),
        f"nDCG@{k}": ir_measures.nDCG @ k,
    }
    qrels = {"q": {f"wanted{place}": gain(grade) for place, grade in enumerate(grades)}}
    found = {rank: f"wanted{place}" for place, rank in enumerate(ranks) if rank is not None}
    run = {"q": {found.get(rank, f"other{rank}"): 1000.0 - rank for rank in range(1, 41)}}
    figures = ir_measures.calc_aggregate(list(measures.values()), qrels, run)
    return {name: figures[measure] for name, measure in measures.items()}


@settings(max_examples=60, deadline=None)
@given(wanted_paths(), st.sampled_from([5, 10, 20]))
def test_metrics_are_those_of_trec_eval(
    wanted: tuple[list[int | None], list[int | None]], k: int
) -> None:
    grades, ranks = wanted
    assert query_metrics(grades, ranks, k) == pytest.approx(by_trec_eval(grades, ranks, k))


@given(st.lists(st.floats(0, 4), max_size=12), st.integers(1, 10))
def test_ndcg_is_1_for_gains_in_order_and_0_without_any(gains: list[float], k: int) -> None:
    ordered = sorted(gains, reverse=True)
    best = ndcg(ordered, range(1, len(gains) + 1), k)
    assert best == pytest.approx(float(any(gains)))
    assert ndcg(gains, [None] * len(gains), k) == 0


def test_metrics_worked_out_by_hand() -> None:
    figures = query_metrics([None, None], [2, 11], 10)
    assert figures == {
        "P@1": 0.0,
        "R@5": 0.5,
        "R@10": 0.5,
        "Success@10": 1.0,
        "MRR": 0.5,
        "nDCG@10": pytest.approx(0.63093 / 1.63093, abs=1e-5),
    }
    assert tuple(figures) == metric_names(10)


def test_a_low_grade_is_no_hit_but_counts_in_ndcg() -> None:
    figures = query_metrics([5, 2], [3, 1], 10)
    assert figures["P@1"] == 0
    assert figures["MRR"] == pytest.approx(1 / 3)
    assert 0 < figures["nDCG@10"] < 1
    assert first_rank([5, 2], [3, 1]) == 3
    assert first_rank([5, 2], [None, 1]) is None


def test_nothing_relevant_has_no_metrics() -> None:
    with pytest.raises(ValueError, match="no metrics"):
        query_metrics([2], [1])


PARTS = st.sampled_from(["a", "b", "src", "x.rs", "ax.rs"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def test_a_path_is_met_at_a_path_boundary_only() -> None:
    assert meets("crates/x/src/watcher.rs", "watcher.rs")
    assert meets("crates/x/src/watcher.rs", "src/watcher.rs")
    assert meets("watcher.rs", "watcher.rs")
    assert not meets("crates/file_watcher.rs", "watcher.rs")
    assert not meets("watcher.rs", "src/watcher.rs")
    assert not meets("watcher.rs", "")


@given(PATHS, PATHS)
def test_meeting_is_having_as_an_ending(path: str, wanted: str) -> None:
    assert meets(path, wanted) == (wanted in endings(path))
    parts, last = path.split("/"), wanted.split("/")
    assert meets(path, wanted) == (parts[-len(last) :] == last)


def test_each_wanted_path_is_found_once() -> None:
    results = ["lib/w.rs", "src/w.rs", "other/w.rs", "server.rs"]
    assert ranks_of(results, ["w.rs", "server.rs"]) == (1, 4)


def test_the_longer_of_two_wanted_endings_is_met_first() -> None:
    assert ranks_of(["a/src/w.rs", "b/w.rs"], ["w.rs", "src/w.rs"]) == (2, 1)
    assert ranks_of(["a/src/w.rs"], ["w.rs", "src/w.rs"]) == (None, 1)


@given(st.lists(PATHS, unique=True, max_size=12), st.lists(PATHS, unique=True, max_size=5))
def test_ranks_are_of_results_that_meet_and_none_counts_twice(
    results: list[str], wanted: list[str]
) -> None:
    ranks = ranks_of(results, wanted)
    found = [rank for rank in ranks if rank is not None]
    assert len(set(found)) == len(found)
    for path, rank in zip(wanted, ranks, strict=True):
        if rank is None:
            unused = [each for place, each in enumerate(results, 1) if place not in found]
            assert not any(meets(each, path) for each in unused)
        else:
            assert meets(results[rank - 1], path)


def test_paths_are_cleaned() -> None:
    assert clean_path(" ./src\\a//b.rs/ ") == "src/a/b.rs"
    assert clean_path("./") == ""
