"""``rejudge judge``: let a judge score the pairs."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from core.errors import InputError
from core.records import Progress, QueryKind
from core.store.opening import open_workspace_store
from core.text import displayable_line
from labels.judges.registry import JUDGES, JudgeOptions
from tui.cli.answers import answer
from tui.cli.arguments import add_json_argument, workspace_of
from tui.cli.judge_batches import (
    add_batch_arguments,
    send_batches,
    tend_batches,
    wants_open_batches,
)
from tui.cli.judge_options import (
    add_llm_arguments,
    add_model_arguments,
    check_llm_arguments,
    check_model_arguments,
    judging_plan,
    llm_settings,
)
from tui.cli.progress_line import progress_line
from tui.shown.failures import failure_lines, failures_document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from uuid import UUID

    from core.records import Judge
    from core.store.database import Store
    from labels.judges.judge import JudgeBackend, JudgingProgress, JudgingReport
    from labels.judges.llm import LlmSettings


_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--judge",
        choices=list(JUDGES),
        default="llm",
        help="; ".join(f"{name}: {judge.description}" for name, judge in JUDGES.items()),
    )
    add_model_arguments(parser)
    parser.add_argument("--name", default="", metavar="NAME", help="the judge's name (the model's)")
    add_llm_arguments(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="judge N pairs at most")
    parser.add_argument("--retry-failed", action="store_true", help="ask again where it failed")
    parser.add_argument("--kind", choices=list(QueryKind), help="only queries of this kind")
    parser.add_argument(
        "--only-audited",
        type=int,
        nargs="?",
        const=0,
        metavar="N",
        help="only pairs that people graded, all of them or a sample of N",
    )
    parser.add_argument(
        "--compare",
        default="",
        metavar="JUDGE",
        help="beside another judge on the same audited pairs: NAME, or NAME@VERSION",
    )
    add_batch_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what it will cost, ask nothing"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, show how far it is, and say what came of it."""
    workspace = workspace_of(arguments)
    if wants_open_batches(arguments):
        workspace.require()
        with open_workspace_store(workspace) as store:
            return tend_batches(store, arguments)
    _check(arguments)
    from labels.pairs.choosing import require_pairs

    workspace.require()
    with open_workspace_store(workspace) as store:
        require_pairs(store)
        store.back_up_if_due()
        return _judge_pending(store, arguments)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.limit is not None and arguments.limit < 0:
        raise InputError("--limit takes a number from 0 up")
    if arguments.only_audited is not None and arguments.only_audited < 0:
        raise InputError("--only-audited takes a number from 1 up, or none")
    if not JUDGES[arguments.judge].asks_model:
        for name in ("batch", "dry_run"):
            if getattr(arguments, name):
                raise InputError(f"--{name.replace('_', '-')} is for judges that ask a model")
    else:
        check_llm_arguments(arguments)
        check_model_arguments(arguments)


def _judge_pending(store: Store, arguments: argparse.Namespace) -> int:
    from labels.judges.choosing import find_judge

    kind = JUDGES[arguments.judge]
    settings = llm_settings(store, arguments) if kind.asks_model else None
    against = find_judge(store, arguments.compare) if arguments.compare else None
    if settings and arguments.dry_run:
        _tell_cost(store, arguments, settings, against)
        return 0
    if settings and arguments.batch:
        return send_batches(store, arguments, settings, _pairs(store, arguments, against))
    with progress_line() as show:
        make = kind.prepare(
            store,
            JudgeOptions(arguments.name, settings),
            lambda done: show(Progress(done, None, "documents")),
        )
        report = _judge(store, arguments, make, show, against)
    return _answer(store, arguments, report, against)


def _judge(
    store: Store,
    arguments: argparse.Namespace,
    make_backend: Callable[[], JudgeBackend],
    show: Callable[[Progress], None],
    against: Judge | None = None,
) -> JudgingReport:
    """Judge in a thread of its own, so that Ctrl-C can let it finish what it has."""
    from labels.judges.judging import judge_pairs

    plan = judging_plan(arguments, _pairs(store, arguments, against))
    stop = threading.Event()
    with ThreadPoolExecutor(1, "judge") as thread:
        work = thread.submit(
            judge_pairs,
            store,
            make_backend,
            plan,
            progress=lambda progress: show(_shown(progress)),
            cancelled=stop.is_set,
        )
        try:
            return work.result()
        except KeyboardInterrupt:
            stop.set()
            return work.result()


def _pairs(
    store: Store, arguments: argparse.Namespace, against: Judge | None
) -> tuple[UUID, ...] | None:
    from labels.workshop.trials import trial_pairs

    if arguments.only_audited is None:
        return None
    return trial_pairs(store, against, arguments.only_audited or None)


def _tell_cost(
    store: Store, arguments: argparse.Namespace, settings: LlmSettings, against: Judge | None
) -> None:
    from labels.judges.judging import PairChoice
    from labels.workshop.trials import judging_cost
    from tui.shown.agreement import cost_document, cost_lines

    plan = judging_plan(arguments, _pairs(store, arguments, against))
    choice = PairChoice(settings.judge.id, plan.kind, plan.retry_failed, plan.pairs)
    cost = judging_cost(store, choice, settings.prompt, settings.parameters, plan.limit)
    document: dict[str, object] = {"judge": settings.judge.name, "cost": cost_document(cost)}
    answer(arguments, document, cost_lines(settings.judge, cost))


def _answer(
    store: Store, arguments: argparse.Namespace, report: JudgingReport, against: Judge | None
) -> int:
    document, lines = _document(report), _lines(report)
    if against is not None:
        from labels.workshop.comparing import compare_judges
        from tui.shown.agreement import comparison_document, comparison_lines

        comparison = compare_judges(store, against, report.judge)
        document["comparison"] = comparison_document(comparison)
        lines += comparison_lines(comparison)
    for notice in report.notices:
        print(displayable_line(notice), file=sys.stderr)
    answer(arguments, document, lines)
    return _INTERRUPTED if report.cancelled else int(report.failed > 0)


def _shown(progress: JudgingProgress) -> Progress:
    tokens = progress.prompt_tokens + progress.completion_tokens
    note = f"{progress.rate:.1f}/s, {tokens:,} tokens"
    if progress.failed:
        note += f", {progress.failed:,} failed"
    return Progress(progress.done, progress.total, note)


def _document(report: JudgingReport) -> dict[str, object]:
    return {
        "judge": report.judge.name,
        "kind": report.judge.kind.value,
        "model": report.judge.model,
        "prompt_version": report.judge.prompt_version,
        "judged": report.judged,
        "failed": report.failed,
        "skipped": report.skipped,
        "tokens": {"prompt": report.prompt_tokens, "completion": report.completion_tokens},
        "seconds": round(report.seconds, 3),
        "cancelled": report.cancelled,
        "notices": list(report.notices),
        "failures": failures_document(report.failures),
    }


def _lines(report: JudgingReport) -> list[str]:
    tokens = report.prompt_tokens + report.completion_tokens
    lines = [
        displayable_line(
            f"{report.judge.name}: {report.judged:,} judged, {report.failed:,} failed,"
            f" {report.skipped:,} ruled on before; {tokens:,} tokens in {report.seconds:.1f} s"
        )
    ]
    lines += failure_lines(report.failures)
    if report.cancelled:
        lines.append("Interrupted; what was finished is kept. The same command does the rest.")
    return lines
