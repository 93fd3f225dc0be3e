"""Counts over the workspace and over each judge, for the home screen and ``rejudge status``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.records import JudgeKind
from core.store.tables import JUDGE_COLUMNS, judge_of_row
from labels.audit.filters import ADJUDICATED_PAIRS, DISPUTED_PAIRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.records import Judge
    from core.store.database import Store


#: Fields of ``WorkspaceStatus`` with the SQL that counts them.
_TOTALS: Final = {
    "documents": "(SELECT count(*) FROM db.documents)",
    "corpus_documents": "(SELECT count(*) FROM db.documents WHERE in_corpus)",
    "queries": "(SELECT count(*) FROM db.queries)",
    "pairs": "(SELECT count(*) FROM db.pairs)",
    "specs": "(SELECT count(DISTINCT name) FROM db.specs)",
    "spec_queries": "(SELECT count(DISTINCT query_id) FROM db.spec_queries)",
    "judgments_ok": "(SELECT count(*) FROM db.judgments WHERE score IS NOT NULL)",
    "judgments_failed": "(SELECT count(*) FROM db.judgments WHERE score IS NULL)",
    "unjudged_pairs": "(SELECT count(*) FROM db.pairs WHERE id NOT IN"
    " (SELECT pair_id FROM db.judgments WHERE score IS NOT NULL))",
}
_LABELS: Final = {
    "labels": "count(*)",
    "confirmed": "count(*) FILTER (action = 'confirm')",
    "overridden": "count(*) FILTER (action = 'override')",
    "labelled_pairs": "count(DISTINCT pair_id)",
    "annotators": "count(DISTINCT annotator)",
    "disputed": f"(SELECT count(*) FROM {DISPUTED_PAIRS})",
    "adjudicated": f"(SELECT count(*) FROM {ADJUDICATED_PAIRS})",
}
_MARKS: Final = {
    "skipped": "count(DISTINCT pair_id) FILTER (action = 'skip')",
    "flagged": "count(DISTINCT pair_id) FILTER (action = 'flag')",
}


@dataclass(frozen=True, slots=True)
class JudgeStatus:
    """What a judge has done.

    Attributes:
        judge: the judge.
        scored: judgments with a score.
        failed: pairs that it failed on and has not scored since.
        compared: grades that were compared with its scores.
        agreed: those of them that were equal.
        tokens: of all judgments, failures included; 0 if unknown, as after an import.
        seconds: likewise.
        judgments: failures included.
    """

    judge: Judge
    scored: int = 0
    failed: int = 0
    compared: int = 0
    agreed: int = 0
    tokens: int = 0
    seconds: float = 0.0
    judgments: int = 0

    @property
    def seconds_each(self) -> float | None:
        """Seconds per judgment; None if unknown."""
        return self.seconds / self.judgments if self.seconds and self.judgments else None


@dataclass(frozen=True, slots=True)
class WorkspaceStatus:
    """Counts over the whole workspace.

    ``labels`` counts current grades, one per pair and annotator; ``labelled_pairs`` the pairs
    with at least one. ``disputed`` pairs have grades far apart, ``adjudicated`` pairs a grade that
    settled such a dispute. ``corpus_documents`` are those of the current corpus.
    """

    documents: int = 0
    corpus_documents: int = 0
    queries: int = 0
    pairs: int = 0
    specs: int = 0
    spec_queries: int = 0
    judgments_ok: int = 0
    judgments_failed: int = 0
    unjudged_pairs: int = 0
    labels: int = 0
    confirmed: int = 0
    overridden: int = 0
    labelled_pairs: int = 0
    skipped: int = 0
    flagged: int = 0
    annotators: int = 0
    disputed: int = 0
    adjudicated: int = 0
    judges: tuple[JudgeStatus, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was imported yet."""
        return not (self.documents or self.queries)

    @property
    def learnable_scores(self) -> int:
        """How many scores training may use: the lexical baseline's only if there are no others."""
        models = (status for status in self.judges if status.judge.kind is not JudgeKind.LEXICAL)
        return sum(status.scored for status in models) or self.judgments_ok


def workspace_status(store: Store) -> WorkspaceStatus:
    """Return all counts."""
    return WorkspaceStatus(
        **_counts(store, _TOTALS),
        **_counts(store, _LABELS, "FROM current_labels"),
        **_counts(store, _MARKS, "FROM standing_events"),
        judges=judge_statuses(store),
    )


def _counts(store: Store, columns: Mapping[str, str], source: str = "") -> dict[str, int]:
    ((*row,),) = store.read(f"SELECT {', '.join(columns.values())} {source}")
    return dict(zip(columns, row, strict=True))


def judge_statuses(store: Store) -> tuple[JudgeStatus, ...]:
    """Return what every judge has done, the one with most scores first."""
    rows = store.read(
        f"""
        WITH done AS (
            SELECT judge_id, count(score) AS scored, count(*) AS judgments,
                sum(prompt_tokens + completion_tokens) AS tokens, sum(seconds) AS seconds
            FROM db.judgments GROUP BY judge_id
        ), failed AS (
            SELECT judge_id, count(*) AS failed FROM open_failures GROUP BY judge_id
        ), compared AS (
            SELECT seen.judge_id, count(*) AS compared,
                count(*) FILTER (label.grade = seen.score) AS agreed
            FROM current_labels AS label JOIN db.judgments AS seen ON seen.id = label.judgment_id
            WHERE seen.score IS NOT NULL GROUP BY seen.judge_id
        )
        SELECT {JUDGE_COLUMNS},
            coalesce(scored, 0), coalesce(failed, 0), coalesce(compared, 0), coalesce(agreed, 0),
            CAST(coalesce(tokens, 0) AS BIGINT), coalesce(seconds, 0), coalesce(judgments, 0)
        FROM db.judges
        LEFT JOIN done ON done.judge_id = id
        LEFT JOIN failed ON failed.judge_id = id
        LEFT JOIN compared ON compared.judge_id = id
        ORDER BY coalesce(scored, 0) DESC, name, id
        """
    )
    return tuple(JudgeStatus(judge_of_row(row[:-7]), *row[-7:]) for row in rows)
