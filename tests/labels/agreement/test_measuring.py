"""What is said of judges and annotators in a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from core.errors import InputError
from core.identity import event_id
from core.label_events import insert_event
from core.records import Action, LabelEvent
from core.store import Store, utc_now
from labels.agreement.labelled import current_grades, stratum_sizes
from labels.agreement.measuring import measure_agreement
from labels.agreement.weights import label_weights
from tests.building import Scored, add_scored, named_judge, new_workspace, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

SCORES = [1 + (3 * n) % 5 for n in range(60)]
GRADES = [min(5, max(1, score + (n * n) % 3 - 1)) for n, score in enumerate(SCORES)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(new_workspace(tmp_path).folder) as opened:
        yield opened


def built(store: Store, count: int = 60) -> list[Scored]:
    """Add pairs, three to a query, with the scores of one judge."""
    rows = [
        replace(row, query=f"query {n // 3}", score=SCORES[n])
        for n, row in enumerate(numbered(count))
    ]
    add_scored(store, rows)
    return rows


def labelled(
    store: Store,
    row: Scored,
    grade: int,
    annotator: str = "ada",
    *,
    judgment: UUID | None = None,
    hidden: bool = False,
    strategy: str | None = None,
    chance: float | None = None,
    minutes: int = 0,
) -> None:
    (found,) = store.read(
        "SELECT judgment.id, pair_id FROM db.judgments AS judgment WHERE CAST(pair_id AS VARCHAR)"
        " = $1 LIMIT 1",
        [row.pair_id],
    )
    event = LabelEvent(
        id=event_id(),
        happened=utc_now() + timedelta(minutes=minutes),
        pair_id=found[1],
        annotator=annotator,
        action=Action.CONFIRM if grade == row.score else Action.OVERRIDE,
        grade=grade,
        judgment_id=judgment or found[0],
        hidden=hidden,
        strategy=strategy,
        inclusion_probability=chance,
    )
    insert_event(store, event)


def test_a_judge_is_compared_with_people(store: Store) -> None:
    for row, grade in zip(built(store), GRADES, strict=True):
        labelled(store, row, grade)
    (judge,) = measure_agreement(store).judges
    assert (judge.labels, judge.pairs, judge.queries, judge.seen) == (60, 60, 20, 60)
    expected = confusion_matrix(SCORES, GRADES, labels=[1, 2, 3, 4, 5])
    assert np.array(judge.confusion).tolist() == expected.tolist()
    kappa = judge.figures["qwk"]
    assert kappa.value == pytest.approx(cohen_kappa_score(SCORES, GRADES, weights="quadratic"))
    for figure in judge.figures.values():
        assert figure.known
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low <= figure.value <= figure.high
    fours = [grade for score, grade in zip(SCORES, GRADES, strict=True) if score == 4]
    assert judge.reliability[3].mean_grade.value == pytest.approx(np.mean(fours))
    assert judge.corpus is not None
    assert judge.corpus.pairs == 60
    # Every pair has a label, so the judge has nothing to add.
    assert judge.corpus.mean_grade.powered.value == pytest.approx(np.mean(GRADES))
    assert judge.advice.more_labels is not None


def test_a_label_counts_one_over_its_chance(store: Store) -> None:
    rows = built(store)
    for row, grade in zip(rows, GRADES, strict=True):
        labelled(store, row, grade, chance=0.2 if row.score == 1 else 1.0, strategy="uncertain")
    weights = [5.0 if score == 1 else 1.0 for score in SCORES]
    expected = cohen_kappa_score(SCORES, GRADES, weights="quadratic", sample_weight=weights)
    (judge,) = measure_agreement(store).judges
    assert judge.figures["qwk"].value == pytest.approx(expected)
    assert judge.effective == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))


def test_a_stratified_queue_is_weighted_by_what_it_took_of_each_score(store: Store) -> None:
    rows = built(store)
    chosen = [row for row in rows if row.score == 1][:3] + [row for row in rows if row.score == 5]
    for row in chosen:
        labelled(store, row, row.score or 1, strategy="stratified")
    labels = current_grades(store)
    weights = label_weights(labels, stratum_sizes(store, labels))
    ones = weights[[label.grade == 1 for label in labels]]
    fives = weights[[label.grade == 5 for label in labels]]
    assert ones / fives[0] == pytest.approx(np.full(3, 12 / 3))


def test_a_queue_that_picks_on_purpose_is_left_out_without_a_chance(store: Store) -> None:
    rows = built(store)
    for row in rows[:20]:
        labelled(store, row, 1, strategy="uncertain")
    report = measure_agreement(store)
    assert report.judges[0].labels == 0
    assert report.judges[0].figures["qwk"].value is None
    assert any("20 labels come from a queue" in notice for notice in report.notices)


def test_another_judge_is_compared_where_it_scored(store: Store) -> None:
    rows = built(store)
    add_scored(store, [replace(row, score=2) for row in rows[:10]], named_judge("other"))
    for row, grade in zip(rows, GRADES, strict=True):
        labelled(store, row, grade)
    gpt, other = measure_agreement(store).judges
    assert (gpt.labels, gpt.judge.name) == (60, "gpt")
    assert (other.labels, other.judge.name) == (10, "other")
    assert "gave every pair a 2" in other.figures["qwk"].reason
    assert other.figures["mae"].value == pytest.approx(np.mean([abs(g - 2) for g in GRADES[:10]]))
    assert [one.judge.name for one in measure_agreement(store, "other").judges] == ["other"]
    with pytest.raises(InputError, match="no judge nobody"):
        measure_agreement(store, "nobody")


def test_annotators_agree_with_each_other_and_with_themselves(store: Store) -> None:
    rows = built(store)[:30]
    for n, row in enumerate(rows):
        labelled(store, row, GRADES[n], "ada")
        labelled(store, row, 1 + n % 5, "bob")
        if n < 12:
            labelled(store, row, 1 + (n // 2) % 5, "bob", minutes=60)
            labelled(store, row, 1 + (n // 2) % 5, "ada")  # at once: a correction
    report = measure_agreement(store)
    (both,) = report.annotators
    assert (both.first, both.second, both.pairs, both.queries) == ("ada", "bob", 30, 10)
    first = [1 + (n // 2) % 5 if n < 12 else GRADES[n] for n in range(30)]
    second = [1 + (n // 2) % 5 if n < 12 else 1 + n % 5 for n in range(30)]
    alpha = krippendorff.alpha(
        reliability_data=[first, second],
        value_domain=[1, 2, 3, 4, 5],
        level_of_measurement="ordinal",
    )
    assert both.figures["alpha"].value == pytest.approx(alpha)
    assert report.alpha.value == pytest.approx(alpha)
    (bob,) = report.themselves
    assert (bob.first, bob.second, bob.pairs) == ("bob", "bob", 12)


def test_alpha_of_three_annotators_is_that_of_krippendorff(store: Store) -> None:
    rows = built(store)[:20]
    table = np.full((3, 20), np.nan)
    for n, row in enumerate(rows):
        for person, name in enumerate(("ada", "bob", "eve")):
            if (n + person) % 4:
                table[person, n] = 1 + (n + person * n) % 5
                labelled(store, row, int(table[person, n]), name)
    alpha = krippendorff.alpha(
        reliability_data=table, value_domain=[1, 2, 3, 4, 5], level_of_measurement="ordinal"
    )
    assert measure_agreement(store).alpha.value == pytest.approx(alpha)


def test_anchoring_is_agreement_shown_minus_blind(store: Store) -> None:
    rows = built(store)
    for n, row in enumerate(rows):
        hidden = n % 2 == 0
        score = row.score or 1
        labelled(store, row, 6 - score if hidden and n % 4 == 0 else score, hidden=hidden)
    (judge,) = measure_agreement(store).judges
    anchoring = judge.anchoring
    wrong = sum(SCORES[n] != 3 for n in range(0, 60, 4)) / 30
    assert (anchoring.shown, anchoring.blind) == (30, 30)
    assert anchoring.exact.value == pytest.approx(wrong)
    assert anchoring.exact.low is not None
    assert anchoring.exact.low > 0


def test_labels_whose_judgment_is_gone_and_opposite_grades_are_told(store: Store) -> None:
    rows = built(store)
    labelled(store, rows[0], 1, judgment=event_id())
    labelled(store, rows[1], 1)
    labelled(store, rows[1], 5, "bob")
    report = measure_agreement(store)
    assert any("1 labels name a judgment that is gone" in notice for notice in report.notices)
    assert any("1 pairs have grades of two people" in notice for notice in report.notices)
    assert report.judges[0].labels == 3


def test_nothing_is_said_of_nothing(store: Store) -> None:
    report = measure_agreement(store)
    assert report.judges == ()
    built(store)
    report = measure_agreement(store)
    assert report.judges[0].figures["qwk"].reason == "there are no labels to compare with"
    assert "no labels yet" in report.notices[0]
    assert report.judges[0].corpus is None
