"""``rejudge import``, ``export`` and ``pairs``: what comes in, what goes out, candidate pairs.

Each reader and writer is imported when it is called: an export does not wait for the parsers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from core.errors import InputError
from core.jobs import Job
from core.records import Progress, QueryKind
from core.store.opening import open_workspace_store
from core.text import displayable_line
from labels import exporting
from labels.exporting import WRITERS, ExportPlan, Grades
from labels.pairs import formats
from labels.pairs.choosing import chosen_queries, require_corpus
from labels.pairs.columns import parse_mapping
from labels.pairs.formats import READERS
from tui.cli.groups import OptionsFirstGroup, command, group, new_app
from tui.cli.model import ModelOptions
from tui.cli.options import Choice, Range
from tui.cli.output import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    EXIT_USER_ERROR,
    Call,
    notice,
    progress_bar,
    run_interruptible,
)
from tui.shown.figures import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.records import ImportReport
    from core.store.database import Store
    from labels.exporting import ExportReport
    from labels.pairs.mining import MiningReport
    from labels.pairs.writing import GenerationProgress, GenerationReport

    #: Reads a file or folder into the store, and reports progress.
    Reader = Callable[[Store, Path, Callable[[Progress], None]], ImportReport]

_SHOWN_PROBLEMS: Final = 10
_SHOWN_PATHS: Final = 5
_SHOWN_REASONS: Final = 6
_StrictOption = Annotated[
    bool, typer.Option("--strict", help="Exit with status 1 when something was skipped.")
]
_FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file to read.")]

app = new_app()
imports = new_app()
app.add_typer(imports, name="import")
group(
    imports,
    "import",
    more="What cannot be read is named with file and line, and skipped; the rest comes in. Reading"
    " the same again adds nothing twice. Without a workspace it makes one.",
    examples=(
        "rejudge import corpus ~/work/engine",
        "rejudge import pairs scores.jsonl --judge gpt-4o",
        "rejudge import spec semantic.json",
    ),
    listing=formats.format_rows,
)


@command(
    imports,
    "corpus",
    summary="Read in a folder of code, split into files, functions and classes.",
    more="Files that git ignores are left out. Documents whose code is gone from the folder stay if"
    " they are part of a pair.",
    examples=("rejudge import corpus ~/work/engine --exclude 'vendor/' --exclude '*.min.js'",),
)
def import_corpus(
    call: Call,
    source: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to read.")],
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Leave these files out; written as in .gitignore. May be repeated.",
        ),
    ] = None,
    strict: _StrictOption = False,
) -> int:
    """Read in a corpus."""

    def read(store: Store, folder: Path, show: Callable[[Progress], None]) -> ImportReport:
        from core.corpus.importing import import_corpus as read_in

        return read_in(store, folder, exclude=exclude or [], job=Job(show))

    return _import(call, source, read, strict=strict)


@command(
    imports,
    "pairs",
    summary="Read in pairs that a judge scored.",
    more="A row has a query, the code or where it lies in the corpus, and a score from 1 to 5;"
    " docs/formats.md lists the names it understands.",
    examples=("rejudge import pairs scores.jsonl --judge gpt-4o",),
)
def import_pairs(
    call: Call,
    source: _FileArgument,
    judge: Annotated[
        str, typer.Option(metavar="NAME", help="Who scored them. Default: the file's name.")
    ] = "",
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="The format. Default: as the name and beginning of the file say."
        ),
        Choice(READERS),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            "--map",
            metavar="KEY=COLUMN,...",
            help="Which columns hold what, as in query=question,positive=document,llm_score=rating."
            " Default: columns with known names.",
        ),
    ] = "",
    strict: _StrictOption = False,
) -> int:
    """Read in scored pairs."""

    def read(store: Store, file: Path, show: Callable[[Progress], None]) -> ImportReport:
        from labels.pairs.importing import import_pairs as read_in

        return read_in(
            store,
            file,
            judge_name=judge,
            form=form or "",
            mapping=parse_mapping(columns),
            announce=notice,
            progress=show,
        )

    return _import(call, source, read, strict=strict, wanted="pairs")


@command(
    imports,
    "spec",
    summary="Read in queries with the paths that should be found, from a JSON file.",
    examples=("rejudge import spec semantic.json",),
)
def import_spec(call: Call, source: _FileArgument, strict: _StrictOption = False) -> int:
    """Read in a spec."""

    def read(store: Store, file: Path, _: Callable[[Progress], None]) -> ImportReport:
        from eval.specs import import_spec as read_in

        return read_in(store, file)

    return _import(call, source, read, strict=strict)


def _import(call: Call, source: Path, read: Reader, *, strict: bool, wanted: str = "") -> int:
    """Read it in, all or nothing, and name what was skipped.

    ``wanted`` names what a file must not be without: to find none of it is an error.
    """
    source = source.absolute()
    if not source.exists():
        raise InputError(
            "there is no such file or folder",
            where=str(source),
            todo="Check its path and its spelling.",
        )
    workspace = call.find_workspace()
    if workspace.create():
        notice(f"Made {workspace.folder}")
    with open_workspace_store(workspace, allowed_files=[source]) as store, progress_bar() as show:
        report = read(store, source, show)
        store.back_up_if_due()
    if not call.json:
        _report_problems(report)
    call.answer(_import_document(report), _import_lines(report))
    if wanted and report.read == report.skipped:
        notice(f"rejudge: no {wanted} were found in {source}")
        return EXIT_USER_ERROR
    return EXIT_INCOMPLETE if strict and report.skipped else 0


def _import_document(report: ImportReport) -> dict[str, object]:
    return {
        "read": report.read,
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "skipped": report.skipped,
        "failed_judgments": report.failed_judgments,
        "problems": [
            {"file": problem.file, "line": problem.line, "reason": problem.reason}
            for problem in report.problems
        ],
        "problems_total": report.problems_total,
        "report_file": report.report_file or None,
    }


def _import_lines(report: ImportReport) -> list[str]:
    rows = [
        ("read", report.read),
        ("added", report.added),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("removed", report.removed),
        ("skipped", report.skipped),
        ("failed judgments", report.failed_judgments),
    ]
    return table((name, f"{count:,}") for name, count in rows if count or name == "read")


def _report_problems(report: ImportReport) -> None:
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        place = f"{problem.file}:{problem.line}" if problem.line else problem.file
        notice(f"{place}: {problem.reason}")
    more = report.problems_total - _SHOWN_PROBLEMS
    if more > 0:
        rest = f"; all of them: {report.report_file}" if report.report_file else " (see --json)"
        notice(f"and {more:,} more{rest}")


@command(
    app,
    "export",
    more="People's grades come first. Where nobody graded a pair, the judge's score or the"
    " calibrated grade stands in for them, as --grades says; every line says where its grade comes"
    " from. The file is replaced only once all is written.",
    examples=(
        "rejudge export jsonl train.jsonl --grades best",
        "rejudge export qrels qrels.txt --only-labelled",
    ),
)
def export(
    call: Call,
    form: Annotated[
        str | None,
        typer.Argument(
            metavar="FORMAT",
            help="; ".join(f"{name}: {text}" for name, text in exporting.format_rows()) + ".",
        ),
        Choice(WRITERS),
    ] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The file to write.")] = None,
    list_formats: Annotated[
        bool, typer.Option("--list", help="List the formats, and write nothing.")
    ] = False,
    judge: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The judge whose scores are written. Default: the one in the settings.",
        ),
    ] = "",
    grades: Annotated[
        Grades,
        typer.Option(
            help="Where nobody graded a pair: judge writes the judge's score; best writes the"
            " calibrated grade, or the score where there is none."
        ),
    ] = Grades.JUDGE,
    only_labelled: Annotated[
        bool, typer.Option("--only-labelled", help="Leave out pairs that nobody graded.")
    ] = False,
    without_flagged: Annotated[
        bool, typer.Option("--without-flagged", help="Leave out flagged pairs.")
    ] = False,
) -> int:
    """Write the file and say where its grades come from."""
    if list_formats:
        rows = exporting.format_rows()
        call.answer({"formats": dict(rows)}, table(rows))
        return 0
    if form is None or file is None:
        raise InputError(
            "an export needs a format and a file", todo="See: rejudge export --list, or --help"
        )
    workspace = call.workspace()
    target = file.absolute()
    plan = ExportPlan(
        judge_name=judge or workspace.settings().judge,
        only_labelled=only_labelled,
        without_flagged=without_flagged,
        grades=grades,
    )
    with open_workspace_store(workspace) as store:
        report = exporting.export(store, form, target, plan)
    document = {
        "file": str(target),
        "written": report.written,
        "from_labels": report.from_labels,
        "from_calibration": report.from_calibration,
        "from_judge": report.from_judge,
        "left_out": report.left_out,
        "notices": list(report.notices),
    }
    call.answer(document, [_export_line(target, report), *report.notices])
    return 0


def _export_line(target: Path, report: ExportReport) -> str:
    calibrated = f" {report.from_calibration:,} calibrated," if report.from_calibration else ""
    return (
        f"{report.written:,} lines in {target}: {report.from_labels:,} pairs graded by people,"
        f"{calibrated} {report.from_judge:,} by the judge, {report.left_out:,} left out"
    )


candidates = new_app(cls=OptionsFirstGroup)
app.add_typer(candidates, name="pairs")
group(
    candidates,
    "pairs",
    more="The new pairs have no score yet: rejudge judge gives them one.",
    examples=(
        "rejudge pairs mine --top 10 --sample 5",
        "rejudge pairs generate --model gpt-4o-mini --limit 200",
    ),
)


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """How many documents BM25 finds for a query."""

    top: Annotated[
        int, typer.Option(metavar="N", help="Take the best N documents for a query."), Range(0)
    ] = 10
    sample: Annotated[
        int,
        typer.Option(metavar="K", help="Take K more at random from the 100 ranks below the best."),
        Range(0),
    ] = 0


@command(
    candidates,
    "mine",
    summary="Take the best documents by BM25 for every query, and the relevant paths of its spec.",
    examples=("rejudge pairs mine --top 10 --sample 5 --kind semantic",),
)
def mine(
    call: Call,
    mining: MiningOptions,
    kind: Annotated[
        QueryKind | None, typer.Option(help="Only queries of this kind. Default: all.")
    ] = None,
    spec: Annotated[
        str, typer.Option(metavar="NAME", help="Only queries of this spec. Default: all queries.")
    ] = "",
) -> int:
    """Mine the pairs and say how many are new."""
    from core.search import build_index
    from labels.pairs import mining as miner

    with open_workspace_store(call.workspace()) as store, progress_bar() as show:
        require_corpus(store)
        queries = chosen_queries(store, kind=kind, spec_name=spec)
        report = miner.mine(
            store,
            build_index(store, advance=lambda done: show(Progress(done, None, "documents"))),
            queries,
            miner.MiningPlan(top=mining.top, sample=mining.sample),
            relevant=miner.relevant_paths(store, spec_name=spec),
            progress=show,
        )
    document = {
        "added": report.added,
        "found": report.found,
        "queries": report.queries,
        "not_found": [{"query": query, "path": path} for query, path in report.not_found],
    }
    call.answer(document, _mining_lines(report))
    return 0


def _mining_lines(report: MiningReport) -> list[str]:
    known = report.found - report.added
    lines = [f"{report.added:,} new pairs, {known:,} known, for {report.queries:,} queries"]
    lines += [
        displayable_line(f"not in the corpus: {path} (for: {query})")
        for query, path in report.not_found[:_SHOWN_PATHS]
    ]
    if len(report.not_found) > _SHOWN_PATHS:
        lines.append(f"... and {len(report.not_found) - _SHOWN_PATHS} more relevant paths")
    return lines


@command(
    candidates,
    "generate",
    summary="Have a model write semantic queries for documents, then mine documents for them.",
    more="A query is refused when it repeats the words of its document or another query. The API"
    " key comes from REJUDGE_API_KEY or OPENAI_API_KEY.",
    examples=(
        "rejudge pairs generate --model gpt-4o-mini --limit 200",
        "rejudge pairs generate --model qwen3 --base-url http://localhost:8080/v1",
    ),
)
def generate(
    call: Call,
    asked: ModelOptions,
    mining: MiningOptions,
    per_document: Annotated[
        int, typer.Option(metavar="N", help="Queries to write for a document."), Range(1, 20)
    ] = 3,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Ask about the first N drawn documents only. Default: all."),
        Range(0),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Seed of the draw of the documents.")] = 0,
    max_overlap: Annotated[
        float,
        typer.Option(
            metavar="X", help="Largest share of a query's words that the document has too."
        ),
        Range(0, 1),
    ] = 0.25,
    temperature: Annotated[
        float, typer.Option(metavar="T", help="Sampling temperature."), Range(0, 2)
    ] = 0.7,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again about documents that failed.")
    ] = False,
    no_mine: Annotated[
        bool, typer.Option("--no-mine", help="Do not mine other documents for the new queries.")
    ] = False,
) -> int:
    """Have the queries written, mine documents for them, and say what came of it."""
    from labels.pairs.generating import generate_queries
    from labels.pairs.writing import GenerationPlan

    workspace = call.workspace()
    asked.require_model()
    plan = GenerationPlan(
        per_document=per_document,
        limit=limit,
        seed=seed,
        most_overlap=max_overlap,
        concurrency=asked.concurrency,
        temperature=temperature,
        max_tokens=asked.max_tokens,
        retry_failed=retry_failed,
    )
    with open_workspace_store(workspace) as store, progress_bar() as show:
        require_corpus(store)
        server = asked.server()
        report = run_interruptible(
            lambda stopped: generate_queries(
                store,
                server,
                asked.model,
                plan,
                progress=lambda progress: show(_generating(progress)),
                cancelled=stopped,
            )
        )
        mined = None if no_mine or report.cancelled else _mine_generated(store, mining, show)
    for line in report.notices:
        notice(line)
    call.answer(_generated_document(report, mined), _generated_lines(report, mined))
    return EXIT_INTERRUPTED if report.cancelled else 0


def _mine_generated(
    store: Store, mining: MiningOptions, show: Callable[[Progress], None]
) -> MiningReport:
    from core.search import build_index
    from labels.pairs.generating import generated_queries
    from labels.pairs.mining import MiningPlan
    from labels.pairs.mining import mine as mine_pairs

    index = build_index(store, advance=lambda done: show(Progress(done, None, "documents")))
    plan = MiningPlan(top=mining.top, sample=mining.sample)
    return mine_pairs(store, index, generated_queries(store), plan, progress=show)


def _generating(progress: GenerationProgress) -> Progress:
    note = f"{progress.rate:.1f}/s, {progress.added:,} queries, {progress.tokens:,} tokens"
    if progress.failed:
        note += f", {progress.failed:,} failed"
    return Progress(progress.done, progress.total, note)


def _generated_document(report: GenerationReport, mined: MiningReport | None) -> dict[str, object]:
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


def _generated_lines(report: GenerationReport, mined: MiningReport | None) -> list[str]:
    tokens = report.prompt_tokens + report.completion_tokens
    pairs = report.added + (mined.added if mined else 0)
    summary = (
        f"{report.added:,} new queries and {pairs:,} new pairs for {report.documents:,} documents,"
        f" {report.skipped:,} asked about before; {tokens:,} tokens in {report.seconds:.1f} s"
    )
    lines = [summary]
    lines += [
        displayable_line(f"  {count:,} refused: {reason}")
        for reason, count in report.refused[:_SHOWN_REASONS]
    ]
    if report.failed:
        lines.append(f"{report.failed:,} documents failed; ask again with --retry-failed")
        lines += [displayable_line(f"  {reason}") for reason in report.failures]
    if report.cancelled:
        lines.append("Interrupted; what was finished is kept. The same command does the rest.")
    elif pairs:
        lines.append("Next: rejudge judge")
    return lines
