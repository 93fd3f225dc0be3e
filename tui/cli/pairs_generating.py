"""``rejudge pairs generate``: a model writes semantic queries for documents."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from core.errors import InputError
from core.records import Progress
from core.text import displayable_line
from tui.cli.answers import answer
from tui.cli.judge_options import add_model_arguments, check_model_arguments
from tui.cli.progress_line import progress_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from core.store.database import Store
    from labels.pairs.mining import MiningReport
    from labels.pairs.writing import GenerationProgress, GenerationReport


_INTERRUPTED: Final = 130
_MOST_EACH: Final = 20
_HOTTEST: Final = 2
_REASONS_SHOWN: Final = 6


def add_generating_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of generating."""
    options = parser.add_argument_group("generate")
    options.add_argument(
        "--per-document", type=int, default=3, metavar="N", help="queries for each document (3)"
    )
    options.add_argument(
        "--limit", type=int, metavar="N", help="the first N documents of the draw at most"
    )
    options.add_argument("--seed", type=int, default=0, metavar="S", help="of the draw (0)")
    options.add_argument(
        "--max-overlap",
        type=float,
        default=0.25,
        metavar="X",
        help="the part of a query's words that may be the document's own (0.25)",
    )
    options.add_argument("--temperature", type=float, default=0.7, metavar="T", help="0 to 2 (0.7)")
    options.add_argument(
        "--retry-failed", action="store_true", help="ask again about documents that failed"
    )
    options.add_argument(
        "--no-mine", action="store_true", help="do not look for other documents by BM25"
    )
    add_model_arguments(parser)


def generate(store: Store, arguments: argparse.Namespace) -> int:
    """Have the queries written, find candidates for them, and say what came of it."""
    _check(arguments)
    from labels.pairs.choosing import require_corpus

    require_corpus(store)
    with progress_line() as show:
        report = _generate(store, arguments, show)
        mined = None if arguments.no_mine or report.cancelled else _mine(store, arguments, show)
    for notice in report.notices:
        print(displayable_line(notice), file=sys.stderr)
    answer(arguments, _document(report, mined), _lines(report, mined))
    return _INTERRUPTED if report.cancelled else 0


def _check(arguments: argparse.Namespace) -> None:
    check_model_arguments(arguments)
    if not 1 <= arguments.per_document <= _MOST_EACH:
        raise InputError(f"--per-document takes a number from 1 to {_MOST_EACH}")
    if arguments.limit is not None and arguments.limit < 0:
        raise InputError("--limit takes a number from 0 up")
    if not 0 <= arguments.max_overlap <= 1:
        raise InputError("--max-overlap takes a number from 0 to 1")
    if not 0 <= arguments.temperature <= _HOTTEST:
        raise InputError(f"--temperature takes a number from 0 to {_HOTTEST}")


def _generate(
    store: Store, arguments: argparse.Namespace, show: Callable[[Progress], None]
) -> GenerationReport:
    """Work in a thread of its own, so that Ctrl-C can let it finish what it has."""
    from labels.judges.server import find_server
    from labels.pairs.generating import generate_queries
    from labels.pairs.writing import GenerationPlan

    server = find_server(arguments.base_url, timeout=arguments.timeout, attempts=arguments.tries)
    plan = GenerationPlan(
        per_document=arguments.per_document,
        limit=arguments.limit,
        seed=arguments.seed,
        most_overlap=arguments.max_overlap,
        concurrency=arguments.concurrency,
        temperature=arguments.temperature,
        max_tokens=arguments.max_tokens,
        retry_failed=arguments.retry_failed,
    )
    stop = threading.Event()
    with ThreadPoolExecutor(1, "generate") as thread:
        work = thread.submit(
            generate_queries,
            store,
            server,
            arguments.model,
            plan,
            progress=lambda progress: show(_shown(progress)),
            cancelled=stop.is_set,
        )
        try:
            return work.result()
        except KeyboardInterrupt:
            stop.set()
            return work.result()


def _mine(
    store: Store, arguments: argparse.Namespace, show: Callable[[Progress], None]
) -> MiningReport:
    from core.search import build_index
    from labels.pairs.generating import generated_queries
    from labels.pairs.mining import MiningPlan, mine

    index = build_index(store, advance=lambda done: show(Progress(done, None, "documents")))
    plan = MiningPlan(top=arguments.top, sample=arguments.sample)
    return mine(store, index, generated_queries(store), plan, progress=show)


def _shown(progress: GenerationProgress) -> Progress:
    note = f"{progress.rate:.1f}/s, {progress.added:,} queries, {progress.tokens:,} tokens"
    if progress.failed:
        note += f", {progress.failed:,} failed"
    return Progress(progress.done, progress.total, note)


def _document(report: GenerationReport, mined: MiningReport | None) -> dict[str, object]:
    return {
        "added": report.added + (mined.added if mined else 0),
        "queries": report.added,
        "documents": report.documents,
        "failed": report.failed,
        "skipped": report.skipped,
        "refused": dict(report.refused),
        "failures": list(report.failures),
        "tokens": {"prompt": report.prompt_tokens, "completion": report.completion_tokens},
        "seconds": round(report.seconds, 3),
        "cancelled": report.cancelled,
        "notices": list(report.notices),
    }


def _lines(report: GenerationReport, mined: MiningReport | None) -> list[str]:
    tokens = report.prompt_tokens + report.completion_tokens
    pairs = report.added + (mined.added if mined else 0)
    summary = (
        f"{report.added:,} new queries and {pairs:,} new pairs for {report.documents:,} documents,"
        f" {report.skipped:,} asked about before; {tokens:,} tokens in {report.seconds:.1f} s"
    )
    lines = [summary]
    lines += [
        displayable_line(f"  {count:,} not taken: {reason}")
        for reason, count in report.refused[:_REASONS_SHOWN]
    ]
    if report.failed:
        lines.append(f"{report.failed:,} documents failed; ask again with --retry-failed")
        lines += [displayable_line(f"  {reason}") for reason in report.failures]
    if report.cancelled:
        lines.append("Interrupted; what was finished is kept. The same command does the rest.")
    elif pairs:
        lines.append("Judge them as any others: rejudge judge")
    return lines
