"""``rejudge status``: counts and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eval.evals import count_evals
from labels.calibration.store import current_calibration
from labels.status import WorkspaceStatus, workspace_status
from train.runs.store import WorkspaceRuns
from tui.cli.answers import answer, percent, table
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.reading_store import reading_store

if TYPE_CHECKING:
    import argparse

    from labels.calibration.store import Calibration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show what the workspace holds and how far the audit is."""
    workspace = workspace_of(arguments)
    workspace.require()
    with reading_store(workspace) as store:
        status = workspace_status(store)
        runs = len(WorkspaceRuns(workspace.folder).read(store).records)
        evals = count_evals(store)
        calibration = current_calibration(store)
    document = {
        **_document(str(workspace.folder), status),
        "calibration": _calibration(calibration),
        "runs": runs,
        "evals": evals,
    }
    more = [("calibration", _calibration_line(calibration)), ("runs", runs), ("evals", evals)]
    answer(arguments, document, [*_lines(status), *table(more)])
    return 0


def _document(folder: str, status: WorkspaceStatus) -> dict[str, object]:
    return {
        "workspace": folder,
        "documents": status.documents,
        "corpus_documents": status.corpus_documents,
        "queries": status.queries,
        "pairs": status.pairs,
        "specs": status.specs,
        "judgments": {"ok": status.judgments_ok, "failed": status.judgments_failed},
        "labels": {
            "total": status.labels,
            "confirmed": status.confirmed,
            "overridden": status.overridden,
            "pairs": status.labelled_pairs,
            "skipped": status.skipped,
            "flagged": status.flagged,
            "annotators": status.annotators,
            "disputed": status.disputed,
            "adjudicated": status.adjudicated,
        },
        "judges": [
            {
                "judge": row.judge.name,
                "kind": row.judge.kind.value,
                "model": row.judge.model,
                "prompt_version": row.judge.prompt_version,
                "scored": row.scored,
                "failed": row.failed,
                "compared": row.compared,
                "agreed": row.agreed,
            }
            for row in status.judges
        ],
    }


def _calibration(found: Calibration | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "id": str(found.id),
        "made": found.made.isoformat(),
        "method": found.method.value,
        "labels": found.labels,
        "graded": found.graded,
        "rps_raw": found.held_out.rps_raw,
        "rps_calibrated": found.held_out.rps_calibrated,
    }


def _calibration_line(found: Calibration | None) -> str:
    if found is None:
        return "none yet"
    held_out = found.held_out
    return (
        f"{found.method} from {found.labels:,} labels, RPS {held_out.rps_raw:.3f} ->"
        f" {held_out.rps_calibrated:.3f}, {found.graded:,} pairs graded"
    )


def _lines(status: WorkspaceStatus) -> list[str]:
    rows: list[tuple[str, object]] = [
        ("documents", f"{status.documents:,} ({status.corpus_documents:,} in the corpus)"),
        ("queries", f"{status.queries:,} ({status.spec_queries:,} in {status.specs} specs)"),
        ("pairs", f"{status.pairs:,} ({status.unjudged_pairs:,} without a score)"),
        ("judgments", f"{status.judgments_ok:,} scored, {status.judgments_failed:,} failed"),
        (
            "labels",
            _labels(status),
        ),
    ]
    rows += [
        (
            f"judge {row.judge.name}",
            (
                f"{row.judge.kind}, {row.scored:,} scored, {row.failed:,} failed,"
                f" people agree {percent(row.agreed, row.compared)}"
            ),
        )
        for row in status.judges
    ]
    return table(rows)


def _labels(status: WorkspaceStatus) -> str:
    parts = (
        f"{status.labels:,} by {status.annotators} annotators: {status.confirmed:,} confirmed",
        f"{status.overridden:,} overridden",
        f"{status.skipped:,} skipped",
        f"{status.flagged:,} flagged",
    )
    several = (f"{status.disputed:,} disputed", f"{status.adjudicated:,} adjudicated")
    return ", ".join(parts + several if status.disputed or status.adjudicated else parts)
