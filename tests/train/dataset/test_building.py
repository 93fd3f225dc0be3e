"""Which grade counts, what is left out, who is held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from core.errors import CancelledError, InputError
from core.ids import query_id
from core.jobs import Job
from labels.audit.recording import LabelRecorder
from tests.building import Scored, add_scored, named_judge
from tests.train.dataset.example import add_spec, calibrate, fill, flag, label, question
from train.dataset.building import build_training_set
from train.dataset.records import GradeSource, LeakRule, Split, TrainingSet, TrainingSetPlan
from train.dataset.summary import LeftOutReason

if TYPE_CHECKING:
    from core.records import Progress
    from core.store.database import Store

GRADED = TrainingSetPlan(judge_scores=True, keyword_share=0)


def grades(found: TrainingSet) -> dict[tuple[str, str], tuple[float, float, str]]:
    return {
        (found.queries[pair.query].text, found.documents[pair.document].symbol): (
            pair.grade,
            pair.weight,
            pair.source.value,
        )
        for pair in found.pairs
    }


def split_of(found: TrainingSet) -> dict[str, Split]:
    return {query.text: query.split for query in found.queries}


def test_a_label_stands_above_a_calibrated_grade_and_that_above_a_score(store: Store) -> None:
    rows = fill(store, 1, (4, 4, 4, 4))
    label(store, rows[0], 2)
    sure, even = (0.0, 0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.5, 0.5, 0.0)
    calibrate(store, {rows[0].pair_id: sure, rows[1].pair_id: even, rows[2].pair_id: sure})
    plan = TrainingSetPlan(keyword_share=0, held_out_share=0)
    by_symbol = {key[1]: value for key, value in grades(build_training_set(store, plan)[0]).items()}
    assert by_symbol == {
        "solve_0_0": (2.0, 1.0, "label"),
        "solve_0_1": (3.5, pytest.approx(0.875), "calibrated"),
        "solve_0_2": (5.0, 1.0, "calibrated"),
    }
    _, summary = build_training_set(store, plan)
    assert summary.left_out_for(LeftOutReason.SCORE_ONLY) == 1
    asked = TrainingSetPlan(keyword_share=0, held_out_share=0, judge_scores=True, judge_weight=0.3)
    found, summary = build_training_set(store, asked)
    assert grades(found)[question(0), "solve_0_3"] == (4.0, 0.3, "judge")
    assert (summary.judge, summary.left_out) == ("gpt", ())


def test_several_annotators_count_as_their_mean_and_less_the_less_they_agree(store: Store) -> None:
    rows = fill(store, 1, (3, 3, 3))
    for row, given in zip(rows, ((4, 4), (2, 3), (1, 5)), strict=True):
        for name, grade in zip(("ada", "bob"), given, strict=True):
            label(store, row, grade, name)
    plan = TrainingSetPlan(keyword_share=0, held_out_share=0)
    found, summary = build_training_set(store, plan)
    assert sorted(grades(found).values()) == [(2.5, 0.875, "label"), (4.0, 1.0, "label")]
    assert summary.left_out_for(LeftOutReason.UNCERTAIN) == 1


def test_an_undone_label_does_not_count(store: Store) -> None:
    rows = fill(store, 1, (3, 5))
    label(store, rows[0], 1)
    LabelRecorder(store, "ada").undo()
    found, _ = build_training_set(store, GRADED)
    assert {pair.source for pair in found.pairs} <= {GradeSource.JUDGE}


def test_a_grade_about_which_nothing_is_known_is_left_out(store: Store) -> None:
    rows = fill(store, 1, (3, 3))
    calibrate(
        store,
        {rows[0].pair_id: (0.2, 0.2, 0.2, 0.2, 0.2), rows[1].pair_id: (0.0, 0.1, 0.8, 0.1, 0.0)},
    )
    plan = TrainingSetPlan(keyword_share=0, held_out_share=0, judge_scores=True)
    found, summary = build_training_set(store, plan)
    assert [pair.weight for pair in found.pairs] == [pytest.approx(0.9)]
    assert summary.left_out_for(LeftOutReason.UNCERTAIN) == 1


def test_what_is_left_out_is_counted_by_reason(store: Store) -> None:
    rows = fill(store, 1, (5, None, 0, 3))
    flag(store, rows[3])
    add_scored(store, [Scored("  ", "def x(): ...", 3, symbol="x")])
    plan = TrainingSetPlan(judge_scores=True, keyword_share=0, held_out_share=0)
    found, summary = build_training_set(store, plan)
    assert len(found.pairs) == 1
    assert {left.reason: left.pairs for left in summary.left_out} == {
        LeftOutReason.FLAGGED: 1,
        LeftOutReason.BLANK: 1,
        LeftOutReason.FAILED: 1,
        LeftOutReason.UNGRADED: 1,
    }


def test_a_failed_judgment_never_counts_but_a_label_on_it_does(store: Store) -> None:
    rows = fill(store, 1, (5, None))
    label(store, rows[1], 2)
    found, _ = build_training_set(store, GRADED)
    by_symbol = {symbol: grade for (_, symbol), grade in grades(found).items()}
    assert by_symbol.get("solve_0_1", (2.0, 1.0, "label")) == (2.0, 1.0, "label")
    calibrated = build_training_set(store, TrainingSetPlan(keyword_share=0, held_out_share=0))[0]
    assert list(grades(calibrated).values()) == [(2.0, 1.0, "label")]


def test_the_judge_of_the_plan_scores(store: Store) -> None:
    rows = fill(store, 1, (5, 5))
    other = [Scored(row.query, row.code, 1, path=row.path, symbol=row.symbol) for row in rows[:1]]
    add_scored(store, other, named_judge("other"))
    plan = TrainingSetPlan(judge_scores=True, judge_name="other", keyword_share=0, held_out_share=0)
    found, summary = build_training_set(store, plan)
    assert [pair.grade for pair in found.pairs] == [1.0]
    assert summary.left_out_for(LeftOutReason.OTHER_JUDGE) == 1
    either, summary = build_training_set(store, GRADED)
    assert sorted(pair.grade for pair in either.pairs) == [5.0, 5.0]
    assert summary.judge == "gpt, other"
    with pytest.raises(InputError, match="no judge nobody"):
        build_training_set(store, TrainingSetPlan(judge_scores=True, judge_name="nobody"))


def test_queries_of_any_spec_and_their_likes_are_kept_out_of_both_splits(store: Store) -> None:
    fill(store, 60)
    add_spec(store, question(3), name="one")
    add_spec(store, question(7).upper() + "!", question(9).replace("how", "the"), name="two")
    add_spec(store, question(11).replace("meets", "sees"), name="three")
    add_spec(store, "entirely else", name="four", variation_of=question(13))
    found, summary = build_training_set(store, GRADED)
    gone = {question(number) for number in (3, 7, 9, 11, 13)}
    assert not gone & {query.text for query in found.queries}
    assert {each.rule: (each.queries, each.pairs) for each in summary.dropped} == {
        LeakRule.SAME_TEXT: (2, 6),
        LeakRule.SAME_WORDS: (1, 3),
        LeakRule.NEAR_DUPLICATE: (1, 3),
        LeakRule.VARIATION: (1, 3),
    }
    assert summary.left_out_for(LeftOutReason.SPEC) == 15
    (near,) = (each for each in summary.dropped if each.rule is LeakRule.NEAR_DUPLICATE)
    assert near.examples[0].query == question(11)


def test_all_pairs_of_a_query_are_in_one_split_and_each_held_out_one_can_be_measured(
    store: Store,
) -> None:
    fill(store, 200)
    found, summary = build_training_set(store, GRADED)
    held = [place for place, query in enumerate(found.queries) if query.split is Split.HELD_OUT]
    assert 8 <= len(held) <= 35
    assert summary.graded_queries(Split.HELD_OUT) == len(held)
    for place in held:
        assert len({pair.grade for pair in found.pairs if pair.query == place}) > 1


def test_a_held_out_query_with_one_grade_is_in_neither_split(store: Store) -> None:
    fill(store, 200)
    before = split_of(build_training_set(store, GRADED)[0])
    fill(store, 260, (4, 4))
    held = {text for text, split in before.items() if split is Split.HELD_OUT}
    found, summary = build_training_set(store, GRADED)
    new = [query for query in found.queries if query.text not in before]
    assert new
    assert {query.split for query in new} == {Split.TRAIN}
    gone = 60 - len(new)
    assert summary.left_out_for(LeftOutReason.UNMEASURABLE) == 2 * gone > 0
    assert held <= {text for text, split in split_of(found).items() if split is Split.HELD_OUT}


def test_more_pairs_and_queries_move_no_query_and_another_seed_does(store: Store) -> None:
    fill(store, 100)
    before = split_of(build_training_set(store, GRADED)[0])
    fill(store, 150, (2, 4))
    after = split_of(build_training_set(store, GRADED)[0])
    assert {text: after[text] for text in before} == before
    other = TrainingSetPlan(judge_scores=True, keyword_share=0, seed=1)
    assert split_of(build_training_set(store, other)[0]) != after


def test_a_query_nearly_like_a_held_out_one_is_held_out_too(store: Store) -> None:
    fill(store, 100)
    found = split_of(build_training_set(store, GRADED)[0])
    held = sorted(text for text, split in found.items() if split is Split.HELD_OUT)
    add_scored(
        store,
        [
            Scored(f"{text} quickly", f"def like_{score}(): ...", score, symbol=f"like_{score}")
            for text in held
            for score in (1, 5)
        ],
    )
    after = split_of(build_training_set(store, GRADED)[0])
    assert {after[f"{text} quickly"] for text in held} == {Split.HELD_OUT}


def test_the_set_refers_to_itself_rightly_and_comes_again_the_same(store: Store) -> None:
    rows = fill(store, 50)
    plan = TrainingSetPlan(judge_scores=True, pool_documents=10)
    found, summary = build_training_set(store, plan)
    assert build_training_set(store, plan) == (found, summary)
    assert len({(pair.query, pair.document) for pair in found.pairs}) == len(found.pairs)
    assert len({query.id for query in found.queries}) == len(found.queries)
    assert len({document.id for document in found.documents}) == len(found.documents)
    scores = {(row.query, row.code): row.score for row in rows}
    graded = [pair for pair in found.pairs if pair.source is GradeSource.JUDGE]
    for pair in graded:
        query, document = found.queries[pair.query], found.documents[pair.document]
        assert query.id == query_id(query.text)
        assert scores[query.text, document.text] == pair.grade
    assert summary.documents == len(found.documents)
    assert summary.pair_count() == len(found.pairs)


def test_pool_documents_are_in_no_pair(store: Store) -> None:
    fill(store, 5)
    add_scored(
        store, [Scored("x", f"code number {n} of many", 0, symbol=f"n{n}") for n in range(9)]
    )
    found, summary = build_training_set(
        store, TrainingSetPlan(judge_scores=True, keyword_share=0, pool_documents=6)
    )
    assert summary.pool == 6
    paired = {pair.document for pair in found.pairs}
    assert len(found.documents) - len(paired) == 6
    found, summary = build_training_set(
        store, TrainingSetPlan(judge_scores=True, keyword_share=0, pool_documents=99)
    )
    assert len({document.id for document in found.documents}) == len(found.documents)


def test_labelling_goes_on_meanwhile_and_the_set_is_of_one_moment(store: Store) -> None:
    rows = fill(store, 30)

    def graded_at_once(_: Progress) -> None:
        label(store, rows[0], 2)
        label(store, rows[4], 2)

    plan = TrainingSetPlan(judge_scores=True, keyword_share=0, held_out_share=0)
    found, _ = build_training_set(store, plan, Job(progress=graded_at_once))
    assert {pair.source for pair in found.pairs} in (
        {GradeSource.JUDGE},
        {GradeSource.LABEL, GradeSource.JUDGE},
    )
    again, _ = build_training_set(store, GRADED)
    assert sum(pair.source is GradeSource.LABEL for pair in again.pairs) == 2


def test_it_stops_when_told_and_leaves_no_trace(store: Store) -> None:
    fill(store, 5)
    with pytest.raises(CancelledError):
        build_training_set(store, GRADED, Job(cancelled=lambda: True))
    assert build_training_set(store, GRADED)[0].pairs


@pytest.mark.parametrize(
    "plan",
    [
        TrainingSetPlan(keyword_share=1),
        TrainingSetPlan(held_out_share=-0.1),
        TrainingSetPlan(held_out_share=float("nan")),
        TrainingSetPlan(near_duplicate=0),
        TrainingSetPlan(judge_weight=0),
        TrainingSetPlan(keyword_weight=1.5),
        TrainingSetPlan(docstring_share=2),
        TrainingSetPlan(pool_documents=-1),
        TrainingSetPlan(low_graded_per_query=-1),
    ],
)
def test_a_plan_that_cannot_be_says_so(store: Store, plan: TrainingSetPlan) -> None:
    with pytest.raises(InputError):
        build_training_set(store, plan)


def test_an_empty_store_gives_an_empty_set(store: Store) -> None:
    found, summary = build_training_set(store, TrainingSetPlan(judge_scores=True))
    assert found == TrainingSet((), (), ())
    assert summary.average_weight == 0
