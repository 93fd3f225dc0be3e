"""All that can be said of judges and annotators in a store, in one report.

The pairs that judges fight over: those they score far apart.

What each judge has done: scores, failures, tokens, seconds.

Sentences that count what figures leave out or doubt.

All that tells how far the judges of a workspace can be trusted, read in one go.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.store.tables import all_judges
from labels.agreement.judges import corpus_figures, judge_agreement
from labels.agreement.labelled import (
    can_be_weighted,
    comparisons,
    current_grades,
    deciding_grades,
    first_grades,
    label_weights,
    labels_without_pair,
    rulings_on_labelled,
    standing_grades,
    stratum_sizes,
)
from labels.agreement.people import (
    alpha_of_all,
    between_annotators,
    opposite_grades,
    with_themselves,
)
from labels.agreement.records import OPPOSITE, AgreementReport, CalibrationEffect
from labels.calibration.store import current_calibration, labels_since
from labels.judges.choosing import scored_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.agreement.labelled import LabelledGrade
    from labels.agreement.records import JudgeAgreement
    from labels.calibration.store import Calibration


MOST: Final = 200
#: Scores this far apart are a fight.
APART: Final = 2


@dataclass(frozen=True, slots=True)
class Fight:
    """One pair with every judge's standing score, the lowest first.

    ``grade`` is the adjudicated grade, else the mean of people's; None while nobody graded it, or
    the person who looks has not.
    """

    pair: UUID
    query: str
    path: str
    symbol: str
    scores: tuple[tuple[str, int], ...]
    grade: float | None

    @property
    def apart(self) -> int:
        """The distance between the highest and the lowest score."""
        return self.scores[-1][1] - self.scores[0][1]


@dataclass(frozen=True, slots=True)
class Fights:
    """The worst fights, those nobody has settled first, and how many pairs are fought over.

    ``judged_twice`` counts the pairs that several judges scored.
    """

    worst: tuple[Fight, ...] = ()
    total: int = 0
    judged_twice: int = 0


def fights_of_judges(store: Store, most: int = MOST, annotator: str = "") -> Fights:
    """Return the pairs whose scores lie ``APART`` or more apart.

    The offline baseline takes no part where any other judge has ruled.

    Args:
        store: the store.
        most: how many of them.
        annotator: who looks, and is to see no grade of a pair before grading it; empty: nobody who
            grades.
    """
    rows = store.read(
        """
        WITH ruled AS (
            SELECT pair_id, score, judges.name FROM current_judgments AS ruling
            JOIN db.judges AS judges ON judges.id = ruling.judge_id
            WHERE judges.kind <> 'lexical'
                OR NOT EXISTS (SELECT 1 FROM db.judges WHERE kind <> 'lexical')
        ), spread AS (
            SELECT pair_id, max(score) - min(score) AS apart,
                list({'score': score, 'name': name} ORDER BY score, name) AS scores
            FROM ruled GROUP BY pair_id HAVING count(*) > 1
        ), counted AS (
            SELECT count(*) AS several, count(*) FILTER (apart >= $1) AS total FROM spread
        ), worst AS (
            SELECT spread.*, label.grade FROM spread
            LEFT JOIN (
                SELECT own.pair_id, coalesce(any_value(settled.grade), avg(own.grade)) AS grade
                FROM current_labels AS own
                LEFT JOIN adjudicated_labels AS settled ON settled.pair_id = own.pair_id
                GROUP BY own.pair_id HAVING $3 = '' OR bool_or(own.annotator = $3)
            ) AS label ON label.pair_id = spread.pair_id
            WHERE apart >= $1
            ORDER BY label.grade IS NOT NULL, apart DESC, spread.pair_id LIMIT $2
        )
        SELECT several, total, worst.pair_id, query.text, document.path, document.symbol, scores,
            worst.grade
        FROM counted LEFT JOIN worst ON TRUE
        LEFT JOIN db.pairs AS pair ON pair.id = worst.pair_id
        LEFT JOIN db.queries AS query ON query.id = pair.query_id
        LEFT JOIN db.documents AS document ON document.id = pair.document_id
        ORDER BY worst.grade IS NOT NULL, apart DESC, worst.pair_id
        """,
        [APART, most, annotator],
    )
    found = [
        Fight(
            pair=pair,
            query=query or "",
            path=path or "",
            symbol=symbol or "",
            scores=tuple((one["name"], one["score"]) for one in scores),
            grade=grade,
        )
        for _, _, pair, query, path, symbol, scores, grade in rows
        if pair is not None
    ]
    several, total = rows[0][:2] if rows else (0, 0)
    return Fights(tuple(found), int(total), int(several))


@dataclass(frozen=True, slots=True)
class JudgeWork:
    """The work of one judge.

    ``scored`` counts its judgments with a score, ``failed`` the pairs it could not rule on and has
    not since. ``tokens`` and ``seconds`` are of all its judgments, failures included; 0 where
    nobody counted them, as in an import.
    """

    scored: int = 0
    failed: int = 0
    tokens: int = 0
    seconds: float = 0.0
    judgments: int = 0

    @property
    def seconds_each(self) -> float | None:
        """Seconds of a judgment; None where nobody took the time."""
        return self.seconds / self.judgments if self.seconds and self.judgments else None


def work_of_judges(store: Store) -> dict[UUID, JudgeWork]:
    """Return the work of every judge that has ruled on anything."""
    rows = store.read(
        """
        SELECT done.judge_id, scored, coalesce(failed, 0), tokens, seconds, judgments FROM (
            SELECT judge_id, count(score) AS scored, count(*) AS judgments,
                sum(prompt_tokens + completion_tokens) AS tokens, sum(seconds) AS seconds
            FROM db.judgments GROUP BY judge_id
        ) AS done
        LEFT JOIN (SELECT judge_id, count(*) AS failed FROM open_failures GROUP BY judge_id)
            AS open ON open.judge_id = done.judge_id
        """
    )
    return {
        judge: JudgeWork(int(scored), int(failed), int(tokens), float(seconds), int(judgments))
        for judge, scored, failed, tokens, seconds, judgments in rows
    }


def counting_sentences(counted: Iterable[tuple[int, str, str]]) -> tuple[str, ...]:
    """Return a sentence for each count above 0.

    Args:
        counted: the count, how the sentence goes on after a 1, and after any other count.
    """
    return tuple(
        f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count
    )


def measure_agreement(store: Store, judge_name: str = "") -> AgreementReport:
    """Return how far judges and people agree, the most compared judge first.

    Args:
        store: the store.
        judge_name: only the judges of this name; empty for all.

    Raises:
        InputError: no judge has that name.
    """
    judges = _judges(store, judge_name)
    own, every = current_grades(store), deciding_grades(store)
    labels = [label for label in every if can_be_weighted(label)]
    weights = label_weights(labels, stratum_sizes(store, labels))
    first = {(label.pair, label.annotator): label for label in first_grades(store)}
    firsts = [first[label.pair, label.annotator] for label in labels]
    scored_by = scored_pairs(store)
    rulings = rulings_on_labelled(store)
    effects = _effects(store)
    found = []
    for judge in judges:
        ruled = rulings.get(judge.id, {})
        compared = comparisons(judge.id, labels, weights, ruled)
        at_first = comparisons(judge.id, firsts, weights, ruled)
        scored = scored_by.get(judge.id, 0)
        agreement = replace(
            judge_agreement(judge, compared, at_first, scored), calibration=effects.get(judge.id)
        )
        if compared and scored:
            agreement = replace(agreement, corpus=corpus_figures(store, judge.id, compared))
        found.append(agreement)
    return AgreementReport(
        judges=tuple(sorted(found, key=lambda one: -one.labels)),
        annotators=between_annotators(own),
        themselves=with_themselves(standing_grades(store)),
        alpha=alpha_of_all(own),
        notices=_notices(
            every,
            {pair for by_pair in rulings.values() for pair in by_pair},
            labels_without_pair(store),
        ),
    )


def _effects(store: Store) -> dict[UUID, CalibrationEffect]:
    """Return what the latest calibration did for each judge."""
    latest = current_calibration(store)
    if latest is None:
        return {}
    return {
        one.judge_id: CalibrationEffect(
            latest.method.value,
            one.rps_raw,
            one.rps_calibrated,
            one.mae_raw,
            one.mae_calibrated,
            one.intervals,
        )
        for one in latest.judges
    }


def _judges(store: Store, name: str) -> list[Judge]:
    judges = all_judges(store)
    named = [judge for judge in judges if name in ("", judge.name)]
    if name and not named:
        known = ", ".join(sorted({judge.name for judge in judges})) or "none yet"
        raise InputError(f"there is no judge {name}", todo=f"Judges of this workspace: {known}.")
    return named


def _notices(labels: Sequence[LabelledGrade], judged: set[UUID], gone: int) -> tuple[str, ...]:
    if not labels and not gone:
        return ("There are no labels yet: nothing to compare judges with.",)
    return counting_sentences(
        (
            (
                gone,
                "label is on a pair that is gone; no figure counts it.",
                "labels are on pairs that are gone; no figure counts them.",
            ),
            (
                sum(not can_be_weighted(label) for label in labels),
                "label comes from a queue that picks on purpose; judges' figures leave it out.",
                "labels come from a queue that picks on purpose; judges' figures leave them out.",
            ),
            (
                sum(label.judgment_gone for label in labels),
                "label names a judgment that is gone; it is compared with what judges say now.",
                "labels name a judgment that is gone; they are compared with what judges say now.",
            ),
            (
                sum(label.pair not in judged for label in labels),
                "label is on a pair that no judge has scored; it cannot be compared.",
                "labels are on pairs that no judge has scored; they cannot be compared.",
            ),
            (
                opposite_grades(labels),
                f"pair has grades of two people {OPPOSITE} or more apart; each grade counts.",
                f"pairs have grades of two people {OPPOSITE} or more apart; each grade counts.",
            ),
        )
    )


@dataclass(frozen=True, slots=True)
class Trust:
    """Agreement, work, fights, and the calibration that holds.

    ``labels_since`` counts the grades given after the calibration.
    """

    agreement: AgreementReport = field(default_factory=AgreementReport)
    work: Mapping[UUID, JudgeWork] = field(default_factory=dict)
    fights: Fights = field(default_factory=Fights)
    calibration: Calibration | None = None
    labels_since: int = 0

    def work_of(self, judge: JudgeAgreement) -> JudgeWork:
        """Return what a judge has done."""
        return self.work.get(judge.judge.id, JudgeWork())


def measure_trust(store: Store, judge_name: str = "", annotator: str = "") -> Trust:
    """Return all of it, the most compared judge first.

    Args:
        store: the store.
        judge_name: only the judges of this name; empty for all.
        annotator: who looks, see ``fights_of_judges``.

    Raises:
        InputError: no judge has that name.
    """
    latest = current_calibration(store)
    return Trust(
        agreement=measure_agreement(store, judge_name),
        work=work_of_judges(store),
        fights=fights_of_judges(store, annotator=annotator),
        calibration=latest,
        labels_since=labels_since(store, latest),
    )
