"""A pair with everything that a person needs to grade it: the records, and reading them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
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

    from core.records import Document
    from core.store.database import Store
    from labels.audit.strategies import QueuedPair
    from labels.judges.injection import Injection


#: People's own grades of a pair this far apart are a dispute, until somebody adjudicates it.
DISPUTE: Final = 2


@dataclass(frozen=True, slots=True)
class AuditShares:
    """The shares, 0 to 1, of blind checks and of repeats among the pairs shown.

    A blind check hides the judge, to measure how far its score influences people. A repeat is an
    earlier pair shown again, to compare a person with themselves.
    """

    blind: float = 0.0
    repeats: float = 0.0


@dataclass(frozen=True, slots=True)
class JudgeRuling:
    """A judge and its current judgment of the pair, which has a score."""

    judge: Judge
    judgment: Judgment


@dataclass(frozen=True, slots=True)
class EarlierLabel:
    """A grade that somebody gave the pair and did not undo.

    ``milliseconds`` is how long they looked at the pair, if known.
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
    """A person's note on the pair."""

    annotator: str
    text: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """One person's current grade of the pair and their notes, newest first."""

    label: EarlierLabel
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Other people's labels and notes, newest first, hidden from a person who has yet to grade."""

    labels: tuple[EarlierLabel, ...] = ()
    remarks: tuple[Remark, ...] = ()
    adjudication: EarlierLabel | None = None


@dataclass(frozen=True, slots=True)
class AuditItem:
    """A pair and everything that a person needs to grade it.

    Attributes:
        rulings: the audited judge's first.
        labels: people's own grades that this person may see, newest first.
        remarks: the notes that this person may see, newest first.
        adjudication: the grade that settles a dispute, if this person may see it.
        skipped: whether this person skipped the pair.
        flagged: whether anybody flagged it.
        failures: name and reason of each judge that failed.
        strategy: how the queue chose the pair.
        chance: the probability of that draw, if known.
        blind: whether this is a blind check, to be graded without seeing the judge.
        withheld: what this person may not see yet; no screen or command shows it.
        injections: passages of the document that address the judge.
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
        """The ruling that a grade is compared with: the audited judge's, if there is one."""
        return self.rulings[0] if self.rulings else None

    @property
    def notes(self) -> tuple[str, ...]:
        """The texts of the notes."""
        return tuple(remark.text for remark in self.remarks)

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        """The opinion of each person who graded, the highest grade first."""
        latest: dict[str, EarlierLabel] = {}
        for label in self.labels:
            latest.setdefault(label.annotator, label)
        found = [
            Opinion(label, tuple(note.text for note in self.remarks if note.annotator == name))
            for name, label in latest.items()
        ]
        return tuple(sorted(found, key=lambda said: (-said.label.grade, said.label.annotator)))

    @property
    def apart(self) -> int:
        """The distance between the highest and the lowest visible grade of people."""
        grades = [opinion.label.grade for opinion in self.opinions]
        return max(grades, default=0) - min(grades, default=0)

    @property
    def to_be_settled(self) -> bool:
        """Whether the pair is in dispute or already adjudicated."""
        return self.apart >= DISPUTE or self.adjudication is not None

    def label_of(self, annotator: str) -> EarlierLabel | None:
        """Return the annotator's current grade, None without one."""
        return next((label for label in self.labels if label.annotator == annotator), None)

    def graded(self, label: EarlierLabel) -> AuditItem:
        """Return the item after the person gave this grade: nothing is withheld any more."""
        return replace(
            self,
            labels=(label, *self.labels, *self.withheld.labels),
            remarks=(*self.remarks, *self.withheld.remarks),
            adjudication=self.adjudication or self.withheld.adjudication,
            withheld=Withheld(),
        )


_GRADED: Final = (Action.CONFIRM, Action.OVERRIDE)


def load_items(
    store: Store,
    drawn: Sequence[QueuedPair],
    judges: Mapping[UUID, Judge],
    audited: Judge | None,
    annotator: str,
) -> list[AuditItem]:
    """Return the items of the pairs, in this order; unknown ids are left out.

    Other people's labels and notes are ``withheld`` until the annotator has graded the pair.

    Args:
        store: the store.
        drawn: which pairs, and how the queue chose them.
        judges: the store's judges by id; those added since are looked up.
        audited: the judge whose ruling comes first.
        annotator: who will see the items.
    """
    pair_ids = [queued.pair for queued in drawn]
    pairs = pairs_by_id(store, pair_ids)
    queries = queries_by_id(store, [pair.query_id for pair in pairs.values()])
    documents = documents_by_id(store, [pair.document_id for pair in pairs.values()])
    judgments = _judgments(store, pair_ids)
    if any(one.judge_id not in judges for known in judgments.values() for one in known):
        judges = {judge.id: judge for judge in all_judges(store)}
    events = _events(store, pair_ids)
    items = []
    for queued in drawn:
        identifier = queued.pair
        pair = pairs.get(identifier)
        if pair is None:
            continue
        rulings, failures = _rulings(judgments[identifier], judges, audited)
        said = events[identifier]
        own = [event for event in said if event.annotator == annotator]
        visible = said if _labels(own) else own
        withheld = [event for event in said if event not in visible]
        items.append(
            AuditItem(
                pair=pair,
                query=queries[pair.query_id],
                document=documents[pair.document_id],
                rulings=rulings,
                labels=_labels(visible),
                remarks=_remarks(visible),
                adjudication=_adjudication(visible),
                skipped=any(event.action is Action.SKIP for event in own),
                flagged=any(event.action is Action.FLAG for event in said),
                failures=failures,
                strategy=queued.strategy,
                chance=queued.chance,
                withheld=Withheld(_labels(withheld), _remarks(withheld), _adjudication(withheld)),
                injections=find_injections(documents[pair.document_id]),
            )
        )
    return items


def label_of_event(event: LabelEvent) -> EarlierLabel:
    """Return the label that a grading event made.

    Raises:
        ValueError: the event has no grade.
    """
    if event.grade is None:
        raise ValueError("the event has no grade")
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
    # First the ids alone: a scan that reads rationales too would unpack a hundred for each one that
    # it keeps, while rows named by id are looked up in the primary key.
    these, parameters = one_of(pair_ids)
    found_ids = store.read(f"SELECT id FROM db.judgments WHERE pair_id IN {these}", parameters)
    ids = [row[0] for row in found_ids]
    if not ids:
        return found
    places = ", ".join(f"${number}" for number in range(1, len(ids) + 1))
    rows = store.read(
        f"SELECT {JUDGMENT_COLUMNS} FROM db.judgments WHERE id IN ({places})"
        " ORDER BY judged DESC, id DESC",
        ids,
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
