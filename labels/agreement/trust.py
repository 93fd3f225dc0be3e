"""All that tells how far the judges of a workspace can be trusted, read in one go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labels.agreement.fights import Fights, fights_of_judges
from labels.agreement.judge_work import JudgeWork, work_of_judges
from labels.agreement.measuring import measure_agreement
from labels.agreement.records import AgreementReport
from labels.calibration.calibration_store import current_calibration, labels_since

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from core.store import Store
    from labels.agreement.records import JudgeAgreement
    from labels.calibration.records import Calibration


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
