"""``rejudge judge --batch``: send pairs to a server's Batch API, and fetch what it judged."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, TypeVar

from core.errors import InputError
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.judge_options import judging_plan
from tui.cli.progress_line import progress_line
from tui.shown.failures import failure_lines, failures_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from core.store.database import Store
    from labels.judges.batches.client import BatchClient
    from labels.judges.batches.store import Batch, CollectReport, SubmitReport
    from labels.judges.judge import FailureCount
    from labels.judges.llm import LlmSettings


Result = TypeVar("Result")
_INTERRUPTED: Final = 130
_LONGEST_WAIT: Final = 3600


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the Batch API."""
    parser.add_argument(
        "--batch", action="store_true", help="send the pairs to the server's Batch API"
    )
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="requests in a batch at most (10,000)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="fetch what the batches have judged; needs no model"
    )
    parser.add_argument(
        "--wait",
        type=float,
        metavar="S",
        help="with --resume: look every S seconds until every batch is done",
    )
    parser.add_argument("--batch-status", action="store_true", help="list the batches")
    parser.add_argument(
        "--batch-cancel", action="store_true", help="stop the batches; keep what they judged"
    )


def wants_open_batches(arguments: argparse.Namespace) -> bool:
    """Whether the command is about batches that were sent before."""
    return bool(arguments.resume or arguments.batch_status or arguments.batch_cancel)


def send_batches(
    store: Store,
    arguments: argparse.Namespace,
    settings: LlmSettings,
    pairs: tuple[UUID, ...] | None,
) -> int:
    """Send the pending pairs and say how to fetch the answers."""
    from labels.judges.batches.client import BatchClient
    from labels.judges.batches.submitting import REQUESTS, SubmitPlan, submit_batches

    size = arguments.batch_size or REQUESTS
    plan = SubmitPlan(judging_plan(arguments, pairs), size)
    with progress_line() as show, BatchClient(settings.server) as client:
        report = _interruptibly(
            lambda stopped: submit_batches(
                store,
                settings.make,
                settings.parameters,
                client,
                plan,
                progress=show,
                cancelled=stopped,
            )
        )
    _tell(report.notices)
    answer(arguments, _sent_document(report), _sent_lines(report))
    return _INTERRUPTED if report.cancelled else int(bool(report.failures))


def tend_batches(store: Store, arguments: argparse.Namespace) -> int:
    """List the batches, fetch what they judged, or stop them."""
    from labels.judges.batches.store import all_batches

    if arguments.wait is not None and not 0 < arguments.wait <= _LONGEST_WAIT:
        raise InputError(f"--wait takes seconds, more than 0 and at most {_LONGEST_WAIT}")
    if not arguments.resume and not arguments.batch_cancel:
        batches = all_batches(store)
        document: dict[str, object] = {"batches": [_batch_document(one) for one in batches]}
        answer(arguments, document, [_batch_line(one) for one in batches] or ["no batches"])
        return 0
    stop = threading.Event()
    with progress_line() as show, ExitStack() as clients:
        known: dict[str, BatchClient] = {}

        def collect(stopped: Callable[[], bool]) -> CollectReport:
            from labels.judges.batches.collecting import collect_batches

            return collect_batches(
                store,
                lambda batch: _client(arguments, batch, known, clients),
                cancel=arguments.batch_cancel,
                progress=show,
                cancelled=stopped,
            )

        report = _interruptibly(collect)
        totals = [report]
        while arguments.wait and report.waiting:
            try:
                stop.wait(arguments.wait)
            except KeyboardInterrupt:
                break
            report = _interruptibly(collect)
            totals.append(report)
    _tell(dict.fromkeys(notice for one in totals for notice in one.notices))
    answer(arguments, _collected_document(totals), _collected_lines(totals))
    return int(any(one.failed for one in totals))


def _client(
    arguments: argparse.Namespace,
    batch: Batch,
    known: dict[str, BatchClient],
    clients: ExitStack,
) -> BatchClient:
    """Return the client of a batch's server, at ``--base-url`` where that is given."""
    from labels.judges.batches.client import BatchClient
    from labels.judges.server import find_server

    if batch.server not in known:
        server = find_server(
            arguments.base_url or batch.server,
            timeout=arguments.timeout,
            attempts=arguments.tries,
        )
        known[batch.server] = clients.enter_context(BatchClient(server))
    return known[batch.server]


def _interruptibly(work: Callable[[Callable[[], bool]], Result]) -> Result:
    """Work in a thread of its own, so that Ctrl-C can let it finish what it has."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, "batches") as thread:
        job = thread.submit(work, stop.is_set)
        try:
            return job.result()
        except KeyboardInterrupt:
            stop.set()
            return job.result()


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        print(displayable_line(notice), file=sys.stderr)


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
        "batches": [_batch_document(one) for one in report.batches],
        "notices": list(report.notices),
        "failures": failures_document(report.failures),
    }


def _sent_lines(report: SubmitReport) -> list[str]:
    lines = [
        displayable_line(
            f"{report.judge.name}: {report.sent:,} pairs sent in {len(report.batches):,} batches,"
            f" {report.probed:,} judged at once, {report.skipped:,} ruled on or sent before"
        ),
        *(_batch_line(one) for one in report.batches),
    ]
    lines += failure_lines(report.failures)
    if report.batches:
        lines.append("Fetch what they judged with: rejudge judge --resume")
    return lines


def _collected_document(reports: list[CollectReport]) -> dict[str, object]:
    last = reports[-1]
    notices = dict.fromkeys(notice for one in reports for notice in one.notices)
    return {
        "judged": sum(one.judged for one in reports),
        "failed": sum(one.failed for one in reports),
        "released": sum(one.released for one in reports),
        "tokens": {
            "prompt": sum(one.prompt_tokens for one in reports),
            "completion": sum(one.completion_tokens for one in reports),
        },
        "waiting": last.waiting,
        "batches": [_batch_document(one) for one in _latest(reports)],
        "notices": list(notices),
        "failures": failures_document(_failures(reports)),
    }


def _collected_lines(reports: list[CollectReport]) -> list[str]:
    judged = sum(one.judged for one in reports)
    failed = sum(one.failed for one in reports)
    tokens = sum(one.prompt_tokens + one.completion_tokens for one in reports)
    lines = [_batch_line(one) for one in _latest(reports)]
    lines.append(
        f"{judged:,} judged, {failed:,} failed, {tokens:,} tokens;"
        f" {reports[-1].waiting:,} batches are not done"
    )
    return lines + failure_lines(_failures(reports))


def _failures(reports: list[CollectReport]) -> tuple[FailureCount, ...]:
    from labels.judges.judge import count_failures

    return count_failures((), [failure for report in reports for failure in report.failures])


def _latest(reports: list[CollectReport]) -> list[Batch]:
    found = {batch.id: batch for report in reports for batch in report.batches}
    return list(found.values())
