"""``rejudge init``, ``demo``, ``status``, ``keys``, ``doctor``: the workspace and the machine.

They have little in common, so that each imports what it needs when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from core.store.opening import open_workspace_store
from core.workspace import OWN_FILE, Workspace, given_path
from tui.cli.groups import command, new_app
from tui.cli.main import open_app
from tui.cli.output import Call, notice, open_to_read, progress_bar
from tui.shown.figures import percent, table

if TYPE_CHECKING:
    from core.doctor import Check
    from core.store.recovery import Restoration
    from labels.calibration.store import Calibration
    from labels.status import WorkspaceStatus
    from tui.sample_workspace import SampleReport

_SAMPLE_FOLDER: Final = "rejudge-demo"

app = new_app()


@command(
    app,
    "init",
    more="A workspace is the folder .rejudge with the database, settings.toml and guidelines.md. In"
    " a folder that has one already, nothing is changed.",
    examples=("rejudge init", "rejudge init --workspace ~/work/engine"),
)
def init(call: Call) -> int:
    """Make ``.rejudge``, or say that it is there."""
    workspace = Workspace(given_path(call.folder or ".").absolute(), call.store)
    fresh = workspace.create()
    if fresh and call.store:
        workspace.remember_store()
    open_workspace_store(workspace).close()
    call.answer(
        {"workspace": str(workspace.folder), "created": fresh},
        [
            f"{'Made' if fresh else 'Already there:'} {workspace.folder}",
            "Next: rejudge import corpus DIR, or: rejudge import pairs FILE.jsonl",
        ],
    )
    return 0


@command(
    app,
    "demo",
    more="The sample is this Python's standard library with queries and judge scores that come with"
    " rejudge. Labels that you make there are kept when you run it again.",
    examples=("rejudge demo", "rejudge demo /tmp/sample --no-tui"),
)
def demo(
    call: Call,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="Where to build it.")
    ] = _SAMPLE_FOLDER,
    no_tui: Annotated[
        bool, typer.Option("--no-tui", help="Build it, and do not open the app.")
    ] = False,
) -> int:
    """Build what is missing of the sample, then open the audit screen."""
    from labels.status import workspace_status
    from tui.sample_workspace import SAMPLE_JUDGE, build_sample, standard_library

    workspace = Workspace(given_path(folder).absolute(), OWN_FILE)
    workspace.create(judge=SAMPLE_JUDGE)
    with open_workspace_store(workspace) as store:
        status = workspace_status(store)
        if status.empty or not status.pairs:
            notice("Building the sample: this Python's standard library.")
            with progress_bar() as show:
                report = build_sample(store, standard_library(), show)
            _report_skipped(report)
            status = workspace_status(store)
    if not no_tui and not call.json:
        return open_app(str(workspace.root), screen="audit", store=OWN_FILE)
    counts = {
        "documents": status.documents,
        "queries": status.queries,
        "pairs": status.pairs,
    }
    line = (
        f"{status.documents:,} documents, {status.queries:,} queries, {status.pairs:,} judged pairs"
        f" in {workspace.root}"
    )
    call.answer(
        {"workspace": str(workspace.folder), **counts},
        [line, f"Open it: rejudge --workspace {workspace.root}"],
    )
    return 0


def _report_skipped(report: SampleReport) -> None:
    skipped = report.spec.skipped + report.pairs.skipped + report.written.skipped
    if skipped:
        notice(f"Skipped {skipped} lines of the sample: this Python lacks the code they name.")


@command(
    app,
    "status",
    more="Counts of documents, queries, pairs, judgments and labels, how often people agree with"
    " each judge, and the calibration in use.",
    examples=("rejudge status", "rejudge status --json"),
)
def status(call: Call) -> int:
    """Show what the workspace holds and how far the audit is."""
    from eval.evals import count_evals
    from labels.calibration.store import current_calibration
    from labels.status import workspace_status
    from train.runs.store import WorkspaceRuns

    workspace = call.workspace()
    with open_to_read(workspace) as store:
        found = workspace_status(store)
        runs = len(WorkspaceRuns(workspace.folder).read(store).records)
        evals = count_evals(store)
        calibration = current_calibration(store)
    document = {
        **_status_document(str(workspace.folder), found),
        "calibration": _calibration_document(calibration),
        "runs": runs,
        "evals": evals,
    }
    more = [("calibration", _calibration_line(calibration)), ("runs", runs), ("evals", evals)]
    call.answer(document, [*_status_lines(found), *table(more)])
    return 0


def _status_document(folder: str, found: WorkspaceStatus) -> dict[str, object]:
    return {
        "workspace": folder,
        "documents": found.documents,
        "corpus_documents": found.corpus_documents,
        "queries": found.queries,
        "pairs": found.pairs,
        "specs": found.specs,
        "judgments": {"ok": found.judgments_ok, "failed": found.judgments_failed},
        "labels": {
            "total": found.labels,
            "confirmed": found.confirmed,
            "overridden": found.overridden,
            "pairs": found.labelled_pairs,
            "skipped": found.skipped,
            "flagged": found.flagged,
            "annotators": found.annotators,
            "disputed": found.disputed,
            "adjudicated": found.adjudicated,
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
            for row in found.judges
        ],
    }


def _status_lines(found: WorkspaceStatus) -> list[str]:
    rows: list[tuple[str, object]] = [
        ("documents", f"{found.documents:,} ({found.corpus_documents:,} in the corpus)"),
        ("queries", f"{found.queries:,} ({found.spec_queries:,} in {found.specs} specs)"),
        ("pairs", f"{found.pairs:,} ({found.unjudged_pairs:,} without a score)"),
        ("judgments", f"{found.judgments_ok:,} scored, {found.judgments_failed:,} failed"),
        ("labels", _labels_text(found)),
    ]
    rows += [
        (
            f"judge {row.judge.name}",
            (
                f"{row.judge.kind}, {row.scored:,} scored, {row.failed:,} failed,"
                f" people agree {percent(row.agreed, row.compared)}"
            ),
        )
        for row in found.judges
    ]
    return table(rows)


def _labels_text(found: WorkspaceStatus) -> str:
    parts = [
        f"{found.labels:,} by {found.annotators} annotators: {found.confirmed:,} confirmed",
        f"{found.overridden:,} overridden",
        f"{found.skipped:,} skipped",
        f"{found.flagged:,} flagged",
    ]
    if found.disputed or found.adjudicated:
        parts += [f"{found.disputed:,} disputed", f"{found.adjudicated:,} adjudicated"]
    return ", ".join(parts)


def _calibration_document(found: Calibration | None) -> dict[str, object] | None:
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


@command(
    app,
    "keys",
    more="With the changes that settings.toml of this workspace makes; the name behind each key is"
    " what settings.toml calls its command.",
    examples=("rejudge keys",),
)
def keys(
    call: Call,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", help="Print the default keys as Markdown, as in docs/keys.md."),
    ] = False,
) -> int:
    """Print the keys of every screen."""
    from tui.commands import sections
    from tui.keys import key_table, keys_page, shown_key

    if markdown:
        print(keys_page(), end="")
        return 0
    found = key_table(call.find_workspace().settings().keys)
    lines: list[str] = []
    for section in sections():
        lines.append(section.title)
        for entry in section.commands:
            shown = " ".join(shown_key(key) for key in found.keys[entry.id])
            lines.append(f"  {shown:16} {entry.help}  [{entry.id}]")
        lines.append("")
    document = {
        "keys": [
            {"id": entry.id, "keys": list(found.keys[entry.id]), "does": entry.help}
            for section in sections()
            for entry in section.commands
        ],
        "problems": list(found.problems),
    }
    call.answer(document, lines)
    if not call.json:
        for problem in found.problems:
            notice(f"settings.toml: {problem}")
    return 0


@command(
    app,
    "doctor",
    more="Names what is missing and how to get it. Exit status 1 when something that rejudge needs"
    " is missing or the database is damaged.",
    examples=("rejudge doctor", "rejudge doctor --restore"),
)
def doctor(
    call: Call,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore",
            help="Restore a damaged workspace from its newest backup and its label journal.",
        ),
    ] = False,
) -> int:
    """Check the machine and the workspace, or restore the workspace."""
    from core.doctor import examine

    if restore:
        return _restore(call)
    checks = examine(call.find_workspace())
    document = {
        check.name: {"good": check.good, "found": check.found, "todo": check.todo}
        for check in checks
    }
    call.answer(document, [line for check in checks for line in _check_lines(check)])
    return int(any(check.needed and not check.good for check in checks))


def _check_lines(check: Check) -> list[str]:
    mark = "ok  " if check.good else "bad " if check.needed else "none"
    lines = [f"{mark} {check.name:<10} {check.found}"]
    if check.todo:
        lines.append(f"     {'':<10} {check.todo}")
    return lines


def _restore(call: Call) -> int:
    from core.store.recovery import restore

    done = restore(call.workspace().folder)
    backup = done.backup
    document = {
        "backup": str(backup.path) if backup else None,
        "backup_made": f"{backup.made.isoformat()}Z" if backup else None,
        "damaged_file": str(done.kept) if done.kept else None,
        "label_events": done.events,
        "label_events_from_journal": done.from_journal,
        "salvaged": done.salvaged,
    }
    call.answer(document, _restored_lines(done))
    return 0


def _restored_lines(done: Restoration) -> list[str]:
    if done.backup:
        source = f"the backup of {done.backup.made:%Y-%m-%d %H:%M} UTC, {done.backup.path}"
    elif done.kept:
        source = "nothing: there was no backup that could be read"
    else:
        source = "the database itself, which is whole"
    lines = [
        f"restored from {source}",
        f"label events {done.events:,}, {done.from_journal:,} of them from labels.jsonl",
        f"rows         {done.salvaged:,} more from the damaged file",
    ]
    if done.kept:
        lines.append(f"the damaged file is kept as {done.kept}")
    return lines
