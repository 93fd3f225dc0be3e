"""How pairs are drawn, with which chance, and that figures are weighted back by it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest
from scipy import stats

from core.errors import InputError
from core.ids import event_id, utc_now
from labels.agreement.labelled import LabelledGrade, current_grades
from labels.agreement.ppi import JudgedSums, LabelledValues, mean_estimate
from labels.agreement.weights import Pool, can_be_weighted, label_weights
from labels.audit.filters import AuditFilter, parse_filter
from labels.audit.items import AuditShares
from labels.audit.labelling import label_pair
from labels.audit.sampling import WeightedQueue
from labels.audit.session import AuditSession
from labels.audit.strategies import Strategy, default_strategy, strategy_named
from labels.calibration.calibrating import calibrate
from labels.judges.choosing import audited_judge
from labels.trust import measure_agreement
from tests.building import Scored, add_scored, named_judge, numbered
from tests.labels.calibration.judged_store import add_judged

if TYPE_CHECKING:
    from core.store.database import Store
    from labels.audit.items import AuditItem


def label(session: AuditSession, count: int, grade: int | None = None) -> None:
    """Grade the next pairs as the judge did, or with one grade."""
    for _ in range(count):
        assert session.current is not None
        ruling = session.current.ruling
        session.grade(grade or (ruling.judgment.score if ruling else None) or 3)
        session.advance()


def shown(session: AuditSession, count: int) -> list[AuditItem]:
    items = []
    for _ in range(count):
        if session.current is None:
            break
        items.append(session.current)
        session.advance()
    return items


def add_eval(store: Store, ranks: dict[UUID, dict[str, int]], retriever: str = "encoder") -> None:
    """Add an eval in which each query found these paths at these ranks; 0: it missed."""
    identifier, now = event_id(), utc_now()
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO db.evals VALUES ($1, $1, 's', $2, '{}', '', '', 1, 2, $3, $3)",
            [identifier, retriever, now],
        )
        for position, (query, found) in enumerate(ranks.items()):
            best = min(found.values(), default=None)
            cursor.execute(
                "INSERT INTO db.eval_queries VALUES ($1, $2, $3, 'semantic', $4, NULL)",
                [identifier, position, query, best],
            )
            for path, rank in found.items():
                cursor.execute(
                    "INSERT INTO db.eval_results VALUES ($1, $2, $3, $4, NULL, 1.0)",
                    [identifier, position, rank, path],
                )


def test_the_queue_is_stratified_until_every_score_has_its_share(store: Store) -> None:
    # Only four pairs have a 5: that score's share is those four.
    add_scored(store, numbered(44, scores=(1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3)))
    add_scored(store, [Scored(f"rare {n}", f"x{n}", 5) for n in range(4)])
    judge = audited_judge(store)
    session = AuditSession.start(store, "ada")
    assert session.strategy is Strategy.STRATIFIED
    while default_strategy(store, judge) is Strategy.STRATIFIED:
        label(session, 1)
    given = Counter(label.grade for label in current_grades(store))
    assert min(given[score] for score in (1, 2, 3)) >= 8
    assert given[5] == 4
    assert AuditSession.start(store, "ada").strategy is Strategy.MIXED
    assert default_strategy(store, None) is Strategy.STRATIFIED


def test_a_queue_is_named_by_its_beginning() -> None:
    assert strategy_named("") is None
    assert strategy_named(" Dis ") is Strategy.DISAGREEMENT
    for wrong in ("mi", "best"):
        with pytest.raises(InputError, match="no such queue"):
            strategy_named(wrong)


def disagreeing(store: Store) -> dict[UUID, float]:
    """Add 30 pairs with two judges and return the size that each must have."""
    first = [1 + n % 5 for n in range(30)]
    second = [1 + (n * n) % 5 for n in range(30)]
    pairs = add_judged(store, first)
    add_judged(store, second, judge="other")
    worth = (np.subtract(first, second) / 4) ** 2
    return dict(zip(pairs, 0.1 + 0.9 * worth / worth.mean(), strict=True))


def test_a_draw_tells_its_chance_among_the_pairs_left(store: Store) -> None:
    sizes = disagreeing(store)
    judge = named_judge()
    draw = WeightedQueue(store, judge, "ada", AuditFilter(), Strategy.DISAGREEMENT)
    drawn = [*draw.take(12, frozenset()), *draw.take(30, frozenset())]
    assert {one.pair for one in drawn} == set(sizes)
    left = dict(sizes)
    for one in drawn:
        assert one.chance == pytest.approx(left[one.pair] / sum(left.values()))
        del left[one.pair]
    assert draw.take(1, frozenset()) == []


def test_pairs_come_as_often_as_the_chance_says(store: Store) -> None:
    sizes = disagreeing(store)
    firsts = Counter(
        WeightedQueue(store, named_judge(), f"person {n}", AuditFilter(), Strategy.DISAGREEMENT)
        .take(1, frozenset())[0]
        .pair
        for n in range(100)
    )
    total = sum(sizes.values())
    likely = [pair for pair, size in sizes.items() if 100 * size / total >= 5]
    seen = [firsts[pair] for pair in likely]
    expected = [100 * sizes[pair] / total for pair in likely]
    seen.append(100 - sum(seen))
    expected.append(100 - sum(expected))
    assert stats.chisquare(seen, expected).pvalue > 0.001


def test_a_label_keeps_how_its_pair_was_drawn_through_undo_and_correction(store: Store) -> None:
    disagreeing(store)
    session = AuditSession.start(store, "ada", strategy=Strategy.MIXED, soon=True)
    assert session.current is not None
    assert session.current.chance == pytest.approx(1 / 30)  # the first, drawn evenly
    first = session.grade(2)
    session.undo()
    again = session.grade(3)
    assert (again.strategy, again.inclusion_probability) == ("mixed", first.inclusion_probability)
    elsewhere = AuditSession.start(store, "ada")
    elsewhere.undo()
    third = elsewhere.grade(4)
    assert (third.strategy, third.inclusion_probability) == ("mixed", first.inclusion_probability)
    label_pair(store, str(third.pair_id), 5, "ada")
    (standing,) = current_grades(store)
    assert (standing.grade, standing.strategy, standing.chance) == (5, "mixed", 1 / 30)


def test_the_command_line_gives_the_same_pair_until_it_is_graded(store: Store) -> None:
    disagreeing(store)
    session = AuditSession.start(store, "ada", strategy=Strategy.DISAGREEMENT)
    again = AuditSession.start(store, "ada", strategy=Strategy.DISAGREEMENT)
    assert session.current == again.current
    assert session.current is not None
    name = str(session.current.pair.id)
    other = session.upcoming(1) or (session.advance(),)
    assert other[0] is not None
    by_hand = label_pair(
        store, str(other[0].pair.id), 3, "bob", strategy=Strategy.DISAGREEMENT
    ).event
    drawn = label_pair(store, name, 3, "ada", strategy=Strategy.DISAGREEMENT).event
    assert drawn.strategy == "disagreement"
    assert drawn.inclusion_probability == again.current.chance if again.current else None
    assert (by_hand.strategy, by_hand.inclusion_probability) in {
        ("chosen", None),
        ("disagreement", by_hand.inclusion_probability),
    }


def test_a_queue_without_anything_to_go_by_says_so(store: Store) -> None:
    add_judged(store, [1 + n % 5 for n in range(20)])
    for strategy, reason in (
        (Strategy.UNCERTAIN, "no grade is calibrated yet"),
        (Strategy.DISAGREEMENT, "one judge only"),
        (Strategy.MISS, "no eval yet"),
    ):
        with pytest.raises(InputError, match=reason):
            AuditSession.start(store, "ada", strategy=strategy)
    # The mixed queue goes by what there is: nothing, so it draws evenly.
    mixed = AuditSession.start(store, "ada", strategy=Strategy.MIXED)
    assert mixed.current is not None
    assert mixed.current.chance == pytest.approx(1 / 20)
    add_eval(store, {event_id(): {}}, "lexical")
    with pytest.raises(InputError, match="have no pairs"):
        AuditSession.start(store, "ada", strategy=Strategy.MISS)


def test_uncertain_pairs_come_first_once_grades_are_calibrated(store: Store) -> None:
    scores = [1 + n % 5 for n in range(400)]
    pairs = add_judged(store, scores)
    for n in range(0, 400, 4):  # where the judge says 3 people say anything
        label_pair(store, str(pairs[n]), 1 + n % 4 if scores[n] == 3 else scores[n], "bob")
    assert calibrate(store).calibration is not None
    session = AuditSession.start(store, "ada", strategy=Strategy.UNCERTAIN)
    said = [item.ruling.judgment.score for item in shown(session, 100) if item.ruling]
    assert said.count(3) > 1.5 * 100 / 5


def test_an_encoder_that_ranks_against_the_judge_disagrees(store: Store) -> None:
    pairs = [
        Scored("lost", "def a(): ...", 5, path="a.py"),  # the encoder does not find it
        Scored("lost", "def b(): ...", 1, path="b.py"),  # the encoder ranks it first
        *(Scored("found", f"def c{n}(): ...", 5, path="c.py") for n in range(18)),
    ]
    add_scored(store, pairs)
    queries: dict[str, UUID] = dict(store.read("SELECT text, id FROM db.queries"))
    add_eval(store, {queries["lost"]: {"b.py": 1, "z.py": 8}, queries["found"]: {"c.py": 1}})
    session = AuditSession.start(store, "ada", strategy=Strategy.DISAGREEMENT)
    items = shown(session, 20)
    against = [item.chance for item in items if item.query.text == "lost"]
    along = [item.chance for item in items[:1] if item.query.text == "found"]
    assert len(against) == 2
    assert min(chance or 0 for chance in against) > 0.3
    assert all((chance or 0) < 0.01 for chance in along)


def test_failed_queries_come_without_a_chance_and_count_in_no_figure(store: Store) -> None:
    add_judged(store, [1 + n % 5 for n in range(40)])
    queries = [row[0] for row in store.read("SELECT id FROM db.queries ORDER BY text LIMIT 2")]
    add_eval(store, {queries[0]: {"other.py": 9}, queries[1]: {"a.py": 1}}, "lexical")
    session = AuditSession.start(store, "ada", strategy=Strategy.MISS)
    items = shown(session, 40)
    assert {item.query.id for item in items} == {queries[0]}
    assert len(items) == 4
    session.back()
    session.grade(3)
    (given,) = current_grades(store)
    assert (given.strategy, given.chance) == ("miss", None)
    assert not can_be_weighted(given)
    assert any("picks on purpose" in notice for notice in measure_agreement(store).notices)


def test_pairs_of_a_filter_speak_of_no_others(store: Store) -> None:
    add_scored(store, numbered(30))
    narrowed = AuditSession.start(store, "ada", audit_filter=parse_filter("path:m1"))
    label(narrowed, 1)
    by_score = AuditSession.start(store, "ada", audit_filter=parse_filter("score:4"))
    label(by_score, 1)
    mixed = AuditSession.start(
        store, "ada", audit_filter=parse_filter("score:2"), strategy=Strategy.MIXED
    )
    label(mixed, 1)
    rows = store.read(
        "SELECT strategy, inclusion_probability FROM db.label_events ORDER BY happened"
    )
    assert rows == [("filtered", None), ("stratified", None), ("filtered", None)]


def test_earlier_pairs_come_back_without_their_grade(store: Store) -> None:
    add_scored(store, numbered(150))
    shares = AuditShares(repeats=0.3)
    label(AuditSession.start(store, "ada", shares=shares), 50, 2)
    again = AuditSession.start(store, "ada", shares=shares)
    back = []
    for _ in range(40):
        item = again.current
        assert item is not None
        if item.strategy == "repeat":
            back.append(item.pair.id)
            assert item.label_of("ada") is None
            before = again.counts
            again.grade(4)
            assert (again.counts.done, again.counts.left) == (before.done, before.left)
        else:
            again.grade(2)
        again.advance()
    fresh = {row[0] for row in store.read("SELECT pair_id FROM db.label_events")}
    assert 4 < len(back) == len(set(back)) < 22
    assert len(fresh) == 90 - len(back)
    (ada,) = measure_agreement(store).themselves
    assert (ada.first, ada.second, ada.pairs) == ("ada", "ada", len(back))
    assert ada.figures["exact"].value == 0
    # How the pair was first drawn still holds for the grade that stands.
    assert all(label.strategy != "repeat" for label in current_grades(store))


def test_few_labels_bring_nothing_back(store: Store) -> None:
    add_scored(store, numbered(100))
    shares = AuditShares(repeats=1.0)
    session = AuditSession.start(store, "ada", shares=shares)
    label(session, 40)
    items = shown(AuditSession.start(store, "ada", shares=shares), 60)
    assert all(item.strategy == "stratified" for item in items)


def test_a_share_is_drawn_to_be_graded_blind_after_some_practice(store: Store) -> None:
    add_scored(store, numbered(120))
    items = shown(AuditSession.start(store, "ada", shares=AuditShares(blind=0.4)), 120)
    assert not any(item.blind for item in items[:20])
    assert 25 < sum(item.blind for item in items) < 55
    others = shown(AuditSession.start(store, "bob", shares=AuditShares(blind=0.4)), 120)
    assert [item.blind for item in items] != [item.blind for item in others]
    assert not any(item.blind for item in shown(AuditSession.start(store, "ada"), 120))


def test_a_renewed_queue_repeats_nothing_and_loses_nothing(store: Store) -> None:
    add_judged(store, [1 + n % 5 for n in range(120)])
    session = AuditSession.start(store, "ada", strategy=Strategy.RANDOM)
    session.refill()
    before = [item.pair.id for item in shown(session, 10)]
    planned = [item.pair.id for item in session.upcoming(30)]
    assert session.current is not None
    session.grade(3)
    session.renew()
    after = [item.pair.id for item in shown(session, 200)]
    assert len(after) == len(set(after))
    assert not set(before) & set(after)
    assert len(before) + len(after) == 120
    assert after[1:31] != planned


def simulated_intervals(seed: int, draws: int = 80) -> tuple[bool, bool]:
    """Draw 80 of 1,000 pairs by worth; return whether each interval holds the mean grade.

    Pairs that are worth a look have low grades, so a mean that forgets the chances is too low.
    """
    chance = np.random.default_rng(seed)
    queries = np.repeat(np.arange(250), 4)
    grades = np.clip(
        np.round(3 + chance.normal(0, 0.6, 250)[queries] + chance.normal(0, 1, 1000)), 1, 5
    )
    worth = np.clip((5 - grades) / 4 + chance.normal(0, 0.15, 1000), 0, 1) ** 2
    sizes = 0.2 + 0.8 * worth / worth.mean()
    order = np.argsort(chance.exponential(size=1000) / sizes)[:draws]
    left = sizes.sum() - np.concatenate([[0.0], np.cumsum(sizes[order])[:-1]])
    now = utc_now()
    labels = [
        LabelledGrade(
            event=UUID(int=n),
            happened=now,
            pair=UUID(int=int(pair)),
            query=UUID(int=int(queries[pair])),
            annotator="ada",
            grade=int(grades[pair]),
            hidden=False,
            strategy="mixed",
            chance=float(sizes[pair] / left[n]),
            drawn=now + timedelta(seconds=n),
            judgment_id=None,
            seen=None,
        )
        for n, pair in enumerate(order)
    ]
    judged = JudgedSums(np.zeros(250), np.full(250, 4.0))
    held = []
    for weights in (label_weights(labels, Pool(1000)), np.ones(draws)):
        values = LabelledValues(grades[order], np.zeros(draws), weights, queries[order])
        mean, _ = mean_estimate(values, judged, (1.0, 5.0), power=0.0)
        assert mean.low is not None
        assert mean.high is not None
        held.append(bool(mean.low <= grades.mean() <= mean.high))
    return held[0], held[1]


def test_a_mean_weighted_by_the_chances_covers_where_the_plain_one_fails() -> None:
    held = np.array([simulated_intervals(seed) for seed in range(150)])
    weighted, plain = held.mean(axis=0)
    assert 0.9 <= weighted <= 0.99
    assert plain < 0.3
