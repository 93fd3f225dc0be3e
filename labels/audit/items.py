"""What the audit screen shows and what it asks for.

What counts as a dispute: people's own grades of one pair that lie far apart.

Pairs with all that belongs to them, read for the audit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from core.records import Action, Judge, Judgment, LabelEvent, Pair, Query
from core.store.events import EVENT_COLUMNS, event_of_row
from core.store.sql import one_of
from core.store.tables import (
    JUDGMENT_COLUMNS,
    all_judges,
    documents_by_id,
    judgment_of_row,
    pairs_by_id,
    queries_by_id,
)
from labels.judges.injection import find_injections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from core.records import Document, QueryKind
    from core.store.database import Store
    from labels.audit.strategies import Drawn
    from labels.judges.injection import Injection


#: Own grades of a pair this far apart are a dispute, until somebody adjudicates it.
DISPUTE: Final = 2
#: The ids of pairs in dispute, as a subquery.
DISPUTED_PAIRS: Final = (
    "(SELECT pair_id FROM current_labels"
    " WHERE pair_id NOT IN (SELECT pair_id FROM adjudicated_labels)"
    f" GROUP BY pair_id HAVING max(grade) - min(grade) >= {DISPUTE})"
)
#: The ids of pairs with an adjudicated grade.
ADJUDICATED_PAIRS: Final = "(SELECT pair_id FROM adjudicated_labels)"


class LabelState(StrEnum):
    """Which pairs a queue draws, by what the annotator did to them, or people together."""

    ANY = "any"
    UNLABELLED = "unlabelled"
    LABELLED = "labelled"
    SKIPPED = "skipped"
    FLAGGED = "flagged"
    DISPUTED = "disputed"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which pairs to audit. An empty field does not narrow.

    ``scores`` are scores of the audited judge; ``disagreement`` is the least distance between the
    highest and the lowest score that judges gave the pair; ``path``, ``text`` are looked for
    without regard to case, ``text`` in the query and in the code.
    """

    scores: frozenset[int] = frozenset()
    disagreement: int | None = None
    kind: QueryKind | None = None
    path: str = ""
    language: str = ""
    state: LabelState = LabelState.UNLABELLED
    text: str = ""
    graders: int | None = None

    @property
    def active(self) -> bool:
        """Whether this narrows more than the plain queue does."""
        return replace(self, graders=None) != AuditFilter()

    @property
    def settles(self) -> bool:
        """Whether it asks for pairs on which people differ, to give them an adjudicated grade."""
        return self.state in {LabelState.DISPUTED, LabelState.ADJUDICATED}

    @property
    def plain_but_for_scores(self) -> bool:
        """Whether it is the plain queue, or that of some scores."""
        return not replace(self, scores=frozenset()).active


@dataclass(frozen=True, slots=True)
class AuditShares:
    """The shares, 0 to 1, of pairs shown blind and of earlier pairs that come back silently."""

    blind: float = 0.0
    repeats: float = 0.0


@dataclass(frozen=True, slots=True)
class JudgeRuling:
    """A judge with its standing judgment of the pair; the judgment has a score."""

    judge: Judge
    judgment: Judgment


@dataclass(frozen=True, slots=True)
class EarlierLabel:
    """A grade that somebody gave the pair and did not take back.

    ``milliseconds`` is how long they looked at it, where that is known.
    """

    event_id: UUID
    annotator: str
    grade: int
    action: Action
    happened: datetime
    hidden: bool
    judgment_id: UUID | None = None
    milliseconds: int | None = None


