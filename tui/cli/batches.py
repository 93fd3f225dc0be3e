"""``rejudge judge --batch``: send pairs to a server's Batch API, and fetch what it judged."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from core.text import displayable_line
from labels.judges.batches.client import BatchClient
from labels.judges.batches.collecting import collect_batches
from labels.judges.batches.store import all_batches
from labels.judges.batches.submitting import REQUESTS, SubmitPlan, submit_batches
from labels.judges.judge import count_failures
from tui.cli.options import Range
from tui.cli.output import EXIT_INTERRUPTED, Call, notice, progress_bar, run_interruptible
from tui.shown.failures import failure_lines, failures_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from core.records import Progress
    from core.store.database import Store
    from labels.judges.batches.collecting import CollectReport
    from labels.judges.batches.store import Batch
    from labels.judges.batches.submitting import SubmitReport
    from labels.judges.judge import FailureCount
    from labels.judges.judging import JudgingPlan
    from labels.judges.llm import LlmSettings
    from tui.cli.model import ModelOptions


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Whether the Batch API is used, and what is done about batches that were sent."""

    panel: ClassVar = "Batch API"

    batch: Annotated[
        bool, typer.Option("--batch", help="Send the pairs to the server's Batch API.")
    ] = False
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Most requests in a batch. Default: 10,000.")
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Fetch what the batches have judged so far. It needs no --model."
        ),
    ] = False
    wait: Annotated[
        float | None,
        typer.Option(
            metavar="S", help="With --resume: ask again every S seconds until all batches are done."
        ),
        Range(0, 3600, above=True),
    ] = None
    batch_status: Annotated[bool, typer.Option("--batch-status", help="List the batches.")] = False
    batch_cancel: Annotated[
        bool,
        typer.Option("--batch-cancel", help="Stop the batches; what they have judged is kept."),
    ] = False

    @property
    def about_open_batches(self) -> bool:
        """Whether the command is about batches that were sent before."""
        return self.resume or self.batch_status or self.batch_cancel


def send_batches(
    call: Call, store: Store, settings: LlmSettings, plan: JudgingPlan, options: BatchOptions
) -> int:
    """Send the pending pairs, and say how to fetch the answers."""
    submit = SubmitPlan(plan, options.batch_size or REQUESTS)
    with progress_bar() as show, BatchClient(settings.server) as client:
        report = run_interruptible(
            lambda stopped: submit_batches(
                store,
                settings,
                client,
                submit,
                progress=show,
                cancelled=stopped,
            )
        )
    _notify(report.notices)
    call.answer(_sent_document(report), _sent_lines(report))
    return EXIT_INTERRUPTED if report.cancelled else int(bool(report.failures))


def tend_batches(call: Call, store: Store, options: BatchOptions, asked: ModelOptions) -> int:
    """List the batches, fetch what they judged, or stop them."""
    if not options.resume and not options.batch_cancel:
        batches = all_batches(store)
        document: dict[str, object] = {"batches": [_batch_document(each) for each in batches]}
        call.answer(document, [_batch_line(each) for each in batches] or ["no batches"])
        return 0
    with progress_bar() as show, ExitStack() as clients:
        reports = _collect(store, options, _clients(asked, clients), show)
    _notify(dict.fromkeys(text for each in reports for text in each.notices))
    call.answer(_collected_document(reports), _collected_lines(reports))
    return int(any(each.failed for each in reports))


def _clients(asked: ModelOptions, open_ones: ExitStack) -> Callable[[Batch], BatchClient]:
    """Return a function that gives the client of a batch's server, the same for the same server."""
    known: dict[str, BatchClient] = {}

    def client(batch: Batch) -> BatchClient:
        if batch.server not in known:
            made = BatchClient(asked.server(batch.server))
            known[batch.server] = open_ones.enter_context(made)
        return known[batch.server]

    return client


def _collect(
    store: Store,
    options: BatchOptions,
    client: Callable[[Batch], BatchClient],
    show: Callable[[Progress], None],
) -> list[CollectReport]:
    """Fetch what is there; with ``--wait`` again and again until nothing is left to wait for."""

    def collect(stopped: Callable[[], bool]) -> CollectReport:
        return collect_batches(
            store, client, cancel=options.batch_cancel, progress=show, cancelled=stopped
        )

    reports = [run_interruptible(collect)]
    while options.wait and reports[-1].waiting:
        try:
            threading.Event().wait(options.wait)
        except KeyboardInterrupt:
            break
        reports.append(run_interruptible(collect))
    return reports


def _notify(notices: Iterable[str]) -> None:
    for text in notices:
        notice(text)


def _batch_document(batch: Batch) -> dict[str, object]:
    return {
        "batch": str(batch.id),
        "remote": batch.remote_id,
        "state": batch.state.value,
        "status": batch.remote_status,
        "pairs": batch.pairs,
        "server": batch.server,
        "made": batch.made.isoformat() + "Z",
        "note": batch.note,
    }


def _batch_line(batch: Batch) -> str:
    note = f"  ({batch.note})" if batch.note else ""
    return displayable_line(
        f"{batch.made:%Y-%m-%d %H:%M}  {batch.remote_id or batch.id}  {batch.state.value}"
        f"  {batch.remote_status or '-'}  {batch.pairs:,} pairs{note}"
    )


def _sent_document(report: SubmitReport) -> dict[str, object]:
    return {
        "judge": report.judge.name,
        "model": report.judge.model,
        "prompt_version": report.judge.prompt_version,
        "judged_at_once": report.probed,
        "sent": report.sent,
        "skipped": report.skipped,
        "cancelled": report.cancelled,
        "batches": [_batch_document(each) for each in report.batches],
        "notices": list(report.notices),
        "failures": failures_document(report.failures),
    }


def _sent_lines(report: SubmitReport) -> list[str]:
    lines = [
        displayable_line(
            f"{report.judge.name}: {report.sent:,} pairs sent in {len(report.batches):,} batches,"
            f" {report.probed:,} judged at once, {report.skipped:,} judged or sent before"
        ),
        *map(_batch_line, report.batches),
        *failure_lines(report.failures),
    ]
    if report.batches:
        lines.append("Fetch what they judged with: rejudge judge --resume")
    return lines


def _collected_document(reports: list[CollectReport]) -> dict[str, object]:
    notices = dict.fromkeys(text for each in reports for text in each.notices)
    return {
        "judged": sum(each.judged for each in reports),
        "failed": sum(each.failed for each in reports),
        "released": sum(each.released for each in reports),
        "tokens": {
            "prompt": sum(each.prompt_tokens for each in reports),
            "completion": sum(each.completion_tokens for each in reports),
        },
        "waiting": reports[-1].waiting,
        "batches": [_batch_document(each) for each in _latest(reports)],
        "notices": list(notices),
        "failures": failures_document(_failures(reports)),
    }


def _collected_lines(reports: list[CollectReport]) -> list[str]:
    judged = sum(each.judged for each in reports)
    failed = sum(each.failed for each in reports)
    tokens = sum(each.prompt_tokens + each.completion_tokens for each in reports)
    lines = [_batch_line(each) for each in _latest(reports)]
    lines.append(
        f"{judged:,} judged, {failed:,} failed, {tokens:,} tokens;"
        f" {reports[-1].waiting:,} batches are not done"
    )
    return lines + failure_lines(_failures(reports))


def _failures(reports: list[CollectReport]) -> tuple[FailureCount, ...]:
    return count_failures((), [failure for report in reports for failure in report.failures])


def _latest(reports: list[CollectReport]) -> list[Batch]:
    found = {batch.id: batch for report in reports for batch in report.batches}
    return list(found.values())
