"""What an export is asked for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    """The formats, by the names that the command line takes."""

    JSONL = "jsonl"
    QRELS = "qrels"
    PARQUET = "parquet"
    CSV = "csv"


class Grades(StrEnum):
    """What stands in where nobody graded.

    ``JUDGE``: the judge's own score, as in the file that was read in. ``BEST``: the calibrated
    grade, and the judge's score where there is none.
    """

    JUDGE = "judge"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which pairs to write.

    ``judge_name`` is the judge whose score stands in where nobody graded; empty: the one that is
    audited. ``only_labelled`` leaves those pairs out, ``without_flagged`` the flagged ones.
    """

    judge_name: str = ""
    only_labelled: bool = False
    without_flagged: bool = False
    grades: Grades = Grades.JUDGE


@dataclass(frozen=True, slots=True)
class ExportReport:
    """``written`` counts lines or rows, of which the three ``from_...`` say whence.

    For qrels those count pairs, of which several may make one line. ``left_out`` pairs have neither
    a grade nor a score, or the plan leaves them out. ``notices`` are sentences to be told.
    """

    written: int
    from_labels: int
    from_calibration: int
    from_judge: int
    left_out: int
    notices: tuple[str, ...] = ()