@dataclass(frozen=True, slots=True)
class Remark:
    """A note that somebody wrote on the pair."""

    annotator: str
    text: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person says of the pair: the grade that stands, and their notes, newest first."""

    label: EarlierLabel
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """What others said of a pair, newest first, kept from a person who has yet to grade it."""

    labels: tuple[EarlierLabel, ...] = ()
    remarks: tuple[Remark, ...] = ()
    adjudication: EarlierLabel | None = None


@dataclass(frozen=True, slots=True)
class AuditItem:
    """All that a person needs to grade one pair.

    ``rulings`` has the audited judge first; ``labels`` (people's own grades) and ``remarks`` are
    newest first and, with ``adjudication`` (the grade that settles what people differed on), hold
    what the person may see now, ``withheld`` the rest: no screen and no command shows it;
    ``skipped`` tells whether the person passed the pair over, ``flagged`` whether anybody marked
    it; ``failures`` are (judge name, reason) of judges that did not manage to rule.
    ``strategy`` says how the queue came to the pair, ``chance`` with which chance that draw took
    it. ``blind`` tells whether it was drawn to be graded without the judge in sight.
    ``injections`` are the places in the document that address the judge.
    """

    pair: Pair
    query: Query
    document: Document
    rulings: tuple[JudgeRuling, ...] = ()
    labels: tuple[EarlierLabel, ...] = ()
    remarks: tuple[Remark, ...] = ()
    adjudication: EarlierLabel | None = None
    skipped: bool = False
    flagged: bool = False
    failures: tuple[tuple[str, str], ...] = ()
    strategy: str = ""
    chance: float | None = None
    blind: bool = False
    withheld: Withheld = Withheld()
    injections: tuple[Injection, ...] = ()

    @property
    def ruling(self) -> JudgeRuling | None:
        """The ruling that a grade is compared with."""
        return self.rulings[0] if self.rulings else None

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes without their writers."""
        return tuple(remark.text for remark in self.remarks)

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        """What each person who graded says, the highest grade first."""
        latest: dict[str, EarlierLabel] = {}
        for label in self.labels:
            latest.setdefault(label.annotator, label)
        found = [
            Opinion(label, tuple(one.text for one in self.remarks if one.annotator == name))
            for name, label in latest.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.label.grade, one.label.annotator)))

    @property
    def apart(self) -> int:
        """How far the grades of people that are in sight lie apart."""
        grades = [one.label.grade for one in self.opinions]
        return max(grades, default=0) - min(grades, default=0)

    @property
    def to_be_settled(self) -> bool:
        """Whether an adjudicated grade has a place here: people differ, or it has one."""
        return self.apart >= DISPUTE or self.adjudication is not None

    def label_of(self, annotator: str) -> EarlierLabel | None:
        """Return the grade that stands for this annotator."""
        return next((label for label in self.labels if label.annotator == annotator), None)

    def graded(self, label: EarlierLabel) -> AuditItem:
        """Return the item once the person has given this grade: nothing is withheld any more."""
        return replace(
            self,
            labels=(label, *self.labels, *self.withheld.labels),
            remarks=(*self.remarks, *self.withheld.remarks),
            adjudication=self.adjudication or self.withheld.adjudication,
            withheld=Withheld(),
        )


@dataclass(frozen=True, slots=True)
class AuditCounts:
    """How far the audit is, under one filter and for one annotator.

    Under a filter for disputes ``done`` counts the pairs that have an adjudicated grade.
    ``compared`` counts the annotator's standing grades that were compared with a judge's score,
    ``agreed`` those equal to it, ``within_one`` those at most one apart (``agreed`` included).
    """

    done: int = 0
    left: int = 0
    compared: int = 0
    agreed: int = 0
    within_one: int = 0


_GRADED: Final = (Action.CONFIRM, Action.OVERRIDE)


def load_items(
    store: Store,
    drawn: Sequence[Drawn],
    judges: Mapping[UUID, Judge],
    audited: Judge | None,
    annotator: str,
) -> list[AuditItem]:
    """Return the items of these pairs, in this order; an unknown id is left out.

    Nobody sees what others said of a pair before grading it: until then their labels and notes
    are ``withheld``, and ``skipped`` speaks of the annotator alone whatever they graded.

    Args:
        store: the store.
        drawn: which pairs, and how the queue came to each.
        judges: the judges of the store by id; those that came since are looked up.
        audited: the judge whose ruling comes first.
        annotator: who is to see the items.
    """
    pair_ids = [one.pair for one in drawn]
    pairs = pairs_by_id(store, pair_ids)
    queries = queries_by_id(store, [pair.query_id for pair in pairs.values()])
    documents = documents_by_id(store, [pair.document_id for pair in pairs.values()])
    judgments = _judgments(store, pair_ids)
    if any(each.judge_id not in judges for known in judgments.values() for each in known):
        judges = {judge.id: judge for judge in all_judges(store)}
    events = _events(store, pair_ids)
    items = []
    for one in drawn:
        identifier = one.pair
        pair = pairs.get(identifier)
        if pair is None:
            continue
        rulings, failures = _rulings(judgments[identifier], judges, audited)
        said = events[identifier]
        own = [event for event in said if event.annotator == annotator]
        open_to_see = said if _labels(own) else own
        withheld = [event for event in said if event not in open_to_see]
        items.append(
            AuditItem(
                pair=pair,
                query=queries[pair.query_id],
                document=documents[pair.document_id],
                rulings=rulings,
                labels=_labels(open_to_see),
                remarks=_remarks(open_to_see),
                adjudication=_adjudication(open_to_see),
                skipped=any(event.action is Action.SKIP for event in own),
                flagged=any(event.action is Action.FLAG for event in said),
                failures=failures,
                strategy=one.strategy,
                chance=one.chance,
                withheld=Withheld(_labels(withheld), _remarks(withheld), _adjudication(withheld)),
                injections=find_injections(documents[pair.document_id]),
            )
        )
    return items


