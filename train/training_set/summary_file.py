"""``summary.json``: the figures of a snapshot, and the hash of its content."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from core.errors import InputError
from core.records import QueryKind
from train.training_set.plan import TrainingSetPlan
from train.training_set.records import GradeSource, Split
from train.training_set.spec_queries import Leak, LeakRule
from train.training_set.summary import (
    Dropped,
    LeftOut,
    LeftOutReason,
    PairCount,
    QueryCount,
    TrainingSetSummary,
)

if TYPE_CHECKING:
    from pathlib import Path

#: Raised when the files' columns or the fields of the summary change.
VERSION: Final = 1


def summary_text(summary: TrainingSetSummary, content: str) -> str:
    """Return the file's text: every field of the summary, the version, and the content's hash."""
    document = {"version": VERSION, "content": content} | asdict(summary)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_summary(path: Path) -> tuple[TrainingSetSummary, str]:
    """Return the summary and the hash of the content.

    Raises:
        InputError: the file is absent, of another version, or not a summary.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        version = document["version"]
        if version == VERSION:
            return _summary(document), str(document["content"])
    except OSError as error:
        raise InputError(
            f"the training set's summary cannot be read: {error.strerror}",
            where=str(path),
            todo="Start a new run.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            "this is not a training set's summary", where=str(path), todo="Start a new run."
        ) from error
    raise InputError(
        f"the training set is of version {version}, and this rejudge reads {VERSION}",
        where=str(path),
        todo="Go on with the rejudge that started the run, or start a new run.",
    )


def _summary(document: dict[str, Any]) -> TrainingSetSummary:
    return TrainingSetSummary(
        plan=TrainingSetPlan(**document["plan"]),
        judge=document["judge"],
        pairs=tuple(
            PairCount(
                Split(each["split"]), GradeSource(each["source"]), each["grade"], each["pairs"]
            )
            for each in document["pairs"]
        ),
        queries=tuple(
            QueryCount(
                Split(each["split"]),
                QueryKind(each["kind"]) if each["kind"] else None,
                each["made"],
                each["queries"],
            )
            for each in document["queries"]
        ),
        left_out=tuple(
            LeftOut(LeftOutReason(each["reason"]), each["pairs"]) for each in document["left_out"]
        ),
        dropped=tuple(
            Dropped(
                LeakRule(each["rule"]),
                each["queries"],
                each["pairs"],
                tuple(
                    Leak(LeakRule(leak["rule"]), leak["query"], leak["spec_query"])
                    for leak in each["examples"]
                ),
            )
            for each in document["dropped"]
        ),
        **{name: document[name] for name in _PLAIN},
    )


_PLAIN: Final = (
    "documents",
    "pool",
    "average_weight",
    "without_good",
    "above_cap",
    "made_like_spec",
)
