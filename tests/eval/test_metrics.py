from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import first_rank, gain, metric_names, query_metrics

CASES = st.lists(
    st.tuples(st.none() | st.integers(1, 5), st.none() | st.integers(1, 40)),
    min_size=1,
    max_size=6,
)


def by_trec_eval(grades: list[int | None], ranks: list[int | None], k: int) -> dict[str, float]:
    """The same figures by trec_eval's own code."""
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
@given(CASES, st.sampled_from([5, 10, 20]))
def test_the_figures_are_those_of_trec_eval(
    targets: list[tuple[int | None, int | None]], k: int
) -> None:
    grades = [grade for grade, _ in targets]
    taken = [rank for _, rank in targets if rank is not None]
    if len(set(taken)) < len(taken) or not any(grade in {None, 4, 5} for grade in grades):
        return
    ranks = [rank for _, rank in targets]
    assert query_metrics(grades, ranks, k) == pytest.approx(by_trec_eval(grades, ranks, k))


def test_figures_worked_out_by_hand() -> None:
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


def test_a_low_grade_is_no_hit_but_counts_in_the_graded_figure() -> None:
    figures = query_metrics([5, 2], [3, 1], 10)
    assert figures["P@1"] == 0
    assert figures["MRR"] == pytest.approx(1 / 3)
    assert 0 < figures["nDCG@10"] < 1
    assert first_rank([5, 2], [3, 1]) == 3
    assert first_rank([5, 2], [None, 1]) is None


def test_nothing_relevant_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no figures"):
        query_metrics([2], [1])