def label_of_event(event: LabelEvent) -> EarlierLabel:
    """Return a grading event as the label it made."""
    if event.grade is None:
        raise ValueError("the event grades nothing")
    return EarlierLabel(
        event.id,
        event.annotator,
        event.grade,
        event.action,
        event.happened,
        event.hidden,
        event.judgment_id,
        event.milliseconds,
    )


def _judgments(store: Store, pair_ids: Sequence[UUID]) -> defaultdict[UUID, list[Judgment]]:
    found: defaultdict[UUID, list[Judgment]] = defaultdict(list)
    # First the ids alone: the same scan that reads rationales would unpack a hundred for each one
    # it keeps, and rows named by their ids one by one are looked up in the primary key.
    these, parameters = one_of(pair_ids)
    found_ids = store.read(f"SELECT id FROM db.judgments WHERE pair_id IN {these}", parameters)
    named = [row[0] for row in found_ids]
    if not named:
        return found
    each = ", ".join(f"${number}" for number in range(1, len(named) + 1))
    rows = store.read(
        f"SELECT {JUDGMENT_COLUMNS} FROM db.judgments WHERE id IN ({each})"
        " ORDER BY judged DESC, id DESC",
        named,
    )
    for row in rows:
        judgment = judgment_of_row(row)
        found[judgment.pair_id].append(judgment)
    return found


def _events(store: Store, pair_ids: Sequence[UUID]) -> defaultdict[UUID, list[LabelEvent]]:
    these, parameters = one_of(pair_ids)
    rows = store.read(
        f"SELECT {EVENT_COLUMNS} FROM standing_events WHERE pair_id IN {these}"
        " ORDER BY happened DESC, id DESC",
        parameters,
    )
    found: defaultdict[UUID, list[LabelEvent]] = defaultdict(list)
    for row in rows:
        event = event_of_row(row)
        found[event.pair_id].append(event)
    return found


def _labels(events: Sequence[LabelEvent]) -> tuple[EarlierLabel, ...]:
    own = (event for event in events if event.action in _GRADED and not event.adjudicates)
    return tuple(label_of_event(event) for event in own)


def _adjudication(events: Sequence[LabelEvent]) -> EarlierLabel | None:
    return next((label_of_event(event) for event in events if event.adjudicates), None)


def _remarks(events: Sequence[LabelEvent]) -> tuple[Remark, ...]:
    return tuple(Remark(event.annotator, event.note) for event in events if event.note)


def _rulings(
    judgments: Sequence[Judgment], judges: Mapping[UUID, Judge], audited: Judge | None
) -> tuple[tuple[JudgeRuling, ...], tuple[tuple[str, str], ...]]:
    standing: dict[UUID, Judgment] = {}
    failed: dict[UUID, str] = {}
    for judgment in judgments:
        if judgment.score is not None:
            standing.setdefault(judgment.judge_id, judgment)
        else:
            failed.setdefault(judgment.judge_id, judgment.failure or "no reason given")
    rulings = [JudgeRuling(judges[judge], judgment) for judge, judgment in standing.items()]
    rulings.sort(key=lambda ruling: (ruling.judge != audited, ruling.judge.name))
    failures = [(judges[judge].name, why) for judge, why in failed.items() if judge not in standing]
    return tuple(rulings), tuple(sorted(failures))
