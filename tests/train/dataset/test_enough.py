"""What is too little, said with numbers; and what is shown before the start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from core.errors import InputError
from core.store.tables import add_judge
from tests.building import named_judge
from tests.train.dataset.example import add_spec, fill, label, question
from train.dataset.building import build_training_set
from train.dataset.enough import require_enough, warnings
from train.dataset.records import TrainingSetPlan
from tui.shown.runs import summary_document, summary_lines, summary_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.store.database import Store
    from train.dataset.summary import TrainingSetSummary

PLAN = TrainingSetPlan(judge_scores=True)


def summary(
    store: Store, queries: int, scores: Sequence[int | None], plan: TrainingSetPlan = PLAN
) -> TrainingSetSummary:
    fill(store, queries, scores)
    return build_training_set(store, plan)[1]


def refused(found: TrainingSetSummary) -> str:
    with pytest.raises(InputError) as raised:
        require_enough(found)
    return str(raised.value)


def test_enough_is_enough(store: Store) -> None:
    require_enough(summary(store, 200, (5, 3, 1)))


def test_nothing_graded_tells_what_there_is(store: Store) -> None:
    add_spec(store, question(0))
    said = refused(summary(store, 4, (5, 1), TrainingSetPlan()))
    assert "no graded pair" in said
    assert "8 pairs have a judge's score only" in said
    said = refused(build_training_set(store, PLAN)[1])
    assert "2 pairs belong to queries of specs" in said


def test_an_empty_store_says_what_to_do(store: Store) -> None:
    assert "Judge or label" in refused(build_training_set(store, PLAN)[1])


def test_too_few_held_out_queries_say_how_many_are_needed_and_why(store: Store) -> None:
    found = summary(store, 20, (5, 3, 1))
    said = refused(found)
    assert "6 are needed" in said
    assert "p = 0.06" in said
    assert "about 60 queries" in said
    larger = TrainingSetPlan(judge_scores=True, held_out_share=0.5)
    require_enough(build_training_set(store, larger)[1])
    none = TrainingSetPlan(judge_scores=True, held_out_share=0)
    require_enough(build_training_set(store, none)[1])


def test_one_grade_only(store: Store) -> None:
    assert "all pairs to train on are graded 4" in refused(summary(store, 100, (4, 4)))


def test_held_out_queries_with_one_grade_are_told(store: Store) -> None:
    fill(store, 100, (4, 4))
    said = refused(summary(store, 20, (1, 5)))
    assert "are of queries with one grade only" in said
    assert "6 are needed" in said


def test_scores_of_another_judge_are_told(store: Store) -> None:
    fill(store, 3, (1, 5))
    with store.transaction() as cursor:
        add_judge(cursor, named_judge("silent"))
    plan = TrainingSetPlan(judge_scores=True, judge_name="silent")
    assert "6 pairs have a score of another judge only" in refused(
        build_training_set(store, plan)[1]
    )


def test_nothing_worth_finding(store: Store) -> None:
    assert "graded above 3" in refused(summary(store, 200, (1, 2, 3)))


def test_warnings_say_how_sure_the_held_out_figure_is(store: Store) -> None:
    none = TrainingSetPlan(judge_scores=True, held_out_share=0, keyword_share=0)
    told = warnings(summary(store, 100, (5, 3, 1), none))
    assert any("No query is held out" in each for each in told)
    assert any("No keyword pairs" in each for each in told)
    assert any("300 grades are scores of gpt that nobody audited" in each for each in told)
    half = TrainingSetPlan(judge_scores=True, held_out_share=0.5)
    (wide,) = (each for each in warnings(build_training_set(store, PLAN)[1]) if "nDCG" in each)
    assert wide.partition("up to ")[2] > "0.15"
    assert not any("nDCG" in each for each in warnings(build_training_set(store, half)[1]))


def test_warnings_of_one_sided_grades_and_a_corpus_too_small(store: Store) -> None:
    share = TrainingSetPlan(judge_scores=True, keyword_share=0.9)
    told = warnings(summary(store, 100, (1, 1, 1, 1, 1, 5), share))
    assert any("83% of the graded pairs are graded 1" in each for each in told)
    assert any("not 90%" in each for each in told)
    (rare,) = (
        each for each in warnings(summary(store, 400, (1, 2), PLAN)) if "no document" in each
    )
    assert "have no document graded 4 or 5" in rare


def test_lines_show_the_whole_set_and_send_nothing_to_the_terminal(store: Store) -> None:
    rows = fill(store, 90)
    label(store, rows[0], 4)
    add_spec(store, question(1), f"{question(2)} \x1b[31m", question(3) + " now")
    found = build_training_set(
        store, TrainingSetPlan(judge_scores=True, low_graded_per_query=1, pool_documents=2)
    )[1]
    lines = summary_lines(found)
    text = "\n".join(lines)
    assert "\x1b" not in text
    for said in ("trained on", "labels", "judge scores", "keyword pairs", "held out", "near-dup"):
        assert said in text
    assert next(name for name, _ in summary_rows(found)) == "trained on"
    document = json.loads(json.dumps(summary_document(found), allow_nan=False))
    assert document["warnings"] == list(warnings(found))
    assert document["documents"] == found.documents
