"""``rejudge judge``: let a judge score the pairs."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from core.display import displayable_line
from core.errors import InputError, JudgeError
from core.records import Progress, QueryKind
from core.store import Store
from tui.command_line.answers import answer
from tui.command_line.arguments import add_json_argument, workspace_of
from tui.command_line.progress_line import progress_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from labels.judge.judging_records import JudgingProgress, JudgingReport
    from labels.judge.ruling import JudgeBackend

_INTERRUPTED = 130
_MOST_AT_A_TIME = 1024
_MOST_SAMPLES = 100
_HOTTEST = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's own arguments."""
    parser.add_argument(
        "--judge",
        choices=["llm", "lexical"],
        default="llm",
        help="a model, or the offline baseline",
    )
    parser.add_argument("--model", default="", metavar="M", help="the model's name on its server")
    parser.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    parser.add_argument("--name", default="", metavar="NAME", help="the judge's name (the model's)")
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at a time")
    parser.add_argument("--limit", type=int, metavar="N", help="judge N pairs at most")
    parser.add_argument("--retry-failed", action="store_true", help="ask again where it failed")
    parser.add_argument("--kind", choices=list(QueryKind), help="only queries of this kind")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="S", help="seconds a try")
    parser.add_argument("--tries", type=int, default=4, metavar="N", help="tries for each call")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="0 to 2 (0; 1 with several samples)"
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="ask N times about each pair (1)"
    )
    parser.add_argument(
        "--no-logprobs",
        action="store_true",
        help="do not ask for token probabilities, from which the distribution comes",
    )
    parser.add_argument(
        "--max-tokens", type=int, default=2048, metavar="N", help="length of a reply (2048)"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, show how far it is, and say what came of it."""
    _check(arguments)
    from labels.query_choice import require_pairs

    workspace = workspace_of(arguments)
    workspace.require()
    with Store.open(workspace.folder) as store:
        require_pairs(store)
        report = _judge(store, arguments)
    for notice in report.notices:
        print(displayable_line(notice), file=sys.stderr)
    answer(arguments, _document(report), _lines(report))
    return _INTERRUPTED if report.cancelled else 0


def _check(arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.concurrency <= _MOST_AT_A_TIME:
        raise InputError(f"--concurrency takes a number from 1 to {_MOST_AT_A_TIME}")
    if arguments.limit is not None and arguments.limit < 0:
        raise InputError("--limit takes a number from 0 up")
    if not 0 < arguments.timeout <= 3600:  # noqa: PLR2004 - an hour
        raise InputError("--timeout takes seconds, more than 0 and at most 3600")
    if arguments.tries < 1 or arguments.max_tokens < 1:
        raise InputError("--tries and --max-tokens take numbers from 1 up")
    if not 1 <= arguments.samples <= _MOST_SAMPLES:
        raise InputError(f"--samples takes a number from 1 to {_MOST_SAMPLES}")
    if arguments.temperature is None:
        arguments.temperature = 0.0 if arguments.samples == 1 else 1.0
    if not 0 <= arguments.temperature <= _HOTTEST:
        raise InputError(f"--temperature takes a number from 0 to {_HOTTEST}")
    if arguments.samples > 1 and arguments.temperature == 0:
        raise InputError(
            "at temperature 0 every sample is the same",
            todo="Leave --temperature out, or give one above 0.",
        )
    if arguments.judge == "llm" and not arguments.model:
        raise JudgeError(
            "no model is named",
            todo="Name one with --model M, or use the offline baseline: --judge lexical",
        )


def _judge(store: Store, arguments: argparse.Namespace) -> JudgingReport:
    """Judge in a thread of its own, so that Ctrl-C can let it finish what it has."""
    from labels.judge.judging import JudgingPlan, judge_pairs

    plan = JudgingPlan(
        concurrency=arguments.concurrency,
        limit=arguments.limit,
        kind=QueryKind(arguments.kind) if arguments.kind else None,
        retry_failed=arguments.retry_failed,
    )
    stop = threading.Event()
    with progress_line() as show, ThreadPoolExecutor(1, "judge") as thread:
        make_backend = _backend(store, arguments, show)
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


def _backend(
    store: Store, arguments: argparse.Namespace, show: Callable[[Progress], None]
) -> Callable[[], JudgeBackend]:
    if arguments.judge == "lexical":
        from labels.judge.lexical_judge import build_lexical_judge

        lexical = build_lexical_judge(
            store, arguments.name, advance=lambda done: show(Progress(done, None, "documents"))
        )
        return lambda: lexical
    from labels.judge.llm_judge import JudgeParameters, LlmJudge, llm_judge_record
    from labels.judge.server import find_server

    server = find_server(arguments.base_url, timeout=arguments.timeout, attempts=arguments.tries)
    parameters = JudgeParameters(
        arguments.temperature, arguments.max_tokens, samples=arguments.samples
    )
    judge = llm_judge_record(arguments.model, parameters, arguments.name)
    return lambda: LlmJudge(
        server,
        judge,
        parameters,
        concurrency=arguments.concurrency,
        logprobs=not arguments.no_logprobs,
    )


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
    }


def _lines(report: JudgingReport) -> list[str]:
    tokens = report.prompt_tokens + report.completion_tokens
    lines = [
        displayable_line(
            f"{report.judge.name}: {report.judged:,} judged, {report.failed:,} failed,"
            f" {report.skipped:,} ruled on before; {tokens:,} tokens in {report.seconds:.1f} s"
        )
    ]
    if report.failed:
        lines.append("A failed judgment has no score. Ask again with: rejudge judge --retry-failed")
    if report.cancelled:
        lines.append("Interrupted; what was finished is kept. The same command does the rest.")
    return lines
