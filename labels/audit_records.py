"""What the audit screen shows and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from labels.disputes import DISPUTE

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from core.records import Action, Document, Judge, Judgment, Pair, Query, QueryKind
    from labels.addressing import Address


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
    ``addresses`` are the places of the document that speak to the judge.
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
    addresses: tuple[Address, ...] = ()

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
